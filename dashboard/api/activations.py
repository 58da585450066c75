"""The route that shows what a network makes of one test image, layer by layer."""

from typing import Annotated

from fastapi import FastAPI, Query

from dashboard.api.schemas import ActivationsResponse, KeptEpoch, LayerResponse
from dashboard.components.mosaic import mosaic
from dashboard.components.png import data_url
from dashboard.service import TrainingService

Index = Annotated[
    int | None,
    Query(ge=0, le=10**9, description="A test image; by default the first of the preview."),
]


def register(api: FastAPI, service: TrainingService) -> None:
    @api.get("/runs/{run_id}/activations", tags=["predictions"])
    def get_activations(
        run_id: str, image: Index = None, epoch: KeptEpoch = None
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
                    picture=data_url(mosaic(maps.values)),
                )
                for maps in found.view.maps
            ],
        )
