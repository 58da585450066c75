"""One network and all that a training step changes: weights, optimizer, schedule, average.

A `Learner` takes a step on each batch that it is given. It does not know what an epoch is, which
images come next, or who watches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core import augmentation, models
from core.config import TrainConfig
from core.datasets import normalise
from core.optimization import make_optimizer, make_schedule
from core.runtime import Runtime

EVALUATION_BATCH = 500
AVERAGE_EVERY = 4
AVERAGE_KEEPS = 0.85
"""Every so many steps the average keeps this share of itself: it spans the last thirty or so."""

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy in nats, accuracy as a share of 1, probabilities (N, 10) float32."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


class Learner:
    """A fresh network on its device, drawn from the configuration's seed."""

    def __init__(self, config: TrainConfig, runtime: Runtime, steps: int) -> None:
        """
        Args:
            steps: how many there will be in all, which a schedule must know.
        """
        torch.manual_seed(config.seed)
        self._runtime = runtime
        self._model = models.build(config.model).to(
            runtime.device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        self._optimizer = make_optimizer(config, self._model.parameters())
        self._schedule = make_schedule(config, self._optimizer, steps)
        self._steps = 0
        self._averaged: AveragedModel | None = None
        if config.weight_averaging:
            self._averaged = AveragedModel(
                self._model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_KEEPS), use_buffers=True
            )
        self._augment = config.augmentation == "affine"
        self._changes = torch.Generator().manual_seed(config.seed)
        self._background = float(normalise(torch.zeros(1, 1, 1)))
        self._label_smoothing = config.label_smoothing

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        rate: float = self._optimizer.param_groups[0]["lr"]
        return rate

    @property
    def network(self) -> nn.Module:
        """What is evaluated and kept: the average of the weights, or else the weights."""
        return self._model if self._averaged is None else self._averaged.module

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Learns from one batch of normalised images (N, 1, 28, 28).

        Returns:
            The mean cross-entropy and how many were right, before the step, left on the device.
            The cross-entropy is the plain one, comparable with that of an evaluation, also where
            smoothed labels are learnt from.
        """
        if self._augment:
            images = augmentation.affine(images, self._background, self._changes)
        with self._runtime.autocast():
            logits = self._model(images.contiguous(memory_format=torch.channels_last))
        logits = logits.float()
        loss = F.cross_entropy(logits, labels, label_smoothing=self._label_smoothing)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        if self._schedule is not None:
            self._schedule.step()
        self._steps += 1
        if self._averaged is not None and self._steps % AVERAGE_EVERY == 0:
            self._averaged.update_parameters(self._model)
        logits, loss = logits.detach(), loss.detach()
        if self._label_smoothing:
            loss = F.cross_entropy(logits, labels)
        return loss, (logits.argmax(1) == labels).sum()

    def evaluate(
        self, images: Tensor, labels: Tensor, should_stop: Callable[[], bool]
    ) -> Evaluation | None:
        """What the network makes of normalised images; None if it was told to stop."""
        network = self.network.eval()
        parts = []
        try:
            with torch.inference_mode():
                for batch in images.split(EVALUATION_BATCH):
                    if should_stop():
                        return None
                    with self._runtime.autocast():
                        logits = network(batch.contiguous(memory_format=torch.channels_last))
                    parts.append(logits.float())
                logits = torch.cat(parts)
                return Evaluation(
                    loss=F.cross_entropy(logits, labels).item(),
                    accuracy=(logits.argmax(1) == labels).float().mean().item(),
                    probabilities=logits.softmax(1).cpu().numpy(),
                )
        finally:
            network.train()

    def copy_weights(self) -> StateDict:
        """The `state_dict` as contiguous CPU copies, in the layout in which the notebook saves."""
        return {
            name: value.detach().to("cpu", copy=True).contiguous()
            for name, value in self.network.state_dict().items()
        }
