"""Reading weight files: whatever is in a file, the result is a known model or a sentence."""

import argparse
import collections
import decimal
import functools
import io
import itertools
import json
import os
import pickle
import pickletools
import struct
import tracemalloc
import uuid
import warnings
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.external_data_helper
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from core import models
from core.errors import InvalidWeightsError
from core.export.onnx import to_onnx
from core.export.weights import to_pth, to_safetensors
from core.records.exports import Provenance
from core.weight_files import formats
from core.weight_files.reading import read_weights
from tests.support import NotebookCNN

SMALL = "speedrun_cnn"


def as_pth(content: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def as_legacy(content: object, **options: Any) -> bytes:
    """A file as PyTorch before 1.6 wrote it."""
    return as_pth(content, _use_new_zipfile_serialization=False, **options)


def weights(name: str = SMALL) -> dict[str, Tensor]:
    return dict(models.build(name).state_dict())


def replaced(archive: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The same zip archive, valid again, after `change(name, content)` of each of its parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


def network(content: bytes) -> tuple[str, dict[str, Tensor]]:
    """The model in a file, and its weights."""
    found = read_weights(content)
    return found.model, found.state_dict


def sentence(content: bytes) -> str:
    with pytest.raises(InvalidWeightsError) as caught:
        read_weights(content)
    return str(caught.value)


# --- What is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.MODELS)
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_weights_that_were_taken_away_come_back_as_they_were(name: str, kind: str) -> None:
    before = models.build(name).state_dict()
    about = Provenance("run-1", name, "MNIST", None, 0.0)

    found, after = network(to_pth(before) if kind == "pth" else to_safetensors(before, about))

    assert found == name
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert all(tensor.is_contiguous() for tensor in after.values())


def test_the_notebooks_file_becomes_our_network(tmp_path: Path) -> None:
    notebook = NotebookCNN().eval()
    torch.save(notebook.state_dict(), tmp_path / "simple_cnn.pth")

    name, state_dict = network((tmp_path / "simple_cnn.pth").read_bytes())

    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = models.load(name, state_dict)(images), notebook(images)
    assert name == "simple_cnn"
    torch.testing.assert_close(ours, theirs)


def assert_is_read(content: bytes, expected: dict[str, Tensor], note: str = "") -> None:
    """The file holds the network, tensor by tensor, and the note says what was ignored."""
    found = read_weights(content)
    assert found.model == SMALL
    assert list(found.state_dict) == list(expected)
    assert all(torch.equal(found.state_dict[key], expected[key]) for key in expected)
    assert found.note == note


@pytest.mark.parametrize("key", ["net", "weights", "model_state", "ema", "any name"])
@pytest.mark.parametrize("accuracy", [98.1, torch.tensor(98.1), np.float64(98.1)])
def test_weights_under_any_key_are_found(key: str, accuracy: object) -> None:
    given = weights()
    content = {key: given, "acc": accuracy, "epoch": 7}

    assert_is_read(as_pth(content), given, "Ignored: acc, epoch.")
    assert_is_read(as_pth({"outer": content}), given, "Ignored: outer.acc, outer.epoch.")


@pytest.mark.parametrize("prefix", ["net.", "model.net.", "a.b.c."])
def test_any_prefix_is_taken_off(prefix: str) -> None:
    given = weights()
    prefixed = {f"{prefix}{key}": value for key, value in given.items()}

    assert_is_read(as_pth(prefixed), given)
    assert_is_read(safetensors.torch.save(prefixed), given)
    assert_is_read(as_pth({"net": prefixed, "acc": 98.1}), given, "Ignored: acc.")


def test_a_checkpoint_of_lightning_is_read() -> None:
    given = weights()
    state_dict = {f"net.{key}": value for key, value in given.items()}
    state_dict |= {"criterion.weight": torch.ones(10), "metric.total": torch.tensor(60_000)}
    checkpoint = {
        "epoch": 4,
        "pytorch-lightning_version": "2.5",
        "state_dict": state_dict,
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 5}}}},
        "callbacks": {},
        "hyper_parameters": argparse.Namespace(lr=1e-3, folder=Path("runs")),
    }

    assert_is_read(
        as_pth(checkpoint),
        given,
        "Ignored: state_dict.criterion.weight, state_dict.metric.total, epoch, "
        "pytorch-lightning_version, loops, callbacks, hyper_parameters.",
    )


def test_tensors_beside_the_weights_are_ignored_and_named() -> None:
    given = weights()
    beside: dict[str, Tensor] = {
        "conv1.num_batches_tracked": torch.tensor(5),
        "conv1.total_ops": torch.zeros(1, dtype=torch.float64),
        "n_averaged": torch.tensor(3),
        "mean": torch.tensor([0.1307]),
    }

    assert_is_read(as_pth({**beside, **given}), given, f"Ignored: {', '.join(beside)}.")
    in_order = ", ".join(sorted(beside))
    assert_is_read(safetensors.torch.save({**given, **beside}), given, f"Ignored: {in_order}.")


def test_weights_in_a_tuple_or_a_list_are_found() -> None:
    given = weights()

    assert_is_read(as_pth((given, {"lr": 0.1}, 7)), given, "Ignored: 1, 2.")
    assert_is_read(as_pth({"nets": [given]}), given)


@pytest.mark.parametrize("protocol", [1, 2, 5])
@pytest.mark.parametrize("save", [as_pth, as_legacy], ids=["pth", "old"])
@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(2, dtype=torch.uint16),
        torch.eye(2).to_sparse(),
        torch.UntypedStorage(3),
        uuid.UUID(int=1),
        decimal.Decimal("0.1"),
        collections.deque([0.1, 0.2], maxlen=9),
        bytearray(b"abc"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_beside_the_weights_are_ignored(
    value: object, save: Callable[..., bytes], protocol: int
) -> None:
    given = weights()

    content = save({"net": given, "value": value}, pickle_protocol=protocol)

    assert_is_read(content, given, "Ignored: value.")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("save", [as_pth, as_legacy], ids=["pth", "old"])
def test_a_quantised_tensor_beside_the_weights_is_ignored(save: Callable[..., bytes]) -> None:
    given = weights()
    value = torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8)

    assert_is_read(save({"net": given, "value": value}), given, "Ignored: value.")


def test_an_average_of_weights_is_read() -> None:
    average = torch.optim.swa_utils.AveragedModel(models.build(SMALL))

    assert_is_read(
        as_pth(average.state_dict()),
        dict(average.module.state_dict()),
        "Ignored: n_averaged.",
    )


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", models.MODELS)
def test_every_pickle_protocol_is_read(name: str, protocol: int) -> None:
    given = models.build(name).state_dict()
    checkpoint = {"net": given, "acc": 98.1, "best": True, "history": [1.0, 2.0], "n": 10**20}

    content = as_pth(checkpoint, pickle_protocol=protocol)

    found = read_weights(content)
    assert found.model == name
    assert all(torch.equal(found.state_dict[key], given[key]) for key in given)
    assert found.note == "Ignored: acc, best, history, n."


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_files_of_pytorch_before_1_6_are_read(protocol: int) -> None:
    given = weights()
    checkpoint = {"net": {f"module.{key}": nn.Parameter(given[key]) for key in given}, "epoch": 3}

    assert_is_read(as_legacy(given, pickle_protocol=protocol), given)
    assert_is_read(as_legacy(checkpoint, pickle_protocol=protocol), given, "Ignored: epoch.")


def test_tensors_that_share_their_numbers_are_read_from_an_old_file() -> None:
    given = weights()
    row = torch.arange(500.0)
    given["fc2.bias"], given["conv1.bias"] = row[100:110], row[1:49:2]

    assert_is_read(as_legacy(given), given)
    assert_is_read(as_pth(given), given)


def test_an_ordered_dict_of_python_2_is_read() -> None:
    """Its pickle holds the items as a list of pairs, and texts as bytes."""
    given = weights()
    pairs = [[key, value] for key, value in given.items()]
    as_list = as_legacy(pairs)
    start = as_list.index(b"]q\x00(")
    end = as_list.index(b"e.\x80\x02]", start) + 1
    wrapped = b"ccollections\nOrderedDict\n(" + as_list[start:end] + b"tR"
    assert_is_read(as_list[:start] + wrapped + as_list[end:], given)


def test_the_same_shapes_under_other_names_are_the_network() -> None:
    given = weights()
    keys = ["conv.0", "conv.3", "fc.0", "fc.2"]
    renamed = {
        f"{layer}.{leaf}": given[f"{ours}.{leaf}"]
        for layer, ours in zip(keys, ["conv1", "conv2", "fc1", "fc2"], strict=True)
        for leaf in ("weight", "bias")
    }
    told = (
        "The names in it are others; by its shapes it is SpeedrunCNN, with conv.0.weight as "
        "conv1.weight."
    )

    assert_is_read(as_pth(renamed), given, told)
    assert_is_read(
        as_pth({"net": renamed, "acc": 98}),
        given,
        told.replace("conv.0", "net.conv.0") + " Ignored: acc.",
    )
    assert_is_read(safetensors.torch.save(renamed), given, told)
    by_number = {str(place): value for place, value in enumerate(given.values())}
    assert_is_read(as_pth(by_number), given, told.replace("conv.0.weight", "0"))


def test_shapes_that_repeat_are_told_apart_by_their_order_and_never_guessed() -> None:
    given = models.build("accurate_cnn").state_dict()
    renamed = {f"layers.{key.replace('block', 'b')}": value for key, value in given.items()}

    found = read_weights(as_pth(renamed))

    assert found.model == "accurate_cnn"
    assert all(torch.equal(found.state_dict[key], given[key]) for key in given)
    # Their order is that of the alphabet.
    assert "nearest is AccurateCNN" in sentence(safetensors.torch.save(renamed))
    assert "nearest is AccurateCNN" in sentence(as_pth(dict(reversed(renamed.items()))))


def test_counters_of_a_batch_normalisation_may_be_missing() -> None:
    given = models.build("accurate_cnn").state_dict()
    without = {key: value for key, value in given.items() if "num_batches" not in key}

    found = read_weights(as_pth(without))

    assert list(found.state_dict) == list(given)
    assert all(torch.equal(found.state_dict[key], without[key]) for key in without)


def test_a_network_with_further_layers_is_another_network() -> None:
    normalised = nn.BatchNorm2d(32).state_dict()
    given = {**weights(), **{f"bn1.{key}": value for key, value in normalised.items()}}
    assert "the nearest is SpeedrunCNN. Unexpected: bn1.weight" in sentence(as_pth(given))

    deeper = {**weights(), "conv3.weight": torch.zeros(32, 32, 3, 3)}
    assert "Unexpected: conv3.weight." in sentence(as_pth({"net": deeper}))


def test_of_several_networks_the_one_in_the_usual_place_is_taken() -> None:
    one, other = weights(), weights()

    assert_is_read(as_pth({"ema": other, "model": one}), one, "Ignored: ema.")
    assert_is_read(as_pth({"last": one, "best": one}), one, "")
    told = sentence(as_pth({"last": one, "best": other}))
    assert "2 networks, which begin at last.conv1.weight, best.conv1.weight." in told


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_weights_within_a_checkpoint_are_found(key: str) -> None:
    model = models.build(SMALL)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 1, 28, 28)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 3, key: model.state_dict(), "optimizer": optimizer.state_dict()}

    name, state_dict = network(as_pth({**checkpoint, "best": torch.tensor(0.99)}))

    assert name == SMALL
    assert all(torch.equal(state_dict[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_the_prefix_of_a_wrapper_is_taken_off(prefix: str) -> None:
    wrapped = {f"{prefix}{key}": value for key, value in weights().items()}

    name, state_dict = network(as_pth(wrapped))

    assert name == SMALL
    assert list(state_dict) == list(weights())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("save", [as_pth, safetensors.torch.save], ids=["pth", "safetensors"])
def test_other_floats_become_float32(
    dtype: torch.dtype, save: Callable[[dict[str, Tensor]], bytes]
) -> None:
    given = {key: value.to(dtype) for key, value in weights().items()}

    _, state_dict = network(save(given))

    assert {tensor.dtype for tensor in state_dict.values()} == {torch.float32}
    assert all(torch.equal(state_dict[key], given[key].float()) for key in given)


def test_a_count_of_batches_becomes_int64() -> None:
    given = {
        key: value if value.is_floating_point() else value.int()
        for key, value in weights("accurate_cnn").items()
    }

    name, state_dict = network(safetensors.torch.save(given))

    assert name == "accurate_cnn"
    assert state_dict["block1.0.1.num_batches_tracked"].dtype == torch.int64


def test_parameters_and_odd_memory_become_plain_tensors_of_their_own() -> None:
    wanted = weights()
    given: dict[str, Any] = {key: nn.Parameter(value) for key, value in wanted.items()}
    given["conv2.weight"] = wanted["conv2.weight"].to(memory_format=torch.channels_last)
    given["fc1.weight"] = torch.zeros(1).expand(256, 800)  # one number in memory

    _, state_dict = network(as_pth(given))

    assert all(type(tensor) is Tensor for tensor in state_dict.values())
    assert all(tensor.is_contiguous() for tensor in state_dict.values())
    assert not any(tensor.requires_grad for tensor in state_dict.values())
    assert torch.equal(state_dict["conv2.weight"], wanted["conv2.weight"])
    state_dict["fc1.weight"][0, 0] = 1
    assert state_dict["fc1.weight"].sum() == 1


def test_a_file_that_was_packed_anew_is_read() -> None:
    given = weights()
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(as_pth(given))) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))

    _, state_dict = network(buffer.getvalue())

    assert all(torch.equal(state_dict[key], given[key]) for key in given)


# --- What fits no network ----------------------------------------------------------------------


def test_a_shape_that_differs_is_named_beside_the_one_that_is_wanted() -> None:
    two_poolings = NotebookCNN()
    two_poolings.fc1 = nn.Linear(64 * 7 * 7, 128)

    assert sentence(as_pth(two_poolings.state_dict())) == (
        "The weights fit no network here; the nearest is SimpleCNN. "
        "fc1.weight has shape 128 × 3136; SimpleCNN wants 128 × 12544."
    )


def test_missing_and_unexpected_keys_are_named_a_few_and_counted() -> None:
    given = weights("simple_cnn")
    given["conv3.weight"] = given.pop("conv2.weight")[:, :16]
    assert sentence(as_pth(given)).endswith(
        "SimpleCNN. Missing: conv2.weight. Unexpected: conv3.weight."
    )

    by_number = {str(place): value for place, value in enumerate(weights("simple_cnn").values())}
    by_number["7"] = torch.zeros(26)
    assert sentence(as_pth(by_number)).endswith(
        "Missing: conv1.weight, conv1.bias, conv2.weight and 5 more. "
        "Unexpected: 0, 1, 2 and 5 more."
    )


def test_names_without_shapes_make_no_network_the_nearest() -> None:
    lenet = {
        "conv1.weight": torch.zeros(6, 1, 5, 5),
        "conv1.bias": torch.zeros(6),
        "conv2.weight": torch.zeros(16, 6, 5, 5),
        "conv2.bias": torch.zeros(16),
        "fc1.weight": torch.zeros(120, 256),
        "fc1.bias": torch.zeros(120),
        "fc2.weight": torch.zeros(10, 120),
        "fc2.bias": torch.zeros(10),
    }

    for content in (as_pth(lenet), safetensors.torch.save(lenet), as_pth({"net": lenet})):
        told = sentence(content)
        assert "none is near" in told
        assert "SimpleCNN, SpeedrunCNN, AccurateCNN and MLP; the file has " in told
    assert "conv1.weight 6 × 1 × 5 × 5, conv1.bias 6" in sentence(as_pth(lenet))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "wrap",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        functools.partial(prune.l1_unstructured, name="weight", amount=0.5),
    ],
    ids=itertools.count(),
)
def test_a_part_of_a_weight_is_not_taken_for_it(wrap: Callable[[nn.Module], object]) -> None:
    model = models.build(SMALL)
    wrap(model.get_submodule("fc1"))

    told = sentence(as_pth(model.state_dict()))

    assert told.startswith("The network computes a weight from fc1.")


def test_a_network_for_other_classes_says_what_is_wanted() -> None:
    told = sentence(safetensors.torch.save(NotebookCNN(num_classes=26).state_dict()))

    assert "fc2.weight has shape 26 × 128; SimpleCNN wants 10 × 128." in told
    assert "fc2.bias has shape 26; SimpleCNN wants 10." in told


def test_what_a_file_calls_its_keys_stays_short_and_printable() -> None:
    given = {"a\u202eb\n\ud800": torch.zeros(()), "x" * 10_000: torch.zeros((1,) * 8)}

    told = sentence(as_pth(given))

    told.encode()
    assert len(told) < 400
    assert "a?b?? of a single number, xxx" in told


@pytest.mark.parametrize("save", [as_pth, safetensors.torch.save], ids=["pth", "safetensors"])
def test_a_file_without_tensors_is_refused(save: Callable[[dict[str, Tensor]], bytes]) -> None:
    assert sentence(save({}))


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [torch.zeros(3)], {"epoch": 3}, {1: torch.zeros(3)}, 7]
)
def test_tensors_without_names_are_refused(content: object) -> None:
    assert sentence(as_pth(content)).startswith("The file holds no weights by name that")


# --- What is no number to compute with ---------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    given = weights()
    given["conv1.bias"][:2] = value

    assert "conv1.bias holds 2 of 24 numbers that are infinite" in sentence(as_pth(given))


def test_numbers_too_large_for_float32_are_refused() -> None:
    given = {key: value.double() for key, value in weights().items()}
    given["fc2.bias"][3] = 1e300

    assert "fc2.bias holds 1 of 10" in sentence(safetensors.torch.save(given))


def test_whole_and_complex_numbers_are_no_weights() -> None:
    given = weights()
    assert sentence(as_pth({**given, "fc2.bias": torch.arange(10)})) == (
        "fc2.bias holds int64 where float32 is wanted."
    )
    assert sentence(as_pth({**given, "fc2.bias": torch.zeros(10, dtype=torch.cfloat)})) == (
        "fc2.bias holds complex64 where float32 is wanted."
    )


def test_floats_of_eight_bits_are_read_from_safetensors_alone() -> None:
    given = {key: value.to(torch.float8_e4m3fn) for key, value in weights().items()}

    for save in (as_pth, as_legacy):
        assert "The file holds no weights by name that Digit Lab can read." in sentence(save(given))
    in_safetensors = safetensors.torch.save(given)
    assert_is_read(in_safetensors, {key: value.float() for key, value in given.items()})


def test_a_file_of_protocol_0_is_refused() -> None:
    """PyTorch does not read it either."""
    for save in (as_pth, as_legacy):
        assert "Save the weights alone" in sentence(save(weights(), pickle_protocol=0))


# --- What is no file of weights ----------------------------------------------------------------


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"PK", "damaged"),
        (b"Dear teacher,\nhere are my weights.\n", "neither a .pth"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "neither a .pth"),
        (bytes(1000), "neither a .pth"),
        (json.dumps({"conv1.weight": [1, 2]}).encode(), "It begins with “{"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 6\n", "Git LFS"),
        (b"\n<!DOCTYPE html>\n<html></html>", "It begins with “<!DOCTYPE html>”."),
        (b"404: Not Found", "It begins with “404: Not Found”."),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"\x1f\x8b\x08" + bytes(100), "If it is an archive, unpack it"),
        (packed({"weights.pth": b"PK"}), "If it is an archive, unpack it"),
        (packed({"config.json": b"", "model.weights.h5": b""}), "neither a .pth"),
        (packed({"m/data.pkl": b"}.", "m/constants.pkl": b"}."}), "Save the weights alone"),
        (b"\x08\x01\x12\x04\x0a\x02\x08\x01", "neither a .pth"),
        (b"\x08\x08\x12\x09Digit Lab\x3a\x7f", "damaged"),
        (b"\x08\x08\x12\x00\x38\x07", "damaged"),
        (b"\x08\x08\x3a\x0e\x2a\x0c\x40\xff\xff\xff\xff\xff\xff\xff\x7f\x4a\x00", "damaged"),
        (packed({"archive/data.pkl": b""}), "damaged"),
        (packed({"a/data.pkl": b"}.", "b/data.pkl": b"}."}), "neither a .pth"),
        (pickle.dumps({"conv1.weight": [1.0]}), "torch.save(model.state_dict(), PATH)"),
        (pickle.dumps({"conv1.weight": [1.0]}, protocol=0), "torch.save(model.state_dict(), PATH)"),
        (pickle.dumps(np.zeros(3)), "neither a .pth"),
    ],
    # Not from the bytes: an archive holds the second in which it was made, and two processes that
    # share the tests must collect the same names.
    ids=itertools.count(),
)
def test_another_file_gets_a_sentence(content: bytes, told: str) -> None:
    assert told in sentence(content)


def test_a_safetensors_file_that_was_cut_is_not_complete() -> None:
    content = safetensors.torch.save(weights())

    for length in (len(content) - 1, len(content) // 2, 100):
        assert "damaged or not complete" in sentence(content[:length])


def test_an_old_file_that_was_cut_is_damaged() -> None:
    content = as_legacy(weights())

    for length in (len(content) - 1, len(content) // 2, 600, 40):
        assert "damaged" in sentence(content[:length])


def test_a_saved_program_has_no_weights_by_name() -> None:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        torch.jit.save(torch.jit.trace(models.build(SMALL), torch.zeros(1, 1, 28, 28)), buffer)

    assert "Save the weights alone" in sentence(buffer.getvalue())


def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    content = as_pth(weights())
    monkeypatch.setattr("core.weight_files.reading.MAX_BYTES", 3 << 18)

    assert "at most" in sentence(content)


def test_a_file_that_unpacks_to_more_than_it_may_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"}.")
        archive.writestr("archive/data/0", bytes(formats.MAX_BYTES))
    assert len(buffer.getvalue()) < 1 << 20

    assert "unpacks to more than" in sentence(buffer.getvalue())


def test_a_number_that_changed_on_the_way_is_noticed() -> None:
    given = weights()
    content = bytearray(as_pth(given))
    place = content.index(given["fc1.weight"].numpy().tobytes())

    content[place + 1000] ^= 1

    assert "damaged" in sentence(bytes(content))


def test_an_archive_with_two_parts_of_one_name_is_refused() -> None:
    buffer = io.BytesIO(as_pth(weights()))
    with (
        zipfile.ZipFile(buffer, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("archive/data/0", bytes(4))

    assert "neither a .pth, as torch.save" in sentence(buffer.getvalue())


def test_a_long_history_beside_the_weights_is_too_much() -> None:
    checkpoint = {"state_dict": weights(), "losses": [0.5 + n for n in range(200_000)]}

    assert sentence(as_pth(checkpoint)).startswith("The file holds something else than weights.")


def test_an_archive_of_very_many_parts_is_not_opened() -> None:
    content = packed({f"archive/data/{number}": b"" for number in range(formats.MAX_PARTS + 1)})

    assert sentence(content).startswith("The file holds something else than weights.")


# --- What means harm ---------------------------------------------------------------------------


class Malicious:
    """Whoever unpickles this makes the folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    trap, given = tmp_path / "it-ran", weights()
    hidden = {**given, "extra": Malicious(trap)}

    contents = [as_pth(hidden, pickle_protocol=protocol) for protocol in (1, 2, 3, 4, 5)]
    contents += [as_legacy(hidden, pickle_protocol=protocol) for protocol in (2, 4, 5)]
    for content in contents:
        assert_is_read(content, given, "Ignored: extra.")
    assert_is_read(as_pth({"model": given, "x": Malicious(trap)}), given, "Ignored: x.")
    for save in (as_pth, as_legacy, pickle.dumps):
        assert sentence(save(Malicious(trap)))
        assert sentence(save({**given, "conv1.bias": Malicious(trap)}))

    assert not trap.exists()
    torch.load(io.BytesIO(contents[0]), weights_only=False)
    assert trap.exists(), "the trap itself is broken"


def test_a_whole_pickled_network_is_not_made() -> None:
    network = NotebookCNN()
    for content in (as_pth(network), as_pth(network, pickle_protocol=4), as_legacy(network)):
        assert "torch.save(model.state_dict(), PATH)" in sentence(content)

    found = read_weights(as_pth({"net": network.state_dict(), "model": network}))

    assert (found.model, found.note) == ("simple_cnn", "Ignored: model.")


def test_a_pickle_that_asks_for_memory_gets_none() -> None:
    """`bytearray(2**40)`: torch allows it beside weights, and would take a terabyte."""
    asks = b"\x80\x02c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R."

    told = sentence(
        replaced(as_pth(weights()), lambda name, old: asks if name.endswith("data.pkl") else old)
    )

    assert "no weights by name" in told


def test_tensors_of_memory_that_nobody_wrote_to_are_refused() -> None:
    """The numbers would be whatever this process kept there before."""
    empty_it, fill_it = b")b", b"(h\xffK\x00(K\x18K\x01K\x05K\x05t(K\x19K\x19K\x05K\x01ttb"

    def change(name: str, old: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return old
        codes = list(pickletools.genops(old))
        ends = [after for (code, _, _), (_, _, after) in pairwise(codes) if code.name == "REDUCE"]
        first_tensor = ends[1]  # the first of all is an OrderedDict within it
        trick = b"q\xff" + empty_it + fill_it
        return old[:first_tensor] + trick + old[first_tensor:]

    harmful = replaced(as_pth(weights()), change)
    made = torch.load(io.BytesIO(harmful), weights_only=True)["conv1.weight"]
    assert made.shape == (24, 1, 5, 5), "the trick itself is broken"

    assert sentence(harmful).startswith("The file holds something else than weights.")


def limited(work: Callable[[], object]) -> None:
    """Does the work, which takes little memory. What takes long as well would hang the tests."""
    tracemalloc.start()
    try:
        work()
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def with_pickle(harmful: bytes, **storages: bytes) -> bytes:
    files = {f"a/data/{key[1:]}": content for key, content in storages.items()}
    return packed({"a/data.pkl": b"\x80\x03" + harmful, **files})


def text(letters: str) -> bytes:
    return b"X" + struct.pack("<I", len(letters)) + letters.encode()


def number(value: int) -> bytes:
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little")
    return b"\x8b" + struct.pack("<I", len(digits)) + digits


def stored(shape: bytes, stride: bytes) -> bytes:
    """The opcodes of a tensor with the numbers of storage 0."""
    reference = text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x01"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + reference + b"tQK\x00" + shape + stride + b"tR"
    )


def test_numbers_that_all_have_one_hash_are_no_keys() -> None:
    alike = [count * (2**61 - 1) for count in range(1, 60_000)]

    keys = b"}(" + b"".join(number(value) + b"N" for value in alike) + b"u."
    memo = b"N" + b"".join(b"p%d\n" % value for value in alike) + b"."

    limited(lambda: sentence(with_pickle(keys)))
    limited(lambda: sentence(with_pickle(memo)))


def test_lists_in_lists_are_no_name_of_a_class() -> None:
    """Each holds the one before twice: written out, the last has a billion brackets."""
    lists = b"".join(b"](h%ch%ceq%c0" % (n, n, n + 1) for n in range(30))

    limited(lambda: sentence(with_pickle(b"]q\x000" + lists + b"h\x1eh\x1e\x93.")))


def test_a_long_key_of_bytes_in_many_dicts_is_no_name() -> None:
    key = b"B" + struct.pack("<I", 500_000) + b"\xff" * 500_000 + b"q\x000"
    dicts = b"".join(b"M" + struct.pack("<H", count) + b"}h\x00Ns" for count in range(900))

    limited(lambda: sentence(with_pickle(key + b"}(" + dicts + b"u.")))


@pytest.mark.parametrize("size", [number(1 << 4_000_000), b"K\x01"], ids=["long", "many"])
def test_shapes_that_no_network_has_are_not_compared(size: bytes) -> None:
    shape = size + b"q\x000(" + b"h\x00" * 60 + b"tq\x010"
    tensor = stored(b"h\x01", b"h\x01") + b"q\x020"
    named = b"".join(text(f"p{count}.fc.bias") + b"h\x02" for count in range(900))

    limited(lambda: sentence(with_pickle(shape + tensor + b"}(" + named + b"u.")))


@pytest.mark.parametrize("copies", [1, 15, 25])
def test_numbers_far_apart_take_the_memory_of_a_tensor_each(copies: int) -> None:
    storage = bytes(40 << 20)
    named = b""
    for count, (key, tensor) in itertools.product(range(copies), weights().items()):
        longest = max(tensor.shape)
        step = ((len(storage) // 4) - 1) // (longest - 1)
        at = tensor.shape.index(longest)
        stride = [step if place == at else 0 for place in range(tensor.dim())]
        shape, steps = (
            b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (tensor.shape, stride)
        )
        named += text(f"{count}.{key}") + stored(shape, steps)
    content = with_pickle(b"}(" + named + b"u.", _0=storage)

    limited(lambda: network(content))


@pytest.mark.parametrize(
    "harm",
    [
        b"\x8e\x00\x00\x00\x00\x00\x01\x00\x00.",  # BINBYTES8 of a terabyte
        b"\x8d\x00\x00\x00\x00\x00\x01\x00\x00.",  # BINUNICODE8
        b"\x96\x00\x00\x00\x00\x00\x01\x00\x00.",  # BYTEARRAY8
        b"\x95\x00\x00\x00\x00\x00\x01\x00\x00}.",  # FRAME
        b"\x8b\xff\xff\xff\x7f.",  # LONG4 of two gigabytes
        b"}r\xff\xff\xff\xff.",  # LONG_BINPUT: the memo's last place
        b"L" + b"9" * 20_000 + b"L\n.",
        b"}" + b")" + b"\x85" * 20_000 + b"K\x01s.",  # a key of tuples in tuples
        b"}" + b"]" + b"}" * 20_000 + b".",
        b"}q\x00X\x01\x00\x00\x00ah\x00sX\x01\x00\x00\x00bh\x00s.",  # a dict in itself
        b"}X\x01\x00\x00\x00a" * 20_000 + b"}" + b"s" * 20_000 + b".",  # dicts in dicts
        # A long name before each of 5,000 short ones.
        b"}X\xa0\x86\x01\x00"
        + b"k" * 100_000
        + b"}("
        + b"".join(b"J" + number.to_bytes(4, "little") + b"N" for number in range(5_000))
        + b"us.",
        # One list of 2,000 pairs as 5,000 dicts.
        b"ccollections\nOrderedDict\nq\x00]("
        + b"".join(b"J" + number.to_bytes(4, "little") + b"N\x86" for number in range(2_000))
        + b"e\x85q\x01"
        + b"h\x00h\x01R" * 5_000
        + b".",
        b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
        b"\x8c\x08builtins\x8c\x09bytearray\x93\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
        b"\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x8c\x05torch\x8c\x05zeros\x93\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
        # A long list in many places.
        b"}]("
        + b"N" * 20_000
        + b"eq\x01"
        + b"("
        + b"".join(b"M" + struct.pack("<H", n) + b"h\x01" for n in range(20_000))
        + b"ds.",
        b"(ibuiltins\nlist\n.",  # INST
        b"\x82\x01.",  # EXT1
        b".",
        b"s.",
        b"0.",
    ],
    ids=itertools.count(),
)
@pytest.mark.parametrize("kind", ["zip", "legacy"])
def test_a_pickle_that_means_harm_takes_no_memory_and_no_stack(kind: str, harm: bytes) -> None:
    harmful = b"\x80\x04" + harm
    if kind == "zip":
        content = replaced(
            as_pth(weights()), lambda name, old: harmful if name.endswith("data.pkl") else old
        )
    else:
        old = as_legacy({})
        begin = old.index(b"\x80\x02}q\x00.")
        content = old[:begin] + harmful + old[begin + 7 :]

    tracemalloc.start()
    try:
        assert sentence(content)
        assert tracemalloc.get_traced_memory()[1] < 300 << 20
    finally:
        tracemalloc.stop()


def test_the_length_of_a_storage_in_an_old_file_is_not_believed() -> None:
    given = {"a": torch.zeros(3), **weights()}
    content = as_legacy(given)
    first = content.index(b"e.", content.rindex(b"]q\x00(")) + 2

    for length in (1 << 62, 1 << 40, (1 << 64) - 1, 1 << 20):
        claimed = struct.pack("<Q", length)
        assert "damaged" in sentence(content[:first] + claimed + content[first + 8 :])


def test_a_shape_larger_than_its_storage_is_damaged() -> None:
    given = weights()
    content = as_pth({**given, "fc2.bias": torch.zeros(1).expand(10)})
    bias = content.index(b"K\n\x85q", content.index(b"fc2.bias"))
    stride = content.index(b"K\x00\x85q", bias)

    def change(name: str, old: bytes) -> bytes:
        if not name.endswith("data.pkl"):
            return old
        at = old.index(content[stride : stride + 6])
        return old[:at] + b"K\x01" + old[at + 2 :]

    assert "damaged" in sentence(replaced(content, change))


# --- ONNX --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.MODELS)
def test_an_onnx_file_of_digit_lab_comes_back(name: str) -> None:
    before = models.build(name).state_dict()
    about = Provenance("run-1", name, "MNIST", None, 0.0)

    found = read_weights(to_onnx(before, about))

    assert (found.model, found.note) == (name, "")
    assert list(found.state_dict) == list(before)
    assert all(torch.equal(found.state_dict[key], before[key]) for key in before)


def test_an_onnx_file_reads_no_other_file(tmp_path: Path) -> None:
    about = Provenance("run-1", SMALL, "MNIST", None, 0.0)
    model = onnx.load_model_from_string(to_onnx(weights(), about))
    first = model.graph.initializer[0]
    (tmp_path / "secret").write_bytes(first.raw_data)
    onnx.external_data_helper.set_external_data(first, str(tmp_path / "secret"))
    first.ClearField("raw_data")

    assert "conv1.weight holds no 32-bit floats as raw data." in sentence(model.SerializeToString())


def test_an_onnx_file_of_another_network_says_what_differs() -> None:
    about = Provenance("run-1", SMALL, "MNIST", None, 0.0)
    model = onnx.load_model_from_string(to_onnx(weights(), about))
    del model.graph.initializer[2:]
    assert "none is near" in sentence(model.SerializeToString())
    del model.graph.initializer[:]
    assert "neither a .pth" in sentence(model.SerializeToString())


def test_an_onnx_file_of_very_many_parts_is_not_read_to_its_end() -> None:
    empty_nodes = b"\x0a\x00" * 1_000_000
    length = b"\x80\x89\x7a"
    content = b"\x08\x08\x3a" + length + empty_nodes

    assert sentence(content)


def test_tensors_of_very_many_dimensions_in_an_onnx_file_are_not_read() -> None:
    def field(tag: int, value: bytes) -> bytes:
        length = len(value)
        return (
            bytes([tag << 3 | 2, length & 127 | 128, length >> 7 & 127 | 128, length >> 14]) + value
        )

    tensors = (
        field(5, b"\x08\x01" * 1000 + field(8, f"p{count}.fc.bias".encode()))
        for count in range(900)
    )

    limited(lambda: sentence(b"\x08\x08" + field(7, b"".join(tensors))))


def test_the_lengths_of_a_safetensors_file_are_not_believed() -> None:
    def claiming(header: dict[str, Any], length: int | None = None) -> bytes:
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text

    huge = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    overflow = {"dtype": "F32", "shape": [1 << 33, 1 << 33], "data_offsets": [0, 0]}
    for content in (
        claiming({"fc1.weight": huge}),
        claiming({"fc1.weight": overflow}),
        claiming({"fc1.weight": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}),
        claiming({}, length=1 << 19),
        claiming({}, length=1 << 62),
    ):
        assert sentence(content)


# --- Mangled bytes -----------------------------------------------------------------------------


def mangled(content: bytes, random: np.random.Generator) -> bytes:
    """A few bytes changed, lost, added or exchanged, most of them near one of the ends."""
    text = bytearray(content)
    for _ in range(random.integers(1, 4)):
        if not text:
            break
        reach = int(random.choice([200, 2000, len(text)]))
        place = int(random.integers(min(reach, len(text))))
        if random.random() < 0.5:
            place = len(text) - 1 - place
        length = int(random.integers(1, 20))
        match random.integers(5):
            case 0:
                text[place] = random.integers(256)
            case 1:
                del text[place : place + length]
            case 2:
                text[place:place] = random.bytes(length)
            case 3:
                del text[place:]
            case _:
                text[place : place + length] = text[:length]
    return bytes(text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind", ["pth", "pickle in a sound pth", "pickle of protocol 4", "old", "onnx", "safetensors"]
)
def test_mangled_bytes_give_weights_or_a_sentence_and_nothing_else(kind: str) -> None:
    random = np.random.default_rng(8)
    given = weights()
    contents = {
        "safetensors": lambda: safetensors.torch.save(given),
        "old": lambda: as_legacy(given),
        "onnx": lambda: to_onnx(given, Provenance("run-1", SMALL, "MNIST", None, 0.0)),
        "pickle of protocol 4": lambda: as_pth(given, pickle_protocol=4),
    }
    content = contents.get(kind, lambda: as_pth(given))()

    def change(name: str, old: bytes) -> bytes:
        return mangled(old, random) if name.endswith("data.pkl") else old

    told: list[str] = []
    for _ in range(300):
        broken = (
            replaced(content, change) if kind.startswith("pickle") else mangled(content, random)
        )
        try:
            name, state_dict = network(broken)
        except InvalidWeightsError as error:
            told.append(str(error))
        else:
            assert name == SMALL
            assert all(tensor.isfinite().all() for tensor in state_dict.values())
    assert len(told) > 150
    assert all(10 < len(sentence) < 600 for sentence in told)
