"""Synthetic handwritten digits: a data set for computers that cannot download MNIST.

The glyphs of `core.data.glyphs` are varied like handwriting, drawn with pens of different widths,
and scaled and centred like MNIST, so that a network trained on one reads the other.
"""

import logging
import os
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.data.dataset import Dataset
from core.data.glyphs import GLYPHS, HEIGHT, Glyph
from core.disk import atomic_write
from core.drawing.rasterize import (
    BOX,
    SIDE,
    Doubles,
    Integers,
    centre_on_mass,
    rasterize,
    resample,
)
from core.errors import StorageError

TITLE = "Synthetic digits"
VERSION = 1
"""Increment it when the same seed gives other images: it is part of the cache's file name."""
FILE_NAME = f"synthetic-{VERSION}.npz"
SEED = 2024

DIGITS = 10
_CHUNK = 128  # images drawn at once: their intermediate arrays fit into a CPU cache
_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")

log = logging.getLogger(__name__)


# How much handwriting varies: standard deviations unless stated otherwise, lengths in hundredths of
# a digit's height.
POINT = 6.5  # of each control point
END = 3.0  # added to it at both ends of a stroke
STROKE = 5.0  # of each stroke's position
SLANT, LEAN = 0.25, 0.1  # sideways shift per height, and its mean, to the right
ROTATION = 0.10  # in radians
ASPECT = 0.24  # of the logarithm of width over height
BALANCE = 0.3  # of the difference in size of the upper and lower, and the left and right half
WAVE = 4.0  # amplitude of the smooth warp
RADIUS = 1.2  # median half-width of a pen, in pixels
PEN = 0.28  # of the logarithm of the half-width, between images
PRESSURE = 0.2  # of the same within one image


def load(cache_dir: Path, progress: Callable[[float], None] = lambda share: None) -> Dataset:
    """60,000 training and 10,000 test images, from `cache_dir` or generated and saved there.

    Args:
        progress: called with the share that is generated, from 0 to 1. An exception that it
            raises ends the work.
    """
    cache = cache_dir / FILE_NAME
    try:
        with np.load(cache) as arrays:
            return _dataset(*(arrays[name] for name in _ARRAYS))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        log.info("Generating the synthetic digits for %s", cache)

    train = generate(60_000, SEED, lambda share: progress(share * 6 / 7))
    test = generate(10_000, SEED + 1, lambda share: progress((6 + share) / 7))
    arrays = (*train, *test)
    by_name: dict[str, Any] = dict(zip(_ARRAYS, arrays, strict=True))
    try:
        with (
            atomic_write(cache, f"The file {cache} with the synthetic digits") as part,
            part.open("wb") as file,
        ):
            np.savez(file, **by_name)
    except StorageError as error:
        log.warning(str(error))
    return _dataset(*arrays)


def _dataset(*arrays: np.ndarray) -> Dataset:
    return Dataset("synthetic", TITLE, *(torch.from_numpy(array) for array in arrays))


def generate(
    count: int, seed: int, progress: Callable[[float], None] = lambda share: None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Generates labelled images of digits.

    The ten classes are equally frequent, to within one, and in random order. The same count and
    seed give the same bytes on one machine, whatever its number of CPUs.

    Args:
        count: number of images.
        seed: not negative.
        progress: called with the share done, from 0 to 1, in the caller's thread. An exception
            that it raises ends the work.

    Returns:
        (count, 28, 28) uint8 images, ink 255 on 0, and (count,) int64 labels.
    """
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count, dtype=np.int64) % DIGITS)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    chunks = _assign_glyphs(labels, random)
    seeds = np.random.SeedSequence(seed).spawn(len(chunks))

    def draw(chunk: int) -> None:
        glyph, indices = chunks[chunk]
        images[indices] = _draw(glyph, len(indices), np.random.default_rng(seeds[chunk]))

    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 8))
    try:
        for done, _ in enumerate(pool.map(draw, range(len(chunks))), start=1):
            progress(done / len(chunks))
    finally:
        pool.shutdown(cancel_futures=True)  # so that an exception in progress() ends it soon
    return images, labels


def _assign_glyphs(labels: Integers, random: np.random.Generator) -> list[tuple[Glyph, Integers]]:
    """Chooses a random glyph for every image: chunks of a glyph and the indices of its images."""
    chunks = []
    for digit in range(DIGITS):
        indices = np.flatnonzero(labels == digit)
        glyphs = [glyph for glyph in GLYPHS if glyph.digit == digit]
        shares = np.array([glyph.share for glyph in glyphs])
        choices = random.choice(len(glyphs), len(indices), p=shares / shares.sum())
        for number, glyph in enumerate(glyphs):
            own = indices[choices == number]
            chunks += [(glyph, own[i : i + _CHUNK]) for i in range(0, len(own), _CHUNK)]
    return chunks


def _draw(glyph: Glyph, count: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """(count, 28, 28) uint8 images of one glyph, each in another handwriting."""
    curves = _vary_control_points(glyph, count, random)
    sizes = [curve.shape[1] for curve in curves]
    paths = _warp(np.concatenate(curves, axis=1), random)
    radius = _pen_radius(paths, random)
    softness = random.uniform(0.9, 1.4, (count, 1))
    paths = _scale_to_box(paths, radius + softness / 2)

    strokes = np.repeat(np.arange(len(sizes)), sizes)
    stroke = (np.arange(count)[:, None] * len(sizes) + strokes).ravel()
    corners = np.concatenate([paths, radius[:, :, None]], axis=2).reshape(-1, 3)
    samples, stroke = resample(corners, stroke)
    points = samples.astype(np.float32)
    image = stroke // len(sizes)
    edge = softness.astype(np.float32)[image, 0]
    images = centre_on_mass(rasterize(points[:, :2], image, points[:, 2], edge, count))
    return np.rint(images * 255).astype(np.uint8)


def _vary_control_points(glyph: Glyph, count: int, random: np.random.Generator) -> list[Doubles]:
    """The glyph's strokes, (count, t, 2) each, with randomly moved control points."""
    sharpness = random.uniform(0.2, 1.0, (count, 1, 1))
    curves = []
    for stroke in glyph.strokes:
        spread = np.full((len(stroke.control), 1), POINT)
        spread[[0, -1]] += END
        shift = random.normal(0, STROKE, (count, 1, 2)) if len(glyph.strokes) > 1 else 0.0
        jitter = random.normal(size=(count, *stroke.control.shape)) * spread
        control = stroke.control + shift + jitter
        smooth, sharp = stroke.smooth @ control, stroke.sharp @ control
        curves.append(smooth + sharpness * (sharp - smooth))
    return curves


def _warp(paths: Doubles, random: np.random.Generator) -> Doubles:
    """Slants, rotates, stretches and warps whole digits, (count, t, 2), about their middle."""
    count = len(paths)

    def normal(std: float) -> Doubles:
        return random.normal(0, std, (count, 1))

    x, y = np.moveaxis(paths / HEIGHT - 0.5, 2, 0)
    x, y = (
        x + normal(BALANCE) * (0.25 - x * x),
        y + normal(BALANCE) * (0.25 - y * y),
    )
    x = x * (1 + 2 * normal(BALANCE) * y)
    for _ in range(2):
        fx, fy = random.normal(0, 0.6, (2, count, 2, 1))
        phase = random.uniform(0, 2 * np.pi, (count, 2, 1))
        wave = np.sin(2 * np.pi * (fx * x[:, None] + fy * y[:, None]) + phase) * WAVE / HEIGHT
        x, y = x + wave[:, 0], y + wave[:, 1]
    x = x * np.exp(normal(ASPECT))
    x = x - (LEAN + normal(SLANT)) * y
    angle = normal(ROTATION)
    return np.stack(
        [x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], 2
    )


def _pen_radius(paths: Doubles, random: np.random.Generator) -> Doubles:
    """The pen's half-width in pixels at every point of the paths, (count, t)."""
    count = len(paths)
    pen = random.normal(np.log(RADIUS), PEN, (count, 1))
    frequency = random.normal(0, 0.7, (count, 2, 1))  # waves per height of the digit
    phase = random.uniform(0, 2 * np.pi, (count, 1))
    wave = np.sin(2 * np.pi * (paths @ frequency)[:, :, 0] + phase)
    return np.exp(pen + random.normal(0, PRESSURE, (count, 1)) * wave)


def _scale_to_box(paths: Doubles, reach: Doubles) -> Doubles:
    """Scales paths, in the middle of the image, until the longer side of the ink fills the box.

    `reach`, (count, t), is how far the ink extends around each point, in pixels. It does not
    grow with the path, so the scale takes two iterations.
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
