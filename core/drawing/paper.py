"""The ink of a photo, without paper, grain, shadows, frames, ruled lines and specks.

All pictures are light ink on dark paper here.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.drawing.rasterize import Doubles

Mask = NDArray[np.bool_]

STRONG = 0.4
"""Ink of at least this strength, of 1, is a line. Weaker ink counts at the edges of lines only."""

_INK_SIGMAS = 6.0  # ink differs from the paper by this many standard deviations of its grain
_MIN_CONTRAST = 8.0  # of 255 grey levels: with less contrast there is no digit
_RECTANGLE = 0.92  # share of the smallest rectangle around it that the inside of a frame covers
_TILTS = np.deg2rad(np.arange(-8.0, 8.1, 2.0))  # of frames
_SPAN = 0.85  # of the picture: a ruled line is at least as long
_MIN_LENGTHS = 32  # a ruled line is at least as many times as long as thick
_GAP = 2  # pixels at most between the ends of a line and the edges of the picture that it reaches
_MANY = 4  # lines from edge to edge are ruled; so many bars no digit has
_SPECK = 0.15  # of the largest piece of ink: what is smaller is no part of a digit
_EIGHT = np.ones((3, 3), bool)  # pixels that touch at a corner belong together


def light_on_dark(grey: Doubles) -> Doubles:
    """The picture, or its negative if the ink is dark.

    The border shows the paper, unless nearly all of it is a frame around a rectangle of paper of
    another brightness.
    """
    middle = (grey.min() + grey.max()) / 2
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]]) > middle
    light = np.median(border) > 0
    other = (grey > middle) != light
    framed = np.mean(border == light) > 0.8 and np.mean(other) > 0.5 and _is_rectangle(other)
    return 255.0 - grey if light != framed else grey


def inside_of_frame(grey: Doubles) -> tuple[Doubles, int, int]:
    """The part of a picture that dark borders and a frame leave, and its row and column."""
    outside = _frame(grey)
    if not outside.any() or outside.all():
        return grey, 0, 0
    rows, columns = extent(~outside)
    left = grey[rows, columns].copy()
    hidden = outside[rows, columns]
    left[hidden] = np.median(left[~hidden])
    return left, rows.start, columns.start


def ink_of(grey: Doubles) -> Doubles:
    """The ink, from 0 to 1; 0 everywhere if there is none."""
    paper, noise = _paper(grey)
    ink = grey - paper
    ink[ink <= _INK_SIGMAS * noise] = 0.0
    if noise > 0.0:
        inked = (ink > 0.0).astype(np.int64)
        ink[ndimage.correlate(inked, _EIGHT.astype(np.int64), mode="constant") < 3] = 0.0  # dust
    ink[_ruled_lines(ink) | _ruled_lines(ink.T).T] = 0.0
    if ink.max() < _MIN_CONTRAST:
        return np.zeros_like(ink)
    # Without pale edges and lines. The mean of equal numbers may be rounded up.
    core = ink[ink >= min(ink[ink > 0.0].mean(), ink.max())]
    ink = (ink / np.percentile(core, 75)).clip(0.0, 1.0)
    ink[~_digit(ink > STRONG)] = 0.0
    return ink


def extent(mask: Mask) -> tuple[slice, slice]:
    """The rows and columns of the smallest upright rectangle around a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _sides(extents: list[tuple[slice, slice]]) -> NDArray[np.int64]:
    """The longer side of each rectangle."""
    return np.array(
        [max(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in extents]
    )


def _frame(grey: Doubles) -> Mask:
    """Pixels of a frame or a dark border, and all that lies outside of them."""
    low, high = np.percentile(grey, [2, 98])
    inked = grey > (low + high) / 2
    pieces, _ = ndimage.label(inked, _EIGHT)
    extents = ndimage.find_objects(pieces)
    if not extents:
        return np.zeros_like(inked)
    sides = _sides(extents)
    edges = (pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1])
    contact = np.stack([np.bincount(edge, minlength=len(sides) + 1)[1:] for edge in edges])
    free = sides[~contact.any(axis=0)].max(initial=0)
    outside = np.zeros_like(inked)
    if free >= 0.25 * min(inked.shape):  # a whole digit lies within
        whole = contact >= 0.9 * np.array([[len(edge)] for edge in edges])
        border = (contact.sum(axis=0) >= 0.5 * sides) & whole.any(axis=0)
        for index in np.flatnonzero(border) + 1:
            piece = pieces == index
            beside = _spread(piece, 3) & ~_spread(piece, 1)
            edge = piece & _spread(~piece, 3)
            if np.median(grey[edge]) - np.median(grey[beside]) >= 0.3 * (high - low):  # no shadow
                outside |= _spread(piece, 2)
    for index in np.argsort(-sides)[:3]:
        if sides[index] < 0.25 * max(inked.shape):
            break
        hole = _largest_hole(pieces == index + 1)
        within = inked & hole & ~outside
        if hole.any() and within.any() and _is_rectangle(hole):
            rows = extent(hole)[0]
            digit_rows = extent(within)[0]
            if digit_rows.stop - digit_rows.start >= 0.2 * (rows.stop - rows.start):
                outside |= ~ndimage.binary_erosion(hole, _EIGHT, 2)
    return outside


def _largest_hole(piece: Mask) -> Mask:
    holes, count = ndimage.label(ndimage.binary_fill_holes(piece) & ~piece)
    sizes = np.bincount(holes.ravel(), minlength=count + 1)
    sizes[0] = 0
    return (holes == sizes.argmax()) & bool(count)


def _is_rectangle(region: Mask) -> bool:
    """Whether a region, without the holes in it, fills a rectangle that is tilted a little."""
    filled = ndimage.binary_fill_holes(region)
    y, x = np.nonzero(filled & ~ndimage.binary_erosion(filled))
    turned_x = np.outer(np.cos(_TILTS), x) + np.outer(np.sin(_TILTS), y)
    turned_y = np.outer(np.cos(_TILTS), y) - np.outer(np.sin(_TILTS), x)
    areas = (np.ptp(turned_x, axis=1) + 1) * (np.ptp(turned_y, axis=1) + 1)
    return float(filled.sum()) >= _RECTANGLE * float(areas.min())


def _ruled_lines(ink: Doubles) -> Mask:
    """Pixels of the lines that run through the picture from left to right.

    What is darker than the rest of its line, or thicker if the line is as dark as the other ink,
    belongs to a digit that crosses it. Dark lines that are joined to other ink count only if they
    are many and reach both edges of the picture: they may be the bars of a digit, as of a 7.
    """
    inked = ink > 0.0
    found = np.zeros_like(inked)
    width = ink.shape[1]
    if not inked.any() or width < 2 * _MIN_LENGTHS:
        return found
    # A segment of a fourth of the width may rise by one pixel more than its thickness.
    tall = ndimage.maximum_filter1d(inked, 3, axis=0)
    length = width // 8 * 2 + 1
    starts = ndimage.minimum_filter1d(tall, length, axis=1, mode="constant")
    segments = ndimage.maximum_filter1d(starts, length, axis=1, mode="constant") & inked
    lines, _ = ndimage.label(segments, _EIGHT)
    runs = _vertical_runs(inked)
    pieces, _ = ndimage.label(inked, _EIGHT)
    extents = ndimage.find_objects(lines)
    long = np.flatnonzero([x.stop - x.start >= _SPAN * width for _, x in extents]) + 1
    rest = inked & ~np.isin(lines, long)
    if len(long) < 2 and not rest.any():
        return found
    darkness = np.percentile(ink[rest], 90) if rest.any() else 0.0
    joined = np.unique(pieces[inked & ~segments])
    whole = [x.start <= _GAP and x.stop >= width - _GAP for _, x in extents]
    for index in long:
        place = extents[index - 1]  # a small part of the picture
        line = lines[place] == index
        inks, thicknesses = ink[place], runs[place]
        thickness, grey = np.median(thicknesses[line]), np.median(inks[line])
        if thickness > width / _MIN_LENGTHS:
            continue
        pale = grey < 0.7 * darkness
        alone = not np.isin(pieces[place][line], joined).any()
        if pale or alone or (whole[index - 1] and sum(whole) >= _MANY):
            line &= inks <= 1.5 * grey
            found[place] |= line if pale else line & (thicknesses <= 1.6 * thickness)
    return found


def _vertical_runs(mask: Mask) -> NDArray[np.int64]:
    """For each pixel of a mask, the number of pixels of its column that are joined to it."""
    runs, count = ndimage.label(mask, np.array([[0, 1, 0]] * 3, bool))
    sizes = np.bincount(runs.ravel(), minlength=count + 1)
    sizes[0] = 0
    return sizes[runs]


def _digit(strong: Mask) -> Mask:
    """Where the ink of the digit may be: on its lines and at their edges, not in specks."""
    side = max(strong.shape)
    pieces, _ = ndimage.label(_spread(strong, side // 64), _EIGHT)  # small gaps are no gaps
    pieces[~strong] = 0
    sides = _sides(ndimage.find_objects(pieces))
    lines = np.isin(pieces, np.flatnonzero(sides >= _SPECK * sides.max()) + 1)
    return _spread(lines, side // 32)


def _spread(mask: Mask, radius: int) -> Mask:
    """All pixels with one of the mask in the square around them; at least in 3x3."""
    size = 2 * max(1, radius) + 1
    spread: Mask = ndimage.maximum_filter(mask, size)
    return spread


def _paper(grey: Doubles) -> tuple[Doubles, float]:
    """The grey of the empty paper, a quadratic surface, and the standard deviation of its grain.

    The fit starts with the border, where ink is rare, and then uses all pixels within the grain.
    Without grain the paper is constant, and the picture does not change.
    """
    y, x = (np.linspace(-1.0, 1.0, length) for length in grey.shape)
    xx, yy = np.broadcast_arrays(x[None, :], y[:, None])
    surface = np.stack([np.ones_like(xx), xx, yy, xx * xx, xx * yy, yy * yy], axis=-1)
    step = max(1, max(grey.shape) // 100)  # some ten thousand pixels are enough
    sample, sampled = grey[::step, ::step], surface[::step, ::step]
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    noise = _deviation(border - np.median(border))
    fit = np.array([np.median(border), 0.0, 0.0, 0.0, 0.0, 0.0])
    for _ in range(6):
        residual = sample - sampled @ fit
        mask = np.abs(residual) <= 3.0 * noise
        if noise > 0.0:
            fit = np.linalg.lstsq(sampled[mask], sample[mask], rcond=None)[0]
            noise = _deviation((sample - sampled @ fit)[mask])
    paper: Doubles = surface @ fit
    return paper, noise


def _deviation(residual: Doubles) -> float:
    """Standard deviation, estimated from the median, which a few strokes do not influence."""
    return 1.4826 * float(np.median(np.abs(residual)))
