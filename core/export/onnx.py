"""A network as an ONNX file: one forward pass, written down operation by operation.

`torch.onnx.export` is not used: while it works it replaces parts of torch for the whole process,
and a network that trains in another thread fails or learns something else. The mode that is used
here sees its own thread alone. This module does not know the networks; it raises at an operation
for which it has no translation.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core import models
from core.export.weights import describe
from core.records.exports import Provenance

OPSET, IR_VERSION = 17, 8
"""Those of ONNX 1.12, from 2022: all that is needed is in it, and older programs read it too."""


def to_onnx(state_dict: dict[str, Tensor], provenance: Provenance) -> bytes:
    """The network as an ONNX model, opset 17, with `describe(provenance)` as its metadata.

    Its input `image` is float32 (N, 1, 28, 28), N free: ink 1 on black 0, minus 0.1307, divided
    by 0.3081 (mean and standard deviation of MNIST's training pixels). Its output `logits` is
    float32 (N, 10); their softmax is the probabilities of the digits.

    Raises:
        KeyError: no model has that name, or a weight is missing.
        NotImplementedError, TypeError: the model does something, or does it with arguments, for
            which there is no translation here.
    """
    model = models.build_on_meta(provenance.model).eval()
    weights = model.state_dict(keep_vars=True)  # the model's own tensors, told by identity
    image = torch.empty(1, 1, 28, 28, device="meta")
    # In inference mode an operation arrives whole: a linear layer, not its product and its sum.
    with torch.inference_mode(), _Recorder({"image": image, **weights}) as recorder:
        logits = model(image)
    recorder.nodes[-1].output[0] = "logits"

    used = {name for node in recorder.nodes for name in node.input}
    graph = helper.make_graph(
        recorder.nodes,
        provenance.model,
        inputs=[_batch_of("image", image)],
        outputs=[_batch_of("logits", logits)],
        initializer=[
            numpy_helper.from_array(state_dict[name].detach().cpu().numpy(), name)
            for name in weights
            if name in used
        ],
    )
    described = helper.make_model(
        graph,
        producer_name="Digit Lab",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(described, describe(provenance))
    return bytes(described.SerializeToString())


def _batch_of(name: str, example: Tensor) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *example.shape[1:]])


class _Recorder(TorchDispatchMode):
    """While it is entered, what its thread does to tensors becomes ONNX nodes."""

    def __init__(self, known: dict[str, Tensor]) -> None:
        super().__init__()
        self.nodes: list[NodeProto] = []
        # The tensor is kept beside its name, for an id is its own only as long as it lives.
        self._names = {id(tensor): (name, tensor) for name, tensor in known.items()}

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func not in TRANSLATIONS:
            raise NotImplementedError(f"{func} has no translation to ONNX.")
        kind, inputs, attributes = TRANSLATIONS[func](*args, **(kwargs or {}))
        names = [self._names[id(tensor)][0] for tensor in inputs if tensor is not None]
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        self._names[id(result)] = (output, result)
        return result


# --- Translations ------------------------------------------------------------------------------
# From an operation's arguments, named and defaulted as in torch's native_functions.yaml, to the
# operator, inputs and attributes of ONNX. Attributes that are left out have their default.

_Said = tuple[str, Sequence[Tensor | None], dict[str, Any]]


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> _Said:
    attributes = {
        "strides": stride,
        "pads": [*padding, *padding],
        "dilations": dilation,
        "group": groups,
    }
    return "Conv", [input, weight, bias], attributes


def _max_pool2d(input: Tensor, kernel_size: Sequence[int], stride: Sequence[int] = ()) -> _Said:
    return "MaxPool", [input], {"kernel_shape": kernel_size, "strides": stride or kernel_size}


def _batch_norm(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> _Said:
    inputs = [input, weight, bias, running_mean, running_var]
    return "BatchNormalization", inputs, {"epsilon": eps}


def _linear(input: Tensor, weight: Tensor, bias: Tensor) -> _Said:
    return "Gemm", [input, weight, bias], {"transB": 1}


def _relu(input: Tensor) -> _Said:
    return "Relu", [input], {}


def _flatten(input: Tensor, start_dim: int) -> _Said:
    if start_dim != 1:
        raise NotImplementedError("ONNX flattens all but the first dimension, or to two.")
    return "Flatten", [input], {"axis": 1}


def _amax(input: Tensor, dim: Sequence[int], keepdim: bool = False) -> _Said:
    return "ReduceMax", [input], {"axes": dim, "keepdims": int(keepdim)}


def _dropout(input: Tensor, p: float, train: bool) -> _Said:
    return "Identity", [input], {}


TRANSLATIONS: dict[Any, Callable[..., _Said]] = {
    torch.ops.aten.conv2d.default: _conv2d,
    torch.ops.aten.max_pool2d.default: _max_pool2d,
    torch.ops.aten.batch_norm.default: _batch_norm,
    torch.ops.aten.linear.default: _linear,
    torch.ops.aten.relu.default: _relu,
    torch.ops.aten.relu_.default: _relu,
    torch.ops.aten.flatten.using_ints: _flatten,
    torch.ops.aten.amax.default: _amax,
    torch.ops.aten.dropout.default: _dropout,
}
