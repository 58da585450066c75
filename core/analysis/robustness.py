"""Robustness: accuracy on test images that are shifted, rotated or covered with noise.

The distortions are among those of MNIST-C (N. Mu, J. Gilmer, "MNIST-C: A Robustness Benchmark for
Computer Vision", 2019), one at a time and in steps.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core import models
from core.data.dataset import normalize
from core.device import Runtime
from core.records.comparisons import Distortion, Examples, Robustness, RobustnessCurve
from core.training.evaluation import evaluate
from core.training.state import StateDict

STRENGTHS: dict[Distortion, tuple[float, ...]] = {
    "shift": (0, 1, 2, 3, 4, 5, 6, 7, 8),  # pixels
    "rotation": (0, 10, 20, 30, 40, 50, 60),  # degrees
    "noise": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),  # standard deviation; ink is 1
}


def distort(images: np.ndarray, distortion: Distortion, strength: float, seed: int) -> np.ndarray:
    """Distorts images (N, 28, 28) uint8 with ink 255; returns float32 0..255.

    The direction of the shift (up, down, left or right), the sense of the rotation and the noise
    of each image depend on the seed only, not on the strength. Pixels from outside of the image
    are black. Noise is clipped to 0..255.
    """
    pixels = torch.as_tensor(images).to(torch.float32)
    random = torch.Generator().manual_seed(seed)
    if strength == 0:
        return pixels.numpy()
    if distortion == "noise":
        noise = torch.randn(pixels.shape, generator=random)
        return (pixels + 255 * strength * noise).clamp(0, 255).numpy()
    directions = torch.randint(4, (len(pixels),), generator=random)
    if distortion == "shift":
        return _shift(pixels, directions, int(strength)).numpy()
    return _rotate(pixels, torch.where(directions % 2 == 0, strength, -strength)).numpy()


def measure(
    model: str,
    state_dict: StateDict,
    images: np.ndarray,
    labels: np.ndarray,
    count: int = 1000,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Robustness:
    """The accuracy of a network under every distortion, at every strength.

    Args:
        images, labels: the test set, (N, 28, 28) uint8 with ink 255 and (N,).
        count: size of the sample of the test set. The same seed gives the same sample with the
            same distortions, so networks are comparable.
        progress: called with the share that is done, from 0 to 1.
        should_stop: called before every few hundred images; True ends the measurement.

    Raises:
        CancelledError: `should_stop` returned True.
    """
    network, runtime = models.load(model, state_dict), Runtime(torch.device("cpu"), "fp32")
    sample = np.sort(np.random.default_rng(seed).permutation(len(labels))[:count])
    images, truth = images[sample], torch.as_tensor(labels[sample])
    total, done = sum(len(strengths) for strengths in STRENGTHS.values()), 0
    curves = []
    for distortion, strengths in STRENGTHS.items():
        accuracies = []
        for strength in strengths:
            distorted = normalize(torch.as_tensor(distort(images, distortion, strength, seed)))
            evaluation = evaluate(network, runtime, distorted, truth, should_stop)
            accuracies.append(evaluation.accuracy)
            done += 1
            progress(done / total)
        curves.append(RobustnessCurve(distortion, strengths, tuple(accuracies)))
    return Robustness(model, len(images), tuple(curves))


def examples(image: np.ndarray, seed: int = 0) -> tuple[Examples, ...]:
    """An image (28, 28) uint8 under each distortion, at every other strength."""
    return tuple(
        Examples(
            distortion,
            strengths[::2],
            np.concatenate(
                [
                    distort(image[np.newaxis], distortion, strength, seed)
                    for strength in strengths[::2]
                ]
            ),
        )
        for distortion, strengths in STRENGTHS.items()
    )


def _shift(pixels: Tensor, directions: Tensor, distance: int) -> Tensor:
    """Moves each image by whole pixels in one of four directions."""
    side = pixels.shape[-1]
    padded = F.pad(pixels, (distance,) * 4)
    moved = torch.empty_like(pixels)
    corners = [(0, distance), (2 * distance, distance), (distance, 0), (distance, 2 * distance)]
    for direction, (top, left) in enumerate(corners):
        mask = directions == direction
        moved[mask] = padded[mask, top : top + side, left : left + side]
    return moved


def _rotate(pixels: Tensor, degrees: Tensor) -> Tensor:
    """Rotates each image about its centre, with bilinear interpolation."""
    angles = degrees * (math.pi / 180)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = F.affine_grid(matrices, [len(pixels), 1, *pixels.shape[1:]], align_corners=False)
    return F.grid_sample(pixels.unsqueeze(1), grid, align_corners=False).squeeze(1)
