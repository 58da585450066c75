"""How the networks of a run predict single images, epoch by epoch."""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np
from cachetools import LRUCache

from core.errors import UnknownEpochError
from core.inference.predictor import Predictor
from core.models import CLASSES
from core.records.drawings import ProbabilityHistory
from core.runs.registry import Runs
from core.service.predictions import Predictions

MAX_EPOCHS = 40
"""Epochs in a history, spread evenly over the saved ones."""
MAX_PREDICTIONS = 100_000
"""Cached predictions, of one network for one image each: about 50 MB."""


class PredictionHistory:
    """Predictions of saved networks, which never change and are cached.

    Safe to use from several threads. Predicts with one network at a time, because a run that
    trains needs the processors.
    """

    def __init__(self, runs: Runs, predictions: Predictions) -> None:
        self._runs, self._predictions = runs, predictions
        self._predictor = Predictor()
        self._lock = threading.Lock()
        self._cache: LRUCache[tuple[int | bytes, ...], np.ndarray] = LRUCache(MAX_PREDICTIONS)

    def of_image(self, image: np.ndarray, run_id: str | None = None) -> ProbabilityHistory:
        """The probabilities for an image (28, 28), 0..1, from the untrained network to the newest.

        Args:
            run_id: by default the newest run that has a network.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, DamagedFileError: there is no such run, or it cannot
                be read.
        """
        run_id = run_id or self._predictions.newest_run()
        images = image[np.newaxis] * np.float32(255)
        newest = self._predictions.checkpoint(run_id)
        epochs: list[float] = []
        probabilities: list[np.ndarray] = []
        for epoch in evenly_spaced(self._runs.find(run_id).snapshot.kept, MAX_EPOCHS):
            try:
                probabilities.append(self.predict(run_id, epoch, images)[0])
            except UnknownEpochError:  # pruned meanwhile
                continue
            epochs.append(float(epoch))
        if not epochs or newest.progress > epochs[-1]:
            probabilities.append(self._predictor.probabilities(newest, images)[0])
            epochs.append(newest.progress)
        return ProbabilityHistory(
            epochs=tuple(epochs),
            digits=tuple(int(one.argmax()) for one in probabilities),
            probabilities=tuple(tuple(one.tolist()) for one in probabilities),
        )

    def predict(self, run_id: str, epoch: int | None, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, 10), float32, of images (n, 28, 28) with ink 255 on black 0.

        Args:
            epoch: a saved epoch; None for the newest network, which is not cached.

        Raises:
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such
                network.
        """
        if epoch is None:
            return self._predictor.probabilities(self._predictions.checkpoint(run_id), images)
        files = self._runs.find(run_id).files
        stamp = files.stamp(epoch)
        keys = [
            (*stamp, hashlib.blake2b(image.tobytes(), digest_size=16).digest()) for image in images
        ]
        found = np.empty((len(images), CLASSES), np.float32)
        with self._lock:
            missing = []
            for index, key in enumerate(keys):
                if key in self._cache:
                    found[index] = self._cache[key]
                else:
                    missing.append(index)
            if missing:
                fresh = self._predictor.probabilities(files.checkpoint(epoch), images[missing])
                found[missing] = fresh
                self._cache.update(zip([keys[index] for index in missing], fresh, strict=True))
        return found


def evenly_spaced(epochs: Sequence[int], count: int) -> list[int]:
    """At most `count` of the epochs, including the first and the last."""
    if len(epochs) <= count:
        return list(epochs)
    indices = np.linspace(0, len(epochs) - 1, count).round().astype(int)
    return [epochs[index] for index in indices]
