"""Weights from elsewhere: the bytes of a `.pth` or `.safetensors` file, read and checked.

Nothing is believed of the bytes: none of them is executed, no number among them decides how much
memory is taken, and whatever is wrong is said in a sentence. This module does not know where the
bytes come from, or what becomes of the weights.
"""

import io
import pickle
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable

import safetensors.torch
import torch
from torch import Tensor

from core import models
from core.errors import InvalidWeightsError

MAX_BYTES = 64 << 20
"""Room for the largest network here in 64 bits, with the state of its optimizer."""

NESTED_UNDER = ("state_dict", "model_state_dict", "model")
"""Where training scripts usually keep the weights in a checkpoint."""

WRAPPERS = re.compile(r"((module|_orig_mod|model)\.)*")
"""What DataParallel, torch.compile and Lightning put before each key."""

TENSORS_ONLY = re.compile(
    r"torch\._utils\.(_rebuild_tensor_v2|_rebuild_parameter)"
    r"|torch\.(\w+Storage|Size|[a-z]\w*)"
    r"|collections\.(OrderedDict|Counter)"
)
"""The globals that a checkpoint of tensors and settings names. `weights_only` has its own list,
on which is `bytearray`: with a number, that takes as much memory as the number says."""

MAX_NAMES = 1 << 20
"""Bytes of the part that names the tensors: some hundred times what the networks here need."""

MAX_PARTS = 1000
"""Parts of an archive, about one a tensor. A million of them would keep Python busy for seconds."""

CONVERTIBLE = {
    torch.float32: {torch.float32, torch.float16, torch.bfloat16, torch.float64},
    torch.int64: {torch.int64, torch.int32},
}

SAVE_WEIGHTS = "Save the weights alone, with torch.save(model.state_dict(), PATH), and try again."
NOT_ALONE = f"The file holds something else than weights. {SAVE_WEIGHTS}"
NAMED, NAME_LENGTH, DIMENSIONS = 3, 60, 6
"""How much of a file's own words an error repeats: keys, letters of each, sizes of a shape."""

StateDict = dict[str, Tensor]


def read_weights(content: bytes) -> tuple[str, StateDict]:
    """The model whose keys and shapes a file has, and the file's weights.

    Takes a state dict as `torch.save` or safetensors writes it, also inside a checkpoint, with
    the prefixes of DataParallel and its like, or in other floats than float32. Which format it
    is, the bytes tell.

    Returns:
        The model's name in `core.models.MODELS`, and its `state_dict`: contiguous tensors on the
        CPU, float32 (int64 where the model counts), all of them finite, with memory of their own.

    Raises:
        InvalidWeightsError: a sentence saying what is wrong, such as the shape that differs from that of
            the nearest network.
    """
    if len(content) > MAX_BYTES:
        raise InvalidWeightsError(
            f"The file has {len(content) / 2**20:,.0f} MiB; weights for the networks here have at "
            f"most {MAX_BYTES >> 20} MiB."
        )
    read = _reader_for(content)
    try:
        weights = read(content)
    except InvalidWeightsError:
        raise
    except Exception as error:  # mangled bytes may make a parser raise anything
        raise InvalidWeightsError(
            "The file is damaged or not complete. Try with a fresh copy."
        ) from error
    weights = _unwrap(weights)
    name = _model_of(weights)
    wanted = _empty_weights(name)
    return name, {key: _plain(key, weights[key], wanted[key].dtype) for key in wanted}


# --- What is in the file -----------------------------------------------------------------------


def _reader_for(content: bytes) -> Callable[[bytes], StateDict]:
    if not content:
        raise InvalidWeightsError("The file is empty.")
    if content.startswith(b"PK"):
        return _read_pth
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_NAMES:
        return safetensors.torch.load
    if content.startswith(b"\x80"):
        raise InvalidWeightsError(
            f"The file is a pickle, but not one of today's PyTorch. {SAVE_WEIGHTS}"
        )
    raise InvalidWeightsError(
        "The file is neither a .pth, as torch.save writes it, nor a .safetensors."
    )


def _read_pth(content: bytes) -> StateDict:
    """What `torch.save` wrote, read by `torch.load` with `weights_only`, which runs no code.

    What that leaves open is looked at here: whether the archive is whole, whether it unpacks to
    more than it may, and whether all numbers are the file's own. (A pickle of allowed parts can
    also make a tensor of memory that nobody wrote to; such memory can be resized, the file's
    cannot.)
    """
    if content.count(b"PK\x01\x02") > MAX_PARTS:  # what announces each of them
        raise InvalidWeightsError(NOT_ALONE)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > MAX_BYTES:
            raise InvalidWeightsError(f"The file unpacks to more than {MAX_BYTES >> 20} MiB.")
        names = [entry.filename.lower() for entry in entries]
        pickles = [entry for entry in entries if entry.filename.lower().endswith("/data.pkl")]
        if len(pickles) != 1 or len(set(names)) < len(names):
            raise InvalidWeightsError(
                "The file is a zip archive, but not one that torch.save wrote."
            )
        if archive.testzip() is not None:
            raise zipfile.BadZipFile
        if pickles[0].file_size > MAX_NAMES:
            raise InvalidWeightsError(NOT_ALONE)
        _check_globals(archive.read(pickles[0]))
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InvalidWeightsError(NOT_ALONE) from error
    weights = _find_weights(loaded)
    if any(tensor.untyped_storage().resizable() for tensor in weights.values()):
        raise InvalidWeightsError("The file has tensors without numbers.")
    return weights


def _check_globals(pickled: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            name = str(argument).replace(" ", ".", 1)
            if not TENSORS_ONLY.fullmatch(name):
                raise InvalidWeightsError(
                    f"The file asks for {_shortened(name)}, and Digit Lab runs nothing that comes "
                    f"in a file. {SAVE_WEIGHTS}"
                )


def _find_weights(loaded: object) -> StateDict:
    """The tensors of a state dict, or of the one within a checkpoint; a step count is no weight."""
    if isinstance(loaded, dict):
        for candidate in (*(loaded.get(key) for key in NESTED_UNDER), loaded):
            if isinstance(candidate, dict):
                found = {
                    key: value
                    for key, value in candidate.items()
                    if isinstance(key, str) and isinstance(value, Tensor)
                }
                if found:
                    return found
    raise InvalidWeightsError(f"The file holds no weights by name. {SAVE_WEIGHTS}")


def _unwrap(weights: StateDict) -> StateDict:
    """The weights without a prefix that all of their keys share."""
    prefix = _wrapper_of(next(iter(weights), ""))
    if not all(key.startswith(prefix) for key in weights):
        return weights
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items()}


def _wrapper_of(key: str) -> str:
    match = WRAPPERS.match(key)
    return match.group() if match else ""


# --- Which network it is -----------------------------------------------------------------------


def _empty_weights(name: str) -> StateDict:
    return models.build_on_meta(name).state_dict()


def _model_of(weights: StateDict) -> str:
    """The model that has these keys and shapes.

    Raises:
        InvalidWeightsError: none has; the sentence compares with the one that shares most of them.
    """
    shapes = _shapes(weights)
    known = {name: _shapes(_empty_weights(name)) for name in models.MODELS}
    for name, wanted in known.items():
        if shapes == wanted:
            return name

    def agreement(name: str) -> tuple[int, int]:
        wanted = known[name]
        of_any_key = Counter(shapes.values()) & Counter(wanted.values())
        return len(shapes.items() & wanted.items()), of_any_key.total()

    nearest = max(known, key=agreement)
    raise InvalidWeightsError(
        _difference(shapes, known[nearest], type(models.build_on_meta(nearest)).__name__)
    )


def _shapes(weights: StateDict) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in weights.items()}


def _difference(
    shapes: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]], title: str
) -> str:
    differing = [
        f"{key} has shape {_written(shapes[key])}; {title} wants {_written(wanted[key])}"
        for key in wanted
        if key in shapes and shapes[key] != wanted[key]
    ]
    missing = [key for key in wanted if key not in shapes]
    unexpected = [_shortened(key) for key in shapes if key not in wanted]
    sentences = [f"The weights fit no network here; the nearest is {title}."]
    if differing:
        sentences.append(_some(differing, ". ") + ".")
    if missing:
        sentences.append(f"Missing: {_some(missing)}.")
    if unexpected:
        sentences.append(f"Unexpected: {_some(unexpected)}.")
    return " ".join(sentences)


def _some(texts: list[str], separator: str = ", ") -> str:
    more = f" and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""
    return separator.join(texts[:NAMED]) + more


def _written(shape: Iterable[int]) -> str:
    sizes = [str(size) for size in shape]
    if len(sizes) > DIMENSIONS:
        return f"of {len(sizes):,} dimensions"
    return " × ".join(sizes) or "of a single number"


def _shortened(text: str) -> str:
    """Words of the file, fit for a sentence and for JSON, which has no lone surrogates."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:NAME_LENGTH])
    return f"{shown}…" if len(text) > NAME_LENGTH else shown


# --- The numbers themselves --------------------------------------------------------------------


def _plain(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy in the wanted type. Only now, with its shape known, is memory taken for it."""
    if tensor.dtype not in CONVERTIBLE[dtype]:
        held = str(tensor.dtype).removeprefix("torch.")
        raise InvalidWeightsError(
            f"{key} holds {held} where {str(dtype).removeprefix('torch.')} is wanted."
        )
    copy = tensor.detach().to(dtype, memory_format=torch.contiguous_format, copy=True)
    wrong = copy.numel() - int(copy.isfinite().sum())
    if wrong:
        raise InvalidWeightsError(
            f"{key} holds {wrong:,} of {copy.numel():,} numbers that are infinite or not a number: "
            "the training that made them went wrong."
        )
    return copy
