"""A run as pages and REST clients see it: state, settings and newest metrics."""

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter

from core.names import plain_text

Text = Annotated[str, AfterValidator(plain_text)]
"""What people typed. Earlier versions kept it as it was."""


class RunState(str, Enum):
    """The state of a run. The last four are final."""

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
        return self in (self.DONE, self.STOPPED, self.FAILED, self.INTERRUPTED)

    @property
    def at_rest(self) -> bool:
        """Whether a run in this state neither trains nor is queued."""
        return self.finished or self is RunState.PAUSED


@dataclass(frozen=True)
class FinetuneInfo:
    """Fine-tuning of a run on saved drawings, from the end of `epoch` on.

    `taught` drawings are used for training, `held_out` for testing. With `mixed`, images of the
    run's data set are used for training, too.
    """

    epoch: int
    taught: int
    held_out: int
    mixed: bool


@dataclass(frozen=True)
class RunSnapshot:
    """Everything about a run except its metrics; the response of `GET /api/runs/{id}`.

    Attributes:
        number: counts the runs of a folder from 1.
        created: local time in ISO 8601.
        group: shared by runs that differ only in their seeds.
        pair: shared by two runs that differ only in their models.
        lesson: for a run that is fine-tuned on drawings instead of its data set.
        revision: incremented when events are deleted, which only rewinding does. Readers of the
            events must start again.
        queue_place: position in the queue, from 1.
        kept: the epochs with a saved network; 0 is the untrained one.
        place_epoch: for a rewound run, the epoch after which it will continue.
        test_accuracies: at the evaluations; of many, evenly spaced ones and the last.
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
    name: Text = ""
    note: Text = ""
    pinned: bool = False
    preset: str | None = None
    group: str | None = None
    pair: str | None = None
    parent: str | None = None
    parent_epoch: int | None = None
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
    test_accuracies: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-safe values, of which `snapshot_adapter` makes a snapshot."""
        values: dict[str, Any] = snapshot_adapter.dump_python(self, mode="json")
        return values

    @property
    def title(self) -> str:
        """The user's name for the run, or its number."""
        return self.name or f"Run {self.number}"

    @property
    def current_epoch(self) -> int:
        """The last saved epoch, or the one that the run was rewound to."""
        if self.place_epoch is not None:
            return self.place_epoch
        return self.kept[-1] if self.kept else 0


snapshot_adapter = TypeAdapter(RunSnapshot)
"""Missing fields, which later versions added, get their defaults; unknown ones are ignored."""
