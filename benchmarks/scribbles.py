"""Drawings that are no digit, made from scratch: what a network should not be sure of.

Four kinds: lines without a plan, letters, shapes, and several digits in one drawing. Letters that
one may take for a digit (I, O, S, Z and the like) are left out. The module knows nothing about
networks, or about what they say of a drawing.
"""

from collections.abc import Callable

import numpy as np

from core.data.glyphs import GLYPHS, HEIGHT, Stroke, stroke
from core.drawing.rasterize import Doubles
from core.drawing.strokes import CANVAS, Strokes

Random = np.random.Generator

_STEPS = 120  # points of a line without a plan
_WOBBLE = 3.0  # standard deviation of each control point, in hundredths of a letter's height

LETTERS = {
    "A": ("50,0! 10,100", "50,0! 90,100", "26,65 74,65"),
    "E": ("80,0 15,0! 15,100! 80,100", "15,48 65,48"),
    "F": ("80,0 15,0! 15,100", "15,48 65,48"),
    "H": ("15,0 15,100", "85,0 85,100", "15,50 85,50"),
    "K": ("15,0 15,100", "80,0 15,55! 85,100"),
    "M": ("10,100 18,0! 50,70! 82,0! 90,100",),
    "N": ("15,100 15,0! 85,100! 85,0",),
    "R": ("15,0 15,100", "15,2! 60,0 80,22 60,45 15,50! 85,100"),
    "T": ("5,0 95,0", "50,0 50,100"),
    "W": ("0,0 25,100! 50,30! 75,100! 100,0",),
    "X": ("10,0 90,100", "90,0 10,100"),
    "f": ("75,8 55,0 42,18 40,55 38,100", "12,42 72,42"),
    "h": ("20,0 20,100! 22,60 45,45 68,55 70,100",),
    "k": ("20,0 20,100", "72,40 22,68! 78,100"),
    "m": ("5,40 6,100! 8,55 25,42 42,52 44,100! 46,55 64,42 84,52 86,100",),
    "n": ("15,40 16,100! 20,58 45,42 72,52 76,100",),
}
SHAPES = {
    "triangle": ("50,0! 95,90! 5,90! 50,0",),
    "square": ("5,5! 95,5! 95,95! 5,95! 5,5",),
    "star": ("50,0! 80,95! 2,36! 98,36! 20,95! 50,0",),
    "plus": ("50,0 50,100", "0,50 100,50"),
    "arrow": ("0,50 100,50", "65,20 100,50! 65,80"),
    "heart": ("50,100! 5,50 8,12 32,5 50,30! 68,5 92,12 95,50 50,100",),
    "house": ("10,100! 10,45! 90,45! 90,100! 10,100", "10,45 50,0! 90,45"),
    "face": (
        "50,0 15,15 0,50 15,85 50,100 85,85 100,50 85,15 50,0",
        "32,35 33,40",
        "68,35 67,40",
        "28,65 50,80 72,65",
    ),
    "hash": ("35,0 30,100", "70,0 65,100", "0,35 100,32", "0,68 100,65"),
    "wheel": ("50,0 15,15 0,50 15,85 50,100 85,85 100,50 85,15 50,0", "50,0 50,100", "0,50 100,50"),
}


def scribbles(count: int, seed: int) -> dict[str, list[Strokes]]:
    """So many drawings of each kind, by the name of the kind.

    Strokes lie on a canvas of `core.drawing.strokes.CANVAS`. The same seed gives the same drawings;
    with another one, lines take other ways, and letters and shapes are drawn by another hand.
    """
    random = np.random.default_rng(seed)
    return {
        kind: [_on_canvas(draw(random), random) for _ in range(count)]
        for kind, draw in KINDS.items()
    }


def _line(random: Random) -> list[Doubles]:
    return [_LINES[random.integers(len(_LINES))](random)]


def _letter(random: Random) -> list[Doubles]:
    return _drawn(_ANY_LETTER[random.integers(len(_ANY_LETTER))], random)


def _shape(random: Random) -> list[Doubles]:
    return _drawn(_ANY_SHAPE[random.integers(len(_ANY_SHAPE))], random)


def _several(random: Random) -> list[Doubles]:
    """Two or three digits beside each other."""
    strokes: list[Doubles] = []
    right = 0.0
    for _ in range(random.integers(2, 4)):
        digit = _drawn(GLYPHS[random.integers(len(GLYPHS))].strokes, random)
        left = min(float(points[:, 0].min()) for points in digit)
        digit = [points + np.array([right - left, 0.0]) for points in digit]
        right = max(float(points[:, 0].max()) for points in digit) + random.uniform(8, 25)
        strokes += digit
    return strokes


KINDS: dict[str, Callable[[Random], list[Doubles]]] = {
    "lines": _line,
    "letters": _letter,
    "shapes": _shape,
    "several digits": _several,
}


def _walk(random: Random) -> Doubles:
    """A walk whose direction changes little by little."""
    heading = np.cumsum(random.normal(0, 0.5, _STEPS)) + random.uniform(0, 2 * np.pi)
    return np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1), axis=0)


def _zigzag(random: Random) -> Doubles:
    corners = int(random.integers(5, 14))
    x = np.linspace(0, random.uniform(0.6, 2.0), corners)
    y = np.arange(corners) % 2 * random.uniform(0.5, 1.0)
    return np.stack([x, y], axis=1) + random.normal(0, 0.05, (corners, 2))


def _spiral(random: Random) -> Doubles:
    turns = random.uniform(2.5, 5.0)
    angle = np.linspace(0, 2 * np.pi * turns, _STEPS)
    return np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)


def _tangle(random: Random) -> Doubles:
    """Back and forth through points that lie anywhere."""
    points = random.uniform(0, 100, (int(random.integers(8, 16)), 2))
    return _curve(stroke(" ".join(f"{x:.0f},{y:.0f}" for x, y in points)), random)


_LINES = (_walk, _zigzag, _spiral, _tangle)
_ANY_LETTER = [tuple(map(stroke, strokes)) for strokes in LETTERS.values()]
_ANY_SHAPE = [tuple(map(stroke, strokes)) for strokes in SHAPES.values()]


def _drawn(strokes: tuple[Stroke, ...], random: Random) -> list[Doubles]:
    return [_curve(one, random) for one in strokes]


def _curve(one: Stroke, random: Random) -> Doubles:
    """A stroke's curve in a field of `HEIGHT`, with every control point a little elsewhere."""
    control = one.control + random.normal(0, _WOBBLE * HEIGHT / 100, one.control.shape)
    points: Doubles = one.sharp @ control
    return points


def _on_canvas(strokes: list[Doubles], random: Random) -> Strokes:
    """Slants, stretches and turns a drawing a little, and puts it somewhere on the canvas."""
    turn, slant = random.normal(0, 0.12), random.normal(0, 0.15)
    across, down = np.exp(random.normal(0, 0.15, 2))
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    matrix = np.diag([across, down]) @ np.array([[1.0, 0.0], [-slant, 1.0]]) @ matrix
    moved = [points @ matrix for points in strokes]
    every = np.concatenate(moved)
    low, high = every.min(axis=0), every.max(axis=0)
    size = random.uniform(0.3, 0.9) * CANVAS
    scale = size / (high - low).max()
    place = random.uniform(0, 1, 2) * (CANVAS - scale * (high - low))
    return [((points - low) * scale + place).round(1).tolist() for points in moved]
