"""Ways of writing the ten digits, as control points of pen strokes.

Each glyph is one way of writing a digit: as schools in different countries teach it, or in haste.
The points were set by eye.

Notation: a stroke is a string of points `x,y` in a field about 100 units high, x to the right and
y downwards. The line is smooth, except that it may have a corner at a point followed by `!`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEIGHT = 100.0
"""Height of the field in which the glyphs are designed."""

_SAMPLES = 8  # points of the curve between two control points


@dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke of a glyph, as matrices that apply to many random variations at once."""

    control: NDArray[np.float64]
    """(k, 2) control points."""
    smooth: NDArray[np.float64]
    """(t, k): `smooth @ control` are points of the curve with every corner rounded."""
    sharp: NDArray[np.float64]
    """(t, k): the same points with every corner sharp."""


@dataclass(frozen=True, eq=False)
class Glyph:
    """One way of writing a digit; `share` is its frequency relative to the digit's other glyphs."""

    digit: int
    share: float
    strokes: tuple[Stroke, ...]


def stroke(notation: str) -> Stroke:
    """Parses the notation of the module's docstring."""
    points = notation.split()
    control = np.array([[float(v) for v in point.rstrip("!").split(",")] for point in points])
    inner = [i for i, point in enumerate(points) if point.endswith("!")]
    ends = [0, len(points) - 1]
    return Stroke(control, _weights(control, ends), _weights(control, ends + inner))


def _weights(control: NDArray[np.float64], corners: list[int]) -> NDArray[np.float64]:
    """Weights (t, k) of a centripetal Catmull-Rom spline that restarts at each corner.

    E. Catmull, R. Rom, "A class of local interpolating splines" (1974). The knots follow the
    square root of the distance (P. J. Barry, R. N. Goldman), so that the line does not overshoot
    between unevenly spaced points. The knots are those of the glyph as designed: with fixed
    knots the curve is linear in its control points.
    """
    count = len(control)
    step = np.sqrt(np.hypot(*np.diff(control, axis=0).T))
    chord = np.diff(np.eye(count), axis=0) / step[:, None]  # slope of each chord
    u = np.arange(_SAMPLES)[:, None] / _SAMPLES
    pieces = []
    for i in range(count - 1):
        leave, arrive = (
            chord[i] if point in corners else _tangent(chord, step, point) for point in (i, i + 1)
        )
        start, end = np.eye(count)[[i, i + 1]]
        pieces.append(
            (2 * u**3 - 3 * u**2 + 1) * start
            + (3 * u**2 - 2 * u**3) * end
            + (u**3 - 2 * u**2 + u) * leave * step[i]
            + (u**3 - u**2) * arrive * step[i]
        )
    return np.concatenate([*pieces, np.eye(count)[-1:]])


def _tangent(
    chord: NDArray[np.float64], step: NDArray[np.float64], point: int
) -> NDArray[np.float64]:
    before, after = step[point - 1], step[point]
    slope: NDArray[np.float64] = chord[point - 1] * after + chord[point] * before
    return slope / (before + after)


def _glyph(digit: int, share: float, *strokes: str) -> Glyph:
    return Glyph(digit, share, tuple(stroke(notation) for notation in strokes))


GLYPHS: tuple[Glyph, ...] = (
    # 0: against and with the clock, overlapping, with a tail at the top, slashed.
    _glyph(0, 4, "50,0 25,12 12,50 25,88 50,100 75,88 88,50 75,12 52,1"),
    _glyph(0, 2, "62,4 36,4 15,35 14,65 35,96 62,95 85,65 84,32 62,5 40,8"),
    _glyph(0, 2, "40,4 70,8 88,45 75,88 48,100 22,85 13,45 28,10 50,3"),
    _glyph(0, 1, "52,4 25,14 14,50 25,88 50,100 75,88 86,50 74,14 52,6 38,16"),
    _glyph(0, 1, "48,6 24,18 14,52 26,90 52,100 76,86 86,50 70,14 45,8 12,10"),
    _glyph(0, 0.3, "50,0 25,12 12,50 25,88 50,100 75,88 88,50 75,12 52,1", "82,8 50,50 18,92"),
    # 1: bare, gone over twice, with a short or long flag, with a foot.
    _glyph(1, 4, "50,0 50,50 50,100"),
    _glyph(1, 1, "49,0 49,50 50,100! 53,50 52,0"),
    _glyph(1, 2, "25,28 40,15 55,0! 55,50 55,100"),
    _glyph(1, 1.5, "10,48 35,26 60,0! 58,50 56,100"),
    _glyph(1, 1, "38,14 52,0! 52,50 52,100"),
    _glyph(1, 1.5, "25,28 40,15 55,0! 55,50 55,100", "25,100 55,100 85,100"),
    _glyph(1, 0.7, "22,26 40,14 54,0! 53,50 52,98! 25,100! 80,98"),
    _glyph(1, 0.5, "28,14 42,8 54,2! 54,50 54,100", "30,100 54,99 80,99"),
    # 2: with a flat, waved or looped foot, like a Z, with a curl at the start.
    _glyph(2, 3, "15,25 25,8 50,0 75,10 80,30 65,55 35,80 12,100! 50,97 88,98"),
    _glyph(2, 2, "15,22 35,3 65,3 78,25 62,58 35,88 15,97 12,84 28,80 50,92 85,97"),
    _glyph(2, 2, "18,25 45,2 75,18 70,45 45,75 15,95! 35,88 60,97 90,88"),
    _glyph(2, 1.5, "12,10 45,4 78,8! 45,50 12,95! 50,95 88,95"),
    _glyph(2, 1, "30,32 15,25 22,8 50,0 78,12 78,35 50,70 12,98! 50,98 88,98"),
    _glyph(2, 1, "15,25 40,0 72,10 75,35 50,70 25,98 8,92 20,76 45,82 65,98 90,90"),
    _glyph(2, 2, "15,25 40,0 70,8 72,40 45,80 15,100 0,86 16,70 42,78 65,94 100,86"),
    _glyph(2, 1.5, "10,30 30,2 68,6 76,40 52,82 22,100 8,84 24,64 52,74 72,95 105,100"),
    _glyph(2, 0.7, "35,38 18,22 36,2 68,8 72,40 50,75 22,98 8,84 26,72 60,88 100,80"),
    _glyph(2, 1, "28,12 44,0 56,14 48,52 40,92 14,98! 52,95 100,90"),
    _glyph(2, 1, "42,16 52,0 64,12 58,50 44,90 18,100 4,84 20,68 44,76 62,84 84,72"),
    # 3: round, with a sharp or looped waist, with a flat top.
    _glyph(3, 3, "18,15 40,0 70,5 76,25 62,42 40,48! 68,52 84,70 74,92 45,100 15,88"),
    _glyph(3, 2, "18,12 45,0 72,8 74,30 50,46 72,54 84,74 70,95 42,100 14,88"),
    _glyph(3, 1.2, "15,4 50,3 80,4! 60,22 42,42! 70,48 86,68 72,93 42,100 14,88"),
    _glyph(3, 1, "20,12 50,0 75,15 68,38 45,50 36,46 46,41 70,52 82,75 60,98 15,92"),
    _glyph(3, 1, "22,10 48,0 70,10 62,34 42,48! 62,56 68,76 46,94 8,100"),
    _glyph(3, 1, "5,28 35,2 62,6 52,30 36,48! 68,40 82,54 60,84 5,104"),
    _glyph(3, 1, "8,14 42,0 74,10 62,36 52,50 66,68 50,94 10,98"),
    # 4: open and closed, in one stroke or two.
    _glyph(4, 2.5, "25,5 18,30 12,55! 50,56 90,54", "65,20 62,60 60,100"),
    _glyph(4, 2, "30,0 22,28 15,55! 50,57 88,57", "60,36 56,68 52,100"),
    _glyph(4, 1.5, "62,0 35,35 8,66! 50,66 92,64", "62,2 62,50 60,100"),
    _glyph(4, 1, "60,100 62,50 62,0! 35,35 8,68! 50,68 92,66"),
    _glyph(4, 2, "15,5 12,35 25,52 55,52 80,42", "85,0 78,50 70,100"),
    _glyph(4, 2, "18,5 15,30 15,48! 50,50 78,42! 82,8! 76,50 70,100"),
    _glyph(4, 0.8, "75,8 40,20 12,48 35,58 78,42", "82,0 76,50 70,100"),
    _glyph(4, 1, "35,0 28,25 22,50! 48,53 74,52", "64,32 60,66 56,100"),
    _glyph(4, 1, "40,0 30,30 20,62! 46,66 74,62", "60,46 58,72 55,100"),
    # 5: in one stroke or two, the hat joined, detached or crossing, like an S.
    _glyph(5, 3, "30,5 25,25 22,45! 50,38 78,52 80,78 55,98 15,92", "30,5 55,4 85,3"),
    _glyph(5, 2.5, "85,3 55,4 30,5! 25,25 22,45! 50,38 78,52 82,76 58,98 15,92"),
    _glyph(5, 1.2, "80,5 45,4 22,22 30,42 60,52 80,72 60,97 15,92"),
    _glyph(5, 1.5, "28,12 26,30 24,48! 52,42 78,56 78,80 52,98 15,92", "40,0 65,-2 92,-4"),
    _glyph(5, 1, "40,5 36,25 32,46! 55,44 74,60 70,86 45,99 12,94", "14,6 50,4 88,2"),
    _glyph(5, 1.5, "100,0 70,4 42,8! 34,26 28,44! 52,46 68,62 56,88 10,98"),
    # 6: straight, bent or curled at the top, the loop large, small or not quite closed.
    _glyph(6, 2.5, "65,2 40,18 20,50 16,75 35,98 65,96 80,75 62,55 35,58 18,74"),
    _glyph(6, 2.5, "55,0 35,30 18,65 25,92 50,100 72,88 74,66 52,56 30,62 18,78"),
    _glyph(6, 1.2, "78,14 62,2 38,10 20,40 16,75 38,99 68,94 78,72 58,54 32,60 20,76"),
    _glyph(6, 1.5, "44,0 30,40 22,75 35,97 60,98 68,80 52,70 30,78 24,88"),
    _glyph(6, 1, "25,0 20,45 18,82 40,100 70,90 72,65 48,55 22,70"),
    _glyph(6, 1, "62,0 35,25 18,62 26,92 52,100 74,86 70,64 50,60 38,72 42,84"),
    _glyph(6, 1, "40,0 18,35 10,75 30,98 70,95 95,76 82,58 52,68 38,94"),
    # 7: plain and crossed; with a straight, waved or hooked top.
    _glyph(7, 3, "12,5 50,4 85,4! 62,50 42,100"),
    _glyph(7, 2, "12,5 50,4 85,4! 62,50 46,100", "30,52 54,50 78,48"),
    _glyph(7, 1, "12,12 30,5 58,4 82,5! 62,45 40,78 36,100", "14,60 50,58 84,56"),
    _glyph(7, 1.2, "12,22 13,5! 50,5 85,4! 60,50 45,100"),
    _glyph(7, 1.2, "12,22 13,5! 50,5 85,4! 60,50 45,100", "28,52 54,50 80,46"),
    _glyph(7, 1, "8,14 25,3 45,9 65,8 88,1! 65,45 48,100"),
    _glyph(7, 1.5, "8,14 25,3 45,9 65,8 88,1! 65,45 48,100", "30,54 54,50 82,46"),
    _glyph(7, 1.2, "12,6 50,3 80,6 78,22 58,55 50,100"),
    _glyph(7, 0.7, "15,32 14,8! 45,4 80,6! 72,50 66,100"),
    _glyph(7, 1.2, "28,12 50,8 70,3! 62,50 50,100"),
    _glyph(7, 1.2, "8,26 40,12 75,4! 60,50 45,100"),
    _glyph(7, 1, "22,34 25,12! 46,10 70,4! 58,50 46,100"),
    _glyph(7, 0.7, "10,18 30,34 56,30 85,5! 62,50 46,100"),
    # 8: one stroke from the right, the left, the top or the waist; open at the top; two rings.
    _glyph(8, 2.5, "75,15 50,0 25,14 30,36 52,48 76,66 72,92 48,100 24,90 24,66 50,48 72,34 76,15"),
    _glyph(8, 2, "55,2 28,8 26,32 50,46 74,64 70,92 48,100 26,92 26,66 50,46 70,30 68,8 50,2"),
    _glyph(8, 1, "25,15 50,0 75,14 70,36 48,48 24,66 28,92 52,100 76,90 76,66 50,48 28,34 24,15"),
    _glyph(8, 1.5, "74,18 50,2 26,14 30,36 52,50 74,70 68,94 44,100 24,88 30,66 52,48 70,32 84,6"),
    _glyph(8, 1, "50,48 28,30 32,6 55,0 74,14 66,36 48,50 26,68 28,94 52,100 76,90 72,66 50,48"),
    _glyph(
        8,
        1,
        "50,0 28,12 28,36 50,46 70,34 70,12 50,0",
        "50,46 22,62 22,88 50,100 78,88 76,60 50,46",
    ),
    _glyph(8, 1, "80,4 48,4 22,10! 45,48 64,76 58,98 42,96 42,76 56,48 84,2"),
    _glyph(8, 1, "2,46 36,52 68,40 74,12 50,0 28,14 36,38 62,62 68,88 50,100 34,86 40,64 58,48"),
    _glyph(8, 0.6, "72,10 48,0 30,14 46,46 56,76 52,100 40,96 46,70 60,42 74,10"),
    _glyph(8, 1, "92,2 62,8 30,4 18,24 42,42 56,64 46,96 22,96 20,74 48,48 72,28 96,0"),
    # 9: straight, bent, hooked or curled at the foot; open at the top; in two strokes.
    _glyph(9, 2.5, "74,15 45,2 20,22 30,46 60,42 76,14! 74,50 70,100"),
    _glyph(9, 2, "72,18 48,0 20,20 26,44 55,46 74,18 76,55 62,100"),
    _glyph(9, 2, "76,14 48,0 20,18 26,46 58,44 76,16 80,50 72,88 45,100 18,88"),
    _glyph(9, 1.5, "75,10 45,5 22,30 40,45 72,14! 58,60 42,100"),
    _glyph(9, 1, "70,25 48,3 22,20 28,45 55,45 72,22", "76,5 74,50 72,100"),
    _glyph(9, 0.7, "60,5 28,8 18,32 40,48 72,35 78,8! 76,50 72,100"),
    _glyph(9, 1, "72,16 48,0 20,20 30,46 58,42 74,18 80,60 68,95 38,100 18,86 24,74"),
    _glyph(9, 1, "62,14 32,4 20,26 46,42 74,22 84,45 82,76 58,98 18,94"),
    _glyph(9, 2, "80,10 56,2 38,14 46,30 66,28 80,12! 82,48 78,80 55,97 20,97 0,94"),
    _glyph(9, 1.5, "70,8 46,6 34,20 50,36 74,26 80,48 74,84 46,100 10,94"),
    _glyph(9, 0.3, "28,6 22,26 44,36 70,24 80,4! 80,48 62,92 18,98"),
    _glyph(9, 1.5, "72,12 38,0 6,28 18,60 52,58 74,20! 76,60 76,100"),
    _glyph(9, 1.5, "60,4 35,14 20,40 45,50 72,30 78,10! 66,55 55,100"),
)
