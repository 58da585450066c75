"""Cached reports on the whole test set, one per checkpoint, and learning categories over epochs."""

import threading
from collections import OrderedDict
from typing import TypeVar

import numpy as np

from core.analysis.mistakes import TestSetReport, learning_categories
from core.data.dataset import Dataset
from core.inference.predictor import Predictor
from core.runs.checkpoints import CheckpointFiles
from core.training.state import Checkpoint

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_REPORTS = 64
"""Cached reports: half a megabyte each with MNIST's 10,000 test images."""
MAX_RUNS = 8
"""Runs whose predictions are cached: ten kilobytes per epoch."""


class TestSetReports:
    """Makes reports and caches them. Thread-safe."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        # Held during the computation: pages that ask for the same report compute it once.
        self._lock = threading.Lock()
        self._reports: OrderedDict[tuple[str, int, float], TestSetReport] = OrderedDict()
        self._predictions: OrderedDict[tuple[str, int], dict[int, np.ndarray]] = OrderedDict()

    def assess(
        self, run: tuple[str, int], checkpoint: Checkpoint, files: CheckpointFiles, data: Dataset
    ) -> TestSetReport:
        """The report on a checkpoint, with learning categories up to its epoch.

        Args:
            run: id and revision of the run, the key of its cached predictions.
            files: where the run stores its earlier evaluations.
        """
        key = (*run, checkpoint.progress)
        with self._lock:
            if key not in self._reports:
                answers = self._predictor.look(checkpoint, data, np.arange(len(data.test_labels)))
                categories = None
                if checkpoint.progress > 0:
                    earlier = self._earlier(run, checkpoint.progress, files)
                    predictions = np.stack([*earlier, answers.predictions])
                    categories = learning_categories(predictions, answers.labels)
                self._reports[key] = TestSetReport(answers, categories)
            return _get_and_evict(self._reports, key, MAX_REPORTS)

    def _earlier(
        self, run: tuple[str, int], before: float, files: CheckpointFiles
    ) -> list[np.ndarray]:
        """The predictions of the run's saved evaluations before an epoch, oldest first."""
        self._predictions.setdefault(run, {})
        cached = _get_and_evict(self._predictions, run, MAX_RUNS)
        for epoch, probabilities in files.said(cached):
            cached[epoch] = probabilities.argmax(1).astype(np.int8)
        # Only epochs whose files still exist, so that the answer is the same after a restart.
        return [cached[epoch] for epoch in files.epochs() if epoch in cached and epoch < before]


def _get_and_evict(cache: OrderedDict[Key, Value], key: Key, max_size: int) -> Value:
    """The value of a key, which becomes the newest; drops the oldest beyond `max_size`."""
    cache.move_to_end(key)
    while len(cache) > max_size:
        cache.popitem(last=False)
    return cache[key]
