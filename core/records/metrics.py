"""The metrics that a run reports while it trains."""

from dataclasses import dataclass
from typing import Any, Literal


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
class LearningRateChange:
    """Somebody set another learning rate while the run went on, from the batch after `step` on.

    For a one-cycle schedule it is the peak that was set. Units as in `BatchMetrics`.
    """

    epoch: int
    step: int
    progress: float
    learning_rate: float
    seconds: float
    kind: Literal["rate"] = "rate"


Metrics = BatchMetrics | EpochMetrics | LearningRateChange


def metrics_of(values: dict[str, Any]) -> Metrics:
    """An event from its JSON form, which is that of `dataclasses.asdict`.

    Raises:
        KeyError, TypeError: it is none.
    """
    kinds = {"batch": BatchMetrics, "epoch": EpochMetrics, "rate": LearningRateChange}
    event: Metrics = kinds[values["kind"]](**values)
    return event
