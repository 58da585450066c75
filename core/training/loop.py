"""The training loop: a generator of events, and the same loop as a command.

`fit` trains in whatever thread iterates it. It knows nothing of threads, runs, files or pages.
"""

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from core.config import TrainConfig
from core.data.dataset import Dataset, normalize
from core.device import Runtime, choose_runtime
from core.errors import DigitLabError
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange, Metrics
from core.training.optim import learning_rate
from core.training.state import Checkpoint, Position, ResumeState, SumsRecord, TrainState

MAX_BATCH_EVENTS_PER_EPOCH = 100
MAX_BATCH_EVENTS_PER_RUN = 5000


class TrainingDivergedError(DigitLabError):
    """The loss is no longer a number."""


Event = Metrics | Checkpoint


def never() -> bool:
    return False


def unchanged() -> None:
    return None


def fit(
    config: TrainConfig,
    data: Dataset,
    runtime: Runtime | None = None,
    should_stop: Callable[[], bool] = never,
    should_publish: Callable[[], bool] = never,
    new_learning_rate: Callable[[], float | None] = unchanged,
    resume: ResumeState | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Event]:
    """Trains a model, fresh or from where it was put down, and yields what happens.

    A fresh run first yields the untrained model's checkpoint. Batch metrics follow at steps that
    depend on the configuration alone, never on time, so that the same seed gives the same events,
    metrics bit for bit, on one machine, in one go or in parts. Each evaluation yields an
    `EpochMetrics` and then a `Checkpoint`.

    Args:
        should_stop: asked before every batch, and within evaluations; once it is true, the last
            checkpoint is yielded and the generator ends.
        should_publish: asked after every batch; true yields a checkpoint between evaluations.
        new_learning_rate: asked before every batch; a number becomes the learning rate (the peak
            of a cycle) from this batch on and yields a `LearningRateChange`.
        resume: goes on from there. The configuration may differ from the one before in all but
            model, data set, seed and number of training images, at the end of an epoch in the
            batch size and the evaluations per epoch too. There the training images may be others
            as well (`core.runs.finetuning_data`).
        clock: seconds, for speeds and elapsed times only.

    Raises:
        TrainingDivergedError: when the loss is infinite or not a number.
    """
    place = Position() if resume is None else resume.place
    started = clock() - place.seconds
    runtime = runtime or choose_runtime(config.precision)
    device = runtime.device
    count = min(config.train_images or len(data.train_images), len(data.train_images))
    images = normalize(data.train_images[:count].to(device))
    labels = data.train_labels[:count].to(device)
    test_images = normalize(data.test_images.to(device))
    test_labels = data.test_labels.to(device)

    steps = math.ceil(count / config.batch_size)
    report_every = _report_every(steps, config.epochs)
    evaluate_after = _evenly_spaced(steps, config.evaluations_per_epoch)
    learner = TrainState(config, runtime)
    if resume is not None:
        learner.restore(resume.tensors)
    order = torch.Generator().manual_seed(config.seed)
    for _ in range(1, place.epoch):
        torch.randperm(count, generator=order)
    step, set_rate, evaluated = place.step, place.learning_rate, place.evaluated
    done = place.batch
    since_report = _Sums(device, place.since_report)
    since_epoch = _Sums(device, place.since_epoch)

    def checkpoint(said: np.ndarray | None = None, resumable: bool = False) -> Checkpoint:
        return Checkpoint(
            config.model,
            epoch if step else 0,
            step,
            progress,
            learner.copy_weights(),
            said,
            ResumeState(here(), learner.state()) if resumable else None,
        )

    def here() -> Position:
        seconds = clock() - started
        if done == steps and evaluated:
            return Position(epoch + 1, 0, step, learning_rate=set_rate, seconds=seconds)
        sums = since_report.record(), since_epoch.record()
        return Position(epoch, done, step, evaluated, set_rate, seconds, *sums)

    epoch, progress = place.epoch, place.epoch - 1 + done / steps
    if resume is None:
        yield checkpoint()
    for epoch in range(place.epoch, config.epochs + 1):
        batches = torch.randperm(count, generator=order).to(device).split(config.batch_size)
        if epoch > place.epoch:
            done, evaluated = 0, False
            since_report, since_epoch = _Sums(device), _Sums(device)
        while True:
            progress = epoch if done == steps else epoch - 1 + done / steps
            if done in evaluate_after and not evaluated:
                seen = learner.evaluate(test_images, test_labels, should_stop)
                if seen is None:
                    yield checkpoint(resumable=True)
                    return
                _check_finite(seen.loss, epoch)
                so_far = since_epoch.plus(since_report)
                train_loss, train_accuracy = so_far.means()
                evaluated = True
                yield EpochMetrics(
                    epoch=epoch,
                    step=step,
                    progress=progress,
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    test_loss=seen.loss,
                    test_accuracy=seen.accuracy,
                    images_per_second=so_far.speed(),
                    seconds=clock() - started,
                )
                yield checkpoint(seen.probabilities, resumable=done == steps)
            elif done and should_publish():
                yield checkpoint()
            if done == steps:
                break
            if should_stop():
                yield checkpoint(resumable=True)
                return
            wanted = new_learning_rate()
            if wanted is not None:
                set_rate = wanted
                yield LearningRateChange(epoch, step, progress, wanted, clock() - started)
            if set_rate is not None:
                config = config.model_copy(update={"learning_rate": set_rate})
            began = clock()
            batch = batches[done]
            rate = learning_rate(config, (epoch - 1) * steps + done, steps * config.epochs)
            loss, correct = learner.step(images.index_select(0, batch), labels[batch], rate)
            since_report.add(loss, correct, len(batch))
            step, done, evaluated = step + 1, done + 1, False
            # The first steps change the most: each of them is worth a point of its own.
            if step < report_every or done % report_every == 0 or done == steps:
                mean_loss, accuracy = since_report.means()  # waits for the device
                since_report.seconds += clock() - began
                _check_finite(mean_loss, epoch)
                yield BatchMetrics(
                    epoch=epoch,
                    step=step,
                    progress=epoch if done == steps else epoch - 1 + done / steps,
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


def _check_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise TrainingDivergedError(
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

    def __init__(self, device: torch.device, record: SumsRecord = (0.0, 0, 0, 0.0)) -> None:
        loss, correct, self.count, self.seconds = record
        self.loss = torch.tensor(loss, dtype=torch.float32, device=device)
        self.correct = torch.tensor(correct, dtype=torch.int64, device=device)

    def record(self) -> SumsRecord:
        return self.loss.item(), int(self.correct.item()), self.count, self.seconds

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
