"""The route that shows what a network makes of one test image, layer by layer."""

import base64
import io
import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import FastAPI, Query
from PIL import Image

from dashboard.api.schemas import ActivationsResponse, LayerResponse

if TYPE_CHECKING:
    from core.service.service import TrainingService

Index = Annotated[
    int | None, Query(description="A test image; by default the first of the preview.")
]

Kept = Annotated[int | None, Query(description="A kept epoch; by default the newest weights.")]


def register(api: FastAPI, service: "TrainingService") -> None:
    @api.get("/runs/{run_id}/activations", tags=["predictions"])
    def get_activations(
        run_id: str, image: Index = None, epoch: Kept = None
    ) -> ActivationsResponse:
        """What a network of a run makes of a test image; newer weights come once a second.

        `picture` is a PNG as a data URL: a layer's maps, light on black, one pixel a value.
        """
        if image is None:
            image = int(service.predictions.preview_images(run_id).indices[0])
        found = service.inspection.network_view(run_id, image, epoch)
        return ActivationsResponse(
            version=found.version,
            progress=found.progress,
            image=found.index,
            label=found.label,
            model=found.model,
            probabilities=found.view.probabilities.tolist(),
            parameters=sum(found.parameters),
            layers=[
                LayerResponse(
                    name=maps.layer.name,
                    operations=list(maps.layer.operations),
                    shape=list(maps.layer.shape if maps.layer.is_map else maps.layer.shape[:1]),
                    size=maps.layer.size,
                    parameters=parameters,
                    columns=columns_of(len(maps.values)),
                    picture=_data_url(mosaic(maps.values)),
                )
                for maps, parameters in zip(found.view.maps, found.parameters, strict=True)
            ],
        )


def columns_of(count: int) -> int:
    """How many maps stand side by side: the rows are equally long, and about twice as many maps
    are across as down."""
    wanted = math.sqrt(2 * count)
    return next(n for n in range(1, count + 1) if count % n == 0 and n >= min(wanted, count))


def mosaic(values: np.ndarray) -> np.ndarray:
    """The maps (count, height, width) of a layer in one picture, uint8.

    The smallest value of the layer, or zero if that is smaller, is black, the largest is white.
    Maps of more than one pixel have a black line between them.
    """
    count, height, width = values.shape
    columns = columns_of(count)
    gap = int((height, width) != (1, 1))
    low, high = min(0.0, float(values.min())), float(values.max())
    scaled = (values - low) * (255 / (high - low) if high > low else 0)
    padded = np.pad(scaled.round().astype(np.uint8), ((0, 0), (0, gap), (0, gap)))
    tiles = padded.reshape(-1, columns, height + gap, width + gap).swapaxes(1, 2)
    picture = tiles.reshape(-1, columns * (width + gap))
    return picture[: len(picture) - gap, : picture.shape[1] - gap]


def _data_url(picture: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
