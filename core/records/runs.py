"""The records that cross from training to whoever watches.

Everything here is frozen and JSON-safe, and loads without torch. This module does not know who
produces an event, who reads it, or how either is drawn.
"""

from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import PureWindowsPath
from typing import Any, Literal

import numpy as np


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
class BatchMetrics:
    """Training metrics averaged over the batches since the previous such event.

    `epoch` counts from 1, `step` counts batches over the whole run, `progress` is the position on
    the epoch axis (1.5: half of the second epoch is done). `loss` is the mean cross-entropy in
    nats, `accuracy` a share of 1, `seconds` the wall time since training began.
    """

    epoch: int
    step: int
    progress: float
    loss: float
    accuracy: float
    learning_rate: float
    images_per_second: float
    seconds: float
    kind: Literal["batch"] = "batch"


@dataclass(frozen=True)
class EpochMetrics:
    """Metrics at an evaluation on the test set.

    Train figures are averaged over the part of the epoch trained so far, as the notebook averages
    them over the epoch. `progress` is a whole number at an epoch's end and lies between two where
    the test set is evaluated several times an epoch. Units as in `BatchMetrics`.
    """

    epoch: int
    step: int
    progress: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    images_per_second: float
    seconds: float
    kind: Literal["epoch"] = "epoch"

    @property
    def ends_epoch(self) -> bool:
        return self.progress == self.epoch


@dataclass(frozen=True)
class RateChange:
    """Somebody set another learning rate while the run went on, from the batch after `step` on.

    For a one-cycle schedule it is the peak that was set. Units as in `BatchMetrics`.
    """

    epoch: int
    step: int
    progress: float
    learning_rate: float
    seconds: float
    kind: Literal["rate"] = "rate"


Metrics = BatchMetrics | EpochMetrics | RateChange


def metrics_of(values: dict[str, Any]) -> Metrics:
    """An event from its JSON form, which is that of `dataclasses.asdict`.

    Raises:
        KeyError, TypeError: it is none.
    """
    kinds = {"batch": BatchMetrics, "epoch": EpochMetrics, "rate": RateChange}
    event: Metrics = kinds[values["kind"]](**values)
    return event


@dataclass(frozen=True)
class Stretch:
    """Epochs of a run, up to the end of `until`, that were trained under the same settings."""

    until: int
    config: dict[str, Any]
    precision: str


@dataclass(frozen=True)
class Lesson:
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
    go on. A run with a `lesson` does not train on its data set but on drawings. `weights_file`
    names the `.pth` file in the run's folder.
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
    earlier: tuple[Stretch, ...] = ()
    lesson: Lesson | None = None
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
    weights_file: str | None = None

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
        earlier = tuple(Stretch(**stretch) for stretch in values.get("earlier", ()))
        kept, state = tuple(values["kept"]), RunState(values["state"])
        lesson = Lesson(**values["lesson"]) if values.get("lesson") else None
        changed: dict[str, Any]
        changed = {"state": state, "kept": kept, "earlier": earlier, "lesson": lesson}
        if values.get("weights_file"):  # the first version stored its whole path
            changed["weights_file"] = PureWindowsPath(values["weights_file"]).name
        return cls(**{**values, **changed})

    @property
    def title(self) -> str:
        """The name that somebody gave it, or else its number."""
        return self.name or f"Run {self.number}"

    def stretches(self, epoch: int | None = None) -> tuple[Stretch, ...]:
        """How the run comes to the end of an epoch, by default its last."""
        last = self.epochs if epoch is None else epoch
        own = Stretch(self.epochs, self.config, self.precision)
        found: list[Stretch] = []
        for stretch in (*self.earlier, own):
            if not found or found[-1].until < last:
                found.append(replace(stretch, until=min(stretch.until, last)))
        return tuple(stretch for stretch in found if stretch.until)

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return self.progress / self.epochs if self.epochs else 1.0


@dataclass(frozen=True)
class Provenance:
    """Where weights or metrics come from: what a file that is taken away says of itself.

    `dataset` is the data set's title, `config` the fields of `TrainConfig` (None for weights that
    were brought in), `started` the beginning of the training in seconds since 1970.
    """

    run_id: str
    model: str
    dataset: str
    config: dict[str, Any] | None
    started: float


@dataclass(frozen=True)
class File:
    """Something to save on disk."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a model: what it is, the shape it gives for one image, and its parameters."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Prediction:
    """A network's reading of one image: ten probabilities that sum to 1."""

    probabilities: tuple[float, ...]

    @property
    def digit(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)


Doubt = Literal["undecided", "unfamiliar"]
"""Why an answer should not be believed: no digit stands out, or none that was learnt is like it."""


@dataclass(frozen=True)
class Reading:
    """A drawing as the network saw it, and its answer.

    `image` is (28, 28) float32 with ink 1 on black 0. `box` is the part of the drawing that holds
    its ink (left, top, right, bottom), `centre` the point (x, y) that came to the picture's
    middle when it was made as MNIST's were, both in the drawing's own unit.
    """

    image: np.ndarray
    prediction: Prediction
    doubt: Doubt | None
    box: tuple[float, float, float, float]
    centre: tuple[float, float]


@dataclass(frozen=True)
class Gallery:
    """Test images and what a network says of them.

    `indices` (n,) are places in the test set, `images` (n, 28, 28) uint8, `labels` (n,),
    `probabilities` (n, 10). `progress` tells when in the run the network said so, in epochs.
    """

    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    progress: float

    @property
    def predictions(self) -> np.ndarray:
        return self.probabilities.argmax(1)

    def at(self, places: np.ndarray) -> "Gallery":
        """Only the images at these places of this gallery, in their order."""
        return Gallery(
            self.indices[places],
            self.images[places],
            self.labels[places],
            self.probabilities[places],
            self.progress,
        )


@dataclass(frozen=True)
class DatasetStatus:
    """Where a data set stands: `state` is what the page shows, `message` says why in a sentence.

    `progress` runs from 0 to 1 while the set is downloaded or made.
    """

    name: str
    title: str
    state: Literal["unknown", "preparing", "ready", "unavailable"]
    message: str = ""
    progress: float | None = None
