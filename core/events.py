"""The records that cross from training to whoever watches, and the errors that people may read.

Everything here is frozen and JSON-safe, and loads without torch. This module does not know who
produces an event, who reads it, or how either is drawn.
"""

from dataclasses import asdict, dataclass
from enum import Enum
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


Metrics = BatchMetrics | EpochMetrics


@dataclass(frozen=True)
class RunSnapshot:
    """All that a status bar shows of one run; the shape of `GET /api/runs/{id}`."""

    run_id: str
    state: RunState
    config: dict[str, Any]
    dataset: str
    dataset_title: str
    device: str
    precision: str
    epochs: int
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
    weights_file: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "state": self.state.value}


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


class DigitLabError(Exception):
    """An error whose message is a sentence for the person at the page."""


class InvalidConfig(DigitLabError):
    """Settings that cannot be trained with; `fields` maps each bad field to its sentence."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" for name, text in fields.items()))


class AlreadyRunning(DigitLabError):
    """A run was started while another one trains."""


class UnknownRun(DigitLabError):
    """There is no run of that id."""


class NoModel(DigitLabError):
    """A reading was asked for before any weights were published."""


class DatasetUnavailable(DigitLabError):
    """A data set could neither be found nor fetched."""


class EmptyDrawing(DigitLabError):
    """There is no ink to read."""


class BadDrawing(DigitLabError):
    """The strokes or pixels do not have the form of a drawing."""


class FolderUnusable(DigitLabError):
    """A folder that was named cannot be used."""
