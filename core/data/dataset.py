"""A data set in memory, and the normalization of its images."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of MNIST's training pixels in 0..1, as in the classic notebook."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images: uint8 (N, 28, 28), ink 255 on black 0. Labels: int64 (N,).

    `note` says why another folder than the wanted one was used; it is empty otherwise.
    """

    name: str
    title: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    note: str = field(default="", kw_only=True)


def normalize(images: Tensor) -> Tensor:
    """uint8 or 0..255 images (N, 28, 28) to the network's float32 input (N, 1, 28, 28)."""
    copy = images.unsqueeze(1).to(torch.float32, copy=True)
    return copy.div_(255).sub_(MEAN).div_(STD)


def shuffled_indices(labels: np.ndarray, seed: int, digit: int | None = None) -> np.ndarray:
    """The indices of labels (n,), or of one digit's labels, in a random order."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    return shuffled if digit is None else shuffled[labels[shuffled] == digit]
