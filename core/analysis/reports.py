"""Cached reports on the whole test set, one per checkpoint, and learning categories over epochs."""

import threading

import numpy as np
from cachetools import LRUCache

from core.analysis.mistakes import TestSetReport, learning_categories
from core.data.dataset import Dataset
from core.inference.predictor import Predictor
from core.runs.checkpoints import CheckpointFiles
from core.training.state import Checkpoint

MAX_REPORTS = 64
"""Half a megabyte each with MNIST's 10,000 test images."""
MAX_RUNS = 8
"""Runs whose predictions stay in memory, ten kilobytes an epoch."""


class TestSetReports:
    """Makes reports. Safe to use from several threads."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        # Held while a report is made, so that pages which want the same one make it once.
        self._lock = threading.Lock()
        self._reports: LRUCache[tuple[str, int, float], TestSetReport] = LRUCache(MAX_REPORTS)
        self._predictions: LRUCache[tuple[str, int], dict[int, np.ndarray]] = LRUCache(MAX_RUNS)

    def report(
        self, run: tuple[str, int], checkpoint: Checkpoint, files: CheckpointFiles, data: Dataset
    ) -> TestSetReport:
        """A checkpoint's predictions for its test set, and how they changed until then.

        Args:
            run: its id and revision.
            files: the run's earlier checkpoints.
        """
        key = (*run, checkpoint.progress)
        with self._lock:
            if key not in self._reports:
                gallery = self._predictor.look(checkpoint, data, np.arange(len(data.test_labels)))
                categories = None
                if checkpoint.progress > 0:
                    earlier = self._earlier(run, checkpoint.progress, files)
                    predictions = np.stack([*earlier, gallery.predictions])
                    categories = learning_categories(predictions, gallery.labels)
                self._reports[key] = TestSetReport(gallery, categories)
            return self._reports[key]

    def _earlier(
        self, run: tuple[str, int], before: float, files: CheckpointFiles
    ) -> list[np.ndarray]:
        """The predictions (n,) at a run's saved evaluations before some progress, oldest first."""
        predictions = self._predictions.setdefault(run, {})
        for epoch, probabilities in files.test_probabilities(skip=predictions):
            predictions[epoch] = probabilities.argmax(1).astype(np.int8)
        # Without epochs that were pruned: a restart forgets them, too.
        return [
            predictions[epoch]
            for epoch in files.epochs()
            if epoch in predictions and epoch < before
        ]
