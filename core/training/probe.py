"""How many images a second this computer trains on, measured in a quarter of a second."""

import time
from collections.abc import Callable

import torch
from torch import nn

from core import models
from core.config import TrainConfig
from core.device import Runtime
from core.errors import CancelledError
from core.training.state import TrainState

WARM_UP_STEPS = 2
"""The first steps set up kernels and memory."""

SECONDS = 0.2
MIN_STEPS, MAX_STEPS = 3, 50


def images_per_second(
    config: TrainConfig, runtime: Runtime, should_stop: Callable[[], bool] = lambda: False
) -> float:
    """Trains a network on noise for some steps.

    Leaves torch's global generators, which a run in another thread may use, alone.

    Raises:
        CancelledError: `should_stop()`, which is called before each step, became true.
    """
    generator = torch.Generator().manual_seed(0)
    network = models.build_apart(config.model, generator)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # its noise would come from the global generator
    state = TrainState(config, runtime, network)
    shape = (config.batch_size, 1, 28, 28)
    images = torch.randn(shape, generator=generator).to(runtime.device)
    labels = torch.randint(10, shape[:1], generator=generator).to(runtime.device)

    def step_seconds() -> float:
        if should_stop():
            raise CancelledError
        started = time.perf_counter()
        loss, _ = state.step(images, labels, config.learning_rate)
        loss.item()  # waits for the device
        return time.perf_counter() - started

    for _ in range(WARM_UP_STEPS):
        step_seconds()
    steps = int(min(max(SECONDS / step_seconds(), MIN_STEPS), MAX_STEPS))
    seconds = sorted(step_seconds() for _ in range(steps))
    # Steps during which another program takes a core are up to 15 times as slow.
    return config.batch_size / seconds[steps // 4]
