"""The routes that read a drawing, with one network or with all of a run.

The page's Draw tab uses the first. They do not know how a drawing is prepared or read.
"""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends

from core.errors import BadDrawing
from dashboard.api.bodies import BadRequest, JsonBody
from dashboard.api.schemas import Box, CourseOfDrawing, CourseRead, DigitRead, Drawing, Drawn

if TYPE_CHECKING:
    from core.service.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
drawing = JsonBody(Drawing, {"strokes": A_SEVEN})
course = JsonBody(CourseOfDrawing, {"strokes": A_SEVEN})


def register(api: APIRouter, service: "TrainingService") -> None:
    @api.post("/predict", tags=["readings"], openapi_extra=drawing.described)
    def predict(asked: Annotated[Drawing, Depends(drawing)]) -> DigitRead:
        """Reads strokes or pixels with a network, by default the newest."""
        drawn = drawn_in(asked)
        strokes = "strokes" in drawn
        read = service.explorer.read_strokes if strokes else service.explorer.read_pixels
        (points,) = drawn.values()
        reading = read(points, asked.as_drawn, asked.run, asked.epoch)
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

    @api.post("/predict/course", tags=["readings"], openapi_extra=course.described)
    def predict_course(asked: Annotated[CourseOfDrawing, Depends(course)]) -> CourseRead:
        """Reads a drawing with every network that a run has kept, from the untrained one on."""
        image = service.insight.drawing(drawn_in(asked), asked.as_drawn)
        found = service.history.course(image, asked.run)
        return CourseRead(
            epochs=list(found.epochs),
            digits=list(found.digits),
            probabilities=found.probabilities.tolist(),
        )


def drawn_in(asked: Drawn) -> dict[str, Any]:
    """The strokes or the pixels of a request, by their name.

    Raises:
        BadRequest: there are not exactly one of them.
        BadDrawing: it is not said how they are to be prepared.
    """
    given = {name: getattr(asked, name) for name in ("strokes", "pixels")}
    given = {name: value for name, value in given.items() if name in asked.model_fields_set}
    if len(given) != 1:
        raise BadRequest('Send {"strokes": [[[x, y], ...], ...]} or {"pixels": 28 x 28 numbers}.')
    if not isinstance(asked.as_drawn, bool):
        raise BadDrawing(
            "`as_drawn` is true, for the canvas merely squeezed, or false, for a picture like "
            "MNIST's."
        )
    return given
