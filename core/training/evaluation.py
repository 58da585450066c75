"""How well a network reads labelled images."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.device import Runtime

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
    should_stop: Callable[[], bool],
) -> Evaluation | None:
    """What a network in evaluation mode makes of normalised images (N, 1, 28, 28) on its device.

    Args:
        should_stop: asked now and then; once it is true, there is no answer but None.
    """
    parts = []
    with torch.inference_mode():
        for batch in images.split(EVALUATION_BATCH):
            if should_stop():
                return None
            with runtime.autocast():
                logits = network(batch.contiguous(memory_format=torch.channels_last))
            parts.append(logits.float())
        logits = torch.cat(parts)
        return Evaluation(
            loss=F.cross_entropy(logits, labels).item(),
            accuracy=(logits.argmax(1) == labels).float().mean().item(),
            probabilities=logits.softmax(1).cpu().numpy(),
        )
