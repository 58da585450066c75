"""A network as an ONNX file, translated module by module.

`torch.onnx.export` patches torch for the whole process while it works, and damages a training run
in another thread.
"""

from typing import Any

from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

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
        NotImplementedError: a module of the model has no translation.
    """
    nodes: list[Any] = []
    initializers: list[Any] = []
    output = "image"
    for name, module in models.leaves(models.build_on_meta(provenance.model)):
        operator, weights, attributes = _translate(module)
        keys = [f"{name}.{weight}" for weight in weights if getattr(module, weight) is not None]
        initializers += [
            numpy_helper.from_array(state_dict[key].detach().cpu().numpy(), key) for key in keys
        ]
        inputs, output = [output, *keys], f"{operator}_{len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        nodes,
        provenance.model,
        inputs=[_batch_info("image", 1, 28, 28)],
        outputs=[_batch_info("logits", models.CLASSES)],
        initializer=initializers,
    )
    onnx_model = helper.make_model(
        graph,
        producer_name="Digit Lab",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(onnx_model, metadata(provenance))
    return bytes(onnx_model.SerializeToString())


def _batch_info(name: str, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])


def _translate(module: nn.Module) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """The operator of ONNX, the module's weights in the operator's order, and its attributes."""
    match module:
        case nn.Conv2d(padding=(int(), int()) as padding, padding_mode="zeros"):
            attributes = {
                "strides": module.stride,
                "pads": [*padding, *padding],
                "dilations": module.dilation,
                "group": module.groups,
            }
            return "Conv", ("weight", "bias"), attributes
        case nn.BatchNorm2d():
            weights = ("weight", "bias", "running_mean", "running_var")
            return "BatchNormalization", weights, {"epsilon": module.eps}
        case nn.Linear():
            return "Gemm", ("weight", "bias"), {"transB": 1}
        case nn.MaxPool2d(
            kernel_size=int(side), stride=int(step), padding=0, dilation=1, ceil_mode=False
        ):
            return "MaxPool", (), {"kernel_shape": [side, side], "strides": [step, step]}
        case nn.ReLU():
            return "Relu", (), {}
        case nn.Flatten(start_dim=1, end_dim=-1):
            return "Flatten", (), {"axis": 1}
        case models.GlobalMax():
            return "ReduceMax", (), {"axes": [2, 3], "keepdims": 0}
        case nn.Dropout():
            return "Identity", (), {}
    raise NotImplementedError(f"{module} has no translation to ONNX.")
