"""Draws pen paths into 28x28 images: the renderer of both real and synthetic digits.

A path is a sequence of points in pixels, x to the right and y downwards. Pixel `i` covers `i` to
`i + 1`.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 28
"""Width and height of an image, in pixels."""

BOX = 20
"""Side of the square into which MNIST's digits were scaled, in pixels."""

ROOM = (SIDE - BOX) // 2
"""How far the box can move from the middle and stay in the image, in pixels."""

MASS_CENTRE = 14.5
"""MNIST's centre of mass, in pixels from the left and from the top.

In the published files every centre of mass is within half a pixel of the middle of pixel 14:
the images were moved by whole pixels.
"""

_SPACING = 0.5  # pixels between two samples of a path; the edge ripples by less than 0.04 pixels

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


def resample(
    points: Doubles, stroke: Integers, max_samples: int | None = None
) -> tuple[Doubles, Integers]:
    """Samples strokes at points of equal distance.

    Args:
        points: (n, 2) corners of the strokes in pixels, one stroke after the other. Further
            columns, such as the width of the line, are interpolated with them.
        stroke: (n,) index of each point's stroke, rising from 0 without gaps.
        max_samples: approximate limit of samples in total; a longer path is sampled less densely.

    Returns:
        Samples (m, 2 or more), and the index (m,) of the stroke of each: both ends of each stroke
        and some between them; one sample for a stroke of length 0. The result does not depend on
        how densely the strokes were recorded.
    """
    lengths = np.hypot(*np.diff(points[:, :2], axis=0).T)
    lengths[stroke[1:] != stroke[:-1]] = 0.0  # the pen is up between two strokes
    travelled = np.concatenate(([0.0], np.cumsum(lengths)))
    first = np.flatnonzero(np.diff(stroke, prepend=-1))
    last = np.append(first[1:], len(points)) - 1
    stroke_lengths = travelled[last] - travelled[first]
    spacing = max(_SPACING, travelled[-1] / max_samples) if max_samples else _SPACING
    steps = np.ceil(stroke_lengths / spacing).astype(np.int64)
    owner = np.repeat(np.arange(len(first)), steps + 1)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    # One interpolation serves all strokes: they lie one after the other on one long line. Gaps of
    # one unit separate them, so that a stroke's end and the next start do not coincide.
    start, length = travelled[first][owner], stroke_lengths[owner]
    position = owner + start + length * step / np.maximum(steps, 1)[owner]
    line = stroke + travelled
    samples = np.stack([np.interp(position, line, column) for column in points.T], axis=1)
    return samples, owner


def rasterize(
    points: Floats, image: Integers, radius: Floats, softness: Floats, count: int
) -> Floats:
    """Draws round pen tips. Where tips overlap, the darkest value counts.

    Args:
        points: (m, 2) centres in pixels.
        image: (m,) index of the image that each tip is drawn into.
        radius: (m,) half-width of the line, measured where the grey falls to one half, in pixels.
        softness: (m,) width of the edge from full ink to none, in pixels. 1 is the result of
            averaging over the area of a pixel.
        count: number of images.

    Returns:
        (count, 28, 28) float32, ink 1 on 0. Ink outside of an image is cut off.
    """
    reach = radius + softness / 2
    width = int(np.ceil(2 * reach.max())) + 1 if len(points) else 1
    margin = width + 1
    side = SIDE + 2 * margin  # tips at the edge reach into the margin
    corner = np.floor(points - reach[:, None] + 0.5).clip(-margin, SIDE).astype(np.int64)
    offset = np.arange(width)
    centre = corner + np.float32(0.5) - points
    dx = (centre[:, 0, None] + offset).astype(np.float32)
    dy = (centre[:, 1, None] + offset).astype(np.float32)
    ink = np.sqrt(dy[:, :, None] ** 2 + dx[:, None, :] ** 2)
    ink -= reach[:, None, None]
    ink /= -softness[:, None, None]
    np.clip(ink, 0.0, 1.0, out=ink)
    start = (image * side + corner[:, 1] + margin) * side + corner[:, 0] + margin
    pixel = start[:, None, None] + (offset[:, None] * side + offset)
    images = np.zeros((count, side, side), np.float32)
    np.maximum.at(images.reshape(-1), pixel.ravel(), ink.ravel())
    return images[:, margin:-margin, margin:-margin].copy()


def centres_of_mass(images: Floats) -> Doubles:
    """(n, 2) centres of mass, x and y in pixels, of images (n, 28, 28) with some ink each."""
    coordinates = np.arange(SIDE) + 0.5
    sums = np.stack([images.sum(axis=1), images.sum(axis=2)], axis=1)
    centres: Doubles = sums @ coordinates / sums.sum(axis=2, dtype=np.float64)
    return centres


def centre_on_mass(images: Floats) -> Floats:
    """Moves images by whole pixels until their centres of mass are where MNIST's are.

    Args:
        images: (n, 28, 28), each with some ink, all of it within the middle 20x20.

    Returns:
        (n, 28, 28) moved images. No ink leaves an image.
    """
    moves = np.rint(MASS_CENTRE - centres_of_mass(images)).astype(np.int64).clip(-ROOM, ROOM)
    source = (np.arange(SIDE) - moves[:, :, None]) % SIDE
    image = np.arange(len(images))[:, None, None]
    moved: Floats = images[image, source[:, 1, :, None], source[:, 0, None, :]]
    return moved
