"""The optimizer and the learning-rate schedule that a configuration asks for.

It does not know what is optimised.
"""

from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from core.config import TrainConfig


def make_optimizer(config: TrainConfig, parameters: Iterable[Parameter]) -> Optimizer:
    """Fused: one pass over the weights, where the plain one makes many."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=rate, momentum=config.beta1, weight_decay=decay, fused=True
        )
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    betas = (config.beta1, config.beta2)
    return kinds[config.optimizer](parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)


def make_schedule(config: TrainConfig, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    """What sets the learning rate after each of so many steps; None leaves it as it is."""
    if config.schedule == "constant" or steps < 2:
        return None
    return OneCycleLR(
        optimizer,
        max_lr=config.learning_rate,
        total_steps=steps + 1,  # it counts the rate before the first step too
        pct_start=config.warmup,
        cycle_momentum=False,
    )
