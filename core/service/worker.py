"""The queue of runs and the background thread that trains them, one after the other.

It writes what a run yields to the run's files as it comes. It does not know why a run was queued or
stopped; `core.service.run_manager` does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.errors import (
    CancelledError,
    DamagedFileError,
    DigitLabError,
    StorageError,
    WrongStateError,
)
from core.records.runs import RunState
from core.runs import finetuning_data
from core.runs.run import Run
from core.training.loop import Event
from core.training.state import Checkpoint, ResumeState

PUBLISH_EVERY = 0.5
"""Seconds between two copies of the weights for somebody who draws."""
MOST_WAITING = 100

log = logging.getLogger(__name__)

Fit = Callable[..., Iterator[Event]]


class TrainingWorker:
    """Trains what is queued. Its public methods are called under the lock that it is given."""

    def __init__(
        self,
        catalog: DataCatalog,
        fit: Fit,
        lock: threading.RLock,
        notify: Callable[[], None],
        somebody_reads: Callable[[], bool],
    ) -> None:
        """
        Args:
            notify: called without the lock whenever anything changed.
            somebody_reads: whether weights between two evaluations are of use to anybody.
        """
        self.active: Run | None = None
        self.waiting: list[Run] = []
        self._catalog, self._fit = catalog, fit
        self._lock, self._notify = lock, notify
        self._somebody_reads = somebody_reads
        self._last_published = float("-inf")
        self._thread: threading.Thread | None = None
        self._closed = False

    def check_room(self, wanted: int) -> None:
        """
        Raises:
            WrongStateError: so many more runs cannot wait.
        """
        if self._closed:
            raise WrongStateError("Digit Lab is shutting down.")
        if len(self.waiting) + wanted > MOST_WAITING:
            raise WrongStateError(
                f"{len(self.waiting)} runs are waiting. Let some of them end first."
            )

    def holds(self, run: Run) -> bool:
        """Whether the run trains or waits."""
        return run is self.active or run in self.waiting

    def place_of(self, run: Run) -> int | None:
        """Its place among those that wait, from 1."""
        return self.waiting.index(run) + 1 if run in self.waiting else None

    def enqueue(self, *runs: Run) -> None:
        """Trains runs, written as queued, when their turn comes."""
        for run in runs:
            run.stop.clear()
            self.waiting.append(run)
        self._launch()

    def dequeue(self, run: Run, state: RunState) -> None:
        """Takes a run that waits out of the queue.

        Raises:
            StorageError: that cannot be written; the run still waits.
        """
        run.change(state=state)
        self.waiting.remove(run)

    def drop(self, run: Run) -> None:
        """Takes a run that was deleted out of the queue, if it waits there."""
        if run in self.waiting:
            self.waiting.remove(run)
            run.update(state=RunState.STOPPED)
            self._write(run, run.save)

    def request_stop(self, run: Run, ends_as: RunState) -> None:
        """Ends the run that trains after its current batch."""
        run.ends_as = ends_as
        run.stop.set()
        run.update(state=RunState.STOPPING)

    def close(self) -> threading.Thread | None:
        """Takes nothing more up, and winds up what trains; its thread is to be joined."""
        self._closed = True
        for run in self.waiting:
            run.update(state=RunState.INTERRUPTED)
            self._write(run, run.save)
        self.waiting.clear()
        if self.active is not None and not self.active.stop.is_set():
            self.request_stop(self.active, RunState.INTERRUPTED)
        return self._thread

    def _launch(self) -> None:
        """Starts the first in the queue if nothing trains."""
        if self.active is not None or not self.waiting or self._closed:
            return
        run = self.waiting[0]
        name = f"train-{run.run_id}"
        thread = threading.Thread(target=self._work, args=(run,), name=name, daemon=True)
        thread.start()  # if that fails, the run still waits; until we are done, it waits for us
        self.active, self._thread = self.waiting.pop(0), thread
        run.update(state=RunState.RUNNING)
        self._write(run, run.save)

    def _work(self, run: Run) -> None:
        """The thread: one run from its data to its end, whatever happens; then the next."""
        changes: dict[str, Any]
        try:
            changes = self._train(run)
        except CancelledError:
            changes = {"state": run.ends_as}
        except DigitLabError as error:
            changes = {"state": RunState.FAILED, "error": str(error)}
        except Exception as error:
            log.exception("Run %s failed", run.run_id)
            changes = {
                "state": RunState.FAILED,
                "error": "Training stopped at an unexpected error: "
                f"{error or type(error).__name__}. "
                "The details are in the window where Digit Lab was started.",
            }
        with self._lock:
            try:
                self._end(run, changes)
            finally:
                self.active = None
                self._launch()
        self._notify()

    def _end(self, run: Run, changes: dict[str, Any]) -> None:
        run.update(**changes)
        run.new_rate = None
        latest = run.latest
        if latest is not None and not run.safe and _can_be_kept(latest):
            self._write(run, lambda: self._keep(run, latest))  # there may be space by now
        self._write(run, run.write_events)
        self._write(run, run.save)
        if run.safe:  # from now on its networks are read from disk
            run.latest = run.evaluated = None
        run.release_events()

    def _train(self, run: Run) -> dict[str, Any]:
        """Trains, and returns how the run ended."""
        data = run.data = self._catalog.load(run.config.dataset, run.stop.is_set)
        with self._lock:
            run.fix_dataset(data.name)
        config = run.config
        lesson = finetuning_data.read(run.snapshot, run.files.folder)
        if lesson is not None:
            config, data = finetuning_data.data_for(lesson, config, data)
        runtime = choose_runtime(run.snapshot.precision)  # what `auto` stood for when it began
        with self._lock:
            run.update(dataset_title=data.title, **runtime.to_dict())
        resume = self._take_up(run)
        self._write(run, run.save)
        for event in self._fit(
            config,
            data,
            runtime,
            should_stop=run.stop.is_set,
            should_publish=self._should_publish,
            new_learning_rate=lambda: self._new_rate(run),
            resume=resume,
        ):
            self._record(run, event)
        self._write(run, run.export)
        return {"state": RunState.DONE if run.complete else run.ends_as}

    def _take_up(self, run: Run) -> ResumeState | None:
        """Where the run goes on; what was told after that place is taken back."""
        # Read without the lock: nobody else changes the files of a run that trains.
        place = run.snapshot.place_epoch
        state, count = run.resume_state(place)
        stored, problem = run.read_events()
        with self._lock:
            if run.in_memory is None:
                run.take_events(stored, problem)
            if count != len(run.events):
                if problem:
                    raise DamagedFileError(problem)
                run.rewind_to(stored, count, place)
            run.discard_rewound()
        return state

    def _record(self, run: Run, event: Event) -> None:
        with self._lock:
            if isinstance(event, Checkpoint):
                run.latest, run.safe = event, False
                self._last_published = time.monotonic()
                if event.test_probabilities is not None:
                    run.evaluated = event
            else:
                run.append_event(event)
        if isinstance(event, Checkpoint):
            if _can_be_kept(event):
                self._write(run, lambda: self._keep(run, event))
        elif run.events_are_due():
            self._write(run, run.write_events)
        self._notify()

    def _keep(self, run: Run, checkpoint: Checkpoint) -> None:
        """Writes an epoch's end or a stop: from here the run can go on, even after a kill."""
        run.write_events()
        run.files.save(checkpoint, len(run.events), run.snapshot.to_json())
        run.files.prune(run.config.epochs)
        with self._lock:
            run.safe = True
            run.update(kept=tuple(run.files.epochs()))
            run.save()

    def _write(self, run: Run, write: Callable[[], None]) -> None:
        """A full disk spoils no run: it trains on, and says so."""
        try:
            write()
        except StorageError as error:
            log.exception("Run %s could not be written", run.run_id)
            with self._lock:
                run.update(message=str(error))

    def _new_rate(self, run: Run) -> float | None:
        if run.new_rate is None:  # asked before each batch: without the lock
            return None
        with self._lock:
            wanted, run.new_rate = run.new_rate, None
            return wanted

    def _should_publish(self) -> bool:
        due = time.monotonic() - self._last_published >= PUBLISH_EVERY
        return due and self._somebody_reads()


def _can_be_kept(checkpoint: Checkpoint) -> bool:
    """Whether a run can go on from it. Weights that are published in mid-epoch are not kept."""
    return checkpoint.resume is not None or checkpoint.progress == 0
