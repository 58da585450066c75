"""A CNN and an MLP trained with the same settings, and how their networks bear distortions.

Who trains the two runs is given; `core.service.predictions` finds their networks, `core.analysis.robustness` measures
them: one at a time, in a thread of its own, and once for each network. This module does not know
who asks, or how it is drawn.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from core.analysis import robustness
from core.config import TrainConfig
from core.records.comparisons import Examples, Pair, Robustness
from core.records.runs import RunSnapshot
from core.service.predictions import Predictions

KEPT = 64
"""Measurements that are remembered: a few dozen numbers each."""


class Comparisons:
    """May be asked from any thread."""

    def __init__(
        self,
        start: Callable[[Sequence[TrainConfig], str], object],
        runs: Callable[[], list[RunSnapshot]],
        explorer: Predictions,
    ) -> None:
        """
        Args:
            start: queues runs of these settings as a pair of that name, all or none.
            runs: all runs there are, the newest first.
        """
        self._start, self._runs, self._explorer = start, runs, explorer
        self._lock = threading.Lock()
        self._measured: OrderedDict[str, Robustness] = OrderedDict()
        self._under_way: tuple[str, float] | None = None
        self._worker = ThreadPoolExecutor(1, "robustness")
        self._closed = threading.Event()

    def start(self, config: TrainConfig) -> str:
        """Trains the network of these settings, then the MLP with the same; the pair's name.

        Raises:
            WrongStateError: too many runs are waiting, or Digit Lab is shutting down.
        """
        name = secrets.token_hex(4)
        self._start([config, config.model_copy(update={"model": "mlp"})], name)
        return name

    def all(self) -> list[Pair]:
        """Every pair of which at least one run is there, the newest first."""
        found: dict[str, list[RunSnapshot]] = {}
        for run in self._runs():
            if run.pair is not None:
                found.setdefault(run.pair, []).append(run)
        return [
            Pair(name, tuple(sorted(runs, key=lambda run: run.number)))
            for name, runs in found.items()
        ]

    def robustness(self, run_id: str) -> "Future[Robustness]":
        """Begins to measure a run's newest evaluated network, or waits for its turn.

        The future raises NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError or DatasetUnavailableError
        where there is no such network or no test set, and is cancelled when the service is closed.
        """
        return self._worker.submit(self._measure, run_id)

    def progress(self, run_ids: Sequence[str]) -> float | None:
        """The share of these runs' measurements that is done; None while none is under way."""
        versions = [self._explorer.weights_version(run_id) for run_id in run_ids]
        with self._lock:
            if self._under_way is None or self._under_way[0] not in versions:
                return None
            known = sum(version in self._measured for version in versions)
            return (known + self._under_way[1]) / len(versions)

    def examples(self, run_id: str) -> tuple[Examples, ...]:
        """The first test image of a run's data set under every distortion.

        Raises:
            NotTrainedError, UnknownRunError, DamagedFileError, DatasetUnavailableError: there is none.
        """
        _, data = self._explorer.network(run_id)
        return robustness.examples(data.test_images[0].numpy())

    def close(self) -> None:
        """Lets what is under way end soon."""
        self._closed.set()
        self._worker.shutdown(cancel_futures=True)

    def _measure(self, run_id: str) -> Robustness:
        """The thread's work. The version is asked first: the network is at least as new."""
        version = self._explorer.weights_version(run_id)
        checkpoint, data = self._explorer.network(run_id)
        assert version is not None, "there is a network"
        with self._lock:
            if version in self._measured:
                return self._measured[version]

        def note(share: float) -> None:
            with self._lock:
                self._under_way = version, share

        try:
            found = robustness.measure(
                checkpoint.model,
                checkpoint.state_dict,
                data.test_images.numpy(),
                data.test_labels.numpy(),
                progress=note,
                should_stop=self._closed.is_set,
            )
        finally:
            with self._lock:
                self._under_way = None
        if found is None:
            raise InterruptedError("Digit Lab is shutting down.")
        with self._lock:
            self._measured[version] = found
            while len(self._measured) > KEPT:
                self._measured.popitem(last=False)
        return found
