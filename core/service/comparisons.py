"""Pairs of a CNN and an MLP with the same settings, and how they read distorted images."""

from collections.abc import Sequence
from concurrent.futures import Future

from cachetools import LRUCache

from core.analysis import robustness
from core.records.comparisons import Examples, Pair, Robustness
from core.records.runs import RunSnapshot
from core.service.background import BackgroundTasks
from core.service.predictions import Predictions
from core.service.run_manager import RunManager

MAX_MEASUREMENTS = 64


class Comparisons:
    """Pairs of runs. Safe to use from several threads."""

    def __init__(self, runs: RunManager, predictions: Predictions, tasks: BackgroundTasks) -> None:
        self._runs, self._predictions, self._tasks = runs, predictions, tasks
        # Written by the one thread that measures.
        self._measured: LRUCache[str, Robustness] = LRUCache(MAX_MEASUREMENTS)
        self._in_progress: tuple[str | None, float] = (None, 0.0)

    def all(self) -> list[Pair]:
        """Every pair of which at least one run exists, the newest first."""
        pairs: dict[str, list[RunSnapshot]] = {}
        for run in self._runs.all():
            if run.pair is not None:
                pairs.setdefault(run.pair, []).append(run)
        return [
            Pair(name, tuple(sorted(runs, key=lambda run: run.number)))
            for name, runs in pairs.items()
        ]

    def robustness(self, run_id: str) -> "Future[Robustness]":
        """Measures a run's newest evaluated network when the earlier measurements are done.

        The future raises NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError or
        DatasetUnavailableError if there is no such network or no test set, and CancelledError when
        Digit Lab shuts down.
        """
        return self._tasks.submit("robustness", lambda: self._measure(run_id))

    def progress(self, run_ids: Sequence[str]) -> float | None:
        """The share of these runs' measurements that is done; None if none is in progress."""
        versions = [self._predictions.weights_version(run_id) for run_id in run_ids]
        version, share = self._in_progress
        if version is None or version not in versions:
            return None
        done = sum(other in self._measured for other in versions if other != version)
        return (done + share) / len(versions)

    def examples(self, run_id: str) -> tuple[Examples, ...]:
        """The first test image of a run's data set with every distortion.

        Raises:
            NotTrainedError, UnknownRunError, DamagedFileError, DatasetUnavailableError: there is no
                test image.
        """
        _, data = self._predictions.network(run_id)
        return robustness.examples(data.test_images[0].numpy())

    def _measure(self, run_id: str) -> Robustness:
        # The version comes first: the network that is then loaded is at least as new.
        version = self._predictions.weights_version(run_id)
        checkpoint, data = self._predictions.network(run_id)
        assert version is not None, "there is a network"
        if version in self._measured:
            return self._measured[version]

        def set_progress(share: float) -> None:
            self._in_progress = version, share

        try:
            measured = self._measured[version] = robustness.measure(
                checkpoint.model,
                checkpoint.state_dict,
                data.test_images.numpy(),
                data.test_labels.numpy(),
                progress=set_progress,
                should_stop=self._tasks.should_stop,
            )
        finally:
            self._in_progress = None, 0.0
        return measured
