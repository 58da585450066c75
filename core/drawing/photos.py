"""A photo of one digit to the 28x28 image that MNIST's authors would have made of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.rasterize import (
    BOX,
    SIDE,
    Doubles,
    Floats,
    Integers,
    centre_on_mass,
    centres_of_mass,
)
from core.errors import EmptyDrawingError, InvalidDrawingError

MAX_SIDE = 4096
_WORKING_SIDE = 256  # pixels; the first step shrinks photos to about this
_INK_SIGMAS = 6.0  # ink differs from the paper by this many standard deviations of its grain
_MIN_CONTRAST = 8.0  # of 255 grey levels: with less contrast there is no digit


def preprocess_pixels(pixels: object) -> PreprocessedDrawing:
    """Crops, scales and centres a grey picture of one digit as MNIST's authors did.

    The ink may be light on dark or dark on light: the border is the background. Uneven
    illumination and the grain of the paper are removed. An image of MNIST does not change.
    `as_drawn` keeps the grey of the paper; it is inverted if the ink is dark.

    Args:
        pixels: (height, width) numbers from 0 to 255, from 3 to 4096 pixels each way.

    Raises:
        EmptyDrawingError: there is no ink on the background.
        InvalidDrawingError: not a 2-D array of numbers from 0 to 255, or too small or large.
    """
    original = _checked_pixels(pixels)
    block = _block_side(original)
    grey = _light_on_dark(_average_blocks(original, block))
    ink = _ink(grey)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    digit = ink[top:bottom, left:right]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(scale * length)) for length in digit.shape)
    image, corner = _place(_resize(digit, width, height))
    return PreprocessedDrawing(
        box=(float(left * block), float(top * block), float(right * block), float(bottom * block)),
        scale=scale / block,
        offset=(float(corner[0] - scale * left), float(corner[1] - scale * top)),
        image=image,
        as_drawn=(_resize(grey, SIDE, SIDE) / 255.0).astype(np.float32),
    )


def _place(digit: Doubles) -> tuple[Floats, Doubles]:
    """Places a picture of at most 20x20 in the 28x28 field, its centre of mass in the middle.

    Returns:
        The field, and the position (x, y) of the picture's upper left corner in it.
    """
    height, width = digit.shape
    field = np.zeros((1, SIDE, SIDE), np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    field[0, top : top + height, left : left + width] = digit
    moved = centre_on_mass(field)
    translation = np.rint(centres_of_mass(moved)[0] - centres_of_mass(field)[0])
    return moved[0], translation + np.array([left, top])


def _resize(picture: Doubles, width: int, height: int) -> Doubles:
    """Resizes with Pillow's bilinear filter, which averages when it shrinks."""
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float64)


def _checked_pixels(pixels: object) -> Doubles:
    try:
        array = np.asarray(pixels)
    except ValueError as error:
        raise InvalidDrawingError("The rows of the picture differ in length.") from error
    if array.ndim != 2 or array.dtype.kind not in "iuf":
        raise InvalidDrawingError(
            "A picture is a table of grey levels: rows of numbers from 0 to 255."
        )
    if min(array.shape) < 3 or max(array.shape) > MAX_SIDE:
        raise InvalidDrawingError(f"A picture has from 3 to {MAX_SIDE} pixels each way.")
    if not ((array >= 0) & (array <= 255)).all():
        raise InvalidDrawingError("The grey levels of a picture run from 0 to 255.")
    return array.astype(np.float64)


def _block_side(grey: Doubles) -> int:
    """Side of the blocks that bring the longer side of a picture near `_WORKING_SIDE`."""
    return max(1, min(max(grey.shape) // _WORKING_SIDE, min(grey.shape) // 3))


def _average_blocks(grey: Doubles, block: int) -> Doubles:
    rows, columns = (length // block for length in grey.shape)
    blocks = grey[: rows * block, : columns * block].reshape(rows, block, columns, block)
    return blocks.mean(axis=(1, 3))


def _light_on_dark(grey: Doubles) -> Doubles:
    """The picture, or its negative if the border is light, that is, the ink is dark."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    return 255.0 - grey if 2 * np.median(border) > grey.min() + grey.max() else grey


def _ink(grey: Doubles) -> Doubles:
    """The ink, from 0 to 1, without the paper and its grain."""
    paper, noise = _paper(grey)
    ink = grey - paper
    ink[ink <= _INK_SIGMAS * noise] = 0.0
    if noise > 0.0:
        ink[_inked_neighbours(ink > 0.0) < 5] = 0.0  # dust: fewer than 5 pixels of 3x3
    if ink.max() < _MIN_CONTRAST:
        raise EmptyDrawingError("There is no digit to be seen in this picture.")
    return (ink / np.percentile(ink[ink > 0.0], 90)).clip(0.0, 1.0)


def _paper(grey: Doubles) -> tuple[Doubles, float]:
    """The grey of the empty paper, a quadratic surface, and the standard deviation of its grain.

    The fit starts with the border, where ink is rare, and then uses all pixels within the grain.
    Without grain the paper is constant, and the picture does not change.
    """
    y, x = (np.linspace(-1.0, 1.0, length) for length in grey.shape)
    xx, yy = np.broadcast_arrays(x[None, :], y[:, None])
    surface = np.stack([np.ones_like(xx), xx, yy, xx * xx, xx * yy, yy * yy], axis=-1)
    mask = np.ones(grey.shape, bool)
    mask[1:-1, 1:-1] = False
    paper = np.full(grey.shape, np.median(grey[mask]))
    noise = _deviation((grey - paper)[mask])
    for _ in range(6):
        mask = np.abs(grey - paper) <= 3.0 * noise
        if noise > 0.0:
            fit = np.linalg.lstsq(surface[mask], grey[mask], rcond=None)[0]
            paper = surface @ fit
            noise = _deviation((grey - paper)[mask])
    return paper, noise


def _deviation(residual: Doubles) -> float:
    """Standard deviation, estimated from the median, which a few strokes do not influence."""
    return 1.4826 * float(np.median(np.abs(residual)))


def _inked_neighbours(inked: NDArray[np.bool_]) -> Integers:
    """The number of inked pixels in the 3x3 around each."""
    padded = np.pad(inked.astype(np.int64), 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
