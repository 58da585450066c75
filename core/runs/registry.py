"""All runs, in memory and on disk."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from cachetools import LRUCache

from core.config import TrainConfig
from core.errors import DamagedFileError, UnknownRunError, WrongStateError
from core.records.metrics import Metrics
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase
from core.runs.run import Run
from core.training.state import ResumeState

MAX_EVENTS_IN_MEMORY = 100_000
"""Of runs that do not train: about 60 MB. Those read last stay in memory."""


class Runs:
    """All runs that are not deleted, the oldest first.

    Methods raise UnknownRunError if there is no run of an id.

    Attributes:
        lock: guards the runs. Training takes it for each event, so nobody may hold it while
            reading from disk.
    """

    def __init__(self, database: RunDatabase) -> None:
        self.database = database
        self.lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._deleted: set[str] = set()
        self._events: LRUCache[tuple[str, int, int], list[Metrics]] = LRUCache(
            MAX_EVENTS_IN_MEMORY, getsizeof=len
        )
        for snapshot in database.runs():
            run = self._runs[snapshot.run_id] = Run(snapshot, database)
            if not snapshot.state.at_rest:
                run.recover(self.events(snapshot.run_id)[1])
            if run.snapshot.kept and run.config.dataset == "auto" and not snapshot.brought_in:
                run.fix_dataset(snapshot.dataset)  # the first version stored `auto`

    def __iter__(self) -> Iterator[Run]:
        with self.lock:
            return iter([run for run_id, run in self._runs.items() if run_id not in self._deleted])

    def new(self, config: TrainConfig, /, **fields: Any) -> Run:
        """Creates a queued run with a new id. `fields` are those of its snapshot."""
        now = datetime.now().astimezone()
        run_id = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03d}-{secrets.token_hex(2)}"
        with self.lock:
            numbers = [run.snapshot.number for run in self._runs.values()]
            defaults = {
                "state": RunState.QUEUED,
                "config": config.model_dump(),
                "epochs": config.epochs,
                "number": max(numbers, default=0) + 1,
                "created": now.isoformat(timespec="seconds"),
            }
            snapshot = RunSnapshot(run_id=run_id, **{**defaults, **fields})
            run = self._runs[run_id] = Run(snapshot, self.database)
            return run

    def discard(self, run: Run) -> None:
        """Removes a `new` run that could not be started, with everything that it has written."""
        with self.lock:
            del self._runs[run.run_id]
            run.files.remove()

    def find(self, run_id: str | None) -> Run:
        """The run of that id, by default the latest."""
        with self.lock:
            run = self.latest() if run_id is None else self._runs.get(run_id)
            if run is None or run_id in self._deleted:
                named = f"There is no run called {run_id}."
                raise UnknownRunError("Nothing has been trained yet." if run_id is None else named)
            return run

    def find_trained(self, run_id: str | None, action: str) -> Run:
        """Like `find`. Raises WrongStateError if the run was imported and so cannot be `action`."""
        run = self.find(run_id)
        if run.snapshot.brought_in:
            raise WrongStateError(
                f"{run.snapshot.title} cannot be {action}: it came in a file, and how it was "
                "trained is not known."
            )
        return run

    def latest(self) -> Run | None:
        """The run that trains, or else the newest."""
        runs = list(self)
        training = (RunState.RUNNING, RunState.STOPPING)
        trains = [run for run in runs if run.snapshot.state in training]
        return next(reversed(trains or runs), None)

    def events(self, run_id: str) -> tuple[RunSnapshot, list[Metrics]]:
        """A run and its events, which may be newer. Do not change the list.

        If they cannot be read, there are none, and the run's message says why.
        """
        with self.lock:
            run = self.find(run_id)
            before = run.snapshot
            if run.events is not None:
                return before, run.events.copy()
            key = (run_id, before.revision, run.written)
            if key in self._events:
                return before, self._events[key]
        stored: list[Metrics] = []
        problem = ""
        try:
            stored = self.database.events(run_id)
        except DamagedFileError as error:
            problem = str(error)
        with self.lock:
            events = run.shown_events(stored).copy()
            if run.snapshot is before:  # else it may have been trained meanwhile, or rewound
                with suppress(ValueError):  # too many
                    self._events[key] = events
                run.add_test_accuracies(events)
                if problem:
                    run.update(message=problem)
        return before, events

    @contextmanager
    def at_checkpoint(
        self, run_id: str, epoch: int | None
    ) -> Iterator[tuple[Run, ResumeState | None, list[Metrics], int]]:
        """Yields, while holding the lock, a run, its state after an epoch (without tensors), all
        stored events, and the number of events at that epoch. None is the start of the run.

        Raises UnknownEpochError or DamagedFileError if there is no such checkpoint.
        """
        while True:
            run = self.find(run_id)
            before = run.snapshot
            state, count = (None, 0) if epoch is None else run.resume_state(epoch, tensors=False)
            stored = self.database.events(run_id)
            with self.lock:
                now = self.find(run_id).snapshot
                # Events that training stores meanwhile come after the checkpoint.
                is_training = not now.state.at_rest and now.revision == before.revision
                if now is before or is_training:
                    yield run, state, stored, count
                    return

    def delete(self, run: Run) -> None:
        """Deletes a run; `restore` works until the next start. Raises StorageError."""
        with self.lock:
            self.database.set_deleted(run.run_id, True)
            self._deleted.add(run.run_id)

    def restore(self, run_id: str) -> Run:
        """Restores a run that was deleted since the start. Raises StorageError."""
        with self.lock:
            if run_id not in self._deleted:
                raise UnknownRunError(
                    f"There is no deleted run called {run_id} that could be brought back."
                )
            self.database.set_deleted(run_id, False)
            self._deleted.remove(run_id)
            return self._runs[run_id]
