"""Exported weights: other programs read them and make the same predictions."""

import io
import json
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core import models
from core.config import PRESETS
from core.data.dataset import normalize
from core.export.onnx import to_onnx
from core.export.weights import metadata, to_pth, to_safetensors
from core.records.exports import Provenance
from tests.support import NotebookCNN

CONFIG = PRESETS["fast"].config.model_dump()


def provenance(model: str = "simple_cnn") -> Provenance:
    return Provenance("run-7", model, "Synthetic digits", CONFIG, started=1.7e9)


def network(name: str) -> nn.Module:
    """A network that has seen something: its batch normalisations, if any, have statistics."""
    torch.manual_seed(4)
    model = models.build(name)
    with torch.no_grad():
        model(images(64))
    return model.eval()


def as_trained(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights in the order in memory in which training keeps them."""
    return {
        key: value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
        for key, value in state_dict.items()
    }


def images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 28, 28), generator=generator, dtype=torch.uint8)
    return normalize(pixels)


def logits_of(model: nn.Module, inputs: Tensor) -> np.ndarray:
    with torch.no_grad():
        return model(inputs).numpy()


# --- .pth --------------------------------------------------------------------------------------


def test_the_notebook_reads_a_pth_and_says_the_same() -> None:
    model = network("simple_cnn")
    notebook = NotebookCNN().eval()

    notebook.load_state_dict(torch.load(io.BytesIO(to_pth(model.state_dict()))))

    np.testing.assert_allclose(
        logits_of(notebook, images(8)), logits_of(model, images(8)), atol=1e-6
    )


def test_a_pth_is_the_same_however_training_keeps_the_weights() -> None:
    """torch.save writes strides down, also that of a single channel, which counts nothing."""
    weight = torch.randn(24, 1, 5, 5)
    as_kept = weight.as_strided(weight.shape, (25, 1, 5, 1))

    assert to_pth({"weight": as_kept}) == to_pth({"weight": weight})


def test_a_pth_holds_the_weights_alone_whatever_memory_they_share() -> None:
    numbers = torch.arange(100_000.0)

    content = to_pth({"weight": numbers[:6].view(2, 3), "bias": numbers[:2]})

    assert len(content) < 10_000
    read = torch.load(io.BytesIO(content))
    assert torch.equal(read["weight"], torch.arange(6.0).view(2, 3))
    assert torch.equal(read["bias"], torch.arange(2.0))


# --- safetensors -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.MODELS)
def test_safetensors_hold_every_weight_and_where_they_come_from(name: str) -> None:
    state_dict = as_trained(network(name).state_dict())

    content = to_safetensors(state_dict, provenance(name))

    read = safetensors.torch.load(content)
    assert read.keys() == state_dict.keys()
    assert all(torch.equal(read[key], state_dict[key]) for key in read)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert header["__metadata__"] == {"format": "pt", **metadata(provenance(name))}
    assert json.loads(header["__metadata__"]["config"]) == CONFIG


def test_weights_without_settings_say_nothing_of_settings() -> None:
    brought_in = Provenance("run-8", "mlp", "", config=None, started=0.0)

    assert metadata(brought_in).keys() == {"source", "run", "model", "dataset", "normalisation"}


# --- ONNX --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.MODELS)
def test_onnxruntime_says_of_any_number_of_images_what_torch_says(name: str) -> None:
    model = network(name)

    content = to_onnx(as_trained(model.state_dict()), provenance(name))

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for count in (1, 2, 3, 64):
        (said,) = session.run(["logits"], {"image": images(count).numpy()})
        np.testing.assert_allclose(said, logits_of(model, images(count)), atol=1e-4)


@pytest.mark.parametrize("name", models.MODELS)
def test_an_onnx_file_is_valid_and_says_what_it_takes_and_gives(name: str) -> None:
    described = onnx.load_from_string(to_onnx(network(name).state_dict(), provenance(name)))

    onnx.checker.check_model(described, full_check=True)
    assert [entry.version for entry in described.opset_import] == [17]
    (image,), (logits,) = described.graph.input, described.graph.output
    assert (image.name, logits.name) == ("image", "logits")
    sizes = image.type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["N", 1, 28, 28]
    props = {entry.key: entry.value for entry in described.metadata_props}
    assert props == metadata(provenance(name))
    assert props["normalisation"].startswith("(pixel / 255 - 0.1307) / 0.3081")


def test_an_onnx_file_names_weights_as_the_network_does() -> None:
    described = onnx.load_from_string(to_onnx(network("simple_cnn").state_dict(), provenance()))

    assert [weight.name for weight in described.graph.initializer] == list(
        models.SimpleCNN().state_dict()
    )
    assert [node.op_type for node in described.graph.node] == [
        *("Conv", "Relu", "Conv", "MaxPool", "Relu"),
        *("Flatten", "Gemm", "Relu", "Gemm"),
    ]


def test_writing_onnx_leaves_the_random_numbers_of_a_run_alone() -> None:
    weights = network("accurate_cnn").state_dict()
    before = torch.get_rng_state()

    to_onnx(weights, provenance("accurate_cnn"))

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Sigmoid()),
        lambda: nn.Sequential(nn.MaxPool2d(2, padding=1), nn.Flatten(), nn.Linear(225, 10)),
        lambda: nn.Sequential(nn.Flatten(2), nn.Linear(784, 10)),
    ],
    ids=["an unknown operation", "an unknown argument", "another flattening"],
)
def test_a_network_that_cannot_be_said_in_onnx_is_not_said_wrongly(
    make: Callable[[], nn.Sequential], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(models.MODELS, "other", make)

    with pytest.raises(NotImplementedError):
        to_onnx(make().state_dict(), provenance("other"))
