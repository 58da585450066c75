"""Reading weight files: whatever is in a file, the result is a known model or a sentence."""

import io
import json
import os
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from core import models, weight_files
from core.errors import InvalidWeightsError
from core.export.weights import to_pth, to_safetensors
from core.records.exports import Provenance
from core.weight_files import read_weights
from tests.conftest import NotebookCNN

SMALL = "speedrun_cnn"


def as_pth(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def weights(name: str = SMALL) -> dict[str, Tensor]:
    return dict(models.build(name).state_dict())


def replaced(archive: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """The same zip archive, valid again, after `change(name, content)` of each of its parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return buffer.getvalue()


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

    found, after = read_weights(to_pth(before) if kind == "pth" else to_safetensors(before, about))

    assert found == name
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert all(tensor.is_contiguous() for tensor in after.values())


def test_the_notebooks_file_becomes_our_network(tmp_path: Path) -> None:
    notebook = NotebookCNN().eval()
    torch.save(notebook.state_dict(), tmp_path / "simple_cnn.pth")

    name, state_dict = read_weights((tmp_path / "simple_cnn.pth").read_bytes())

    images = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = models.load(name, state_dict)(images), notebook(images)
    assert name == "simple_cnn"
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_weights_within_a_checkpoint_are_found(key: str) -> None:
    model = models.build(SMALL)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.zeros(1, 1, 28, 28)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 3, key: model.state_dict(), "optimizer": optimizer.state_dict()}

    name, state_dict = read_weights(as_pth({**checkpoint, "best": torch.tensor(0.99)}))

    assert name == SMALL
    assert all(torch.equal(state_dict[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod."])
def test_the_prefix_of_a_wrapper_is_taken_off(prefix: str) -> None:
    wrapped = {f"{prefix}{key}": value for key, value in weights().items()}

    name, state_dict = read_weights(as_pth(wrapped))

    assert name == SMALL
    assert list(state_dict) == list(weights())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("save", [as_pth, safetensors.torch.save], ids=["pth", "safetensors"])
def test_other_floats_become_float32(
    dtype: torch.dtype, save: Callable[[dict[str, Tensor]], bytes]
) -> None:
    given = {key: value.to(dtype) for key, value in weights().items()}

    _, state_dict = read_weights(save(given))

    assert {tensor.dtype for tensor in state_dict.values()} == {torch.float32}
    assert all(torch.equal(state_dict[key], given[key].float()) for key in given)


def test_a_count_of_batches_becomes_int64() -> None:
    given = {
        key: value if value.is_floating_point() else value.int()
        for key, value in weights("accurate_cnn").items()
    }

    name, state_dict = read_weights(safetensors.torch.save(given))

    assert name == "accurate_cnn"
    assert state_dict["block1.0.1.num_batches_tracked"].dtype == torch.int64


def test_parameters_and_odd_memory_become_plain_tensors_of_their_own() -> None:
    wanted = weights()
    given: dict[str, Any] = {key: nn.Parameter(value) for key, value in wanted.items()}
    given["conv2.weight"] = wanted["conv2.weight"].to(memory_format=torch.channels_last)
    given["fc1.weight"] = torch.zeros(1).expand(256, 800)  # one number in memory

    _, state_dict = read_weights(as_pth(given))

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

    _, state_dict = read_weights(buffer.getvalue())

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
    given["conv3.weight"] = given.pop("conv2.weight")
    assert sentence(as_pth(given)).endswith(
        "SimpleCNN. Missing: conv2.weight. Unexpected: conv3.weight."
    )

    by_number = {str(place): value for place, value in enumerate(weights("simple_cnn").values())}
    assert sentence(as_pth(by_number)).endswith(
        "Missing: conv1.weight, conv1.bias, conv2.weight and 5 more. "
        "Unexpected: 0, 1, 2 and 5 more."
    )


def test_a_network_for_other_classes_says_what_is_wanted() -> None:
    told = sentence(safetensors.torch.save(NotebookCNN(num_classes=26).state_dict()))

    assert "fc2.weight has shape 26 × 128; SimpleCNN wants 10 × 128." in told
    assert "fc2.bias has shape 26; SimpleCNN wants 10." in told


def test_what_a_file_calls_its_keys_stays_short_and_printable() -> None:
    given = {"a\u202eb\n\ud800": torch.zeros(()), "x" * 10_000: torch.zeros((1,) * 50)}

    told = sentence(as_pth(given))

    told.encode()
    assert len(told) < 400
    assert "Unexpected: a?b??, xxx" in told


@pytest.mark.parametrize("save", [as_pth, safetensors.torch.save], ids=["pth", "safetensors"])
def test_a_file_without_tensors_is_refused(save: Callable[[dict[str, Tensor]], bytes]) -> None:
    assert sentence(save({}))


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [torch.zeros(3)], {"epoch": 3}, {1: torch.zeros(3)}, 7]
)
def test_tensors_without_names_are_refused(content: object) -> None:
    assert sentence(as_pth(content)).startswith("The file holds no weights by name.")


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
        (b"\xff\xd8\xff\xe0" + bytes(100), "neither a .pth"),
        (bytes(1000), "neither a .pth"),
        (json.dumps({"conv1.weight": [1, 2]}).encode(), "neither a .pth"),
        (packed({"letter.txt": b"Dear teacher"}), "not one that torch.save wrote"),
        (packed({"archive/data.pkl": b""}), "damaged"),
        (packed({"a/data.pkl": b"}.", "b/data.pkl": b"}."}), "not one that torch.save wrote"),
        (pickle.dumps({"conv1.weight": [1.0]}), "Save the weights alone"),
    ],
    # Not from the bytes: an archive holds the second in which it was made, and two processes that
    # share the tests must collect the same names.
    ids=[
        "empty",
        "two letters",
        "text",
        "png",
        "jpeg",
        "zeros",
        "json",
        "zip",
        "pth without a pickle",
        "pth with two",
        "pickle",
    ],
)
def test_another_file_gets_a_sentence(content: bytes, told: str) -> None:
    assert told in sentence(content)


def test_a_file_of_pytorch_before_1_6_gets_a_way_out() -> None:
    buffer = io.BytesIO()
    torch.save(weights(), buffer, _use_new_zipfile_serialization=False)

    assert "torch.save(model.state_dict(), PATH)" in sentence(buffer.getvalue())


def test_a_file_that_is_too_large_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    content = as_pth(weights())
    monkeypatch.setattr(weight_files, "MAX_BYTES", 3 << 18)

    assert "at most" in sentence(content)


def test_a_file_that_unpacks_to_more_than_it_may_is_not_unpacked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"}.")
        archive.writestr("archive/data/0", bytes(weight_files.MAX_BYTES))
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

    assert "not one that torch.save wrote" in sentence(buffer.getvalue())


def test_a_long_history_beside_the_weights_is_too_much() -> None:
    checkpoint = {"state_dict": weights(), "losses": [0.5 + n for n in range(200_000)]}

    assert sentence(as_pth(checkpoint)).startswith("The file holds something else than weights.")


def test_an_archive_of_very_many_parts_is_not_opened() -> None:
    content = packed(
        {f"archive/data/{number}": b"" for number in range(weight_files.MAX_PARTS + 1)}
    )

    assert sentence(content).startswith("The file holds something else than weights.")


# --- What means harm ---------------------------------------------------------------------------


class Malicious:
    """Whoever unpickles this makes the folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "it-ran"
    hidden = {**weights(), "extra": Malicious(trap)}

    contents = [as_pth(hidden), as_pth({"model": weights(), "x": Malicious(trap)})]
    contents += [pickle.dumps(Malicious(trap)), pickle.dumps(Malicious(trap), protocol=0)]
    told = [sentence(content) for content in contents]

    assert not trap.exists()
    assert "mkdir" in told[0]
    assert "runs nothing that comes in a file" in told[0]
    torch.load(io.BytesIO(contents[0]), weights_only=False)
    assert trap.exists(), "the trap itself is broken"


def test_a_whole_pickled_network_is_not_made() -> None:
    told = sentence(as_pth(NotebookCNN()))

    assert "NotebookCNN" in told
    assert "torch.save(model.state_dict(), PATH)" in told


def test_a_pickle_that_asks_for_memory_gets_none() -> None:
    """`bytearray(2**40)`: torch allows it among weights, and would take a terabyte."""
    asks = b"\x80\x02c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R."

    told = sentence(
        replaced(as_pth(weights()), lambda name, old: asks if name.endswith("data.pkl") else old)
    )

    assert "__builtin__.bytearray" in told


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

    assert sentence(harmful) == "The file has tensors without numbers."


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
@pytest.mark.parametrize("kind", ["pth", "pickle in a sound pth", "safetensors"])
def test_mangled_bytes_give_weights_or_a_sentence_and_nothing_else(kind: str) -> None:
    random = np.random.default_rng(8)
    given = weights()
    content = safetensors.torch.save(given) if kind == "safetensors" else as_pth(given)

    def change(name: str, old: bytes) -> bytes:
        return mangled(old, random) if name.endswith("data.pkl") else old

    told: list[str] = []
    for _ in range(300):
        broken = (
            replaced(content, change) if kind.startswith("pickle") else mangled(content, random)
        )
        try:
            name, state_dict = read_weights(broken)
        except InvalidWeightsError as error:
            told.append(str(error))
        else:
            assert name == SMALL
            assert all(tensor.isfinite().all() for tensor in state_dict.values())
    assert len(told) > 150
    assert all(10 < len(sentence) < 600 for sentence in told)
