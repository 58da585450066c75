"""The only door into core: runs in a background thread, and everything that one may ask of them.

One run trains at a time; the others wait their turn. What changes a run's course is in
`core.service.run_manager`. What a run has learnt is looked at through `explorer`, what is inside its networks
through `insight`, and taken away through `files`. All methods may be called from any thread. This
module does not know who asks: a page, a REST client or a test.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from core import models, weight_files
from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.records.datasets import DatasetStatus
from core.records.layers import LayerInfo
from core.records.metrics import Metrics
from core.records.runs import RunSnapshot
from core.runs.database import RunDatabase
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.background import BackgroundTasks
from core.service.comparisons import Comparisons
from core.service.drawings import Drawings
from core.service.embeddings import Embeddings
from core.service.exports import RunExports
from core.service.finetuning import Finetuning
from core.service.imports import WeightImports
from core.service.inspection import Inspection
from core.service.prediction_history import PredictionHistory
from core.service.predictions import Predictions
from core.service.run_manager import RunManager
from core.service.worker import Fit, TrainingWorker
from core.training.loop import fit


class TrainingService(RunManager):
    """Trains one run after the other and answers questions about every run there is."""

    MOST_BYTES_IN = weight_files.MAX_BYTES
    """What a file that is brought in may have at most."""

    def __init__(self, catalog: DataCatalog, store: RunDatabase, fit: Fit = fit) -> None:
        self._catalog = catalog
        self._catalog.on_change = self._notify
        self._store = store
        self._lock = threading.RLock()
        self._runs = Runs(store, self._lock)
        self.explorer = Predictions(self._runs, self._lock, catalog)
        self.files = RunExports(self._runs, self.explorer)
        self.insight = Inspection(self.explorer)
        self.embeddings = Embeddings(self.explorer)
        self.history = PredictionHistory(self._runs, self._lock, self.explorer)
        self.handwriting = Drawings(store, self._runs, self._lock, self.history)
        self.teaching = Finetuning(
            self._runs, self._lock, self.history, self.handwriting, self.fork
        )
        self.pairs = Comparisons(self._start_pair, self.runs, self.explorer)
        self._trainer = TrainingWorker(
            catalog, fit, self._lock, self._notify, self.explorer.was_read_recently
        )
        self._listeners: frozenset[Callable[[], None]] = frozenset()
        self._loading = BackgroundTasks("load")
        self._arrivals = WeightImports(self._runs, self._lock, catalog, self._notify)
        self._arrivals.measure_all()

    def import_weights(self, content: bytes, name: str = "") -> str:
        """Makes a run of a `.pth` or safetensors file, to be looked at, and returns its id.

        What it reads right of the test images is measured in the background, where they are there.

        Raises:
            InvalidWeightsError: the file does not hold the weights of a network here.
            StorageError: they cannot be written.
        """
        return self._arrivals.import_weights(content, name)

    # All runs

    def runs(self) -> list[RunSnapshot]:
        """Every run that is not deleted, the newest first."""
        with self._lock:
            return [self._with_place(run) for run in reversed(list(self._runs))]

    def snapshot(self, run_id: str | None = None) -> RunSnapshot:
        """A run as it stands, by default the latest.

        Raises:
            UnknownRunError: there is no such run.
        """
        with self._lock:
            run = self._runs.find(run_id)
            if run is self._trainer.active and run.data is None:
                status = self._catalog.status(run.config.dataset)
                return replace(run.snapshot, message=_preparing(status))
            return self._with_place(run)

    def latest_run(self) -> str | None:
        """The run that trains, or else the newest."""
        with self._lock:
            run = self._runs.latest()
            return None if run is None else run.run_id

    def events_since(self, run_id: str, cursor: int) -> tuple[list[Metrics], int]:
        """The run's metrics from `cursor` on, and the cursor for the next call.

        Nothing is consumed; 0 gives the run from its beginning. A cursor past the end gives
        nothing and comes back as the end. When `revision` in the snapshot has grown, events that
        were told before have been taken back: start again at 0.

        Raises:
            UnknownRunError: there is no such run.
        """
        with self._runs.loaded_events(run_id) as run:
            events = run.events
            return events[max(cursor, 0) :], len(events)

    def describe(
        self,
        run_id: str,
        name: str | None = None,
        note: str | None = None,
        pinned: bool | None = None,
    ) -> RunSnapshot:
        """Sets what people say of a run; None leaves it as it is.

        Raises:
            UnknownRunError: there is no such run.
        """
        given = {"name": name, "note": note, "pinned": pinned}
        with self._lock:
            run = self._runs.find(run_id)
            run.change(**{key: value for key, value in given.items() if value is not None})
        self._notify()
        return run.snapshot

    def delete(self, run_id: str) -> None:
        """Removes a run; `restore` brings it back until Digit Lab is started again.

        Raises:
            UnknownRunError: there is no such run.
            WrongStateError: it trains, or is pinned.
        """
        with self._lock:
            run = self._runs.find(run_id)
            if run is self._trainer.active:
                raise run.state_error("deleted", "Stop it first.")
            if run.snapshot.pinned:
                raise run.state_error("deleted", "It is pinned; take the pin off first.")
            self._runs.delete(run)
            self._trainer.drop(run)
        self._notify()

    def restore(self, run_id: str) -> RunSnapshot:
        """Brings a deleted run back.

        Raises:
            UnknownRunError: there is none of that id.
        """
        with self._lock:
            run = self._runs.restore(run_id)
        self._notify()
        return run.snapshot

    @property
    def problems(self) -> list[str]:
        """A sentence for each thing that was found damaged at the start."""
        return list(self._store.problems)

    # Data sets, models, the machine

    def dataset_status(self, name: str = "auto") -> DatasetStatus:
        return self._catalog.status(name)

    def prepare_dataset(self, name: str = "auto") -> None:
        """Loads a data set in the background, looking and downloading again if that failed."""
        self._catalog.forget_failures()
        self._loading.send(f"Loading {name}", lambda stopped: self._catalog.load(name, stopped))

    @staticmethod
    def layers(model: str) -> list[LayerInfo]:
        return models.layers(model)

    @staticmethod
    def device_title(precision: str = "auto") -> str:
        runtime = choose_runtime(precision)
        return f"{runtime.title}, {runtime.precision}"

    # Life

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener`, from any thread, whenever anything changed; returns the way out.

        A listener must be quick and must not raise.
        """
        with self._lock:
            self._listeners |= {listener}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners -= {listener}

        return unsubscribe

    def close(self, timeout: float = 10.0) -> None:
        """Puts down what is under way and waits for its threads, which must not outlive Python."""
        self._loading.stop()
        self._arrivals.stop()
        with self._lock:
            trains = self._trainer.close()
        if trains is not None:
            trains.join(timeout)
        self._loading.join(timeout)
        self._arrivals.join(timeout)
        self.embeddings.close()
        self.handwriting.close()
        self.pairs.close()
        self._store.close()

    def _with_place(self, run: Run) -> RunSnapshot:
        place = self._trainer.place_of(run)
        return run.snapshot if place is None else replace(run.snapshot, queue_place=place)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def _preparing(status: DatasetStatus) -> str:
    if status.progress is None:
        return f"Loading {status.title}"
    return f"{status.message}: {status.progress:.0%}"
