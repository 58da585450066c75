"""What networks say of their whole test sets, and how each image fared until then; kept once known.

It is told which network, and where its run keeps the earlier ones. It does not know how they are
found, or who looks.
"""

import threading
from collections import OrderedDict
from typing import TypeVar

import numpy as np

from core.analysis import mistakes
from core.analysis.mistakes import TestSetReport
from core.data.dataset import Dataset
from core.inference.predictor import Predictor
from core.runs.checkpoints import CheckpointFiles
from core.training.state import Checkpoint

Key = TypeVar("Key")
Value = TypeVar("Value")

REMEMBERED = 64
"""Assessments that are kept, half a megabyte each with MNIST's 10,000 test images."""
RUNS = 8
"""Runs whose predictions are kept, ten kilobytes an epoch."""


class TestSetReports:
    """Assesses networks; may be asked from any thread."""

    def __init__(self, reader: Predictor) -> None:
        self._reader = reader
        # Held while something is worked out, so that pages which ask the same do it once.
        self._lock = threading.Lock()
        self._assessments: OrderedDict[tuple[str, int, float], TestSetReport] = OrderedDict()
        self._predictions: OrderedDict[tuple[str, int], dict[int, np.ndarray]] = OrderedDict()

    def assess(
        self, run: tuple[str, int], checkpoint: Checkpoint, files: CheckpointFiles, data: Dataset
    ) -> TestSetReport:
        """What a checkpoint says of its test set, and the courses of its images until then.

        Args:
            run: its id and revision; what was found for them holds for good.
            files: where the run keeps its earlier evaluations.
        """
        key = (*run, checkpoint.progress)
        with self._lock:
            if key not in self._assessments:
                everything = np.arange(len(data.test_labels))
                answers = self._reader.look(checkpoint, data, everything)
                courses = None
                if checkpoint.progress > 0:
                    earlier = self._earlier(run, checkpoint.progress, files)
                    predictions = np.stack([*earlier, answers.predictions])
                    courses = mistakes.courses(predictions, answers.labels)
                self._assessments[key] = TestSetReport(answers, courses)
            return _recall(self._assessments, key, REMEMBERED)

    def _earlier(
        self, run: tuple[str, int], before: float, files: CheckpointFiles
    ) -> list[np.ndarray]:
        """The predictions of a run's kept evaluations before some progress, oldest first."""
        self._predictions.setdefault(run, {})
        known = _recall(self._predictions, run, RUNS)
        for epoch, said in files.said(known):
            known[epoch] = said.argmax(1).astype(np.int8)
        # Of the files that are still there: a long run gives up some, and a restart forgets them.
        return [known[epoch] for epoch in files.epochs() if epoch in known and epoch < before]


def _recall(kept: OrderedDict[Key, Value], key: Key, most: int) -> Value:
    """What is kept under a key, which is now the last to be given up."""
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
    return kept[key]
