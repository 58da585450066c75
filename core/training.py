"""The training loop: a generator of events, and the same loop as a command.

`fit` trains in whatever thread iterates it. It knows nothing of threads, runs, files or pages.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.config import TrainConfig
from core.datasets import Dataset, normalise
from core.events import BatchMetrics, DigitLabError, EpochMetrics
from core.learner import Learner, StateDict
from core.runtime import Runtime, choose_runtime

MAX_BATCH_EVENTS_PER_EPOCH = 100
MAX_BATCH_EVENTS_PER_RUN = 5000


class TrainingDiverged(DigitLabError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Checkpoint:
    """A copy of the weights, on the CPU, that training will not touch again.

    `test_probabilities` (test images, 10), float32, is what the network said at an evaluation;
    None for weights that were published between two evaluations.
    """

    model: str
    epoch: int
    step: int
    progress: float
    state_dict: StateDict
    test_probabilities: np.ndarray | None


Event = BatchMetrics | EpochMetrics | Checkpoint


def never() -> bool:
    return False


def fit(
    config: TrainConfig,
    data: Dataset,
    runtime: Runtime | None = None,
    should_stop: Callable[[], bool] = never,
    should_publish: Callable[[], bool] = never,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Event]:
    """Trains a fresh model and yields what happens.

    First comes the untrained model's checkpoint. Batch metrics follow at steps that depend on the
    configuration alone, never on time, so that the same seed gives the same events, metrics bit
    for bit, on one machine. Each evaluation yields an `EpochMetrics` and then a `Checkpoint`.

    Args:
        should_stop: asked before every batch, and within evaluations; once it is true, the last
            checkpoint is yielded and the generator ends.
        should_publish: asked after every batch; true yields a checkpoint between evaluations.
        clock: seconds, for speeds and elapsed times only.

    Raises:
        TrainingDiverged: when the loss is infinite or not a number.
    """
    started = clock()
    runtime = runtime or choose_runtime(config.precision)
    device = runtime.device
    count = min(config.train_images or len(data.train_images), len(data.train_images))
    images = normalise(data.train_images[:count].to(device))
    labels = data.train_labels[:count].to(device)
    test_images = normalise(data.test_images.to(device))
    test_labels = data.test_labels.to(device)

    steps = math.ceil(count / config.batch_size)
    report_every = _report_every(steps, config.epochs)
    evaluate_after = _evenly_spaced(steps, config.evaluations_per_epoch)
    learner = Learner(config, runtime, steps * config.epochs)
    order = torch.Generator().manual_seed(config.seed)
    step = 0

    def checkpoint(epoch: int, progress: float, said: np.ndarray | None = None) -> Checkpoint:
        return Checkpoint(config.model, epoch, step, progress, learner.copy_weights(), said)

    yield checkpoint(0, 0.0)
    for epoch in range(1, config.epochs + 1):
        batches = torch.randperm(count, generator=order).to(device).split(config.batch_size)
        since_report, since_epoch = _Sums(device), _Sums(device)
        for number, batch in enumerate(batches, start=1):
            if should_stop():
                yield checkpoint(epoch, epoch - 1 + (number - 1) / steps)
                return
            began = clock()
            rate = learner.learning_rate
            loss, correct = learner.step(images[batch], labels[batch])
            since_report.add(loss, correct, len(batch))
            step += 1
            progress = epoch if number == steps else epoch - 1 + number / steps
            # The first steps change the most: each of them is worth a point of its own.
            if step < report_every or number % report_every == 0 or number == steps:
                mean_loss, accuracy = since_report.means()  # waits for the device
                since_report.seconds += clock() - began
                _check_finite(mean_loss, epoch)
                yield BatchMetrics(
                    epoch=epoch,
                    step=step,
                    progress=progress,
                    loss=mean_loss,
                    accuracy=accuracy,
                    learning_rate=rate,
                    images_per_second=since_report.speed(),
                    seconds=clock() - started,
                )
                since_epoch.absorb(since_report)
                since_report = _Sums(device)
            else:
                since_report.seconds += clock() - began
            if number in evaluate_after:
                evaluated = learner.evaluate(test_images, test_labels, should_stop)
                if evaluated is None:
                    yield checkpoint(epoch, progress)
                    return
                _check_finite(evaluated.loss, epoch)
                so_far = since_epoch.plus(since_report)
                train_loss, train_accuracy = so_far.means()
                yield EpochMetrics(
                    epoch=epoch,
                    step=step,
                    progress=progress,
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    test_loss=evaluated.loss,
                    test_accuracy=evaluated.accuracy,
                    images_per_second=so_far.speed(),
                    seconds=clock() - started,
                )
                yield checkpoint(epoch, progress, evaluated.probabilities)
            elif should_publish():
                yield checkpoint(epoch, progress)


def _check_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"The loss became {loss} in epoch {epoch}: the steps are too large. "
            "Choose a smaller learning rate and train again."
        )


def _report_every(steps: int, epochs: int) -> int:
    """Batches between two batch events: several a second, and a bounded log for a long run."""
    wanted = min(MAX_BATCH_EVENTS_PER_EPOCH, max(1, MAX_BATCH_EVENTS_PER_RUN // epochs))
    return math.ceil(steps / wanted)


def _evenly_spaced(steps: int, times: int) -> set[int]:
    """The numbers of the steps, the last among them, that part an epoch into so many parts."""
    return {math.ceil(steps * part / times) for part in range(1, times + 1)}


class _Sums:
    """Sums of loss and right answers, kept on the device until somebody asks."""

    def __init__(self, device: torch.device) -> None:
        self.loss = torch.zeros((), dtype=torch.float32, device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        self.count = 0
        self.seconds = 0.0

    def add(self, mean_loss: Tensor, correct: Tensor, count: int) -> None:
        self.loss += mean_loss * count
        self.correct += correct
        self.count += count

    def absorb(self, other: "_Sums") -> None:
        self.loss += other.loss
        self.correct += other.correct
        self.count += other.count
        self.seconds += other.seconds

    def plus(self, other: "_Sums") -> "_Sums":
        total = _Sums(self.loss.device)
        total.absorb(self)
        total.absorb(other)
        return total

    def means(self) -> tuple[float, float]:
        return self.loss.item() / self.count, self.correct.item() / self.count

    def speed(self) -> float:
        return self.count / max(self.seconds, 1e-9)


if __name__ == "__main__":
    from core.cli import main

    main()
