"""Small data sets that a network learns within seconds, for tests and benchmarks."""

import gzip
import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.data.dataset import Dataset

TRAIN_IMAGES, TEST_IMAGES = 300, 120


def make_tiny_dataset(
    train: int = TRAIN_IMAGES, test: int = TEST_IMAGES, noise: float = 40.0
) -> Dataset:
    """Noisy images with a bright patch whose place tells the digit: learned in a few steps."""
    random = np.random.default_rng(12)

    def some(count: int) -> tuple[Tensor, Tensor]:
        labels = random.permutation(np.arange(count) % 10)
        images = np.abs(random.normal(0, noise, (count, 28, 28)))
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 5)
            image[4 + 12 * row : 12 + 12 * row, 1 + 5 * column : 6 + 5 * column] += 170
        pixels = images.clip(0, 255).astype(np.uint8)
        return torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))

    return Dataset("synthetic", "Synthetic digits", *some(train), *some(test))


def write_mnist(data: Dataset, folder: Path, packed: bool = False) -> Path:
    """Writes a data set as MNIST's four idx files, with `packed` as .gz; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("t10k", data.test_images, data.test_labels),
    ):
        header = struct.pack(">IIII", 0x0803, len(images), 28, 28)
        contents = {
            f"{part}-images-idx3-ubyte": header + images.numpy().tobytes(),
            f"{part}-labels-idx1-ubyte": struct.pack(">II", 0x0801, len(labels))
            + labels.to(torch.uint8).numpy().tobytes(),
        }
        for name, content in contents.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                (folder / name).write_bytes(content)
    return folder
