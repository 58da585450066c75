"""The metrics that a run reports during training."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter


@dataclass(frozen=True)
class BatchMetrics:
    """Training metrics, averaged over the batches since the previous such event.

    `epoch` counts from 1, `step` counts the batches of the run, `progress` is the time in epochs
    (1.5: half of the second epoch is done). `loss` is the mean cross-entropy in nats, `accuracy`
    is from 0 to 1, `seconds` is the wall time since training began.
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
    """Metrics of an evaluation on the test set.

    Training metrics are averaged over the epoch so far. `progress` is a whole number at the end
    of an epoch, and fractional for further evaluations. Units: see `BatchMetrics`.
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


@dataclass(frozen=True)
class LearningRateChange:
    """A new learning rate, set by the user, for the batches after `step`.

    For a one-cycle schedule it is the new peak. Units: see `BatchMetrics`.
    """

    epoch: int
    step: int
    progress: float
    learning_rate: float
    seconds: float
    kind: Literal["rate"] = "rate"


Metrics = BatchMetrics | EpochMetrics | LearningRateChange

metrics_adapter: TypeAdapter[Metrics] = TypeAdapter(Annotated[Metrics, Field(discriminator="kind")])
"""Makes JSON-safe values of an event, and an event of JSON."""
