"""The queue of runs and the thread that trains them, one after the other."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.errors import CancelledError, DamagedFileError, DigitLabError, WrongStateError
from core.records.runs import RunState
from core.runs import finetuning_data
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.notifier import ChangeNotifier
from core.service.recorder import Recorder
from core.training.control import WATCH_SECONDS, TrainingControl
from core.training.loop import Event
from core.training.state import ResumeState

MAX_QUEUED = 100

log = logging.getLogger(__name__)

Fit = Callable[..., Iterator[Event]]
"""`core.training.loop.fit` or a replacement: called with a configuration, a data set, a runtime, a
`TrainingControl` and a `ResumeState` or None. No other part of training is known to the worker."""


class TrainingWorker:
    """Trains queued runs. Safe to use from several threads.

    Attributes:
        active: the run that trains.
        queue: the runs that wait.
    """

    def __init__(
        self, runs: Runs, catalog: DataCatalog, notifier: ChangeNotifier, fit: Fit
    ) -> None:
        self.active: Run | None = None
        self.queue: list[Run] = []
        self._lock = runs.lock
        self._catalog, self._notifier, self._fit = catalog, notifier, fit
        self._recorder = Recorder(runs, notifier)
        self._thread: threading.Thread | None = None
        self._closed = False
        self._watched_at = float("-inf")

    def check_room(self, count: int) -> None:
        """
        Raises:
            WrongStateError: the queue has no room for `count` more runs.
        """
        if self._closed:
            raise WrongStateError("Digit Lab is shutting down.")
        if len(self.queue) + count > MAX_QUEUED:
            raise WrongStateError(
                f"The queue is full: at most {MAX_QUEUED} runs can wait. Let some of them end "
                "first, or stop them."
            )

    def has(self, run: Run) -> bool:
        """Whether the run trains or waits."""
        return run is self.active or run in self.queue

    @property
    def is_alive(self) -> bool:
        """Whether the thread trains what is to be trained."""
        with self._lock:
            if self._closed:
                return False
            if self.active is None:
                return not self.queue
            return self._thread is not None and self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether no run trains or waits."""
        return self.active is None and not self.queue

    def queue_position(self, run: Run) -> int | None:
        """The run's position among those that wait, from 1."""
        with self._lock:
            return self.queue.index(run) + 1 if run in self.queue else None

    def enqueue(self, *runs: Run) -> None:
        """Trains runs, saved as queued, when their turn comes."""
        with self._lock:
            for run in runs:
                # No batch has used a rate yet that was set while the data set was loaded.
                run.control = TrainingControl(run.control.new_learning_rate())
                self.queue.append(run)
            self._start_next()

    def watch(self) -> None:
        """Asks for previews of the run that trains, or of the next one, during the next seconds."""
        self._watched_at = time.monotonic()
        if run := self.active:
            run.control.watch()

    def dequeue(self, run: Run, state: RunState) -> None:
        """Removes a waiting run from the queue.

        Raises:
            StorageError: that cannot be written; the run still waits.
        """
        with self._lock:
            run.change(state=state)
            self.queue.remove(run)

    def drop(self, run: Run) -> None:
        """Removes a deleted run from the queue if it waits there."""
        with self._lock:
            if run in self.queue:
                self.queue.remove(run)
                run.update(state=RunState.STOPPED)
                self._recorder.save(run)

    def request_stop(self, run: Run, state: RunState) -> None:
        """Ends the run that trains after its current batch; it is then in `state`."""
        with self._lock:
            run.stopped_as = state
            run.control.stop()
            run.update(state=RunState.STOPPING)

    def close(self, timeout: float) -> None:
        """Stops training and waits for its thread; waiting runs become interrupted ones."""
        with self._lock:
            self._closed = True
            for run in self.queue:
                run.update(state=RunState.INTERRUPTED)
                self._recorder.save(run)
            self.queue.clear()
            if self.active is not None and not self.active.control.should_stop():
                self.request_stop(self.active, RunState.INTERRUPTED)
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _start_next(self) -> None:
        if self.active is not None or not self.queue or self._closed:
            return
        run = self.queue[0]
        if time.monotonic() - self._watched_at < WATCH_SECONDS:
            run.control.watch()  # in time for its first frames
        thread = threading.Thread(
            target=self._run, args=(run,), name=f"train-{run.run_id}", daemon=True
        )
        thread.start()  # if this fails, the run stays in the queue
        self.active, self._thread = self.queue.pop(0), thread
        run.update(state=RunState.RUNNING)
        self._recorder.save(run)
        log.info("Run %s has started.", run.run_id)

    def _run(self, run: Run) -> None:
        """The thread: trains one run, records how it ended, and starts the next."""
        changes: dict[str, Any]
        try:
            self._train(run)
            changes = {"state": RunState.DONE if run.is_complete(run.events) else run.stopped_as}
        except CancelledError:
            changes = {"state": run.stopped_as}
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
        end = changes.get("error", changes["state"].value)
        log.info("Run %s has ended: %s", run.run_id, end)
        with self._lock:
            try:
                self._recorder.finish(run, **changes)
            finally:
                self.active = None
                self._start_next()
        self._notifier.notify()

    def _train(self, run: Run) -> None:
        data = run.data = self._catalog.load(run.config.dataset, run.control.should_stop)
        with self._lock:
            run.fix_dataset(data.name)
        config = run.config
        drawings = finetuning_data.load(run.snapshot, run.files.folder)
        if drawings is not None:
            config, data = finetuning_data.training_data(drawings, config, data)
        runtime = choose_runtime(run.snapshot.precision)  # as when the run started
        with self._lock:
            run.update(dataset_title=data.title, **runtime.to_dict())
        resume = self._load_state(run)
        self._recorder.save(run)
        for event in self._fit(config, data, runtime, run.control, resume):
            self._recorder.record(run, event)

    def _load_state(self, run: Run) -> ResumeState | None:
        """The state to resume from; discards events that came after it."""
        # Read without the lock: nobody else changes the files of a run that trains.
        epoch = run.snapshot.place_epoch
        state, count = run.resume_state(epoch)
        stored = run.database.events(run.run_id)
        with self._lock:
            if count != len(run.shown_events(stored)):
                run.rewind_to(stored, count, epoch)
            run.written = len(stored)
            run.discard_rewound(count)
            run.events = stored[:count]
            run.previews.resume(state.position.step if state else 0)
            if state is not None:
                with suppress(DamagedFileError):  # its weights are not needed to resume
                    run.latest = run.evaluated = run.files.checkpoint()
                    run.is_saved = True
        return state
