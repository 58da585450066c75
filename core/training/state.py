"""The state of training: what a step changes, and where a run is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

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
from core.training.evaluation import Evaluation, evaluate, predict_logits
from core.training.optim import make_optimizer

AVERAGE_EVERY = 4
AVERAGE_DECAY = 0.85
"""Every `AVERAGE_EVERY` steps the weight average keeps this share of itself, so that it covers
about the last thirty steps."""

StateDict = dict[str, Tensor]
Sums = tuple[float, int, int, float]
"""Sum of losses, correct predictions, images, seconds."""


@dataclass(frozen=True)
class Position:
    """Where a run is. `batch` batches of epoch `epoch` are done, `step` of the whole run.

    The end of an epoch is the beginning of the next one. `evaluated` says whether an evaluation
    that is due here has been made. `learning_rate` is a rate that was set during the run.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    evaluated: bool = False
    learning_rate: float | None = None
    seconds: float = 0.0
    since_report: Sums = (0.0, 0, 0, 0.0)
    since_epoch: Sums = (0.0, 0, 0, 0.0)


@dataclass(frozen=True)
class ResumeState:
    """A position and the tensors of `TrainState.state_dict()` there."""

    position: Position
    tensors: StateDict


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A copy of the weights on the CPU.

    `test_probabilities` (test images, 10) float32 comes with an evaluation, `resume` with the end
    of an epoch and with a stop.
    """

    model: str
    epoch: int
    step: int
    progress: float
    state_dict: StateDict
    test_probabilities: np.ndarray | None
    resume: ResumeState | None = None


@cache
def untrained() -> Checkpoint:
    """A SimpleCNN with random weights, always the same."""
    network = models.build_apart("simple_cnn", torch.Generator().manual_seed(0))
    return Checkpoint("simple_cnn", 0, 0, 0.0, network.state_dict(), None)


class TrainState:
    """Model, optimizer, weight average and random generators, initialized from the seed."""

    def __init__(
        self, config: TrainConfig, runtime: Runtime, network: nn.Module | None = None
    ) -> None:
        """
        Args:
            network: by default a new one, with weights from torch's global generator, which is
                then seeded.
        """
        if network is None:
            torch.manual_seed(config.seed)
            network = models.build(config.model)
        self._config, self._runtime = config, runtime
        self._model = network.to(
            runtime.device,
            memory_format=torch.channels_last,  # type: ignore[call-overload]
        )
        for module in self._model.modules():
            if isinstance(module, nn.Flatten):
                module.register_forward_pre_hook(_keep_gradient_in_order_of_maps)
        self._optimizer = make_optimizer(config, self._model.parameters())
        self._steps = 0
        self._average: AveragedModel | None = None
        if config.weight_averaging:
            self._average = AveragedModel(
                self._model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY), use_buffers=True
            )
        self._augmentation_generator = torch.Generator().manual_seed(config.seed)
        self._background = float(normalize(torch.zeros(1, 1, 1)))

    @property
    def network(self) -> nn.Module:
        """The network to evaluate and save: the weight average if there is one."""
        return self._model if self._average is None else self._average.module

    def step(self, images: Tensor, labels: Tensor, learning_rate: float) -> tuple[Tensor, Tensor]:
        """Takes one optimizer step on normalized images (N, 1, 28, 28).

        Returns:
            The mean cross-entropy and the number of correct predictions before the step, on the
            device. The cross-entropy has no label smoothing, so it compares with an evaluation's.
        """
        if self._config.augmentation == "affine":
            images = augmentation.affine(images, self._background, self._augmentation_generator)
        logits = predict_logits(self._model, self._runtime, images)
        loss = F.cross_entropy(logits, labels, label_smoothing=self._config.label_smoothing)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()
        self._steps += 1
        if self._average is not None and self._steps % AVERAGE_EVERY == 0:
            self._average.update_parameters(self._model)
        logits, loss = logits.detach(), loss.detach()
        if self._config.label_smoothing:
            loss = F.cross_entropy(logits, labels)
        return loss, (logits.argmax(1) == labels).sum()

    def evaluate(
        self, images: Tensor, labels: Tensor, should_stop: Callable[[], bool]
    ) -> Evaluation:
        """See `core.training.evaluation.evaluate`."""
        network = self.network.eval()
        try:
            return evaluate(network, self._runtime, images, labels, should_stop)
        finally:
            network.train()

    def predict(self, images: Tensor) -> Tensor:
        """The predicted digits (N,) of normalized images (N, 1, 28, 28), on the device."""
        network = self.network.eval()
        try:
            with torch.inference_mode():
                return predict_logits(network, self._runtime, images).argmax(1)
        finally:
            network.train()

    def weights(self) -> StateDict:
        """The network's `state_dict` as contiguous CPU copies, in the notebook's layout."""
        return _cpu_copies(self.network.state_dict())

    def state_dict(self) -> StateDict:
        """Everything that later steps depend on, as CPU copies under flat names."""
        state = {f"model.{name}": value for name, value in self._model.state_dict().items()}
        if self._average is not None:
            average = self._average.state_dict()
            state |= {f"average.{name}": value for name, value in average.items()}
        for number, slots in self._optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                state[f"{self._config.optimizer}.{number}.{slot}"] = value
        state["steps"] = torch.tensor(self._steps)
        state["random.augmentation"] = self._augmentation_generator.get_state()
        state["random.torch"] = torch.get_rng_state()
        if self._runtime.device.type == "cuda":
            state["random.cuda"] = torch.cuda.get_rng_state()
        return _cpu_copies(state)

    def load_state_dict(self, state: StateDict) -> None:
        """Restores a `state_dict()`, bit for bit if the configuration is the same.

        Another optimizer starts without moments, a new weight average at the weights.
        """
        self._model.load_state_dict(_without_prefix("model.", state))
        if self._average is not None:
            if average := _without_prefix("average.", state):
                self._average.load_state_dict(average)
            else:
                self._average.module.load_state_dict(self._model.state_dict())
        self._load_optimizer(_without_prefix(f"{self._config.optimizer}.", state))
        self._steps = int(state["steps"])
        self._augmentation_generator.set_state(state["random.augmentation"])
        torch.set_rng_state(state["random.torch"])
        if self._runtime.device.type == "cuda" and "random.cuda" in state:
            torch.cuda.set_rng_state(state["random.cuda"])

    def _load_optimizer(self, slots: StateDict) -> None:
        parameters = [p for group in self._optimizer.param_groups for p in group["params"]]
        state: dict[int, StateDict] = {}
        for name, value in slots.items():
            number, slot = name.split(".")
            parameter = parameters[int(number)]
            # A fused step walks through memory, so moments need the memory layout of their weights.
            same_shape = value.shape == parameter.shape
            copy = torch.empty_like(parameter).copy_(value) if same_shape else value.clone()
            state.setdefault(int(number), {})[slot] = copy.detach()
        groups = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": state, "param_groups": groups})


def _keep_gradient_in_order_of_maps(_: nn.Module, inputs: tuple[Tensor]) -> None:
    """A gradient in the order of the vectors makes a step of SimpleCNN 7 % slower."""
    (maps,) = inputs
    if maps.requires_grad:
        maps.register_hook(lambda grad: grad.contiguous(memory_format=torch.channels_last))


def _cpu_copies(tensors: StateDict) -> StateDict:
    return {
        name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()
    }


def _without_prefix(prefix: str, state: StateDict) -> StateDict:
    return {
        name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
    }
