"""Routes for the preview of a run: some test images, and what the network read in them."""

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query
from fastapi.responses import Response

from core.errors import DatasetUnavailableError
from core.records.preview import PreviewImages
from dashboard.api.schemas import KeptEpoch, PreviewFrames, PreviewResponse
from dashboard.components.png import black_ink, png
from dashboard.service import TrainingService

COLUMNS = 10
PNG = {
    "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    "description": "The picture",
}

Run = Annotated[str | None, Query(description="A run; by default, what the next run trains on.")]

Sample = Annotated[
    int, Query(ge=0, le=10**6, description="Which test images; frames of training have those of 0.")
]


def register(api: FastAPI, service: TrainingService) -> None:
    @api.get("/preview", tags=["predictions"])
    def get_images() -> PreviewResponse:
        """The test images that the next run's preview will show; none without a data set."""
        try:
            return _response(service.predictions.preview_images())
        except DatasetUnavailableError:
            return PreviewResponse(images=[], labels=[], test_images=0)

    @api.get("/runs/{run_id}/preview", tags=["predictions"])
    def get_preview(run_id: str, epoch: KeptEpoch = None, sample: Sample = 0) -> PreviewResponse:
        """Some test images, and what the run's network reads in them.

        By default it is the network of the last evaluation.
        """
        images = service.predictions.preview_images(run_id, sample)
        return _response(
            images,
            frames=len(service.runs.previews(run_id)),
            current=service.predictions.preview(run_id, epoch, sample),
        )

    @api.get("/runs/{run_id}/preview/frames", tags=["predictions"])
    def get_frames(run_id: str) -> PreviewFrames:
        """What the run's network read on its way; nothing if nobody watched."""
        return PreviewFrames(frames=service.runs.previews(run_id))

    @api.get("/preview.png", tags=["predictions"], response_class=Response, responses={200: PNG})
    def get_preview_images(run: Run = None, sample: Sample = 0) -> Response:
        """The images of a preview, a column for each digit: opaque ink on transparency."""
        shown = service.predictions.preview_images(run, sample)
        content = sprite(shown.images, shown.labels)
        return Response(content, media_type="image/png")


def _response(images: PreviewImages, **found: Any) -> PreviewResponse:
    return PreviewResponse(
        images=images.indices.tolist(),
        labels=images.labels.tolist(),
        test_images=images.test_images,
        **found,
    )


def sprite(images: np.ndarray, labels: np.ndarray) -> bytes:
    """A PNG of images (n, 28, 28) uint8 with ink 255, each in the column of its label (n,).

    Ink is the alpha. Images of a digit stand below each other in the order of `images`.
    """
    rows = int(np.bincount(labels).max())
    height, width = images.shape[1:]
    grid = np.zeros((rows, height, COLUMNS, width), np.uint8)
    filled = [0] * COLUMNS
    for image, label in zip(images, labels, strict=True):
        grid[filled[label], :, label] = image
        filled[label] += 1
    return png(black_ink(grid.reshape(rows * height, COLUMNS * width)))
