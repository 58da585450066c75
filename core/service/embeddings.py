"""Embeddings of a run's test images: PCA at once, t-SNE in the background."""

import threading
from concurrent.futures import Future
from typing import Literal

import numpy as np
import torch
from cachetools import LRUCache

from core.data.dataset import Dataset
from core.explain import projection
from core.explain.activations import Network
from core.records.explanations import Embedding
from core.service.background import BackgroundTasks
from core.service.predictions import Predictions
from core.training.state import Checkpoint

SAMPLE_SIZE = 1000
"""Test images in an embedding: more take too long, and hide each other."""
MAX_SAMPLES = 12


class Embeddings:
    """Embeddings. Safe to use from several threads.

    Methods find networks as `Predictions.network` does.

    Attributes:
        progress: the share of the current t-SNE that is done; None if there is none.
    """

    def __init__(self, predictions: Predictions, tasks: BackgroundTasks) -> None:
        self._predictions, self._tasks = predictions, tasks
        self._lock = threading.Lock()
        self._samples: LRUCache[Checkpoint, _Sample] = LRUCache(MAX_SAMPLES)
        self._previous: tuple[np.ndarray, np.ndarray | None] = (np.empty(0), None)
        self.progress: float | None = None

    def pca(self, run_id: str | None = None, epoch: int | None = None) -> Embedding:
        """The plane of largest variance, aligned with the previous one."""
        sample = self._sample(run_id, epoch)
        with self._lock:
            if sample.pca is None:
                indices, points = self._previous
                is_same = np.array_equal(indices, sample.indices)
                sample.pca = projection.pca(sample.features, points if is_same else None)
                self._previous = sample.indices, sample.pca.points
            pca = sample.pca
        return sample.embedding("pca", pca.points, pca.explained)

    def tsne(self, run_id: str | None = None, epoch: int | None = None) -> "Future[Embedding]":
        """Starts a t-SNE when the earlier ones are done.

        The future raises DigitLabError if openTSNE is not installed, and CancelledError when
        Digit Lab shuts down.
        """
        sample = self._sample(run_id, epoch)
        start = self.pca(run_id, epoch).points
        return self._tasks.submit("t-SNE", lambda: self._tsne(sample, start))

    def images(self, run_id: str | None = None) -> np.ndarray:
        """The test images (N, 28, 28) in a run's embeddings."""
        _, data = self._predictions.network(run_id)
        chosen = projection.choose(len(data.test_labels), SAMPLE_SIZE)
        images: np.ndarray = data.test_images.numpy()[chosen]
        return images

    def place(
        self, image: np.ndarray, shown: Embedding, run_id: str | None, epoch: int | None
    ) -> np.ndarray | None:
        """The point (2,) of another image (28, 28), 0..1, in an embedding.

        None if the newest network has changed since.
        """
        sample = self._sample(run_id, epoch)
        layout = sample.tsne if shown.method == "tsne" else sample.pca
        if layout is None or layout.points is not shown.points:
            return None
        features = sample.network.features(image[np.newaxis] * np.float32(255))
        point: np.ndarray = layout.place(features)[0]
        return point

    def _tsne(self, sample: "_Sample", start: np.ndarray) -> Embedding:
        if sample.tsne is None:
            self._set_progress(0.0)
            try:
                sample.tsne = projection.tsne(
                    sample.features,
                    start,
                    progress=self._set_progress,
                    should_stop=self._tasks.should_stop,
                )
            finally:
                self._set_progress(None)
        return sample.embedding("tsne", sample.tsne.points)

    def _set_progress(self, share: float | None) -> None:
        self.progress = share

    def _sample(self, run_id: str | None, epoch: int | None) -> "_Sample":
        checkpoint, data = self._predictions.network(run_id, epoch)
        with self._lock:
            if checkpoint not in self._samples:
                self._samples[checkpoint] = _Sample(checkpoint, data)
            return self._samples[checkpoint]


class _Sample:
    """Some test images, their features in one network, and their embeddings."""

    def __init__(self, checkpoint: Checkpoint, data: Dataset) -> None:
        self.indices = projection.choose(len(data.test_labels), SAMPLE_SIZE)
        self.labels = data.test_labels.numpy()[self.indices]
        self.network = Network(checkpoint.model, checkpoint.state_dict)
        self.features = self.network.features(data.test_images.numpy()[self.indices])
        logits = self.network.parts[-1](torch.from_numpy(self.features))
        self.predictions: np.ndarray = logits.argmax(1).numpy()
        self.pca: projection.Layout | None = None
        self.tsne: projection.Layout | None = None

    def embedding(
        self, method: Literal["pca", "tsne"], points: np.ndarray, explained: float | None = None
    ) -> Embedding:
        return Embedding(method, self.indices, self.labels, self.predictions, points, explained)
