"""Reads `.pth` and `.safetensors` files from untrusted sources.

No code in a file runs, no number in it determines how much memory is allocated, and every problem
is reported in a sentence.
"""

import io
import pickle
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Sequence

import safetensors.torch
import torch
from torch import Tensor

from core import models
from core.errors import InvalidWeightsError

MAX_BYTES = 64 << 20
"""Enough for the largest network here in 64 bits, with the state of its optimizer."""

MAX_HEADER_BYTES = 1 << 20
"""Limit of the part that names the tensors, a hundred times what the networks here need."""

MAX_PARTS = 1000
"""Files in a zip archive, about one per tensor. A million would keep Python busy for seconds."""

CHECKPOINT_KEYS = ("state_dict", "model_state_dict", "model")
"""Where training scripts usually put the weights in a checkpoint."""

WRAPPERS = re.compile(r"((module|_orig_mod|model)\.)*")
"""Prefixes of keys from DataParallel, torch.compile and Lightning."""

ALLOWED_GLOBALS = re.compile(
    r"torch\._utils\.(_rebuild_tensor_v2|_rebuild_parameter)"
    r"|torch\.(\w+Storage|Size|[a-z]\w*)"
    r"|collections\.(OrderedDict|Counter)"
)
"""Globals in the pickle of a checkpoint. The list of `weights_only` also has `bytearray`, which
allocates as much memory as the file says."""

CONVERTIBLE = {
    torch.float32: {torch.float32, torch.float16, torch.bfloat16, torch.float64},
    torch.int64: {torch.int64, torch.int32},
}

SAVE_WEIGHTS = "Save the weights alone, with torch.save(model.state_dict(), PATH), and try again."
NOT_ONLY_WEIGHTS = f"The file holds something else than weights. {SAVE_WEIGHTS}"
MAX_NAMES, MAX_NAME_LENGTH, MAX_DIMENSIONS = 3, 60, 6
"""Limits for what an error repeats from the file: names, letters per name, sizes of a shape."""

StateDict = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]


def read_weights(content: bytes) -> tuple[str, StateDict]:
    """Reads a state dict and finds the model that it fits.

    The state dict may be inside a checkpoint, its keys may have the prefixes of DataParallel and
    similar wrappers, and its numbers may be other floats than float32.

    Returns:
        The name in `core.models.MODELS`, and the `state_dict`: contiguous tensors on the CPU with
        memory of their own, float32 (counters: int64), all of them finite.

    Raises:
        InvalidWeightsError: what is wrong, such as a shape that differs from the nearest model's.
    """
    if len(content) > MAX_BYTES:
        raise InvalidWeightsError(
            f"The file has {len(content) / 2**20:,.0f} MiB; weights for the networks here have at "
            f"most {MAX_BYTES >> 20} MiB."
        )
    try:
        weights = _strip_prefix(_read(content))
    except InvalidWeightsError:
        raise
    except Exception as error:  # on damaged bytes a parser may raise anything
        raise InvalidWeightsError(
            "The file is damaged or not complete. Try with a fresh copy."
        ) from error
    name = _find_model(weights)
    expected = models.build_on_meta(name).state_dict()
    return name, {key: _convert(key, weights[key], expected[key].dtype) for key in expected}


# --- Parsing -----------------------------------------------------------------------------------


def _read(content: bytes) -> StateDict:
    if not content:
        raise InvalidWeightsError("The file is empty.")
    if content.startswith(b"PK"):
        return _read_pth(content)
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_HEADER_BYTES:
        return safetensors.torch.load(content)
    if content.startswith(b"\x80"):
        raise InvalidWeightsError(
            f"The file is a pickle, but not one of today's PyTorch. {SAVE_WEIGHTS}"
        )
    raise InvalidWeightsError(
        "The file is neither a .pth, as torch.save writes it, nor a .safetensors."
    )


def _read_pth(content: bytes) -> StateDict:
    """Reads a file of `torch.save` with `weights_only`, which runs no code.

    Checks what `weights_only` does not: that the archive is complete, that it does not unpack to
    more than `MAX_BYTES`, and that all numbers come from the file. (A pickle of allowed parts can
    create a tensor of uninitialized memory. Such memory can be resized, the file's cannot.)
    """
    if content.count(b"PK\x01\x02") > MAX_PARTS:  # the signature of an archive's directory entry
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
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
        if pickles[0].file_size > MAX_HEADER_BYTES:
            raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
        for opcode, argument, _ in pickletools.genops(archive.read(pickles[0])):
            name = str(argument).replace(" ", ".", 1)
            if opcode.name == "GLOBAL" and not ALLOWED_GLOBALS.fullmatch(name):
                raise InvalidWeightsError(
                    f"The file asks for {_printable(name)}, and Digit Lab runs nothing that comes "
                    f"in a file. {SAVE_WEIGHTS}"
                )
    try:
        loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS) from error
    weights = _find_state_dict(loaded)
    if any(tensor.untyped_storage().resizable() for tensor in weights.values()):
        raise InvalidWeightsError("The file has tensors without numbers.")
    return weights


def _find_state_dict(loaded: object) -> StateDict:
    """The tensors of a state dict, or of the state dict in a checkpoint."""
    if isinstance(loaded, dict):
        for candidate in (*(loaded.get(key) for key in CHECKPOINT_KEYS), loaded):
            if isinstance(candidate, dict):
                weights = {
                    key: value
                    for key, value in candidate.items()
                    if isinstance(key, str) and isinstance(value, Tensor)
                }
                if weights:
                    return weights
    raise InvalidWeightsError(f"The file holds no weights by name. {SAVE_WEIGHTS}")


def _strip_prefix(weights: StateDict) -> StateDict:
    """The weights without a wrapper's prefix that all keys share."""
    match = WRAPPERS.match(next(iter(weights), ""))
    prefix = match.group() if match else ""
    if not all(key.startswith(prefix) for key in weights):
        return weights
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items()}


# --- Finding the model -------------------------------------------------------------------------


def _find_model(weights: StateDict) -> str:
    """The model with these keys and shapes.

    Raises:
        InvalidWeightsError: there is none; the sentence tells the difference from the nearest.
    """
    shapes = _shapes(weights)
    known = {name: _shapes(models.build_on_meta(name).state_dict()) for name in models.MODELS}
    for name, expected in known.items():
        if shapes == expected:
            return name

    def similarity(name: str) -> tuple[int, int]:
        same_shapes = Counter(shapes.values()) & Counter(known[name].values())
        return len(shapes.items() & known[name].items()), same_shapes.total()

    nearest = max(known, key=similarity)
    raise InvalidWeightsError(_difference(shapes, known[nearest], models.MODELS[nearest].__name__))


def _shapes(weights: StateDict) -> Shapes:
    return {key: tuple(tensor.shape) for key, tensor in weights.items()}


def _difference(shapes: Shapes, expected: Shapes, title: str) -> str:
    differing = [
        f"{key} has shape {_shape_text(shapes[key])}; {title} wants {_shape_text(shape)}"
        for key, shape in expected.items()
        if shapes.get(key, shape) != shape
    ]
    missing = [key for key in expected if key not in shapes]
    unexpected = [_printable(key) for key in shapes if key not in expected]
    sentences = [f"The weights fit no network here; the nearest is {title}."]
    if differing:
        sentences.append(f"{_first_few(differing, '. ')}.")
    if missing:
        sentences.append(f"Missing: {_first_few(missing)}.")
    if unexpected:
        sentences.append(f"Unexpected: {_first_few(unexpected)}.")
    return " ".join(sentences)


def _first_few(texts: list[str], separator: str = ", ") -> str:
    more = f" and {len(texts) - MAX_NAMES:,} more" if len(texts) > MAX_NAMES else ""
    return separator.join(texts[:MAX_NAMES]) + more


def _shape_text(shape: Sequence[int]) -> str:
    if len(shape) > MAX_DIMENSIONS:
        return f"of {len(shape):,} dimensions"
    return " × ".join(str(size) for size in shape) or "of a single number"


def _printable(text: str) -> str:
    """A name from the file, shortened, without control characters and lone surrogates."""
    start = "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_NAME_LENGTH])
    return f"{start}…" if len(text) > MAX_NAME_LENGTH else start


# --- Checking the numbers ----------------------------------------------------------------------


def _convert(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A checked copy in the model's dtype. Its shape is the model's, so its memory is bounded."""
    if tensor.dtype not in CONVERTIBLE[dtype]:
        actual, expected = (str(kind).removeprefix("torch.") for kind in (tensor.dtype, dtype))
        raise InvalidWeightsError(f"{key} holds {actual} where {expected} is wanted.")
    copy = tensor.detach().to(dtype, memory_format=torch.contiguous_format, copy=True)
    wrong = copy.numel() - int(copy.isfinite().sum())
    if wrong:
        raise InvalidWeightsError(
            f"{key} holds {wrong:,} of {copy.numel():,} numbers that are infinite or not a number: "
            "the training that made them went wrong."
        )
    return copy
