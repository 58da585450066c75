"""The queue of runs and the thread that trains them, one after the other."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.errors import (
    CancelledError,
    DamagedFileError,
    DigitLabError,
    StorageError,
    WrongStateError,
)
from core.records.preview import PreviewFrame
from core.records.runs import RunState
from core.runs import finetuning_data
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.notifier import ChangeNotifier
from core.training.control import WATCH_SECONDS, TrainingControl
from core.training.loop import Event
from core.training.state import Checkpoint, ResumeState

MAX_QUEUED = 100

log = logging.getLogger(__name__)

Fit = Callable[..., Iterator[Event]]
"""`core.training.loop.fit` or a replacement: called with a configuration, a data set, a runtime, a
`TrainingControl` and a `ResumeState` or None. No other part of training is known to the worker."""


class TrainingWorker:
    """Trains queued runs and records what that yields. Safe to use from several threads.

    A full disk never ends a run: it trains on and shows a message.

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
        self._thread: threading.Thread | None = None
        self._closed = False
        self._watched_at = float("-inf")

    def check_room(self, count: int) -> None:
        """Raises WrongStateError if the queue has no room for `count` more runs."""
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
            is_training = self._thread is not None and self._thread.is_alive()
            return not self._closed and (is_training if self.active else not self.queue)

    @property
    def is_idle(self) -> bool:
        """Whether no run trains or waits."""
        return self.active is None and not self.queue

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

    def end(self, run: Run, state: RunState) -> bool:
        """Ends a run that waits, or one that trains after its current batch, in `state`.

        Returns whether the run does either.

        Raises:
            StorageError: that cannot be written; the run still waits.
        """
        with self._lock:
            if run in self.queue:
                run.save(state=state)
                self.queue.remove(run)
            elif run is self.active:
                run.stopped_as = state
                run.control.stop()
                run.update(state=RunState.STOPPING)
            else:
                return False
            return True

    def drop(self, run: Run) -> None:
        """Removes a deleted run from the queue if it waits there."""
        with self._lock:
            if run in self.queue:
                self.queue.remove(run)
                self._save(run, state=RunState.STOPPED)

    def close(self, timeout: float) -> None:
        """Stops training and waits for its thread; waiting runs become interrupted ones."""
        with self._lock:
            self._closed = True
            for run in self.queue:
                self._save(run, state=RunState.INTERRUPTED)
            self.queue.clear()
            if self.active is not None and not self.active.control.should_stop():
                self.end(self.active, RunState.INTERRUPTED)
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
        self._save(run, state=RunState.RUNNING)
        log.info("Run %s has started.", run.run_id)

    def _run(self, run: Run) -> None:
        """The thread: trains one run, records how it ended, and starts the next."""
        state, error = RunState.FAILED, None
        try:
            self._train(run)
            state = RunState.DONE if run.is_complete(run.events) else run.stopped_as
        except CancelledError:
            state = run.stopped_as
        except DigitLabError as failure:
            error = str(failure)
        except Exception as failure:
            log.exception("Run %s failed", run.run_id)
            error = (
                "Training stopped at an unexpected error: "
                f"{failure or type(failure).__name__}. "
                "The details are in the window where Digit Lab was started."
            )
        log.info("Run %s has ended: %s", run.run_id, error or state.value)
        with self._lock:
            try:
                run.update(state=state, error=error)
                self._finish(run)
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
        self._save(run)
        for event in self._fit(config, data, runtime, run.control, resume):
            self._record(run, event)
            self._notifier.notify()

    def _load_state(self, run: Run) -> ResumeState | None:
        """The state to resume from; discards events that came after it."""
        # Read without the lock: nobody else changes the files of a run that trains.
        epoch = run.snapshot.place_epoch
        state, count = run.resume_state(epoch)
        stored = run.database.events(run.run_id)
        checkpoint = None
        if state is not None:
            with suppress(DamagedFileError):  # its weights are not needed to resume
                checkpoint = run.files.checkpoint(epoch)
        with self._lock:
            if count != len(run.shown_events(stored)):
                run.rewind_to(stored, count, epoch)
            run.written = len(stored)
            run.discard_rewound(count)
            run.events = stored[:count]
            run.previews.resume(state.position.step if state else 0)
            if checkpoint is not None:
                run.latest = run.evaluated = checkpoint
                run.is_saved = True
        return state

    def _record(self, run: Run, event: Event) -> None:
        """Adds an event to a run, and writes it when due."""
        with self._lock:
            if isinstance(event, Checkpoint):
                run.latest, run.is_saved = event, False
                if event.test_probabilities is not None:
                    run.evaluated = event
            elif isinstance(event, PreviewFrame):
                run.previews.append(event)
            else:
                run.append_event(event)
        if isinstance(event, Checkpoint):
            self._save_checkpoint(run, event)
        elif run.is_write_due:
            self._try_write(run, run.write_events)

    def _finish(self, run: Run) -> None:
        """Writes what is not written yet, and frees memory."""
        if run.latest is not None and not run.is_saved:
            self._save_checkpoint(run, run.latest)  # the disk may have space again
        for write in (run.write_events, run.previews.save, run.save):
            self._try_write(run, write)
        if run.is_saved:
            run.latest = run.evaluated = None
        if run.events is not None and run.written == len(run.events):
            run.events = None

    def _save_checkpoint(self, run: Run, checkpoint: Checkpoint) -> None:
        if checkpoint.resume is None and checkpoint.progress > 0:
            return  # weights that were published within an epoch cannot be resumed from

        def write() -> None:
            run.write_events()
            run.files.save(checkpoint, run.written, run.snapshot.to_json())
            run.files.prune(run.snapshot.epochs)
            stopped_at = run.files.progress_within_epoch()
            with self._lock:
                run.is_saved, run.stopped_at = True, stopped_at
                run.update(kept=tuple(run.files.epochs()))
                run.save()

        self._try_write(run, write)

    def _save(self, run: Run, **changes: RunState) -> None:
        """Changes a run, and writes it if possible."""
        with self._lock:
            run.update(**changes)
            self._try_write(run, run.save)

    def _try_write(self, run: Run, write: Callable[[], None]) -> None:
        try:
            write()
        except StorageError as error:
            log.exception("Run %s could not be written", run.run_id)
            with self._lock:
                run.update(message=str(error))
