"""The route that shows what a network makes of one test image, layer by layer."""

import base64
import io
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import FastAPI, Query
from PIL import Image

from dashboard.api.schemas import ActivationsResponse, LayerResponse, problems
from dashboard.components.mosaic import mosaic

if TYPE_CHECKING:
    from core.service.service import TrainingService

Index = Annotated[
    int | None,
    Query(ge=0, le=10**9, description="A test image; by default the first of the preview."),
]

Kept = Annotated[
    int | None, Query(ge=0, le=10**9, description="A kept epoch; by default the newest weights.")
]


def register(api: FastAPI, service: "TrainingService") -> None:
    @api.get(
        "/runs/{run_id}/activations",
        tags=["predictions"],
        responses=problems(400, 404, 409, 422, 503),
    )
    def get_activations(
        run_id: str, image: Index = None, epoch: Kept = None
    ) -> ActivationsResponse:
        """What a network of a run makes of a test image; newer weights come at most twice a second.

        `picture` is a PNG as a data URL: a layer's maps, light on black, one pixel a value.
        """
        if image is None:
            image = int(service.predictions.preview_images(run_id).indices[0])
        found = service.inspection.activations(image, run_id, epoch, newest=True)
        return ActivationsResponse(
            progress=found.progress,
            image=image,
            label=found.label,
            model=found.model,
            probabilities=found.view.probabilities.tolist(),
            layers=[
                LayerResponse(
                    name=maps.layer.name,
                    operations=list(maps.layer.operations),
                    shape=list(maps.layer.shape if maps.layer.is_map else maps.layer.shape[:1]),
                    picture=_data_url(mosaic(maps.values)),
                )
                for maps in found.view.maps
            ],
        )


def _data_url(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
