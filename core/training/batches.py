"""Batches of training images in an order that the seed fixes."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from core.config import TrainConfig
from core.data.dataset import Dataset, normalize


class ShuffledBatches:
    """All training images on one device, shuffled anew for each epoch.

    The order depends on the seed and the epoch alone, so a resumed run sees the same batches.
    Epochs must be asked for in ascending order.
    """

    def __init__(self, data: Dataset, config: TrainConfig, device: torch.device) -> None:
        count = config.image_count(len(data.train_images))
        self.per_epoch = math.ceil(count / config.batch_size)
        self._images = normalize(data.train_images[:count].to(device))
        self._labels = data.train_labels[:count].to(device)
        self._batch_size = config.batch_size
        self._generator = torch.Generator().manual_seed(config.seed)
        self._shuffled = 0

    def of_epoch(self, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The epoch's batches from index `start` on: images (N, 1, 28, 28) and labels (N,)."""
        order = torch.empty(0)
        while self._shuffled < epoch:  # draws the orders of the epochs before, too
            order = torch.randperm(len(self._labels), generator=self._generator)
            self._shuffled += 1
        for indices in order.to(self._labels.device).split(self._batch_size)[start:]:
            yield self._images.index_select(0, indices), self._labels[indices]
