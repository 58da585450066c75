"""A network as an ONNX file, recorded from one forward pass.

`torch.onnx.export` patches torch for the whole process while it works, and damages a training run
in another thread. A `TorchDispatchMode` sees its own thread only.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from core import models
from core.export.weights import metadata
from core.records.exports import Provenance

OPSET, IR_VERSION = 17, 8
"""The versions of ONNX 1.12, from 2022, which older programs read, too."""


def to_onnx(state_dict: dict[str, Tensor], provenance: Provenance) -> bytes:
    """The network as an ONNX model with `metadata(provenance)`.

    Input `image`: float32 (N, 1, 28, 28), normalized: ink 1 on black 0, minus 0.1307, divided by
    0.3081. Output `logits`: float32 (N, 10).

    Raises:
        KeyError: no model has that name, or a weight is missing.
        NotImplementedError, TypeError: an operation of the model, or its arguments, are not in
            `TRANSLATIONS`.
    """
    model = models.build_on_meta(provenance.model).eval()
    weights = model.state_dict(keep_vars=True)  # the model's own tensors, which have stable ids
    image = torch.empty(1, 1, 28, 28, device="meta")
    # In inference mode a linear layer is one operation, not a product and a sum.
    with torch.inference_mode(), _Recorder({"image": image, **weights}) as recorder:
        logits = model(image)
    recorder.nodes[-1].output[0] = "logits"

    used = {name for node in recorder.nodes for name in node.input}
    graph = helper.make_graph(
        recorder.nodes,
        provenance.model,
        inputs=[_batch_info("image", image)],
        outputs=[_batch_info("logits", logits)],
        initializer=[
            numpy_helper.from_array(state_dict[name].detach().cpu().numpy(), name)
            for name in weights
            if name in used
        ],
    )
    onnx_model = helper.make_model(
        graph,
        producer_name="Digit Lab",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(onnx_model, metadata(provenance))
    return bytes(onnx_model.SerializeToString())


def _batch_info(name: str, example: Tensor) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *example.shape[1:]])


class _Recorder(TorchDispatchMode):
    """While active, translates the thread's operations on tensors to ONNX nodes."""

    def __init__(self, named: dict[str, Tensor]) -> None:
        super().__init__()
        self.nodes: list[NodeProto] = []
        # Holds the tensors too: an id is unique only during the life of its object.
        self._names = {id(tensor): (name, tensor) for name, tensor in named.items()}

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
        operator, inputs, attributes = TRANSLATIONS[func](*args, **(kwargs or {}))
        names = [self._names[id(tensor)][0] for tensor in inputs if tensor is not None]
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [output], **attributes))
        self._names[id(result)] = (output, result)
        return result


# --- Translations ------------------------------------------------------------------------------
# From the arguments of an operation, with the names and defaults of torch's native_functions.yaml,
# to the operator, inputs and attributes of ONNX.

_Node = tuple[str, Sequence[Tensor | None], dict[str, Any]]


def _conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
) -> _Node:
    attributes = {
        "strides": stride,
        "pads": [*padding, *padding],
        "dilations": dilation,
        "group": groups,
    }
    return "Conv", [input, weight, bias], attributes


def _max_pool2d(input: Tensor, kernel_size: Sequence[int], stride: Sequence[int] = ()) -> _Node:
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
) -> _Node:
    inputs = [input, weight, bias, running_mean, running_var]
    return "BatchNormalization", inputs, {"epsilon": eps}


def _linear(input: Tensor, weight: Tensor, bias: Tensor) -> _Node:
    return "Gemm", [input, weight, bias], {"transB": 1}


def _relu(input: Tensor) -> _Node:
    return "Relu", [input], {}


def _flatten(input: Tensor, start_dim: int) -> _Node:
    if start_dim != 1:
        raise NotImplementedError("ONNX flattens all but the first dimension, or to two.")
    return "Flatten", [input], {"axis": 1}


def _amax(input: Tensor, dim: Sequence[int], keepdim: bool = False) -> _Node:
    return "ReduceMax", [input], {"axes": dim, "keepdims": int(keepdim)}


def _dropout(input: Tensor, p: float, train: bool) -> _Node:
    return "Identity", [input], {}


TRANSLATIONS: dict[Any, Callable[..., _Node]] = {
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
