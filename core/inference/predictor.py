"""Predictions of a checkpoint: for one image, for chosen test images, and for a random sample.

Training never changes a checkpoint, so predictions need no lock against training.
"""

import threading

import numpy as np
import torch
from torch import nn

from core import models
from core.data.dataset import Dataset, normalize, shuffled_indices
from core.records.predictions import Gallery
from core.training.state import Checkpoint

CHUNK = 500


class Predictor:
    """Predicts with checkpoints, in float32 on the CPU. Caches the last network. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checkpoint: Checkpoint | None = None
        self._model: nn.Module | None = None

    def probabilities(self, checkpoint: Checkpoint, images: np.ndarray) -> np.ndarray:
        """Probabilities (N, 10), float32, of images (N, 28, 28) with ink 255 on black 0."""
        pixels = normalize(torch.as_tensor(images))
        with self._lock, torch.inference_mode():
            return self._network(checkpoint)(pixels).softmax(1).numpy()

    def gallery(
        self,
        checkpoint: Checkpoint,
        data: Dataset,
        count: int,
        seed: int,
        only_wrong: bool,
        digit: int | None = None,
    ) -> Gallery:
        """A random sample of test images, without repetition, with predictions.

        With `digit`, images of that digit alone. With `only_wrong`, a sample of the misclassified
        images, fewer than `count` if there are no more. Uses the probabilities of the checkpoint's
        evaluation; without an evaluation it predicts chunk by chunk until it has enough images.
        """
        labels = data.test_labels.numpy()
        shuffled = shuffled_indices(labels, seed, digit)
        if not only_wrong:
            return self.look(checkpoint, data, shuffled[:count])
        wrong = shuffled[:0]
        for start in range(0, len(shuffled), CHUNK):
            indices = shuffled[start : start + CHUNK]
            predictions = self._test_probabilities(checkpoint, data, indices).argmax(1)
            wrong = np.concatenate([wrong, indices[predictions != labels[indices]]])
            if len(wrong) >= count:
                break
        return self.look(checkpoint, data, wrong[:count])

    def look(self, checkpoint: Checkpoint, data: Dataset, indices: np.ndarray) -> Gallery:
        """These test images with predictions.

        Raises:
            IndexError: the test set has no such image.
        """
        return Gallery(
            indices=indices,
            images=data.test_images.numpy()[indices],
            labels=data.test_labels.numpy()[indices],
            probabilities=self._test_probabilities(checkpoint, data, indices),
            progress=checkpoint.progress,
        )

    def _test_probabilities(
        self, checkpoint: Checkpoint, data: Dataset, indices: np.ndarray
    ) -> np.ndarray:
        if checkpoint.test_probabilities is not None:
            return checkpoint.test_probabilities[indices]
        images = data.test_images.numpy()
        # In chunks: other threads that wait for the lock get their turn in between.
        chunks = [
            self.probabilities(checkpoint, images[indices[start : start + CHUNK]])
            for start in range(0, len(indices), CHUNK)
        ]
        return np.concatenate(chunks) if chunks else np.empty((0, models.CLASSES), np.float32)

    def _network(self, checkpoint: Checkpoint) -> nn.Module:
        if self._model is None or self._checkpoint is not checkpoint:
            self._model = models.load(checkpoint.model, checkpoint.state_dict)
            self._checkpoint = checkpoint
        return self._model
