"""Draws pen paths on 28x28 pictures: the one renderer behind real and synthetic digits.

A path is a run of points in pixel units, x to the right and y downwards, where pixel `i`
covers `i` to `i + 1`. The module knows nothing about digits, canvases or networks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIDE = 28
"""Width and height of a picture, in pixels."""

BOX = 20
"""Side of the square into which MNIST scaled its digits, in pixels."""

ROOM = (SIDE - BOX) // 2
"""How far the box can move from the middle without leaving the picture, in pixels."""

MASS_CENTRE = 14.5
"""Where MNIST put the centre of mass, in pixels from the left and from the top.

The published files have every centre of mass within half a pixel of the middle of pixel 14:
the pictures were moved by whole pixels.
"""

_SPACING = 0.5  # pixels between two marks of the pen; at 0.5 the edge ripples by under 0.04 pixel

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


class PathSamples(NamedTuple):
    """Evenly spaced marks of a pen along many strokes."""

    points: Doubles
    """(m, 2 or more): where the pen's tip stood, and what was given beside it."""
    stroke: Integers
    """(m,): the stroke to which each mark belongs."""


def even_marks(points: Doubles, stroke: Integers, most: int | None = None) -> PathSamples:
    """Walks along strokes in steps of equal length.

    Args:
        points: (n, 2) corners of the strokes in pixels, one stroke after the other. Further
            columns, such as the width of the line, are interpolated with them.
        stroke: (n,) number of each point's stroke, rising from 0 without gaps.
        most: about how many marks there may be in all; a longer path gets longer steps.

    Returns:
        Both ends of each stroke and marks between them; one mark for a stroke of no length.
        How densely a stroke was sampled has no influence on its marks.
    """
    lengths = np.hypot(*np.diff(points[:, :2], axis=0).T)
    lengths[stroke[1:] != stroke[:-1]] = 0.0  # the pen is up between two strokes
    travelled = np.concatenate(([0.0], np.cumsum(lengths)))
    first = np.flatnonzero(np.diff(stroke, prepend=-1))
    last = np.append(first[1:], len(points)) - 1
    drawn = travelled[last] - travelled[first]
    spacing = max(_SPACING, travelled[-1] / most) if most else _SPACING
    steps = np.ceil(drawn / spacing).astype(np.int64)
    owner = np.repeat(np.arange(len(first)), steps + 1)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    # All strokes lie on one long line, each at its own stretch, so one interpolation serves all.
    # The stretches are kept apart by one unit: else a stroke's end and the next start coincide.
    place = owner + travelled[first][owner] + drawn[owner] * step / np.maximum(steps, 1)[owner]
    line = stroke + travelled
    marks = np.stack([np.interp(place, line, axis) for axis in points.T], axis=1)
    return PathSamples(marks, owner)


def draw_marks(
    points: Floats, picture: Integers, radius: Floats, softness: Floats, count: int
) -> Floats:
    """Stamps round pen tips; where they overlap the darkest counts.

    Args:
        points: (m, 2) centres in pixels.
        picture: (m,) the picture on which each tip is stamped.
        radius: (m,) half-width of the line, where its grey has fallen to one half, in pixels.
        softness: (m,) width of the edge from full ink to none, in pixels; 1 is what averaging
            over the area of a pixel gives.
        count: how many pictures there are.

    Returns:
        (count, 28, 28) float32, ink 1 on 0. What lies outside a picture is cut off.
    """
    reach = radius + softness / 2
    width = int(np.ceil(2 * reach.max())) + 1 if len(points) else 1
    margin = width + 1
    side = SIDE + 2 * margin  # the margin catches what hangs over the edge
    corner = np.floor(points - reach[:, None] + 0.5).clip(-margin, SIDE).astype(np.int64)
    offset = np.arange(width)
    centre = corner + np.float32(0.5) - points
    dx = (centre[:, 0, None] + offset).astype(np.float32)
    dy = (centre[:, 1, None] + offset).astype(np.float32)
    ink = np.sqrt(dy[:, :, None] ** 2 + dx[:, None, :] ** 2)
    ink -= reach[:, None, None]
    ink /= -softness[:, None, None]
    np.clip(ink, 0.0, 1.0, out=ink)
    start = (picture * side + corner[:, 1] + margin) * side + corner[:, 0] + margin
    pixel = start[:, None, None] + (offset[:, None] * side + offset)
    pictures = np.zeros((count, side, side), np.float32)
    np.maximum.at(pictures.reshape(-1), pixel.ravel(), ink.ravel())
    return pictures[:, margin:-margin, margin:-margin].copy()


def centres_of_mass(images: Floats) -> Doubles:
    """(n, 2) where the ink of pictures (n, 28, 28) balances, x and y in pixels; none is blank."""
    middle = np.arange(SIDE) + 0.5
    sums = np.stack([images.sum(axis=1), images.sum(axis=2)], axis=1)
    centres: Doubles = sums @ middle / sums.sum(axis=2, dtype=np.float64)
    return centres


def centred(images: Floats) -> Floats:
    """Moves pictures by whole pixels until their centres of mass lie where MNIST's do.

    Args:
        images: (n, 28, 28), each with some ink, and that within the middle 20x20.

    Returns:
        (n, 28, 28) moved pictures. No move is so far that ink would leave the picture.
    """
    moves = np.rint(MASS_CENTRE - centres_of_mass(images)).astype(np.int64).clip(-ROOM, ROOM)
    index = (np.arange(SIDE) - moves[:, :, None]) % SIDE
    picture = np.arange(len(images))[:, None, None]
    moved: Floats = images[picture, index[:, 1, :, None], index[:, 0, None, :]]
    return moved
