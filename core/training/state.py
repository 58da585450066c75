"""One network and all that a training step changes: weights, optimizer, average, generators.

A `TrainState` takes a step on each batch that it is given, and can be put down and taken up again. It
does not know what an epoch is, which images come next, or who watches.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core import models
from core.config import TrainConfig
from core.data import augmentation
from core.data.dataset import normalize
from core.device import Runtime
from core.training.evaluation import Evaluation, evaluate
from core.training.optim import make_optimizer

AVERAGE_EVERY = 4
AVERAGE_KEEPS = 0.85
"""Every so many steps the average keeps this share of itself: it spans the last thirty or so."""

StateDict = dict[str, Tensor]


class TrainState:
    """A fresh network on its device, drawn from the configuration's seed."""

    def __init__(self, config: TrainConfig, runtime: Runtime) -> None:
        torch.manual_seed(config.seed)
        self._runtime = runtime
        self._model = models.build(config.model).to(
            runtime.device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        self._optimizer = make_optimizer(config, self._model.parameters())
        self._optimizer_kind = config.optimizer
        self._steps = 0
        self._averaged: AveragedModel | None = None
        if config.weight_averaging:
            self._averaged = AveragedModel(
                self._model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_KEEPS), use_buffers=True
            )
        self._augment = config.augmentation == "affine"
        self._changes = torch.Generator().manual_seed(config.seed)
        self._background = float(normalize(torch.zeros(1, 1, 1)))
        self._label_smoothing = config.label_smoothing

    @property
    def network(self) -> nn.Module:
        """What is evaluated and kept: the average of the weights, or else the weights."""
        return self._model if self._averaged is None else self._averaged.module

    def step(self, images: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        """Learns from one batch of normalised images (N, 1, 28, 28) at a learning rate.

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
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
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
        """As the function of that name, on this network."""
        network = self.network.eval()
        try:
            return evaluate(network, self._runtime, images, labels, should_stop)
        finally:
            network.train()

    def copy_weights(self) -> StateDict:
        """The `state_dict` as contiguous CPU copies, in the layout in which the notebook saves."""
        return {
            name: value.detach().to("cpu", copy=True).contiguous()
            for name, value in self.network.state_dict().items()
        }

    def state(self) -> StateDict:
        """All that the next steps depend on, as CPU copies under flat names; see `restore`."""
        state = {f"model.{name}": value for name, value in self._model.state_dict().items()}
        if self._averaged is not None:
            averaged = self._averaged.state_dict()
            state |= {f"average.{name}": value for name, value in averaged.items()}
        for number, slots in self._optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                state[f"{self._optimizer_kind}.{number}.{slot}"] = value
        state["steps"] = torch.tensor(self._steps)
        state["random.augmentation"] = self._changes.get_state()
        state["random.torch"] = torch.get_rng_state()
        if self._runtime.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state()
        return {
            name: value.detach().to("cpu", copy=True).contiguous() for name, value in state.items()
        }

    def restore(self, state: StateDict) -> None:
        """Goes on from a `state()`, bit for bit if the configuration is the same.

        What a changed configuration has no use for is left out: another optimizer begins without
        a memory, a new average at the weights.
        """
        self._model.load_state_dict(_under("model.", state))
        if self._averaged is not None:
            averaged = _under("average.", state)
            if averaged:
                self._averaged.load_state_dict(averaged)
            else:
                self._averaged.module.load_state_dict(self._model.state_dict())
        self._restore_optimizer(_under(f"{self._optimizer_kind}.", state))
        self._steps = int(state["steps"])
        self._changes.set_state(state["random.augmentation"])
        torch.set_rng_state(state["random.torch"])
        if self._runtime.device.type == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(state["random.cuda"])

    def _restore_optimizer(self, slots: StateDict) -> None:
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        known: dict[int, StateDict] = {}
        for name, value in slots.items():
            number, slot = name.split(".")
            parameter = parameters[int(number)]
            # A fused step walks through memory: moments must lie there as their weights do.
            alike = value.shape == parameter.shape
            laid = torch.empty_like(parameter).copy_(value) if alike else value.clone()
            known.setdefault(int(number), {})[slot] = laid.detach()
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": known, "param_groups": groups})


def _under(prefix: str, state: StateDict) -> StateDict:
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


@dataclass(frozen=True)
class Position:
    """How far a run has come: what `fit` needs, beside tensors, to go on as if it never stopped.

    `batch` batches of epoch `epoch` are done, `step` of the whole run; the end of an epoch is the
    beginning of the next. `evaluated` tells whether an evaluation that is due there has been made.
    `learning_rate` is one that was set on the way, else None. The sums are those of `_Sums`, since
    the last report and since the epoch began.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    evaluated: bool = False
    learning_rate: float | None = None
    seconds: float = 0.0
    since_report: "SumsRecord" = (0.0, 0, 0, 0.0)
    since_epoch: "SumsRecord" = (0.0, 0, 0, 0.0)


SumsRecord = tuple[float, int, int, float]


@dataclass(frozen=True)
class ResumeState:
    """A place and the learner's tensors there."""

    place: Position
    tensors: StateDict


@dataclass(frozen=True)
class Checkpoint:
    """A copy of the weights, on the CPU, that training will not touch again.

    `test_probabilities` (test images, 10), float32, is what the network said at an evaluation;
    None for weights that were published between two evaluations. `resume` comes with the end of
    an epoch and with a stop.
    """

    model: str
    epoch: int
    step: int
    progress: float
    state_dict: StateDict
    test_probabilities: np.ndarray | None
    resume: ResumeState | None = None
