"""Optimizers and learning-rate schedules."""

import math
from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from core.config import TrainConfig

START_DIVISOR, END_DIVISOR = 25, 25e4
"""A cycle starts and ends at these fractions of its peak, as in torch's `OneCycleLR`."""


def make_optimizer(config: TrainConfig, parameters: Iterable[Parameter]) -> Optimizer:
    """The configuration's optimizer, fused: one pass over the weights instead of many."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=rate, momentum=config.beta1, weight_decay=decay, fused=True
        )
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    betas = (config.beta1, config.beta2)
    return kinds[config.optimizer](parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """The learning rate of a step (from 0) of a run of `steps` steps.

    It depends on the configuration and the step alone, so a run can resume anywhere.
    """
    if config.schedule == "constant":
        return config.learning_rate
    return one_cycle(config.learning_rate, config.warmup, step, steps)


def one_cycle(peak: float, warmup: float, step: int, steps: int) -> float:
    """The one-cycle schedule (L. Smith, N. Topin, "Super-convergence", 2018).

    Rises to the peak during `warmup`, a share of all steps, then falls to almost 0, along half a
    cosine each. Equals `torch.optim.lr_scheduler.OneCycleLR` with `total_steps=steps + 1`.
    """
    if steps < 2:
        return peak
    top = warmup * (steps + 1) - 1
    if step < top:
        return _half_cosine(peak / START_DIVISOR, peak, step / top)
    return _half_cosine(peak, peak / END_DIVISOR, (step - top) / (steps - top))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
