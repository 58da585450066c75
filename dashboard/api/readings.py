"""The route that reads a drawing.

The page's Draw tab uses it too. It does not know how a drawing is prepared or read.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends

from core.events import BadDrawing
from dashboard.api.schemas import Box, DigitRead, Drawing
from dashboard.api.wire import BadRequest, JsonBody

if TYPE_CHECKING:
    from core.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
drawing = JsonBody(Drawing, {"strokes": A_SEVEN})


def register(api: APIRouter, service: "TrainingService") -> None:
    @api.post("/predict", tags=["readings"], openapi_extra=drawing.described)
    def predict(asked: Annotated[Drawing, Depends(drawing)]) -> DigitRead:
        """Reads strokes or pixels with a network, by default the newest."""
        strokes = "strokes" in asked.model_fields_set
        if strokes == ("pixels" in asked.model_fields_set):
            raise BadRequest(
                'Send {"strokes": [[[x, y], ...], ...]} or {"pixels": 28 x 28 numbers}.'
            )
        if not isinstance(asked.as_drawn, bool):
            raise BadDrawing(
                "`as_drawn` is true, for the canvas merely squeezed, or false, for a picture like "
                "MNIST's."
            )
        read = service.explorer.read_strokes if strokes else service.explorer.read_pixels
        drawn = asked.strokes if strokes else asked.pixels
        reading = read(drawn, asked.as_drawn, asked.run, asked.epoch)
        left, top, right, bottom = reading.box
        return DigitRead(
            digit=reading.prediction.digit,
            probabilities=list(reading.prediction.probabilities),
            sure=reading.doubt is None,
            doubt=reading.doubt,
            input=(reading.image * 255).round().astype(int).tolist(),
            box=Box(left=left, top=top, right=right, bottom=bottom),
            centre=reading.centre,
        )
