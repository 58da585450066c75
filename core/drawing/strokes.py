"""Strokes to the 28x28 image that MNIST's authors would have made of them.

MNIST's digits were scaled, with their proportions, until the longer side filled a 20x20 box. The
box was then placed so that the ink's centre of mass is in the middle of a 28x28 field (Y. LeCun,
C. Cortes, C. Burges, "The MNIST database of handwritten digits"). A network trained on them reads
drawings well only after the same steps. Strokes are redrawn with lines as wide as MNIST's, so the
size and the pen of a drawing do not matter.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, Strict, TypeAdapter, ValidationError

from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.rasterize import (
    BOX,
    MASS_CENTRE,
    ROOM,
    SIDE,
    Doubles,
    Floats,
    Integers,
    centres_of_mass,
    rasterize,
    resample,
)
from core.errors import EmptyDrawingError, InvalidDrawingError

Strokes = Sequence[Sequence[Sequence[float]]]
"""Strokes of points `(x, y)`, x to the right and y downwards, in any one unit."""

CANVAS = 280.0
"""Side of the square drawing area, in the unit of the strokes."""

LINE_RADIUS = 1.0
"""Half-width of MNIST's lines, in pixels."""

_LINE_SOFTNESS = 1.0  # width of a line's edge, from full ink to none, in pixels
_PATH_SIDE = BOX - 2 * LINE_RADIUS - _LINE_SOFTNESS  # with the line's width the ink fills the box

MAX_STROKES = 200
MAX_POINTS = 20_000
MAX_COORDINATE = 1e6
NO_STROKES = (
    f"A drawing is a list of at most {MAX_STROKES} strokes, each a list of points [x, y]: two "
    f"numbers of at most {MAX_COORDINATE:,.0f}. It has at most {MAX_POINTS:,} points."
)

_Coordinate = Annotated[float, Strict(), Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE)]
_Points = Annotated[
    list[tuple[_Coordinate, _Coordinate]], Field(max_length=MAX_POINTS, fail_fast=True)
]
_STROKES = TypeAdapter(Annotated[list[_Points], Field(max_length=MAX_STROKES, fail_fast=True)])

_TAP = 0.03  # of the canvas: a smaller drawing is a tap of the pen and stays a dot
_MAX_SAMPLES = 4096  # a digit needs about 150; a scribble fills the image with far fewer


def preprocess_strokes(
    strokes: Strokes, canvas: float = CANVAS, pen: float = 16.0
) -> PreprocessedDrawing:
    """Draws strokes as MNIST would show them.

    Args:
        strokes: one list of `(x, y)` points per stroke, y downwards. The points of a stroke are
            joined by straight lines, so the speed of the pen does not matter.
        canvas: side of the drawing area in the unit of the strokes. It tells a tap of the pen,
            which stays a dot, from a small digit, which is enlarged.
        pen: width of the line on the page in the same unit; only `as_drawn` shows it.

    Raises:
        EmptyDrawingError: there is no point.
        InvalidDrawingError: this is no list of strokes, it is too long, or a number is impossible.
    """
    points, stroke = _checked(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = _PATH_SIDE / max(float((high - low).max()), _TAP * canvas)
    offset = SIDE / 2 - scale * (low + high) / 2
    image = _draw(points * scale + offset, stroke, LINE_RADIUS, _LINE_SOFTNESS)
    # MNIST's images were moved by whole pixels. Here the move is exact: rounding would make the
    # image jump by a pixel when the same drawing is scaled.
    offset += (MASS_CENTRE - centres_of_mass(image[None])[0]).clip(-ROOM, ROOM)
    x, y = (MASS_CENTRE - offset) / scale
    squeeze = SIDE / canvas
    return PreprocessedDrawing(
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        centre=(float(x), float(y)),
        image=_draw(points * scale + offset, stroke, LINE_RADIUS, _LINE_SOFTNESS),
        as_drawn=_draw(points * squeeze, stroke, pen * squeeze / 2, 1.0),
    )


def _checked(strokes: object) -> tuple[Doubles, Integers]:
    """All points, (n, 2), and the index of each point's stroke, (n,)."""
    try:
        arrays = [np.array(stroke) for stroke in _STROKES.validate_python(strokes) if stroke]
    except ValidationError as error:
        raise InvalidDrawingError(NO_STROKES) from error
    lengths = [len(array) for array in arrays]
    if sum(lengths) > MAX_POINTS:
        raise InvalidDrawingError(NO_STROKES)
    if not arrays:
        raise EmptyDrawingError("Nothing is drawn yet.")
    return np.concatenate(arrays), np.repeat(np.arange(len(arrays)), lengths)


def _draw(points: Doubles, stroke: Integers, radius: float, softness: float) -> Floats:
    samples = resample(points, stroke, _MAX_SAMPLES)[0].astype(np.float32)
    count = len(samples)
    return rasterize(
        samples,
        np.zeros(count, np.int64),
        np.full(count, radius, np.float32),
        np.full(count, softness, np.float32),
        count=1,
    )[0]
