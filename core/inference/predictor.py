"""Reading images with published weights: single drawings, and a gallery of test images.

It only ever sees checkpoints, which training will not touch again, and so needs no lock against
training. It does not know where a checkpoint or an image comes from.
"""

import threading

import numpy as np
import torch
from torch import nn

from core import models
from core.data.dataset import Dataset, normalize
from core.records.predictions import Gallery, Prediction
from core.training.state import Checkpoint

CHUNK = 500


class Predictor:
    """Reads images with a checkpoint, in float32 on the CPU; keeps the last network it built."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._checkpoint: Checkpoint | None = None
        self._model: nn.Module | None = None

    def probabilities(self, checkpoint: Checkpoint, images: np.ndarray) -> np.ndarray:
        """Class probabilities (N, 10), float32, of images (N, 28, 28) with ink 255 on black 0."""
        pixels = normalize(torch.as_tensor(images))
        with self._lock, torch.inference_mode():
            return self._network(checkpoint)(pixels).softmax(1).numpy()

    def predict(self, checkpoint: Checkpoint, image: np.ndarray) -> Prediction:
        """The reading of one image (28, 28), 0..1."""
        values = self.probabilities(checkpoint, image[np.newaxis] * np.float32(255))[0]
        return Prediction(tuple(float(value) for value in values))

    def gallery(
        self, checkpoint: Checkpoint, data: Dataset, count: int, seed: int, only_wrong: bool
    ) -> Gallery:
        """Test images drawn at random without repetition, and what the network says of them.

        With `only_wrong`, those that it gets wrong, and fewer than `count` if it has no more.
        Uses what the network said at its evaluation; without one it reads images in chunks, and
        no more of them than it needs.
        """
        labels = data.test_labels.numpy()
        shuffled = np.random.default_rng(seed).permutation(len(labels))
        chosen: list[np.ndarray] = []
        said: list[np.ndarray] = []
        found = 0
        chunk = CHUNK if only_wrong else count
        for start in range(0, len(shuffled), chunk):
            indices = shuffled[start : start + chunk]
            probabilities = self._said(checkpoint, data, indices)
            if only_wrong:
                wrong = probabilities.argmax(1) != labels[indices]
                indices, probabilities = indices[wrong], probabilities[wrong]
            chosen.append(indices[: count - found])
            said.append(probabilities[: count - found])
            found += len(chosen[-1])
            if found >= count:
                break
        indices = np.concatenate(chosen)
        return Gallery(
            indices=indices,
            images=data.test_images.numpy()[indices],
            labels=labels[indices],
            probabilities=np.concatenate(said),
            progress=checkpoint.progress,
        )

    def look(self, checkpoint: Checkpoint, data: Dataset, indices: np.ndarray) -> Gallery:
        """These test images, and what the network says of them, as `gallery` has it.

        Raises:
            IndexError: the test set has no such image.
        """
        return Gallery(
            indices=indices,
            images=data.test_images.numpy()[indices],
            labels=data.test_labels.numpy()[indices],
            probabilities=self._said(checkpoint, data, indices),
            progress=checkpoint.progress,
        )

    def _said(self, checkpoint: Checkpoint, data: Dataset, indices: np.ndarray) -> np.ndarray:
        if checkpoint.test_probabilities is not None:
            return checkpoint.test_probabilities[indices]
        images = data.test_images.numpy()
        # In pieces: others who wait for the lock get their turn in between.
        said = [
            self.probabilities(checkpoint, images[indices[start : start + CHUNK]])
            for start in range(0, len(indices), CHUNK)
        ]
        return np.concatenate(said) if said else np.empty((0, models.CLASSES), np.float32)

    def _network(self, checkpoint: Checkpoint) -> nn.Module:
        if self._model is None or self._checkpoint is not checkpoint:
            self._model = models.load(checkpoint.model, checkpoint.state_dict)
            self._checkpoint = checkpoint
        return self._model
