"""A photo of one digit to the 28x28 image that MNIST's authors would have made of it."""

import numpy as np
from PIL import Image
from scipy import ndimage

from core.drawing.paper import STRONG, extent, ink_of, inside_of_frame, light_on_dark
from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.rasterize import (
    BOX,
    MASS_CENTRE,
    SIDE,
    Doubles,
    Floats,
    centre_on_mass,
    centres_of_mass,
)
from core.drawing.strokes import LINE_RADIUS
from core.errors import EmptyDrawingError, InvalidDrawingError

MAX_SIDE = 4096
NO_PICTURE = (
    "A picture is a table of grey levels: rows of equally many numbers from 0 to 255, from 3 to "
    f"{MAX_SIDE} each way."
)
_WORKING_SIDE = 256  # pixels; the first step shrinks photos to about this
_FINE_SIDE = 100  # pixels: digits that are smaller are enlarged before their lines are measured


def preprocess_pixels(pixels: object) -> PreprocessedDrawing:
    """Crops, scales and centres a grey picture of one digit as MNIST's authors did.

    The ink may be light on dark or dark on light: the border is the background. Uneven
    illumination and the grain of the paper, frames, ruled lines and specks are removed. Lines that
    are thinner than MNIST's are widened. An image of MNIST does not change.
    `as_drawn` keeps the grey of the paper; it is inverted if the ink is dark.

    Args:
        pixels: (height, width) numbers from 0 to 255, from 3 to 4096 pixels each way. Numbers
            from 0 to 1 are accepted, too.

    Raises:
        EmptyDrawingError: there is no ink on the background.
        InvalidDrawingError: not a 2-D array of numbers from 0 to 255, or too small or large.
    """
    original = _checked_pixels(pixels)
    # Brings the longer side of the picture near `_WORKING_SIDE`.
    block = max(1, min(max(original.shape) // _WORKING_SIDE, min(original.shape) // 3))
    grey = light_on_dark(_average_blocks(original, block))
    as_drawn = (_resize(grey, SIDE, SIDE) / 255.0).astype(np.float32)
    if _is_like_mnist(grey):
        rows, columns = extent(grey > 0.0)
        box = (columns.start, rows.start, columns.stop, rows.stop)
        return PreprocessedDrawing(box, (MASS_CENTRE, MASS_CENTRE), as_drawn, as_drawn)
    inside, top, left = inside_of_frame(grey)
    ink = ink_of(inside)
    if not ink.any():
        raise EmptyDrawingError("There is no digit to be seen in this picture.")
    rows, columns = extent(ink > 0.0)
    digit = ink[rows, columns]
    corner = np.array([left + columns.start, top + rows.start])
    low, high = block * corner, block * (corner + digit.shape[::-1])
    y, x = ndimage.center_of_mass(digit)
    centre = block * (corner + np.array([x, y]) + 0.5)
    wide = _widen(digit)
    scale = BOX / max(wide.shape)
    height, width = (max(1, round(scale * length)) for length in wide.shape)
    return PreprocessedDrawing(
        box=(float(low[0]), float(low[1]), float(high[0]), float(high[1])),
        centre=(float(centre[0]), float(centre[1])),
        image=_place(_resize(wide, width, height)),
        as_drawn=as_drawn,
    )


def _is_like_mnist(grey: Doubles) -> bool:
    """Whether a picture is as MNIST's are: 28x28, black paper, a digit of 20, its mass centred."""
    if grey.shape != (SIDE, SIDE) or grey.min() > 0.0 or grey.max() < 192.0:
        return False
    rows, columns = extent(grey > 0.0)
    if max(rows.stop - rows.start, columns.stop - columns.start) != BOX:
        return False
    field = grey[None].astype(np.float32)
    return bool((np.rint(MASS_CENTRE - centres_of_mass(field)) == 0).all())


def _widen(digit: Doubles) -> Doubles:
    """The digit, larger, with lines that are at least as wide as those of strokes."""
    factor = -(-_FINE_SIDE // max(digit.shape))
    height, width = (factor * length for length in digit.shape)
    fine = np.pad(_resize(digit, width, height), factor)
    line = fine > STRONG
    depth = ndimage.distance_transform_edt(line)[line] - 0.5
    half = 2.0 * float(np.median(depth))  # across a line the depth grows evenly to half its width
    sides = [side.stop - side.start for side in extent(line)]
    pixel = (max(sides) - 2.0 * half) / (BOX - 2.0 * LINE_RADIUS)
    grow = LINE_RADIUS * pixel - half
    if grow <= 0.0:
        return digit
    margin = int(np.ceil(grow))
    line = np.pad(line[factor:-factor, factor:-factor], margin)
    distance = ndimage.distance_transform_edt(~line)
    return (1.0 + grow - distance).clip(0.0, 1.0)


def _place(digit: Doubles) -> Floats:
    """Places a picture of at most 20x20 in the 28x28 field, its centre of mass in the middle."""
    height, width = digit.shape
    field = np.zeros((1, SIDE, SIDE), np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    field[0, top : top + height, left : left + width] = digit
    return centre_on_mass(field)[0]


def _resize(picture: Doubles, width: int, height: int) -> Doubles:
    """Resizes with Pillow's bilinear filter, which averages when it shrinks."""
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float64)


def _checked_pixels(pixels: object) -> Doubles:
    try:
        array = np.asarray(pixels)
    except ValueError as error:  # rows of different lengths
        raise InvalidDrawingError(NO_PICTURE) from error
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise InvalidDrawingError(NO_PICTURE)
    numbers = (number for row in pixels for number in row) if isinstance(pixels, list) else ()
    if array.dtype.kind != "b" and any(isinstance(number, bool) for number in numbers):
        raise InvalidDrawingError(NO_PICTURE)  # NumPy takes true and false for 1 and 0
    if min(array.shape) < 3 or max(array.shape) > MAX_SIDE:
        raise InvalidDrawingError(NO_PICTURE)
    array = array.astype(np.float64)
    low, high = array.min(), array.max()
    if not (0 <= low <= high <= 255):
        raise InvalidDrawingError(
            f"The grey levels of a picture run from 0 to 255, or from 0 to 1; these run from "
            f"{low:g} to {high:g}."
        )
    return array * 255.0 if high <= 1.0 else array


def _average_blocks(grey: Doubles, block: int) -> Doubles:
    rows, columns = (length // block for length in grey.shape)
    blocks = grey[: rows * block, : columns * block].reshape(rows, block, columns, block)
    return blocks.mean(axis=(1, 3))
