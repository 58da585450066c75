"""The only door into core: runs in a background thread, and everything that one may ask of them.

All methods may be called from any thread. This module does not know who asks: a page, a REST
client or a test.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from core import models, preprocess
from core.confidence import Judge
from core.config import TrainConfig
from core.datasets import Cancelled, DataCatalog, Dataset
from core.events import (
    AlreadyRunning,
    BatchMetrics,
    DatasetStatus,
    DigitLabError,
    EmptyDrawing,
    EpochMetrics,
    Gallery,
    LayerInfo,
    Metrics,
    NoModel,
    Reading,
    RunSnapshot,
    RunState,
    UnknownRun,
)
from core.inference import Reader
from core.runtime import Runtime, choose_runtime
from core.store import RunStore
from core.training import Checkpoint, Event, fit

READ_RECENTLY = 2.0
PUBLISH_EVERY = 0.5

log = logging.getLogger(__name__)

Fit = Callable[..., Iterator[Event]]


@dataclass
class _Run:
    """A run as the service keeps it; guarded by the service's lock."""

    config: TrainConfig
    runtime: Runtime
    snapshot: RunSnapshot
    events: list[Metrics] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    data: Dataset | None = None
    latest: Checkpoint | None = None
    evaluated: Checkpoint | None = None


class TrainingService:
    """Runs one training at a time and answers questions about every run it has seen."""

    def __init__(self, catalog: DataCatalog, store: RunStore, fit: Fit = fit) -> None:
        self._catalog = catalog
        self._catalog.on_change = self._notify
        self._store = store
        self._fit = fit
        self._reader = Reader()
        self._judge = Judge()
        self._lock = threading.RLock()
        self._runs: dict[str, _Run] = {}
        self._listeners: set[Callable[[], None]] = set()
        self._threads: list[threading.Thread] = []
        self._closed = threading.Event()
        self._last_read = float("-inf")
        self._last_published = float("-inf")

    # Runs

    def start(self, config: TrainConfig) -> str:
        """Starts a run and returns its id at once.

        Raises:
            AlreadyRunning: another run has not ended yet.
        """
        runtime = choose_runtime(config.precision)
        with self._lock:
            if self._closed.is_set():
                raise AlreadyRunning("Digit Lab is shutting down.")
            if self._current() is not None:
                raise AlreadyRunning(
                    "A network is already being trained. Wait until it is done, or stop it first."
                )
            run_id = f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            status = self._catalog.status(config.dataset)
            snapshot = RunSnapshot(
                run_id=run_id,
                state=RunState.RUNNING,
                config=config.model_dump(),
                dataset=status.name,
                dataset_title=status.title,
                device=runtime.title,
                precision=runtime.precision,
                epochs=config.epochs,
            )
            run = self._runs[run_id] = _Run(config, runtime, snapshot)
            self._in_background(lambda: self._work(run), f"train-{run_id}")
        self._notify()
        return run_id

    def stop(self, run_id: str | None = None) -> RunSnapshot:
        """Asks a run, by default the latest, to end after its current batch, keeping its model.

        A run that has ended stays as it is.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._find(run_id)
            if not run.snapshot.state.finished:
                run.stop.set()
                self._update(run, state=RunState.STOPPING)
        self._notify()
        return run.snapshot

    def snapshot(self, run_id: str | None = None) -> RunSnapshot:
        """A run as it stands, by default the latest.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._find(run_id)
            if run.data is None and not run.snapshot.state.finished:
                status = self._catalog.status(run.config.dataset)
                return replace(run.snapshot, message=_preparing(status))
            return run.snapshot

    def latest_run(self) -> str | None:
        with self._lock:
            return next(reversed(self._runs), None)

    def events_since(self, run_id: str, cursor: int) -> tuple[list[Metrics], int]:
        """The run's metrics from `cursor` on, and the cursor for the next call.

        Nothing is consumed; 0 gives the run from its beginning. A cursor past the end gives
        nothing and comes back as the end.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            events = self._find(run_id).events
            return events[max(cursor, 0) :], len(events)

    # What a run has learnt

    def gallery(self, count: int, seed: int, only_wrong: bool = False) -> Gallery:
        """Random test images as read at the latest run's last evaluation (before it: untrained).

        Raises:
            NoModel: nothing has been trained yet.
        """
        run, checkpoint = self._published(evaluated=True)
        assert run.data is not None, "weights are published after the data is there"
        return self._reader.gallery(checkpoint, run.data, count, seed, only_wrong)

    def weights_version(self) -> str | None:
        """Changes whenever a network has been evaluated anew; None while there is none to ask."""
        with self._lock:
            try:
                run, checkpoint = self._published(evaluated=True)
            except NoModel:
                return None
            return f"{run.snapshot.run_id}/{checkpoint.step}"

    def test_image(self, index: int) -> np.ndarray:
        """A test image of the latest run's data set, (28, 28) uint8.

        Raises:
            NoModel: nothing has been trained yet.
            IndexError: the test set has no such image.
        """
        run, _ = self._published(evaluated=True)
        assert run.data is not None, "weights are published after the data is there"
        return run.data.test_images[index].numpy()

    def read_strokes(self, strokes: Any, as_drawn: bool = False) -> Reading:
        """What the latest network reads in a drawing: strokes of (x, y) points, y downwards.

        Args:
            as_drawn: the network gets the canvas squeezed, instead of a picture like MNIST's.

        Raises:
            NoModel: nothing has been trained yet.
            EmptyDrawing, BadDrawing: see `core.preprocess`.
        """
        return self._read(preprocess.stroke_steps(strokes), as_drawn)

    def read_pixels(self, pixels: Any, as_drawn: bool = False) -> Reading:
        """What the latest network reads in a greyscale picture, 0..255, of any size.

        Args, Raises: as `read_strokes`.
        """
        return self._read(preprocess.pixel_steps(pixels), as_drawn)

    def _read(self, steps: preprocess.Steps, as_drawn: bool) -> Reading:
        image = steps.as_drawn if as_drawn else steps.image
        if not image.any():
            raise EmptyDrawing("Nothing of the drawing lies on the canvas.")
        run, checkpoint = self._published(evaluated=False)
        assert run.data is not None, "weights are published after the data is there"
        self._last_read = time.monotonic()
        prediction = self._reader.predict(checkpoint, image)
        doubt = self._judge.doubt(run.data, image, prediction)
        return Reading(image, prediction, doubt, steps.box, steps.centre)

    def _published(self, evaluated: bool) -> tuple[_Run, Checkpoint]:
        with self._lock:
            for run in reversed(self._runs.values()):
                checkpoint = (run.evaluated if evaluated else None) or run.latest
                if checkpoint is not None:
                    return run, checkpoint
        raise NoModel("There is no trained network yet. Press Train first; it takes a minute.")

    # Data sets, models, the machine

    def dataset_status(self, name: str = "auto") -> DatasetStatus:
        return self._catalog.status(name)

    def prepare_dataset(self, name: str = "auto") -> None:
        """Loads a data set in the background, looking and downloading again if that failed."""
        self._catalog.forget_failures()

        def load() -> None:
            try:
                self._catalog.load(name, self._closed.is_set)
            except (DigitLabError, Cancelled) as error:
                log.info("%s: %s", name, error)

        self._in_background(load, f"load-{name}")

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
            self._listeners.add(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return unsubscribe

    def close(self, timeout: float = 10.0) -> None:
        """Stops what is under way and waits for its threads, which must not outlive Python."""
        self._closed.set()
        with self._lock:
            for run in self._runs.values():
                run.stop.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout)

    def _in_background(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            self._threads = [old for old in self._threads if old.is_alive()]
            self._threads.append(thread)
        thread.start()

    def _work(self, run: _Run) -> None:
        """The background thread: one run from its data to its end, whatever happens."""
        try:
            run.data = self._catalog.load(run.config.dataset, run.stop.is_set)
            self._update(run, dataset=run.data.name, dataset_title=run.data.title)
            for event in self._fit(
                run.config,
                run.data,
                run.runtime,
                should_stop=run.stop.is_set,
                should_publish=self._somebody_reads,
            ):
                self._record(run, event)
            complete = run.snapshot.progress >= run.config.epochs
            self._keep_weights(run)
            self._update(run, state=RunState.DONE if complete else RunState.STOPPED)
        except Cancelled:
            self._update(run, state=RunState.STOPPED)
        except DigitLabError as error:
            self._update(run, state=RunState.FAILED, error=str(error))
        except Exception as error:
            log.exception("Run %s failed", run.snapshot.run_id)
            self._update(
                run,
                state=RunState.FAILED,
                error=f"Training stopped at an unexpected error: {error or type(error).__name__}. "
                "The details are in the window where Digit Lab was started.",
            )
        finally:
            self._notify()

    def _record(self, run: _Run, event: Event) -> None:
        with self._lock:
            if isinstance(event, Checkpoint):
                run.latest = event
                self._last_published = time.monotonic()
                if event.test_probabilities is not None:
                    run.evaluated = event
            else:
                run.events.append(event)
                self._update(run, **_progress_of(event, run.config.epochs))
        self._notify()

    def _keep_weights(self, run: _Run) -> None:
        assert run.latest is not None, "fit yields at least the untrained model"
        run_id, model = run.snapshot.run_id, run.config.model
        try:
            path = self._store.save_weights(run_id, model, run.latest.state_dict)
            self._update(run, weights_file=str(path))
        except OSError as error:
            log.exception("The weights of %s could not be saved", run_id)
            self._update(run, message=f"The weights could not be saved: {error}.")

    def _somebody_reads(self) -> bool:
        now = time.monotonic()
        return now - self._last_read < READ_RECENTLY and now - self._last_published >= PUBLISH_EVERY

    def _current(self) -> _Run | None:
        return next((run for run in self._runs.values() if not run.snapshot.state.finished), None)

    def _find(self, run_id: str | None) -> _Run:
        run_id = run_id or self.latest_run()
        if run_id is None:
            raise UnknownRun("Nothing has been trained yet.")
        if run_id not in self._runs:
            raise UnknownRun(f"There is no run called {run_id}.")
        return self._runs[run_id]

    def _update(self, run: _Run, **changes: Any) -> None:
        with self._lock:
            run.snapshot = replace(run.snapshot, **changes)

    def _notify(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


def _preparing(status: DatasetStatus) -> str:
    if status.progress is None:
        return f"Loading {status.title}"
    return f"{status.message}: {status.progress:.0%}"


def _progress_of(event: Metrics, epochs: int) -> dict[str, Any]:
    """The fields of a snapshot that an event changes."""
    changes: dict[str, Any] = {
        "epoch": event.epoch,
        "progress": event.progress,
        "images_per_second": event.images_per_second,
        "seconds": event.seconds,
        "seconds_left": event.seconds / event.progress * (epochs - event.progress),
    }
    if isinstance(event, BatchMetrics):
        return {**changes, "train_loss": event.loss, "train_accuracy": event.accuracy}
    assert isinstance(event, EpochMetrics)
    return {
        **changes,
        "train_loss": event.train_loss,
        "train_accuracy": event.train_accuracy,
        "test_loss": event.test_loss,
        "test_accuracy": event.test_accuracy,
    }
