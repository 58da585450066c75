"""Finds the layers of a network, in the order of its forward pass, by tracing its torch calls.

A layer is a convolution or a linear layer together with what follows it: normalization,
activation, pooling. The models call most of these as functions, which module hooks do not see. A
`TorchFunctionMode` sees every call, and only those of its own thread. (`torch.fx` replaces
`nn.Module.__call__` for all threads while it traces, also for the one that trains.) The layers of
a network must form a chain, as they do in `core.models`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from core import models
from core.records.layers import InnerLayer

_TRACED = ("conv2d", "linear", "batch_norm", "relu", "max_pool2d", "amax")
_IGNORED = ("flatten", "dropout")  # in evaluation mode they keep the numbers and their order


class Call(NamedTuple):
    """A call of a torch function; `number` counts the traced calls from 0."""

    number: int
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Tensor


@dataclass(frozen=True)
class TracedLayer:
    """A layer and how to find it in the model.

    Attributes:
        call: number of the call that returns the layer's output; -1 for the input.
        normalization: name of the batch normalization that follows, if any.
        padding: zeros that a convolution adds at each edge of its input.
    """

    layer: InnerLayer
    call: int
    normalization: str | None = None
    padding: int = 0


class LayerTracer(TorchFunctionMode):
    """While active, passes the thread's torch calls to `on_call`, which returns the result to use.

    The same model makes the same calls each time.
    """

    def __init__(self, on_call: Callable[[Call], Tensor]) -> None:
        super().__init__()
        self._on_call = on_call
        self._calls = 0

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = func.__name__
        if name in _TRACED:
            result = self._on_call(Call(self._calls, name, args, kwargs, result))
            self._calls += 1
        elif isinstance(result, Tensor) and name not in _IGNORED:
            raise NotImplementedError(f"core.explain.tracing does not support {name}.")
        return result


@lru_cache
def trace_layers(model_name: str) -> tuple[TracedLayer, ...]:
    """The layers of a model of `core.models`, from the input to the ten logits.

    Raises:
        KeyError: there is no model of that name.
        NotImplementedError: the model makes a call that is not supported.
    """
    model = models.build_on_meta(model_name).eval()
    owners = {id(weights): name.rpartition(".")[0] for name, weights in model.named_parameters()}
    traced = [TracedLayer(InnerLayer("input", (), (1, 28, 28)), -1)]

    def on_call(call: Call) -> Tensor:
        previous = traced[-1]
        shape = (*call.result.shape[1:], 1, 1)[:3]
        if call.name == "conv2d":
            weight, padding = call.args[1], _checked_padding(*call.args[3:])
            kernel = tuple(weight.shape[1:])
            operations = (f"{kernel[1]} × {kernel[2]} convolution",)
            layer = InnerLayer(
                owners[id(weight)],
                operations,
                shape,
                kernel,
                jump=previous.layer.jump,
                parameters=_count(*call.args[1:3]),
            )
            traced.append(TracedLayer(layer, call.number, padding=padding))
        elif call.name == "linear":
            name, kernel = owners[id(call.args[1])], previous.layer.shape
            parameters = _count(*call.args[1:3])
            layer = InnerLayer(name, ("linear layer",), shape, kernel, parameters=parameters)
            traced.append(TracedLayer(layer, call.number))
        elif call.name == "amax":
            layer = InnerLayer("maximum", ("the largest number of each map",), shape)
            traced.append(TracedLayer(layer, call.number))
        else:
            traced[-1] = _extended(previous, call, shape, owners)
        return call.result

    image = torch.zeros(1, 1, 28, 28, device="meta")
    with LayerTracer(on_call):
        model(image)
    return tuple(traced)


def _extended(
    traced: TracedLayer, call: Call, shape: tuple[int, int, int], owners: dict[int, str]
) -> TracedLayer:
    """A layer with the operation that follows it."""
    layer, normalization = traced.layer, traced.normalization
    pool, jump, parameters = layer.pool, layer.jump, layer.parameters
    if call.name == "max_pool2d":
        side = call.args[1]
        operation = f"{side} × {side} max-pooling"
        pool, jump = pool * side, jump * side
    elif call.name == "batch_norm":
        operation = "batch normalisation"
        normalization = owners[id(call.kwargs["weight"])]
        parameters += _count(call.kwargs["weight"], call.kwargs["bias"])
    else:
        operation = "ReLU"
    operations = (*layer.operations, operation)
    layer = replace(
        layer, shape=shape, operations=operations, pool=pool, jump=jump, parameters=parameters
    )
    return replace(traced, layer=layer, call=call.number, normalization=normalization)


def _count(*parameters: Tensor | None) -> int:
    return sum(tensor.numel() for tensor in parameters if tensor is not None)


def _checked_padding(
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], groups: int
) -> int:
    if (stride, dilation, groups) != ((1, 1), (1, 1), 1) or padding[0] != padding[1]:
        raise NotImplementedError("core.explain.tracing supports convolutions with stride 1 only.")
    return padding[0]
