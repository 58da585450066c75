"""Routes for the preview of a run: some test images, and what the network read in them."""

import io
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import FastAPI, Query
from fastapi.responses import Response
from PIL import Image

from dashboard.api.schemas import PreviewResponse

if TYPE_CHECKING:
    from core.service.service import TrainingService

COLUMNS = 10
PNG = {"content": {"image/png": {}}, "description": "The picture"}

Run = Annotated[str | None, Query(description="A run; by default, what the next run trains on.")]


def register(api: FastAPI, service: "TrainingService") -> None:
    @api.get("/runs/{run_id}/preview", tags=["predictions"])
    def get_preview(run_id: str) -> PreviewResponse:
        """What people saw of a run between its evaluations; no frames if nobody watched."""
        images = service.predictions.preview_images(run_id)
        return PreviewResponse(
            images=images.indices.tolist(),
            labels=images.labels.tolist(),
            frames=service.runs.previews(run_id),
        )

    @api.get("/preview.png", tags=["predictions"], response_class=Response, responses={200: PNG})
    def get_preview_images(run: Run = None) -> Response:
        """The images of a preview, ten in a row: opaque ink on transparency."""
        content = sprite(service.predictions.preview_images(run).images)
        return Response(content, media_type="image/png")


def sprite(images: np.ndarray) -> bytes:
    """A PNG of images (n, 28, 28) uint8 with ink 255, `COLUMNS` in a row; ink is the alpha."""
    rows = -(-len(images) // COLUMNS)
    height, width = images.shape[1:]
    grid = np.zeros((rows * COLUMNS, height, width), np.uint8)
    grid[: len(images)] = images
    alpha = grid.reshape(rows, COLUMNS, height, width).swapaxes(1, 2).reshape(rows * height, -1)
    file = io.BytesIO()
    Image.fromarray(np.stack([np.zeros_like(alpha), alpha], axis=-1), "LA").save(file, "PNG")
    return file.getvalue()
