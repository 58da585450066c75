"""The training loop: a generator of events, and the same loop as a command.

`fit` trains in whatever thread iterates it. It knows nothing of threads, runs, files or pages.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import models
from core.config import TrainConfig
from core.datasets import Dataset, normalise
from core.events import BatchMetrics, DigitLabError, EpochMetrics
from core.runtime import Runtime, choose_runtime

EVALUATION_BATCH = 500
MAX_BATCH_EVENTS_PER_EPOCH = 100
MAX_BATCH_EVENTS_PER_RUN = 5000

StateDict = dict[str, Tensor]


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
    runtime = runtime or choose_runtime(config.precision)
    torch.manual_seed(config.seed)
    order = torch.Generator().manual_seed(config.seed)
    model = models.build(config.model)
    model.to(runtime.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(config, model)

    count = min(config.train_images or len(data.train_images), len(data.train_images))
    images = normalise(data.train_images[:count].to(runtime.device))
    labels = data.train_labels[:count].to(runtime.device)
    test_images = normalise(data.test_images.to(runtime.device))
    test_labels = data.test_labels.to(runtime.device)

    steps = -(-count // config.batch_size)
    report_every = _report_every(steps, config.epochs)
    evaluate_at = {
        -(-steps * part // config.evaluations_per_epoch)
        for part in range(1, config.evaluations_per_epoch + 1)
    }
    step = 0
    started = clock()
    training_seconds = 0.0

    def checkpoint(epoch: int, progress: float, said: np.ndarray | None = None) -> Checkpoint:
        return Checkpoint(config.model, epoch, step, progress, copy_weights(model), said)

    yield checkpoint(0, 0.0)
    for epoch in range(1, config.epochs + 1):
        shuffled = torch.randperm(count, generator=order).to(runtime.device)
        since_report, since_epoch = _Sums(runtime.device), _Sums(runtime.device)
        for number in range(1, steps + 1):
            if should_stop():
                yield checkpoint(epoch, epoch - 1 + (number - 1) / steps)
                return
            began = clock()
            batch = shuffled[(number - 1) * config.batch_size : number * config.batch_size]
            loss, correct = _train_step(model, optimizer, runtime, images[batch], labels[batch])
            step += 1
            since_report.add(loss, correct, len(batch))
            progress = epoch if number == steps else epoch - 1 + number / steps
            # The first steps change the most: each of them is worth a point of its own.
            report = step < report_every or number % report_every == 0 or number == steps
            if report:
                mean_loss, accuracy = since_report.means()  # waits for the device
            elapsed = clock() - began
            training_seconds += elapsed
            since_report.seconds += elapsed
            if report:
                if not np.isfinite(mean_loss):
                    raise TrainingDiverged(
                        f"The loss became {mean_loss} in epoch {epoch}: the steps are too large. "
                        "Choose a smaller learning rate and train again."
                    )
                yield BatchMetrics(
                    epoch=epoch,
                    step=step,
                    progress=progress,
                    loss=mean_loss,
                    accuracy=accuracy,
                    learning_rate=optimizer.param_groups[0]["lr"],
                    images_per_second=since_report.speed(),
                    seconds=clock() - started,
                )
                since_epoch.absorb(since_report)
                since_report = _Sums(runtime.device)
            if number in evaluate_at:
                evaluated = evaluate(model, test_images, test_labels, runtime, should_stop)
                if evaluated is None:
                    yield checkpoint(epoch, progress)
                    return
                train_loss, train_accuracy = since_epoch.plus(since_report).means()
                yield EpochMetrics(
                    epoch=epoch,
                    step=step,
                    progress=progress,
                    train_loss=train_loss,
                    train_accuracy=train_accuracy,
                    test_loss=evaluated.loss,
                    test_accuracy=evaluated.accuracy,
                    images_per_second=since_epoch.plus(since_report).speed(),
                    seconds=clock() - started,
                )
                yield checkpoint(epoch, progress, evaluated.probabilities)
            elif should_publish():
                yield checkpoint(epoch, progress)


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy in nats, accuracy as a share of 1, probabilities (N, 10) float32."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


def evaluate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    runtime: Runtime,
    should_stop: Callable[[], bool] = never,
) -> Evaluation | None:
    """What a model makes of normalised images (N, 1, 28, 28); None if it was told to stop."""
    model.eval()
    try:
        parts = []
        with torch.inference_mode():
            for batch in images.split(EVALUATION_BATCH):
                if should_stop():
                    return None
                with runtime.autocast():
                    logits = model(batch.contiguous(memory_format=torch.channels_last))
                parts.append(logits.float())
            logits = torch.cat(parts)
            loss = F.cross_entropy(logits, labels).item()
            accuracy = (logits.argmax(1) == labels).float().mean().item()
            return Evaluation(loss, accuracy, logits.softmax(1).cpu().numpy())
    finally:
        model.train()


def copy_weights(model: nn.Module) -> StateDict:
    """The `state_dict` as contiguous CPU copies, in the layout in which the notebook saves it."""
    return {
        name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in model.state_dict().items()
    }


def _train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    runtime: Runtime,
    images: Tensor,
    labels: Tensor,
) -> tuple[Tensor, Tensor]:
    """One step on one batch; the mean loss and how many were right, left on the device."""
    with runtime.autocast():
        logits = model(images.contiguous(memory_format=torch.channels_last))
    logits = logits.float()
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach(), (logits.detach().argmax(1) == labels).sum()


def _optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    parameters, rate = model.parameters(), config.learning_rate
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, fused=True)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[config.optimizer](parameters, lr=rate, fused=True)


def _report_every(steps: int, epochs: int) -> int:
    """Batches between two batch events: several a second, and a bounded log for a long run."""
    wanted = min(MAX_BATCH_EVENTS_PER_EPOCH, max(1, MAX_BATCH_EVENTS_PER_RUN // epochs))
    return max(1, -(-steps // wanted))


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
