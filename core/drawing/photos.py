"""A photo or a picture of one digit as the 28x28 image that MNIST would have made of it."""

import numpy as np
from numpy.typing import NDArray

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
_WORKING_SIDE = 256  # pixels; photos are averaged down to about this before anything else
_NOISE_WIDTHS = 6.0  # ink on a photo stands out from its paper by this many standard deviations
_FAINTEST = 8.0  # of 255 grey levels: with less contrast than this there is nothing to read


def pixels_to_image(pixels: object) -> Floats:
    """Crops, scales and centres a grey picture of one digit as MNIST did.

    Light ink on dark and dark ink on light both work: the border is taken for the background.
    Uneven paper is levelled, and what does not stand out from its grain is dropped. A picture of
    MNIST comes out as it went in.

    Args:
        pixels: (height, width) numbers from 0 to 255, from 3 to 4096 pixels each way.

    Returns:
        (28, 28) float32 in 0..1, ink 1 on 0, not normalised.

    Raises:
        EmptyDrawingError: nothing stands out from the background.
        InvalidDrawingError: not a 2-D array of numbers from 0 to 255, or of an impossible size.
    """
    return pixel_steps(pixels).image


def pixel_steps(pixels: object) -> PreprocessedDrawing:
    """Explains `pixels_to_image`: the same picture and the way to it, in pixels of the original.

    `as_drawn` shows the paper as grey as it is; only dark ink on light is turned round.

    Raises:
        EmptyDrawingError, InvalidDrawingError: as `pixels_to_image`.
    """
    original = _checked_pixels(pixels)
    grey = _light_on_dark(_shrunk(original))
    ink = _ink(grey)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(scale * length)) for length in digit.shape)
    digit = _resampling(digit.shape[0], height) @ digit @ _resampling(digit.shape[1], width).T
    image, corner = _on_field(digit)
    block = _block(original)
    left, top = float(columns[0]), float(rows[0])
    return PreprocessedDrawing(
        left=left * block,
        top=top * block,
        right=float(columns[-1] + 1) * block,
        bottom=float(rows[-1] + 1) * block,
        scale=scale / block,
        offset=(float(corner[0]) - scale * left, float(corner[1]) - scale * top),
        image=image,
        as_drawn=_squeezed(grey),
    )


def _on_field(digit: Doubles) -> tuple[Floats, Doubles]:
    """Puts a picture of at most 20x20 on the 28x28 field, its centre of mass in the middle.

    Returns:
        The field, and where on it the picture's left upper corner came to lie, (x, y).
    """
    height, width = digit.shape
    field = np.zeros((1, SIDE, SIDE), np.float32)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    field[0, top : top + height, left : left + width] = digit
    moved = centre_on_mass(field)
    move = np.rint(centres_of_mass(moved)[0] - centres_of_mass(field)[0])
    return moved[0], move + np.array([left, top])


def _squeezed(grey: Doubles) -> Floats:
    """A whole grey picture as (28, 28) in 0..1, its proportions lost."""
    height, width = grey.shape
    squeezed = _resampling(height, SIDE) @ grey @ _resampling(width, SIDE).T / 255.0
    return squeezed.astype(np.float32)


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


def _shrunk(grey: Doubles) -> Doubles:
    """Averages blocks of pixels until the longer side is near the working size."""
    block = _block(grey)
    rows, columns = (length // block for length in grey.shape)
    blocks = grey[: rows * block, : columns * block].reshape(rows, block, columns, block)
    return blocks.mean(axis=(1, 3))


def _block(grey: Doubles) -> int:
    """Side of the squares that `_shrunk` averages."""
    return max(1, min(max(grey.shape) // _WORKING_SIDE, min(grey.shape) // 3))


def _light_on_dark(grey: Doubles) -> Doubles:
    """The picture, or its negative where the border is light: there the ink is dark."""
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    return 255.0 - grey if 2 * np.median(border) > grey.min() + grey.max() else grey


def _ink(grey: Doubles) -> Doubles:
    """Light ink from 0 to 1 on levelled paper; where the paper is grainy, without its grain."""
    paper, noise = _paper(grey)
    ink = grey - paper
    ink[ink <= _NOISE_WIDTHS * noise] = 0.0
    if noise > 0.0:
        ink[_inked_neighbours(ink > 0.0) < 5] = 0.0  # dust: fewer than 5 of the 3x3 around
    if ink.max() < _FAINTEST:
        raise EmptyDrawingError("There is no digit to be seen in this picture.")
    return (ink / np.percentile(ink[ink > 0.0], 90)).clip(0.0, 1.0)


def _paper(grey: Doubles) -> tuple[Doubles, float]:
    """The light on the empty paper, a quadratic surface, and the paper's grain around it.

    Starts from the border, where ink is rare, and takes in whatever lies within the grain. On a
    picture without grain only pixels of exactly the paper's grey count, so nothing is altered.
    """
    y, x = (np.linspace(-1.0, 1.0, length) for length in grey.shape)
    xx, yy = np.broadcast_arrays(x[None, :], y[:, None])
    surface = np.stack([np.ones_like(xx), xx, yy, xx * xx, xx * yy, yy * yy], axis=-1)
    chosen = np.ones(grey.shape, bool)
    chosen[1:-1, 1:-1] = False
    paper = np.full(grey.shape, np.median(grey[chosen]))
    noise = _deviation((grey - paper)[chosen])
    for _ in range(6):
        chosen = np.abs(grey - paper) <= 3.0 * noise
        if noise > 0.0:
            fit = np.linalg.lstsq(surface[chosen], grey[chosen], rcond=None)[0]
            paper = surface @ fit
            noise = _deviation((grey - paper)[chosen])
    return paper, noise


def _deviation(residual: Doubles) -> float:
    """Standard deviation from the median of the distances, which a few strokes do not disturb."""
    return 1.4826 * float(np.median(np.abs(residual)))


def _inked_neighbours(inked: NDArray[np.bool_]) -> Integers:
    """How many pixels of the 3x3 around each are inked."""
    padded = np.pad(inked.astype(np.int64), 1)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]


def _resampling(old: int, new: int) -> Doubles:
    """(new, old) weights that resize one axis with a triangle as wide as the coarser pixel."""
    ratio = old / new
    centre = (np.arange(new)[:, None] + 0.5) * ratio
    distance = np.abs(np.arange(old) + 0.5 - centre) / max(ratio, 1.0)
    weights = (1.0 - distance).clip(0.0)
    return weights / weights.sum(axis=1, keepdims=True)
