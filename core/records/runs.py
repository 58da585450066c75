"""A run as pages and clients see it: its state, its settings and its newest figures."""

from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any


class RunState(str, Enum):
    """The life of a run. A run ends in exactly one of the last four states."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        return self in FINISHED_STATES

    @property
    def at_rest(self) -> bool:
        """Whether a run in this state neither trains nor waits."""
        return self.finished or self is RunState.PAUSED


FINISHED_STATES = frozenset(
    {RunState.DONE, RunState.STOPPED, RunState.FAILED, RunState.INTERRUPTED}
)


@dataclass(frozen=True)
class TrainingSegment:
    """Epochs of a run, up to the end of `until`, that were trained under the same settings."""

    until: int
    config: dict[str, Any]
    precision: str


@dataclass(frozen=True)
class FinetuneInfo:
    """A run is taught drawings that somebody kept, from the end of `epoch` on.

    `taught` of them are trained on, `held_out` are kept apart to test with. `mixed` tells whether
    images of the run's data set are trained on beside them.
    """

    epoch: int
    taught: int
    held_out: int
    mixed: bool


@dataclass(frozen=True)
class RunSnapshot:
    """All that one sees of a run without its curves; the shape of `GET /api/runs/{id}`.

    `number` counts the runs of a folder, `created` is local time in ISO 8601. `revision` grows
    whenever events that were told are taken back, which only going back in a run does: whoever
    follows the events starts again. `kept` are the epochs whose networks can be looked at, gone
    back to and forked from; 0 is the untrained one. `queue_place` counts from 1 among the runs that
    wait. `group` is shared by runs that differ only in their seeds, `pair` by two that were started
    to differ only in their models. A rewound run has `place_epoch`, the epoch after which it will
    go on. A run with a `lesson` does not train on its data set but on drawings.
    """

    run_id: str
    state: RunState
    config: dict[str, Any]
    dataset: str
    dataset_title: str
    device: str
    precision: str
    epochs: int
    number: int = 0
    created: str = ""
    name: str = ""
    note: str = ""
    pinned: bool = False
    preset: str | None = None
    group: str | None = None
    pair: str | None = None
    parent: str | None = None
    parent_epoch: int | None = None
    earlier: tuple[TrainingSegment, ...] = ()
    lesson: FinetuneInfo | None = None
    revision: int = 0
    queue_place: int | None = None
    kept: tuple[int, ...] = ()
    place_epoch: int | None = None
    brought_in: bool = False
    threads: int | None = None
    torch: str = ""
    message: str = ""
    error: str | None = None
    epoch: int = 0
    progress: float = 0.0
    images_per_second: float | None = None
    seconds: float = 0.0
    seconds_left: float | None = None
    train_loss: float | None = None
    train_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    best_test_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        lists = {name: list(values[name]) for name in ("kept", "earlier")}
        return {**values, **lists, "state": self.state.value}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RunSnapshot":
        """The reverse of `to_json`; fields that a later version added get their defaults.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        earlier = tuple(TrainingSegment(**stretch) for stretch in values.get("earlier", ()))
        kept, state = tuple(values["kept"]), RunState(values["state"])
        lesson = FinetuneInfo(**values["lesson"]) if values.get("lesson") else None
        parsed = {"state": state, "kept": kept, "earlier": earlier, "lesson": lesson}
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{**known, **parsed})

    @property
    def title(self) -> str:
        """The name that somebody gave it, or else its number."""
        return self.name or f"Run {self.number}"

    def stretches(self, epoch: int | None = None) -> tuple[TrainingSegment, ...]:
        """How the run comes to the end of an epoch, by default its last."""
        last = self.epochs if epoch is None else epoch
        own = TrainingSegment(self.epochs, self.config, self.precision)
        found: list[TrainingSegment] = []
        for stretch in (*self.earlier, own):
            if not found or found[-1].until < last:
                found.append(replace(stretch, until=min(stretch.until, last)))
        return tuple(stretch for stretch in found if stretch.until)

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self.progress / self.epochs if self.epochs else 1.0
