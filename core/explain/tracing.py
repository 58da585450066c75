"""Finds the layers of a network, in the order of its forward pass.

A layer is a convolution or a linear layer together with what follows it: normalization,
activation, pooling.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from core import models
from core.records.layers import InnerLayer


@dataclass(frozen=True)
class TracedLayer:
    """A layer and how to find it in the model.

    Attributes:
        end: the layer's output is that of the leaf before this index.
        normalization: name of the batch normalization that follows, if any.
        padding: zeros that a convolution adds at each edge of its input.
    """

    layer: InnerLayer
    end: int = 0
    normalization: str | None = None
    padding: int = 0


@lru_cache
def trace_layers(model_name: str) -> tuple[TracedLayer, ...]:
    """The layers of a model of `core.models`, from the input to the ten logits.

    Raises:
        KeyError: there is no model of that name.
        NotImplementedError: the model has a module that is not supported.
    """
    x = torch.zeros(1, 1, 28, 28, device="meta")
    traced = [TracedLayer(InnerLayer("input", (), (1, 28, 28)))]
    leaves = models.leaves(models.build_on_meta(model_name).eval())
    for end, (name, module) in enumerate(leaves, start=1):
        x = module(x)
        shape = (*x.shape[1:], 1, 1)[:3]
        count = sum(values.numel() for values in module.parameters())
        last, layer = traced[-1], traced[-1].layer
        match module:
            case nn.Conv2d(stride=(1, 1), dilation=(1, 1), groups=1, padding=(pad, other)) if (
                pad == other
            ):
                channels, height, width = module.weight.shape[1:]
                words = (f"{height} × {width} convolution",)
                kernel = (channels, height, width)
                layer = InnerLayer(name, words, shape, kernel, jump=layer.jump, parameters=count)
                traced.append(TracedLayer(layer, end, padding=pad))
            case nn.Linear():
                words = ("linear layer",)
                layer = InnerLayer(name, words, shape, kernel=layer.shape, parameters=count)
                traced.append(TracedLayer(layer, end))
            case models.GlobalMax():
                layer = InnerLayer(name, ("the largest number of each map",), shape)
                traced.append(TracedLayer(layer, end))
            case nn.BatchNorm2d():
                layer = _with(layer, "batch normalisation", parameters=layer.parameters + count)
                traced[-1] = replace(last, layer=layer, end=end, normalization=name)
            case nn.ReLU():
                traced[-1] = replace(last, layer=_with(layer, "ReLU"), end=end)
            case nn.MaxPool2d(kernel_size=int(side)):
                pool, jump = layer.pool * side, layer.jump * side
                pooling = f"{side} × {side} max-pooling"
                layer = _with(layer, pooling, shape=shape, pool=pool, jump=jump)
                traced[-1] = replace(last, layer=layer, end=end)
            case nn.Flatten() | nn.Dropout():
                pass  # in evaluation mode they keep the numbers and their order
            case _:
                raise NotImplementedError(f"core.explain.tracing does not support {module}.")
    return tuple(traced)


def _with(layer: InnerLayer, operation: str, **changes: Any) -> InnerLayer:
    """The layer with an operation that follows it."""
    return replace(layer, operations=(*layer.operations, operation), **changes)
