"""One run: its snapshot, its events and its files."""

import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import Any

from core.config import TrainConfig
from core.data.dataset import Dataset
from core.errors import DamagedFileError, StorageError, WrongStateError
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics
from core.records.runs import RunSnapshot, RunState
from core.runs.checkpoints import CheckpointFiles
from core.runs.database import RunDatabase
from core.training.state import Checkpoint, ResumeState

SAVE_EVERY = 1.0
"""Seconds between two writings of events: what a kill in mid-epoch may take from the curves."""


@dataclass(eq=False)
class Run:
    """A run and where its parts are."""

    config: TrainConfig
    snapshot: RunSnapshot
    files: CheckpointFiles
    store: RunDatabase
    stop: threading.Event = field(default_factory=threading.Event)
    ends_as: RunState = RunState.STOPPED
    """What a stop was meant as."""
    new_rate: float | None = None
    """A learning rate that somebody wishes for, until training takes it."""
    safe: bool = False
    """Whether the newest weights are on disk."""
    data: Dataset | None = None
    latest: Checkpoint | None = None
    """The newest weights while the run trains; afterwards only if they could not be written."""
    evaluated: Checkpoint | None = None
    read_at: float = float("-inf")
    """When somebody last asked for its events."""
    _events: list[Metrics] | None = None
    _written: int = 0
    _written_at: float = float("-inf")

    @property
    def run_id(self) -> str:
        return self.snapshot.run_id

    @property
    def events(self) -> list[Metrics]:
        """All events so far. Those of a stored run are read from disk: see `Runs.with_events`."""
        if self._events is None:
            return self.take_events(*self.read_events())
        return self._events

    @property
    def complete(self) -> bool:
        """Whether its last epoch has been trained and evaluated."""
        last = self.events[-1] if self.events else None
        return isinstance(last, EpochMetrics) and last.progress >= self.config.epochs

    @property
    def in_memory(self) -> int | None:
        """How many of its events are in memory; None if they would have to be read."""
        return None if self._events is None else len(self._events)

    def read_events(self) -> tuple[list[Metrics], str]:
        """Reads its events; if they cannot be read, none, and a sentence that says so."""
        try:
            return self.store.events(self.run_id), ""
        except DamagedFileError as error:
            return [], str(error)

    def take_events(self, stored: list[Metrics], problem: str) -> list[Metrics]:
        """Keeps in memory what `read_events` gave: all events so far, of a rewound run only those
        until its place."""
        if problem:
            self.update(message=problem)
        self._written = len(stored)
        place = self.snapshot.place_epoch
        self._events = [event for event in stored if place is None or event.epoch <= place]
        return self._events

    def release_events(self) -> None:
        """Gives back the memory of events that can be read again."""
        at_rest, told = self.snapshot.state.at_rest, self.in_memory
        if at_rest and told is not None and self._written >= told:
            self._events = None

    def resume_state(
        self, epoch: int | None, tensors: bool = True
    ) -> tuple[ResumeState | None, int]:
        """As that of its files. A learning rate that was set in the run which this one was forked
        from is not this one's: its own settings hold.

        Raises:
            UnknownEpochError, DamagedFileError: there is no such place.
        """
        state, events = self.files.resume_state(epoch, tensors)
        if state is not None:
            place = state.place
            if place.batch == 0 and place.epoch - 1 <= (self.snapshot.parent_epoch or 0):
                state = replace(state, place=replace(place, learning_rate=None))
        return state, events

    def state_error(self, what: str, advice: str) -> WrongStateError:
        """The refusal of what its state does not allow, with what to do instead."""
        return WrongStateError(
            f"{self.snapshot.title} cannot be {what}: it is {self.snapshot.state.value}. {advice}"
        )

    def update(self, **changes: Any) -> None:
        self.snapshot = replace(self.snapshot, **changes)

    def fix_dataset(self, name: str) -> None:
        """Puts the data set that the run trains on in the place of `auto`, for all its life."""
        self.config = self.config.model_copy(update={"dataset": name})
        self.update(dataset=name, config={**self.snapshot.config, "dataset": name})

    def save(self) -> None:
        """Writes the snapshot.

        Raises:
            StorageError: it cannot be written.
        """
        self._save(self.snapshot)

    def change(self, **changes: Any) -> None:
        """Changes the snapshot and writes it, or does neither.

        Raises:
            StorageError: it cannot be written.
        """
        changed = replace(self.snapshot, **changes)
        self._save(changed)
        self.snapshot = changed

    def _save(self, snapshot: RunSnapshot) -> None:
        if snapshot.state is RunState.DONE and self.latest is not None and not self.safe:
            # Its last network is in memory only: after a restart, the run has to go on.
            snapshot = replace(snapshot, state=RunState.INTERRUPTED)
        self.store.save(snapshot)

    def append_event(self, event: Metrics) -> None:
        """Adds an event."""
        self.events.append(event)
        self.update(**_progress_of(event), seconds_left=self._seconds_left(event))
        if isinstance(event, EpochMetrics):
            best = max(event.test_accuracy, self.snapshot.best_test_accuracy or 0.0)
            self.update(best_test_accuracy=best)

    def _seconds_left(self, event: Metrics) -> float | None:
        """At the speed of its own epochs: those that a fork shares may have been slower."""
        shared = float(self.snapshot.parent_epoch or 0)
        own = event.progress - shared
        if own <= 0:
            return None
        first = bisect_right(self.events, shared, key=lambda event: event.progress)
        before = self.events[first - 1].seconds if first else 0.0
        return (event.seconds - before) / own * (self.config.epochs - event.progress)

    def events_are_due(self) -> bool:
        return time.monotonic() - self._written_at >= SAVE_EVERY

    def write_events(self) -> None:
        events = self.events
        if self._written < len(events):
            self.store.append(self.run_id, self._written, events[self._written :])
        self._written, self._written_at = len(events), time.monotonic()

    def export(self) -> None:
        """Writes the newest weights as the notebook does.

        Raises:
            UnknownEpochError, DamagedFileError: there are none.
            StorageError: they cannot be written.
        """
        newest = self.latest or self.files.checkpoint()
        path = self.store.save_weights(self.run_id, self.config.model, newest.state_dict)
        self.update(weights_file=path.name)

    def recover(self) -> None:
        """Finds out, from what is on disk, how a run stands that the end of the process ended."""
        self.update(state=RunState.INTERRUPTED, kept=tuple(self.files.epochs()))
        if self.events:
            self.update(**{**self._figures(self.events), "message": self.snapshot.message})
        try:
            if self.complete and self.config.epochs in self.snapshot.kept:
                self.update(state=RunState.DONE)
                self.export()
            self.save()
        except (StorageError, DamagedFileError) as error:
            self.update(message=str(error))

    def share(self, events: list[Metrics], files: CheckpointFiles, epoch: int) -> None:
        """Makes another run's course until the end of an epoch this new run's own.

        Raises:
            StorageError: it cannot be written.
        """
        self.files.link_from(files, epoch)
        self._events = list(events)
        self.write_events()
        self.update(kept=tuple(self.files.epochs()), **self._figures(events))

    def rewind_to(
        self, stored: list[Metrics], count: int, epoch: int | None, **changes: Any
    ) -> None:
        """Tells only the first `count` of its `stored` events from now on; the others stay stored
        until the run goes on. `epoch` is the place to note, None for the newest.

        Raises:
            StorageError: the place cannot be written.
        """
        figures = self._figures(stored[:count])
        revision = self.snapshot.revision + 1
        self.change(revision=revision, place_epoch=epoch, **figures, **changes)
        self._events, self._written = stored[:count], len(stored)

    def discard_rewound(self) -> None:
        """Forgets what `rewind_to` left untold: the run goes on from here.

        Raises:
            StorageError: it cannot be forgotten.
        """
        place = self.snapshot.place_epoch
        if place is not None:
            # Until now the later epochs could be looked at: whoever remembers them must forget.
            self.update(revision=self.snapshot.revision + 1)
            try:
                self.files.discard_after(place)
            finally:
                self.update(kept=tuple(self.files.epochs()))
        # After the files: an epoch that is kept has its events, whenever this is cut short.
        events = self.events
        if self._written > len(events):
            self.store.append(self.run_id, len(events), [])
        self._written = len(events)
        if place is not None and place < (self.snapshot.parent_epoch or 0):
            # From there on it is no longer shared.
            self.update(parent_epoch=place, earlier=self.snapshot.segments(place))
        self.update(place_epoch=None)

    def _figures(self, events: list[Metrics]) -> dict[str, Any]:
        """The snapshot's fields as they were after these events."""
        figures: dict[str, Any] = dict.fromkeys(
            ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "best_test_accuracy")
        )
        figures |= {"epoch": 0, "progress": 0.0, "seconds": 0.0, "error": None, "message": ""}
        for event in events:
            figures |= _progress_of(event)
        shared = self.snapshot.parent_epoch or 0  # how well another run read is not this one's
        tested = [
            event.test_accuracy
            for event in events
            if isinstance(event, EpochMetrics) and event.progress > shared
        ]
        return figures | {"best_test_accuracy": max(tested, default=None), "seconds_left": None}


def _progress_of(event: Metrics) -> dict[str, Any]:
    """The fields of a snapshot that an event changes."""
    changes: dict[str, Any] = {
        "epoch": event.epoch,
        "progress": event.progress,
        "seconds": event.seconds,
    }
    if isinstance(event, BatchMetrics):
        return {
            **changes,
            "images_per_second": event.images_per_second,
            "train_loss": event.loss,
            "train_accuracy": event.accuracy,
        }
    if isinstance(event, EpochMetrics):
        return {
            **changes,
            "images_per_second": event.images_per_second,
            "train_loss": event.train_loss,
            "train_accuracy": event.train_accuracy,
            "test_loss": event.test_loss,
            "test_accuracy": event.test_accuracy,
        }
    return changes
