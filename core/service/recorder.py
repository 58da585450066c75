"""Records what training yields: in memory, on disk, and for listeners."""

import logging
from collections.abc import Callable
from typing import Any

from core.errors import StorageError
from core.records.preview import PreviewFrame
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.notifier import ChangeNotifier
from core.training.loop import Event
from core.training.state import Checkpoint

log = logging.getLogger(__name__)


class Recorder:
    """Records events. A full disk never ends a run: it trains on and shows a message."""

    def __init__(self, runs: Runs, notifier: ChangeNotifier) -> None:
        self._lock, self._notifier = runs.lock, notifier

    def record(self, run: Run, event: Event) -> None:
        """Adds an event to a run, writes it when due, and notifies."""
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
            if _can_be_saved(event):
                self._try_write(run, lambda: self._save_checkpoint(run, event))
        elif run.is_write_due:
            self._try_write(run, run.write_events)
        self._notifier.notify()

    def save(self, run: Run) -> None:
        """Writes a run's snapshot if possible."""
        self._try_write(run, run.save)

    def finish(self, run: Run, **changes: Any) -> None:
        """Records the end of a run's training and frees memory. Call it with the lock held."""
        run.update(**changes)
        latest = run.latest
        if latest is not None and not run.is_saved and _can_be_saved(latest):
            # The disk may have space again.
            self._try_write(run, lambda: self._save_checkpoint(run, latest))
        self._try_write(run, run.write_events)
        self._try_write(run, run.previews.save)
        self._try_write(run, run.save)
        if run.is_saved:
            run.latest = run.evaluated = None
        if run.events is not None and run.written == len(run.events):
            run.events = None

    def _save_checkpoint(self, run: Run, checkpoint: Checkpoint) -> None:
        run.write_events()
        run.files.save(checkpoint, run.written, run.snapshot.to_json())
        run.files.prune(run.config.epochs)
        with self._lock:
            run.is_saved = True
            run.update(kept=tuple(run.files.epochs()))
            run.save()

    def _try_write(self, run: Run, write: Callable[[], None]) -> None:
        try:
            write()
        except StorageError as error:
            log.exception("Run %s could not be written", run.run_id)
            with self._lock:
                run.update(message=str(error))


def _can_be_saved(checkpoint: Checkpoint) -> bool:
    """Weights that were published within an epoch cannot be resumed from and are not saved."""
    return checkpoint.resume is not None or checkpoint.progress == 0
