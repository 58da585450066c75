"""All runs, in memory and on disk."""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from core.config import TrainConfig
from core.errors import UnknownRunError
from core.records.metrics import Metrics
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase
from core.runs.run import Run
from core.training.state import ResumeState

KEPT_EVENTS = 100_000
"""Events of runs at rest that stay in memory, some 60 MB; those read last stay longest."""

log = logging.getLogger(__name__)


class Runs:
    """All runs, the oldest first, those from before this process among them."""

    def __init__(self, store: RunDatabase, lock: threading.RLock) -> None:
        """
        Args:
            lock: guards all runs.
        """
        self.store, self._lock = store, lock
        self._runs: dict[str, Run] = {}
        self._deleted: dict[str, Run] = {}
        self._last_number = 0
        for snapshot in store.runs():
            self._last_number = max(self._last_number, snapshot.number)
            config = TrainConfig.model_construct(**snapshot.config)
            files = store.epoch_files(snapshot.run_id, config.model)
            run = self._runs[snapshot.run_id] = Run(config, snapshot, files, store)
            if not snapshot.state.at_rest:
                run.recover()
            if run.snapshot.kept and config.dataset == "auto" and not snapshot.brought_in:
                run.fix_dataset(snapshot.dataset)  # the first version stored `auto`

    def new(self, config: TrainConfig, /, **facts: Any) -> Run:
        """A run with an id of its own, queued unless `facts` say otherwise."""
        now = datetime.now().astimezone()
        run_id = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{secrets.token_hex(2)}"
        usual = {
            "state": RunState.QUEUED,
            "config": config.model_dump(),
            "epochs": config.epochs,
            "number": self._next_number(),
            "created": now.isoformat(timespec="seconds"),
        }
        snapshot = RunSnapshot(run_id=run_id, **{**usual, **facts})
        files = self.store.epoch_files(run_id, config.model)
        run = self._runs[run_id] = Run(config, snapshot, files, self.store, _events=[])
        return run

    def forget(self, run: Run) -> None:
        """Takes back a `new` run that came to nothing, with all that it has written."""
        del self._runs[run.run_id]
        if run.snapshot.number == self._last_number:
            self._last_number -= 1
        run.files.remove()

    def _next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    def find(self, run_id: str | None) -> Run:
        """A run, by default the latest.

        Raises:
            UnknownRunError: there is no such run.
        """
        if run_id is None:
            latest = self.latest()
            if latest is None:
                raise UnknownRunError("Nothing has been trained yet.")
            return latest
        if run_id not in self._runs:
            raise UnknownRunError(f"There is no run called {run_id}.")
        return self._runs[run_id]

    @contextmanager
    def loaded_events(self, run_id: str) -> Iterator[Run]:
        """A run whose events are in memory, under the lock.

        Training takes the lock, too: stored events are read before it is taken.

        Raises:
            UnknownRunError: there is no such run.
        """
        with self._lock:
            run = self.find(run_id)
            run.read_at = time.monotonic()
            before = run.snapshot
        while run.in_memory is None:
            found = run.read_events()
            with self._lock:
                # Not if it has changed meanwhile: it may have been trained.
                if run.snapshot is before and run.in_memory is None:
                    run.take_events(*found)
                    self._release_events()
                before = run.snapshot
        with self._lock:
            yield self.find(run_id)

    @contextmanager
    def at_checkpoint(
        self, run_id: str, epoch: int | None
    ) -> Iterator[tuple[Run, ResumeState | None, list[Metrics], int]]:
        """A run, its place at the end of an epoch without the tensors, all events that are stored,
        and how many of them there were then; under the lock. None is the very beginning, which
        need not be kept.

        What is on disk is read before the lock is taken: see `loaded_events`.

        Raises:
            UnknownRunError, UnknownEpochError, DamagedFileError: there is no such place.
        """
        with self._lock:
            run = self.find(run_id)
            before = run.snapshot
        while True:
            place = None if epoch is None else run.resume_state(epoch, tensors=False)
            state, count = place or (None, 0)
            stored = self.store.events(run_id)
            with self._lock:
                run, now = self.find(run_id), run.snapshot
                # What a run that trains has stored meanwhile comes after that place.
                trains_on = not now.state.at_rest and now.revision == before.revision
                if now is before or trains_on:
                    yield run, state, stored, count
                    return
                before = now

    def _release_events(self) -> None:
        """Keeps those of the runs that were read last."""
        room = KEPT_EVENTS
        newest_first = sorted(self._runs.values(), key=lambda run: run.read_at, reverse=True)
        for place, run in enumerate(newest_first):
            room -= run.in_memory or 0
            if room < 0 and place:
                run.release_events()

    def latest(self) -> Run | None:
        """The one that trains, or else the newest."""
        newest = None
        for run in self._runs.values():
            if run.snapshot.state in (RunState.RUNNING, RunState.STOPPING):
                return run
            newest = run
        return newest

    def delete(self, run: Run) -> None:
        self.store.set_deleted(run.run_id, True)
        self._deleted[run.run_id] = self._runs.pop(run.run_id)
        run.release_events()

    def restore(self, run_id: str) -> Run:
        """
        Raises:
            UnknownRunError: no run of that id was deleted since the start.
        """
        if run_id not in self._deleted:
            raise UnknownRunError(
                f"There is no deleted run called {run_id} that could be brought back."
            )
        self.store.set_deleted(run_id, False)
        self._runs[run_id] = self._deleted.pop(run_id)
        # By number: ids of one millisecond are in no order.
        self._runs = dict(sorted(self._runs.items(), key=lambda item: item[1].snapshot.number))
        return self._runs[run_id]
