"""The layers of a network in the order in which data goes through, found by watching it work.

A layer is a convolution or a linear layer together with what follows it: normalisation,
activation, pooling. The models call most of these as functions, which no module hook sees; a
`TorchFunctionMode` sees every call, and only those of its own thread. (Tracing with `torch.fx`
would change `nn.Module.__call__` for all threads, the training one included, while it traces.)
Networks whose layers form a chain are understood, as all in `core.models` do.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from core import models
from core.records.layers import InnerLayer

_WATCHED = ("conv2d", "linear", "batch_norm", "relu", "max_pool2d", "amax")
_PASSING = ("flatten", "dropout")  # in evaluation: the same numbers, in the same order

Seen = Callable[[int, str, tuple[Any, ...], dict[str, Any], Tensor], Tensor]
"""Sees the number, the name, the arguments and the result of a call; gives what is passed on."""


@dataclass(frozen=True)
class TracedLayer:
    """A layer and where to find it.

    Attributes:
        call: number of the call whose result the layer gives; -1 for the input.
        normalisation: name of the batch normalisation that follows, if there is one.
        padding: zeros that a convolution adds at each edge of the maps before.
    """

    layer: InnerLayer
    call: int
    normalisation: str | None = None
    padding: int = 0


class LayerTracer(TorchFunctionMode):
    """While it is active in a thread, shows the calls by which a model works, and may change them.

    Only calls that make new numbers are shown and counted, so that the same model makes the same
    calls each time.
    """

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen
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
        if name in _WATCHED:
            result = self._seen(self._calls, name, args, kwargs, result)
            self._calls += 1
        elif isinstance(result, Tensor) and name not in _PASSING:
            raise NotImplementedError(f"{name} is not known to core.explain.tracing.")
        return result


@lru_cache
def parts(model_name: str) -> tuple[TracedLayer, ...]:
    """The layers of a model of `core.models`, from the input to the ten scores.

    Raises:
        KeyError: there is no model of that name.
        NotImplementedError: it does something that this module does not understand.
    """
    model = models.build_on_meta(model_name).eval()
    owners = {id(weights): name.rpartition(".")[0] for name, weights in model.named_parameters()}
    found = [TracedLayer(InnerLayer("input", (), (1, 28, 28)), -1)]

    def add(
        number: int, call: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
    ) -> Tensor:
        before = found[-1].layer
        shape = (*result.shape[1:], 1, 1)[:3]
        if call == "conv2d":
            name, padding = owners[id(args[1])], _checked_padding(*args[3:])
            kernel = tuple(args[1].shape[1:])
            words = f"{kernel[1]} × {kernel[2]} convolution"
            layer = InnerLayer(name, (words,), shape, kernel, jump=before.jump)
            found.append(TracedLayer(layer, number, padding=padding))
        elif call == "linear":
            name = owners[id(args[1])]
            found.append(
                TracedLayer(InnerLayer(name, ("linear layer",), shape, before.shape), number)
            )
        elif call == "amax":
            words = "the largest number of each map"
            found.append(TracedLayer(InnerLayer("maximum", (words,), shape), number))
        else:
            found[-1] = _followed(found[-1], number, call, args, kwargs, shape, owners)
        return result

    image = torch.zeros(1, 1, 28, 28, device="meta")
    with LayerTracer(add):
        model(image)
    return tuple(found)


def _followed(
    part: TracedLayer,
    number: int,
    call: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    shape: tuple[int, int, int],
    owners: dict[int, str],
) -> TracedLayer:
    """A part with what else is done in it."""
    layer = replace(part.layer, shape=shape)
    if call == "max_pool2d":
        side = args[1]
        words = f"{side} × {side} max-pooling"
        layer = replace(layer, pool=layer.pool * side, jump=layer.jump * side)
    elif call == "batch_norm":
        words = "batch normalisation"
        part = replace(part, normalisation=owners[id(kwargs["weight"])])
    else:
        words = "ReLU"
    return replace(part, layer=replace(layer, operations=(*layer.operations, words)), call=number)


def _checked_padding(
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], groups: int
) -> int:
    if (stride, dilation, groups) != ((1, 1), (1, 1), 1) or padding[0] != padding[1]:
        raise NotImplementedError(
            "core.explain.tracing knows convolutions with a stride of 1 alone."
        )
    return padding[0]
