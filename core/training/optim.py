"""The optimizer and the learning rates that a configuration asks for.

It does not know what is optimised.
"""

import math
from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from core.config import TrainConfig

START_DIVISOR, END_DIVISOR = 25, 25e4
"""A cycle starts and ends at these fractions of its peak, as in torch's `OneCycleLR`."""


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


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """The rate of one step, counted from 0, of a run of so many.

    A function of the configuration and the place alone, so that a run can be taken up anywhere
    and its rate be changed on the way.
    """
    if config.schedule == "constant":
        return config.learning_rate
    return one_cycle(config.learning_rate, config.warmup, step, steps)


def one_cycle(peak: float, warmup: float, step: int, steps: int) -> float:
    """Up to the peak in the `warmup`, a share of all steps, then down to almost nothing.

    One cycle (Smith and Topin 2018) climbs and falls along half a cosine each, at the very rates
    of `torch.optim.lr_scheduler.OneCycleLR` with `total_steps=steps + 1`.
    """
    if steps < 2:
        return peak
    top = warmup * (steps + 1) - 1
    if step < top:
        return _half_cosine(peak / START_DIVISOR, peak, step / top)
    return _half_cosine(peak, peak / END_DIVISOR, (step - top) / (steps - top))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
