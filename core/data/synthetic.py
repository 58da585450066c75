"""Handwritten-like digits made from scratch, for a machine that has no way to MNIST.

Ways of writing each digit (`core.data.glyphs`) are varied as hands vary them, drawn with pens of
different widths, and scaled and centred as MNIST was, so that a network trained on one reads the
other. The module knows nothing about disks, tensors or training.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.data.glyphs import GLYPHS, HEIGHT, Glyph
from core.drawing.rasterize import BOX, SIDE, Doubles, Integers, centred, draw_marks, even_marks

VERSION = 1
"""Rises when the same seed gives other pictures than before; whoever keeps them can tell."""

DIGITS = 10
_CHUNK = 128  # pictures drawn at once: what their pens touch fits into a processor's cache


@dataclass(frozen=True)
class StrokeVariation:
    """How much hands and pens differ; standard deviations unless said otherwise."""

    point: float = 6.5
    """Of each control point, in hundredths of a digit's height."""
    end: float = 3.0
    """More of it at the ends of a stroke."""
    stroke: float = 5.0
    """Of each stroke's place, in the same unit."""
    slant: float = 0.25
    """Sideways shift per height; on average hands lean by `lean` to the right."""
    lean: float = 0.1
    rotation: float = 0.10
    """In radians."""
    aspect: float = 0.24
    """Of the logarithm of width over height."""
    balance: float = 0.3
    """How unlike in size the upper and lower, left and right halves are."""
    wave: float = 4.0
    """Amplitude of the smooth warp, in hundredths of the height."""
    radius: float = 1.2
    """Median half-width of a pen, in pixels."""
    pen: float = 0.28
    """Of the logarithm of the half-width from picture to picture."""
    pressure: float = 0.2
    """Of the same along one stroke."""


HAND = StrokeVariation()


def generate(
    count: int, seed: int, progress: Callable[[float], None] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Makes labelled pictures of digits.

    The ten classes are equally frequent, to within one, and in random order. The same count and
    seed give the same bytes on one machine, however many processors it has.

    Args:
        count: how many pictures.
        seed: not negative; another seed gives other pictures.
        progress: called now and then with the share done, from 0 to 1, in the caller's thread;
            what it raises ends the work.

    Returns:
        (count, 28, 28) uint8 grey levels, ink 255 on 0, and (count,) int64 digits.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count, dtype=np.int64) % DIGITS)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    chunks = list(_chunks(labels, random))
    seeds = np.random.SeedSequence(seed).spawn(len(chunks))

    def draw(number: int) -> None:
        glyph, places = chunks[number]
        images[places] = _pictures(glyph, len(places), np.random.default_rng(seeds[number]))

    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8))
    try:
        for done, _ in enumerate(pool.map(draw, range(len(chunks))), start=1):
            if progress is not None:
                progress(done / len(chunks))
    finally:
        pool.shutdown(cancel_futures=True)  # whoever cancels, by raising in progress, waits little
    return images, labels


def _chunks(labels: Integers, random: np.random.Generator) -> list[tuple[Glyph, Integers]]:
    """Deals a glyph to every picture: pairs of a glyph and the places of its pictures."""
    chunks = []
    for digit in range(DIGITS):
        places = np.flatnonzero(labels == digit)
        glyphs = [glyph for glyph in GLYPHS if glyph.digit == digit]
        shares = np.array([glyph.share for glyph in glyphs])
        dealt = random.choice(len(glyphs), len(places), p=shares / shares.sum())
        for number, glyph in enumerate(glyphs):
            own = places[dealt == number]
            chunks += [(glyph, own[i : i + _CHUNK]) for i in range(0, len(own), _CHUNK)]
    return chunks


def _pictures(
    glyph: Glyph, count: int, random: np.random.Generator, hand: StrokeVariation = HAND
) -> NDArray[np.uint8]:
    """(count, 28, 28) uint8 pictures of one glyph, each by another hand."""
    curves = _curves(glyph, count, random, hand)
    sizes = [curve.shape[1] for curve in curves]
    paths = _by_hand(np.concatenate(curves, axis=1), random, hand)
    radius = _radii(paths, random, hand)
    softness = random.uniform(0.9, 1.4, (count, 1))
    paths = _boxed(paths, radius + softness / 2)

    strokes = np.repeat(np.arange(len(sizes)), sizes)
    owner = (np.arange(count)[:, None] * len(sizes) + strokes).ravel()
    corners = np.concatenate([paths, radius[:, :, None]], axis=2).reshape(-1, 3)
    marks = even_marks(corners, owner)
    points = marks.points.astype(np.float32)
    picture = marks.stroke // len(sizes)
    edge = softness.astype(np.float32)[picture, 0]
    images = centred(draw_marks(points[:, :2], picture, points[:, 2], edge, count))
    return np.rint(images * 255).astype(np.uint8)


def _curves(
    glyph: Glyph, count: int, random: np.random.Generator, hand: StrokeVariation
) -> list[Doubles]:
    """The glyph's strokes, (count, t, 2) each, with every control point a little elsewhere."""
    sharpness = random.uniform(0.2, 1.0, (count, 1, 1))
    curves = []
    for stroke in glyph.strokes:
        spread = np.full((len(stroke.control), 1), hand.point)
        spread[[0, -1]] += hand.end
        shift = random.normal(0, hand.stroke, (count, 1, 2)) if len(glyph.strokes) > 1 else 0.0
        jitter = random.normal(size=(count, *stroke.control.shape)) * spread
        control = stroke.control + shift + jitter
        smooth, sharp = stroke.smooth @ control, stroke.sharp @ control
        curves.append(smooth + sharpness * (sharp - smooth))
    return curves


def _by_hand(paths: Doubles, random: np.random.Generator, hand: StrokeVariation) -> Doubles:
    """Slants, turns, stretches and warps whole digits, (count, t, 2), about their middle."""
    count = len(paths)

    def normal(spread: float) -> Doubles:
        return random.normal(0, spread, (count, 1))

    x, y = np.moveaxis(paths / HEIGHT - 0.5, 2, 0)
    x, y = x + normal(hand.balance) * (0.25 - x * x), y + normal(hand.balance) * (0.25 - y * y)
    x = x * (1 + 2 * normal(hand.balance) * y)
    for _ in range(2):
        fx, fy = random.normal(0, 0.6, (2, count, 2, 1))
        phase = random.uniform(0, 2 * np.pi, (count, 2, 1))
        wave = np.sin(2 * np.pi * (fx * x[:, None] + fy * y[:, None]) + phase) * hand.wave / HEIGHT
        x, y = x + wave[:, 0], y + wave[:, 1]
    x = x * np.exp(normal(hand.aspect))
    x = x - (hand.lean + normal(hand.slant)) * y
    turn = normal(hand.rotation)
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 2)


def _radii(paths: Doubles, random: np.random.Generator, hand: StrokeVariation) -> Doubles:
    """The pen's half-width in pixels at every point of the paths, (count, t)."""
    count = len(paths)
    pen = random.normal(np.log(hand.radius), hand.pen, (count, 1))
    frequency = random.normal(0, 0.7, (count, 2, 1))  # waves per height of the digit
    phase = random.uniform(0, 2 * np.pi, (count, 1))
    wave = np.sin(2 * np.pi * (paths @ frequency)[:, :, 0] + phase)
    return np.exp(pen + random.normal(0, hand.pressure, (count, 1)) * wave)


def _boxed(paths: Doubles, reach: Doubles) -> Doubles:
    """Scales paths, in the middle of the picture, until the longer side of the ink fills the box.

    `reach`, (count, t), is how far the ink extends around each point, in pixels. That does not
    grow with the path, hence two steps towards the scale instead of one.
    """
    ink = reach[:, :, None]
    around = 2 * reach.mean(axis=1)[:, None, None]
    paths = paths * BOX  # digits are about one unit high
    for _ in range(2):
        low = (paths - ink).min(axis=1, keepdims=True)
        high = (paths + ink).max(axis=1, keepdims=True)
        longer = (high - low).max(axis=2, keepdims=True)
        paths = (paths - (low + high) / 2) * (BOX - around) / (longer - around)
    return paths + SIDE / 2
