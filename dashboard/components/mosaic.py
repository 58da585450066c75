"""The feature maps of a layer side by side in one picture."""

import math

import numpy as np


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
