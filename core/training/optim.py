"""Optimizers and learning-rate schedules."""

import math
from collections.abc import Iterable

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from core.config import TrainConfig


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

    The one-cycle schedule (L. Smith, N. Topin, "Super-convergence", 2018) rises to the peak during
    `warmup`, a share of all steps, then falls to almost 0, along half a cosine each. It equals
    `torch.optim.lr_scheduler.OneCycleLR` with `total_steps=steps + 1`, to the last bit, but for a
    climb of no step at all, where that class divides by zero.
    """
    peak = config.learning_rate
    if config.schedule == "constant":
        return peak
    start = peak / 25
    top = config.warmup * (steps + 1) - 1
    if step <= top:
        return _half_cosine(start, peak, step / top if top else 1.0)
    return _half_cosine(peak, start / 1e4, (step - top) / (steps - top))


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
