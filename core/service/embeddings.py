"""Embeddings of a run's test images at any epoch that was kept: PCA at once, t-SNE in its turn.

`core.service.predictions` finds the network, `core.explain.activations` its features, `core.explain.projection` the plane. One
t-SNE is computed at a time, in a thread of its own. This module does not know who asks.
"""

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from core.explain import projection
from core.explain.activations import Network
from core.records.explanations import Embedding
from core.service.predictions import Predictions
from core.training.state import Checkpoint

SAMPLE = 1000
"""Test images in an embedding: more take longer than one likes to wait, and hide each other."""
KEPT = 12


class Embeddings:
    """May be asked from any thread.

    A run is by default the newest that has a network, an epoch that of the last evaluation. All
    methods raise NoModelError, NotTrainedError, UnknownRunError, UnknownEpochError or DamagedFileError where there is no
    such network.
    """

    def __init__(self, explorer: Predictions) -> None:
        self._explorer = explorer
        self._lock = threading.Lock()
        self._samples: deque[_Sample] = deque(maxlen=KEPT)
        self._reference: tuple[np.ndarray, np.ndarray] | None = None
        self._worker = ThreadPoolExecutor(1, "t-SNE")
        self._closed = threading.Event()
        self.progress = 0.0
        """Share of the t-SNE under way that is done; 1 while there is none."""

    def pca(self, run_id: str | None = None, epoch: int | None = None) -> Embedding:
        """The plane in which the features vary most, turned as the one before it was."""
        sample = self._sample(run_id, epoch)
        with self._lock:
            if sample.pca is None:
                sample.pca = projection.pca(sample.features, self._reference_for(sample))
                self._reference = sample.indices, sample.pca.points
            found = sample.pca
        return sample.record("pca", found.points, found.explained)

    def tsne(self, run_id: str | None = None, epoch: int | None = None) -> "Future[Embedding]":
        """Begins a t-SNE, or waits for its turn; `progress` tells how far it is.

        The future raises TsneUnavailableError where openTSNE is not installed, and is cancelled when the
        service is closed.
        """
        sample = self._sample(run_id, epoch)
        start = self.pca(run_id, epoch).points
        return self._worker.submit(self._tsne, sample, start)

    def place(
        self, image: np.ndarray, shown: Embedding, run_id: str | None, epoch: int | None
    ) -> np.ndarray | None:
        """Where another image (28, 28), 0..1, would stand among those shown: (2,).

        None where the newest network has changed since they were shown.
        """
        sample = self._sample(run_id, epoch)
        layout = sample.tsne if shown.method == "tsne" else sample.pca
        if layout is None or layout.points is not shown.points:
            return None
        features = sample.network.features(image[np.newaxis] * np.float32(255))
        assert features is not None, "it was not told to stop"
        placed: np.ndarray = layout.place(features)[0]
        return placed

    def close(self) -> None:
        """Lets what is under way end soon."""
        self._closed.set()
        self._worker.shutdown(cancel_futures=True)

    def _tsne(self, sample: "_Sample", start: np.ndarray) -> Embedding:
        if sample.tsne is None:
            self.progress = 0.0
            try:
                sample.tsne = projection.tsne(
                    sample.features,
                    start,
                    progress=self._note,
                    should_stop=self._closed.is_set,
                )
            finally:
                self.progress = 1.0
        if sample.tsne is None:
            raise InterruptedError("Digit Lab is shutting down.")
        return sample.record("tsne", sample.tsne.points)

    def _note(self, share: float) -> None:
        self.progress = share

    def _reference_for(self, sample: "_Sample") -> np.ndarray | None:
        if self._reference is None or not np.array_equal(self._reference[0], sample.indices):
            return None
        return self._reference[1]

    def _sample(self, run_id: str | None, epoch: int | None) -> "_Sample":
        """A checkpoint stands for one run, revision and epoch, and never changes."""
        checkpoint, data = self._explorer.network(run_id, epoch)
        with self._lock:
            for sample in self._samples:
                if sample.checkpoint is checkpoint:
                    return sample
            indices = projection.choose(len(data.test_labels), SAMPLE)
            images, labels = data.test_images.numpy()[indices], data.test_labels.numpy()[indices]
            self._samples.append(_Sample(checkpoint, indices, images, labels))
            return self._samples[-1]


class _Sample:
    """Test images, and what one network makes of them."""

    def __init__(
        self, checkpoint: Checkpoint, indices: np.ndarray, images: np.ndarray, labels: np.ndarray
    ) -> None:
        self.checkpoint, self.indices, self.labels = checkpoint, indices, labels
        self.network = Network(checkpoint.model, checkpoint.state_dict)
        features = self.network.features(images)
        assert features is not None, "it was not told to stop"
        self.features = features
        self.predictions = self._predictions()
        self.pca: projection.Pca | None = None
        self.tsne: projection.Tsne | None = None

    def _predictions(self) -> np.ndarray:
        """The last layer is linear: of the features it makes the ten scores."""
        last = self.network.filters(self.network.layers[-1].name)
        weights = last.weights.reshape(len(last.weights), -1)
        predictions: np.ndarray = (self.features @ weights.T + last.bias).argmax(1)
        return predictions

    def record(self, method: str, points: np.ndarray, explained: float | None = None) -> Embedding:
        return Embedding(
            method="tsne" if method == "tsne" else "pca",
            indices=self.indices,
            labels=self.labels,
            predictions=self.predictions,
            points=points,
            explained=explained,
        )
