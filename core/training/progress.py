"""Where a run is, and its metrics so far."""

import math
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from core.config import TrainConfig
from core.errors import DigitLabError
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange
from core.training.evaluation import Evaluation
from core.training.optim import learning_rate
from core.training.state import Position, Sums

MAX_BATCH_EVENTS_PER_EPOCH = 100
MAX_BATCH_EVENTS_PER_RUN = 5000


class TrainingDivergedError(DigitLabError):
    """The loss is infinite or not a number."""


class Progress:
    """Counts epochs and batches, adds up losses, and says when metrics are due.

    Batch metrics are due at steps that depend on the configuration alone, never on time: the same
    seed gives the same events.

    Attributes:
        epoch: the current epoch, from 1.
        batch: batches done in this epoch.
        step: batches done in the whole run.
    """

    def __init__(
        self,
        config: TrainConfig,
        batches_per_epoch: int,
        device: torch.device,
        position: Position,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._learning_rate = position.learning_rate
        if position.learning_rate is not None:
            config = config.model_copy(update={"learning_rate": position.learning_rate})
        self._config = config
        self._batches = batches_per_epoch
        self._device = device
        self._clock = clock
        self._started = clock() - position.seconds
        self._batch_started = clock()
        self._report_every = math.ceil(batches_per_epoch / reports_per_epoch(config.epochs))
        self._evaluate_at = {
            math.ceil(batches_per_epoch * part / config.evaluations_per_epoch)
            for part in range(1, config.evaluations_per_epoch + 1)
        }
        self.epoch, self.batch, self.step = position.epoch, position.batch, position.step
        self._evaluated = position.evaluated
        self._since_report = _MetricSums(device, position.since_report)
        self._since_epoch = _MetricSums(device, position.since_epoch)

    @property
    def epochs_done(self) -> float:
        """The position on the epoch axis: 1.5 is the middle of the second epoch."""
        return self.epoch - 1 + self.batch / self._batches

    @property
    def is_epoch_complete(self) -> bool:
        return self.batch == self._batches

    @property
    def is_report_due(self) -> bool:
        """Each of the first steps is reported, because the loss changes the most there."""
        return (
            self.step < self._report_every
            or self.batch % self._report_every == 0
            or self.is_epoch_complete
        )

    @property
    def is_evaluation_due(self) -> bool:
        return self.batch in self._evaluate_at and not self._evaluated

    def remaining_epochs(self) -> Iterator[int]:
        """Goes through the epochs from the current one to the last."""
        for epoch in range(self.epoch, self._config.epochs + 1):
            if epoch > self.epoch:
                self.epoch, self.batch, self._evaluated = epoch, 0, False
                self._since_report = _MetricSums(self._device)
                self._since_epoch = _MetricSums(self._device)
            yield epoch

    def set_learning_rate(self, rate: float) -> LearningRateChange:
        self._learning_rate = rate
        self._config = self._config.model_copy(update={"learning_rate": rate})
        return LearningRateChange(self.epoch, self.step, self.epochs_done, rate, self.seconds)

    def start_batch(self) -> float:
        """Starts the clock of a batch and returns its learning rate."""
        self._batch_started = self._clock()
        step = (self.epoch - 1) * self._batches + self.batch
        return learning_rate(self._config, step, self._batches * self._config.epochs)

    def end_batch(self, loss: Tensor, correct: Tensor, count: int) -> None:
        """Adds a batch's mean loss and its number of correct predictions, both on the device."""
        self._since_report.add(loss, correct, count)
        self.batch, self.step, self._evaluated = self.batch + 1, self.step + 1, False
        if not self.is_report_due:
            self._since_report.seconds += self._clock() - self._batch_started

    def batch_metrics(self, rate: float) -> BatchMetrics:
        """Averages over the batches since the last report.

        Raises:
            TrainingDivergedError: the loss is infinite or not a number.
        """
        sums = self._since_report
        loss, accuracy = sums.means()  # waits for the device
        sums.seconds += self._clock() - self._batch_started
        self._check_finite(loss)
        self._since_epoch.absorb(sums)
        self._since_report = _MetricSums(self._device)
        return BatchMetrics(
            epoch=self.epoch,
            step=self.step,
            progress=self.epochs_done,
            loss=loss,
            accuracy=accuracy,
            learning_rate=rate,
            images_per_second=sums.images_per_second(),
            seconds=self.seconds,
        )

    def epoch_metrics(self, evaluation: Evaluation) -> EpochMetrics:
        """The test metrics of an evaluation beside the training metrics since the epoch began.

        Raises:
            TrainingDivergedError: the loss is infinite or not a number.
        """
        self._check_finite(evaluation.loss)
        self._evaluated = True
        sums = _MetricSums(self._device)
        sums.absorb(self._since_epoch)
        sums.absorb(self._since_report)
        train_loss, train_accuracy = sums.means()
        return EpochMetrics(
            epoch=self.epoch,
            step=self.step,
            progress=self.epochs_done,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            test_loss=evaluation.loss,
            test_accuracy=evaluation.accuracy,
            images_per_second=sums.images_per_second(),
            seconds=self.seconds,
        )

    def position(self) -> Position:
        """What a later `Progress` needs to continue from here."""
        if self.is_epoch_complete and self._evaluated:
            return Position(
                self.epoch + 1,
                step=self.step,
                learning_rate=self._learning_rate,
                seconds=self.seconds,
            )
        return Position(
            self.epoch,
            self.batch,
            self.step,
            self._evaluated,
            self._learning_rate,
            self.seconds,
            self._since_report.values(),
            self._since_epoch.values(),
        )

    @property
    def seconds(self) -> float:
        """Seconds since training began, pauses left out."""
        return self._clock() - self._started

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"The loss became {loss} in epoch {self.epoch}: the steps are too large. "
                "Choose a smaller learning rate and train again."
            )


def reports_per_epoch(epochs: int) -> int:
    """Several reports a second, and a bounded log for a long run."""
    return min(MAX_BATCH_EVENTS_PER_EPOCH, max(1, MAX_BATCH_EVENTS_PER_RUN // epochs))


class _MetricSums:
    """Sums of losses and correct predictions. They stay on the device until they are needed."""

    def __init__(self, device: torch.device, values: Sums = (0.0, 0, 0, 0.0)) -> None:
        loss, correct, self.count, self.seconds = values
        self.loss = torch.tensor(loss, dtype=torch.float32, device=device)
        self.correct = torch.tensor(correct, dtype=torch.int64, device=device)

    def add(self, mean_loss: Tensor, correct: Tensor, count: int) -> None:
        self.loss += mean_loss * count
        self.correct += correct
        self.count += count

    def absorb(self, other: "_MetricSums") -> None:
        self.loss += other.loss
        self.correct += other.correct
        self.count += other.count
        self.seconds += other.seconds

    def values(self) -> Sums:
        return self.loss.item(), int(self.correct.item()), self.count, self.seconds

    def means(self) -> tuple[float, float]:
        return self.loss.item() / self.count, self.correct.item() / self.count

    def images_per_second(self) -> float:
        return self.count / max(self.seconds, 1e-9)
