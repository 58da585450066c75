"""The route that reads a drawing.

The page's Draw tab uses it too. It does not know how a drawing is prepared or read.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends

from dashboard.api.schemas import DigitRead, Drawing
from dashboard.api.wire import BadRequest, JsonBody

if TYPE_CHECKING:
    from core.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
drawing = JsonBody(Drawing, {"strokes": A_SEVEN})


def register(api: APIRouter, service: "TrainingService") -> None:
    @api.post("/predict", tags=["readings"], openapi_extra=drawing.described)
    def predict(asked: Annotated[Drawing, Depends(drawing)]) -> DigitRead:
        """Reads strokes or pixels with the newest network."""
        given = asked.model_fields_set
        if len(given) != 1:
            raise BadRequest(
                'Send {"strokes": [[[x, y], ...], ...]} or {"pixels": 28 x 28 numbers}.'
            )
        if "strokes" in given:
            reading = service.explorer.read_strokes(asked.strokes)
        else:
            reading = service.explorer.read_pixels(asked.pixels)
        return DigitRead(
            digit=reading.prediction.digit,
            probabilities=list(reading.prediction.probabilities),
            input=(reading.image * 255).round().astype(int).tolist(),
        )
