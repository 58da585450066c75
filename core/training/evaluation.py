"""Evaluation of a network on labelled images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.device import Runtime
from core.errors import CancelledError

EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy in nats, accuracy as a share of 1, probabilities (N, 10) float32."""

    loss: float
    accuracy: float
    probabilities: np.ndarray


def evaluate(
    network: nn.Module,
    runtime: Runtime,
    images: Tensor,
    labels: Tensor,
    should_stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Evaluates a network in evaluation mode on normalized images (N, 1, 28, 28) on its device.

    Raises:
        CancelledError: `should_stop()`, which is called before each batch, became true.
    """
    logits = []
    with torch.inference_mode():
        for batch in images.split(EVALUATION_BATCH):
            if should_stop():
                raise CancelledError
            logits.append(predict_logits(network, runtime, batch))
        all_logits = torch.cat(logits)
        return Evaluation(
            loss=F.cross_entropy(all_logits, labels).item(),
            accuracy=(all_logits.argmax(1) == labels).float().mean().item(),
            probabilities=all_logits.softmax(1).cpu().numpy(),
        )


def predict_logits(network: nn.Module, runtime: Runtime, images: Tensor) -> Tensor:
    """The network's output (N, 10) in float32 for a batch of images (N, 1, 28, 28)."""
    with runtime.autocast():
        logits: Tensor = network(images.contiguous(memory_format=torch.channels_last))
    return logits.float()
