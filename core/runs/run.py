"""One run: its snapshot, its events and its checkpoints."""

import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np

from core.config import TrainConfig
from core.data.dataset import Dataset
from core.errors import StorageError, WrongStateError
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics
from core.records.runs import RunSnapshot, RunState
from core.runs.checkpoints import CheckpointFiles
from core.runs.database import RunDatabase
from core.runs.previews import PreviewFrames
from core.training.control import TrainingControl
from core.training.state import Checkpoint, ResumeState

WRITE_SECONDS = 1.0
"""Events are written this often; a kill loses at most these seconds of the curves."""
MOST_ACCURACIES = 16
"""As many test accuracies stand in a snapshot: enough for a curve in a line of text."""

_FIELDS = {field.name for field in fields(RunSnapshot)}

Value = TypeVar("Value")


@dataclass(eq=False)
class Run:
    """A run in memory. The lock of `core.runs.registry.Runs` guards it.

    Methods that write raise StorageError if they cannot.

    Attributes:
        stopped_as: the state that the run gets when it is stopped.
        is_saved: whether the newest weights are on disk.
        latest: the newest weights while the run trains; later only if they could not be written.
        evaluated: the newest weights that were evaluated, or resumed from, likewise.
        events: all events while the run trains; later only if they could not be written. Others
            read them with `Runs.events`.
        written: the number of events on disk, since the run trained.
        previews: what people saw of it between evaluations.
        stopped_at: the progress of the newest network on disk if it is within an epoch.
    """

    snapshot: RunSnapshot
    database: RunDatabase
    control: TrainingControl = field(default_factory=TrainingControl)
    stopped_as: RunState = RunState.STOPPED
    is_saved: bool = False
    data: Dataset | None = None
    latest: Checkpoint | None = None
    evaluated: Checkpoint | None = None
    events: list[Metrics] | None = None
    written: int = 0
    _written_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.files = CheckpointFiles(self.database.root / self.run_id, self.config.model)
        self.previews = PreviewFrames(self.files.folder)
        self.stopped_at = self.files.progress_within_epoch()

    @property
    def run_id(self) -> str:
        return self.snapshot.run_id

    @property
    def config(self) -> TrainConfig:
        return TrainConfig.model_construct(**self.snapshot.config)

    # Snapshot

    def update(self, **changes: Any) -> None:
        """Changes the snapshot in memory."""
        self.snapshot = replace(self.snapshot, **changes)

    def save(self, **changes: Any) -> None:
        """Changes the snapshot in memory and on disk, or neither."""
        stored = changed = replace(self.snapshot, **changes)
        if changed.state is RunState.DONE and self.latest is not None and not self.is_saved:
            # The last network is only in memory: after a restart the run must be resumed.
            stored = replace(changed, state=RunState.INTERRUPTED)
        self.database.save(stored)
        self.snapshot = changed

    def fix_dataset(self, name: str) -> None:
        """Replaces the data set `auto` by the one that the run trains on."""
        self.update(dataset=name, config={**self.snapshot.config, "dataset": name})

    def state_error(self, action: str, advice: str) -> WrongStateError:
        """An error that says that the run cannot be `action` in its state, and what to do."""
        return WrongStateError(
            f"{self.snapshot.title} cannot be {action}: it is {self.snapshot.state.value}. {advice}"
        )

    # Events

    def shown_events(self, stored: list[Metrics]) -> list[Metrics]:
        """The events that people see, of those on disk: up to the epoch of a rewound run."""
        if self.events is not None:
            return self.events
        last_epoch = self.snapshot.place_epoch
        return [event for event in stored if last_epoch is None or event.epoch <= last_epoch]

    def is_complete(self, events: list[Metrics] | None) -> bool:
        """Whether the last epoch has been trained and evaluated after these events."""
        last = events[-1] if events else None
        return isinstance(last, EpochMetrics) and last.progress >= self.snapshot.epochs

    def add_test_accuracies(self, events: list[Metrics]) -> None:
        """Adds them to the snapshot of a run of an earlier version."""
        found = _test_accuracies(events)
        if found and not self.snapshot.test_accuracies:
            self.update(test_accuracies=found)
            with suppress(StorageError):  # the next time will do
                self.save()

    def append_event(self, event: Metrics) -> None:
        """Adds an event of the run that trains."""
        assert self.events is not None, "it trains"
        self.events.append(event)
        self.update(**_figures_of(event), seconds_left=self._seconds_left(event, self.events))
        if isinstance(event, EpochMetrics):
            best = max(event.test_accuracy, self.snapshot.best_test_accuracy or 0.0)
            self.update(best_test_accuracy=best, test_accuracies=_test_accuracies(self.events))

    @property
    def is_write_due(self) -> bool:
        return time.monotonic() - self._written_at >= WRITE_SECONDS

    def write_events(self) -> None:
        """Writes new events."""
        if self.events is not None:
            if self.written < len(self.events):
                self.database.replace_events(self.run_id, self.written, self.events[self.written :])
            self.written, self._written_at = len(self.events), time.monotonic()

    def _seconds_left(self, event: Metrics, events: list[Metrics]) -> float | None:
        """Estimated from the run's own epochs; those of a fork's parent may have been slower."""
        inherited = float(self.snapshot.parent_epoch or 0)
        own_epochs = event.progress - inherited
        if own_epochs <= 0:
            return None
        first = bisect_right(events, inherited, key=lambda event: event.progress)
        started = events[first - 1].seconds if first else 0.0
        return (event.seconds - started) / own_epochs * (self.snapshot.epochs - event.progress)

    def _figures_after(self, events: list[Metrics]) -> dict[str, Any]:
        """The snapshot's figures as they were after these events."""
        figures: dict[str, Any] = dict.fromkeys(
            ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "best_test_accuracy")
        )
        figures |= {"epoch": 0, "progress": 0.0, "seconds": 0.0, "seconds_left": None}
        figures |= {"error": None, "message": "", "test_accuracies": _test_accuracies(events)}
        inherited = self.snapshot.parent_epoch or 0
        for event in events:
            figures |= _figures_of(event)
            if isinstance(event, EpochMetrics) and event.progress > inherited:
                best = max(event.test_accuracy, figures["best_test_accuracy"] or 0.0)
                figures["best_test_accuracy"] = best
        return figures

    # Position

    @property
    def shown_epoch(self) -> int | None:
        """The epoch whose network is shown by default; None for one within an epoch."""
        is_within = self.snapshot.place_epoch is None and self.stopped_at is not None
        return None if is_within else self.snapshot.current_epoch

    @property
    def weights_version(self) -> str | None:
        """See `Predictions.weights_version`."""
        network = self.evaluated or (None if self.snapshot.kept else self.latest)
        if network is not None:
            progress = network.progress
        elif self.latest is None and self.shown_epoch is None and self.stopped_at is not None:
            progress = self.stopped_at
        elif self.snapshot.kept:
            progress = self.snapshot.current_epoch
        else:
            return None
        return f"{self.run_id}/{self.snapshot.revision}/{progress:.10g}"

    def resume_state(
        self, epoch: int | None, tensors: bool = True
    ) -> tuple[ResumeState | None, int]:
        """See `CheckpointFiles.resume_state`. A fork does not inherit a learning rate that was set
        during its parent's run: its configuration has it already.
        """
        state, events = self.files.resume_state(epoch, tensors)
        if state is not None:
            position, inherited = state.position, self.snapshot.parent_epoch
            if inherited is not None and position.batch == 0 and position.epoch - 1 <= inherited:
                state = replace(state, position=replace(position, learning_rate=None))
        return state, events

    def recover(self, events: list[Metrics]) -> None:
        """Restores the state of a run that a kill interrupted from what is on disk."""
        message, kept = self.snapshot.message, tuple(self.files.epochs())
        is_done = self.is_complete(events) and self.snapshot.epochs in kept
        self.update(**self._figures_after(events) if events else {})
        state = RunState.DONE if is_done else RunState.INTERRUPTED
        self.update(state=state, kept=kept, message=message)
        try:
            self.save()
        except StorageError as error:
            self.update(message=str(error))

    def inherit(self, events: list[Metrics], files: CheckpointFiles, epoch: int) -> None:
        """Takes over a parent's events and its checkpoints: see `CheckpointFiles.link_from`."""
        self.files.link_from(files, epoch)
        self.database.replace_events(self.run_id, 0, events)
        self.update(kept=tuple(self.files.epochs()), **self._figures_after(events))

    def rewind_to(
        self, stored: list[Metrics], count: int, epoch: int | None, **changes: Any
    ) -> None:
        """Shows only the first `count` of the `stored` events. The others stay on disk until the
        run is resumed. `epoch` is where it will be resumed, None for the newest state.
        """
        figures = self._figures_after(stored[:count])
        revision = self.snapshot.revision + 1
        self.save(revision=revision, place_epoch=epoch, **figures, **changes)
        self.events = None
        self.previews.newest = None

    def discard_rewound(self, count: int) -> None:
        """Deletes what lies after the epoch that the run was rewound to, and all but its first
        `count` events."""
        epoch = self.snapshot.place_epoch
        if epoch is not None:
            # Later epochs could be viewed until now, so readers must forget them.
            self.update(revision=self.snapshot.revision + 1)
            try:
                self.files.discard_after(epoch)
                self.stopped_at = None
            finally:
                self.update(kept=tuple(self.files.epochs()))
        # Checkpoints first: if this is interrupted, every saved epoch still has its events.
        if self.written > count:
            self.database.replace_events(self.run_id, count, [])
        self.written = count
        if epoch is not None and epoch < (self.snapshot.parent_epoch or 0):
            self.update(parent_epoch=epoch)
        self.update(place_epoch=None)


def evenly_spaced(values: Sequence[Value], count: int) -> tuple[Value, ...]:
    """At most `count` of the values, including the first and the last."""
    indices = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return tuple(values[index] for index in indices)


def _test_accuracies(events: list[Metrics]) -> tuple[float, ...]:
    found = [event.test_accuracy for event in events if isinstance(event, EpochMetrics)]
    return evenly_spaced(found, MOST_ACCURACIES)


def _figures_of(event: Metrics) -> dict[str, Any]:
    """The snapshot's fields that an event changes: those of the same names."""
    figures = dict(vars(event))
    if isinstance(event, BatchMetrics):
        figures |= {"train_loss": event.loss, "train_accuracy": event.accuracy}
    return {name: figures[name] for name in figures.keys() & _FIELDS}
