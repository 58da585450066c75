"""How well a network still reads test images that are shifted, turned or covered with noise.

The distortions are among those of MNIST-C (N. Mu, J. Gilmer, MNIST-C: A Robustness Benchmark for
Computer Vision, 2019), each by itself and in steps. This module does not know how a network was
trained, or how a curve is drawn.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core import models
from core.data.dataset import normalize
from core.records.comparisons import Distortion, Examples, Robustness, RobustnessCurve
from core.training.state import StateDict

STRENGTHS: dict[Distortion, tuple[float, ...]] = {
    "shift": (0, 1, 2, 3, 4, 5, 6, 7, 8),  # pixels
    "rotation": (0, 10, 20, 30, 40, 50, 60),  # degrees
    "noise": (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0),  # standard deviation; ink is 1
}
CHUNK = 250


def distort(images: np.ndarray, distortion: Distortion, strength: float, seed: int) -> np.ndarray:
    """Images as they are shown to a network: (N, 28, 28) uint8 with ink 255, to float32 0..255.

    Each image has its own direction (up, down, left or right), its own sense of rotation or its
    own noise, drawn from the seed: the same for every strength. What is moved out of the image is
    lost, what comes in is black, and with noise no pixel becomes blacker than black or whiter
    than white.
    """
    pixels = torch.as_tensor(images).to(torch.float32)
    random = torch.Generator().manual_seed(seed)
    if strength == 0:
        return pixels.numpy()
    if distortion == "noise":
        noise = torch.randn(pixels.shape, generator=random)
        return (pixels + 255 * strength * noise).clamp(0, 255).numpy()
    drawn = torch.randint(4, (len(pixels),), generator=random)
    if distortion == "shift":
        return _shifted(pixels, drawn, int(strength)).numpy()
    return _rotated(pixels, torch.where(drawn % 2 == 0, strength, -strength)).numpy()


def measure(
    model: str,
    state_dict: StateDict,
    images: np.ndarray,
    labels: np.ndarray,
    count: int = 1000,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Robustness | None:
    """The accuracy of a network under every distortion, at every strength.

    Args:
        images, labels: the test set, (N, 28, 28) uint8 with ink 255 and (N,).
        count: on how many of them, chosen by the seed: networks that are measured with the same
            seed read the same images, distorted in the same way.
        progress: told the share of the images that are read, from 0 to 1.
        should_stop: asked before every few hundred images.

    Returns:
        None if it was told to stop.
    """
    network = models.load(model, state_dict)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(labels))[:count])
    images, labels = images[chosen], labels[chosen]
    total, done = sum(len(strengths) for strengths in STRENGTHS.values()), 0
    curves = []
    for distortion, strengths in STRENGTHS.items():
        accuracies = []
        for strength in strengths:
            right = 0
            distorted = distort(images, distortion, strength, seed)
            for start in range(0, len(images), CHUNK):
                if should_stop():
                    return None
                pixels = normalize(torch.as_tensor(distorted[start : start + CHUNK]))
                with torch.inference_mode():
                    said = network(pixels).argmax(1).numpy()
                right += int((said == labels[start : start + CHUNK]).sum())
            accuracies.append(right / len(images))
            done += 1
            progress(done / total)
        curves.append(RobustnessCurve(distortion, strengths, tuple(accuracies)))
    parameters = sum(layer.parameters for layer in models.layers(model))
    return Robustness(model, parameters, len(images), tuple(curves))


def examples(image: np.ndarray, seed: int = 0) -> tuple[Examples, ...]:
    """What every other strength of each distortion makes of an image, (28, 28) uint8."""
    return tuple(
        Examples(
            distortion,
            strengths[::2],
            np.concatenate(
                [distort(image[np.newaxis], distortion, by, seed) for by in strengths[::2]]
            ),
        )
        for distortion, strengths in STRENGTHS.items()
    )


def _shifted(pixels: Tensor, directions: Tensor, by: int) -> Tensor:
    """Moves each image by whole pixels to one of four sides."""
    side = pixels.shape[-1]
    padded = F.pad(pixels, (by,) * 4)
    moved = torch.empty_like(pixels)
    for direction, (top, left) in enumerate([(0, by), (2 * by, by), (by, 0), (by, 2 * by)]):
        these = directions == direction
        moved[these] = padded[these, top : top + side, left : left + side]
    return moved


def _rotated(pixels: Tensor, degrees: Tensor) -> Tensor:
    """Turns each image about its middle, bilinear."""
    angles = degrees * (math.pi / 180)
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrices = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
    grid = F.affine_grid(matrices, [len(pixels), 1, *pixels.shape[1:]], align_corners=False)
    return F.grid_sample(pixels.unsqueeze(1), grid, align_corners=False).squeeze(1)
