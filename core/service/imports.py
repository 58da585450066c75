"""Networks that come in a file, as runs that can be looked at like any other.

Nothing is known of their training: such a run has no events, and its only epoch is 0. This module
does not know where the file comes from.
"""

import threading
from collections.abc import Callable

from core import models, weight_files
from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, normalize
from core.device import choose_runtime
from core.errors import StorageError
from core.records.runs import RunState
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.background import BackgroundTasks
from core.training.evaluation import Evaluation, evaluate
from core.training.state import Checkpoint, StateDict


class WeightImports:
    """Makes runs of files, and finds out what their networks read right."""

    def __init__(
        self,
        runs: Runs,
        lock: threading.RLock,
        catalog: DataCatalog,
        notify: Callable[[], None],
    ) -> None:
        self._runs, self._lock, self._catalog = runs, lock, catalog
        self._notify = notify
        self._measuring = BackgroundTasks("measure")
        # Held while a file is read: each takes several times its size in memory.
        self._reading = threading.Lock()

    def import_weights(self, content: bytes, name: str) -> str:
        """As `core.service.TrainingService.bring_in`."""
        with self._reading:
            model, weights = weight_files.read_weights(content)
        with self._lock:
            run = self._new(model, name)
        try:
            _keep(run, weights)
            with self._lock:
                run.change(kept=tuple(run.files.epochs()))
        except StorageError:
            with self._lock:
                self._runs.forget(run)
            raise
        self._send_measuring(run)
        self._notify()
        return run.run_id

    def measure_all(self) -> None:
        """Measures, in the background, those that have not been measured so far."""
        for run in self._runs:
            if run.snapshot.brought_in and run.snapshot.test_accuracy is None:
                self._send_measuring(run)

    def stop(self) -> None:
        """Asks what is measured to end soon."""
        self._measuring.stop()

    def join(self, timeout: float) -> None:
        """Waits until nothing is measured, no longer than so many seconds."""
        self._measuring.join(timeout)

    def _new(self, model: str, name: str) -> Run:
        """A run that is done before it began; of its settings only model and data set are known."""
        config = TrainConfig(model=model)
        dataset = self._catalog.status()
        return self._runs.new(
            config,
            state=RunState.DONE,
            config=config.model_dump(include={"model", "dataset"}),
            epochs=0,
            brought_in=True,
            name=name,
            message=f"Brought in from {name or 'a file'}",
            dataset=dataset.name,
            dataset_title=dataset.title,
            **choose_runtime().to_dict(),
        )

    def _send_measuring(self, run: Run) -> None:
        name = f"Measuring {run.snapshot.title}"
        self._measuring.send(name, lambda stopped: self._measure(run, stopped))

    def _measure(self, run: Run, stopped: Callable[[], bool]) -> None:
        """
        Raises:
            DatasetUnavailableError, Cancelled: there are no test images.
            UnknownEpochError, DamagedFileError: the network cannot be read.
            StorageError: the result cannot be written.
        """
        data = self._catalog.load(run.config.dataset, stopped)
        seen = _evaluate(run, data, stopped)
        if seen is None:
            return
        with self._lock:
            run.change(
                dataset=data.name,
                dataset_title=data.title,
                test_loss=seen.loss,
                test_accuracy=seen.accuracy,
                best_test_accuracy=seen.accuracy,
            )
        self._notify()


def _keep(run: Run, weights: StateDict, seen: Evaluation | None = None) -> None:
    """Writes the network, and what it made of the test images where that is known.

    Raises:
        StorageError: it cannot be written.
    """
    said = None if seen is None else seen.probabilities
    checkpoint = Checkpoint(run.config.model, 0, 0, 0.0, weights, said)
    run.files.save(checkpoint, 0, {**run.snapshot.to_json(), "kept": [0]})


def _evaluate(run: Run, data: Dataset, should_stop: Callable[[], bool]) -> Evaluation | None:
    """What the network makes of the test images; None if it was told to stop.

    Raises:
        UnknownEpochError, DamagedFileError: the network cannot be read.
        StorageError: the result cannot be written.
    """
    weights = run.files.checkpoint(0).state_dict
    runtime = choose_runtime()
    network = models.load(run.config.model, weights).to(runtime.device)
    images = normalize(data.test_images.to(runtime.device))
    labels = data.test_labels.to(runtime.device)
    seen = evaluate(network, runtime, images, labels, should_stop)
    if seen is not None:
        _keep(run, weights, seen)
    return seen
