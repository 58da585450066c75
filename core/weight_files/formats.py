"""The formats of weight files: `.pth` of all versions of PyTorch, safetensors and ONNX.

What is in a file of another format is said in a sentence, with what to do.
"""

import functools
import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from core.errors import InvalidWeightsError
from core.names import printable
from core.weight_files.unpickling import (
    MAX_PICKLE_BYTES,
    NOT_ONLY_WEIGHTS,
    SAVE_WEIGHTS,
    StoredTensor,
    unpickle,
)

MAX_BYTES = 64 << 20
"""Enough for the largest network here in 64 bits, with the state of its optimizer."""

MAX_PARTS = 1000
"""Files in a zip archive, about one per tensor. A million would keep Python busy for seconds."""

MAX_FIELDS, MAX_TENSOR_FIELDS = 10_000, 100
"""Fields of a message in an ONNX file, such as its operations and tensors, and of a tensor."""

LEGACY_MAGICS = bytes.fromhex("6cfc9c46f9206aa85019"), b"L119547037146038801333356L\n"
"""In the first pickle of a file of PyTorch before 1.6: the number in binary, or in digits."""

ONNX_FLOAT = 1
ONNX_START = re.compile(rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]")
"""The version of the format, and the number of the next field."""

PICKLE_START = rb"\x80[\x00-\x05]|L\d{,99}L\n|c[\w.]+\n\w+\n|\([dl]p0\n"
OTHER_BYTE_ORDER = "The file comes from a computer with another byte order."

WEIGHT_FILE_ENDINGS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".onnx")

OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (
        rb"version https://git-lfs",
        "The file is a pointer of Git LFS, not the weights themselves. Run git lfs pull, or "
        "download the file itself.",
    ),
    (
        rb"(\xef\xbb\xbf)?\s*(<\?xml.{,99}?>\s*)?(<!--.{,999}?-->\s*)?"
        rb"<(!doctype html|html|head|body)",
        "The file is a web page, not the weights themselves. Open the link again and download the "
        "file itself; on GitHub the button is “Download raw file”.",
    ),
    (
        rb"\x89HDF\r\n\x1a\n",
        "The file is HDF5, as Keras and TensorFlow write it. Digit Lab reads weights of PyTorch.",
    ),
    (
        rb".{4}TFL3",
        "The file is a TensorFlow Lite model. Digit Lab reads weights of PyTorch.",
    ),
    (
        rb"\x93NUMPY",
        "The file is a single NumPy array. Digit Lab reads weights of PyTorch with their names.",
    ),
    (rb"\x1f\x8b", "The file is packed with gzip. Unpack it and import what is inside."),
    (rb"\x78[\x01\x5e\x9c\xda]", "The file is packed with zlib, as joblib can do. " + SAVE_WEIGHTS),
    (rb"BZh\d1AY", "The file is packed with bzip2. Unpack it and import what is inside."),
    (rb"\xfd7zXZ\x00", "The file is packed with xz. Unpack it and import what is inside."),
    (rb"\x28\xb5\x2f\xfd", "The file is packed with zstd. Unpack it and import what is inside."),
    (rb"7z\xbc\xaf\x27\x1c", "The file is a 7z archive. Unpack it and import what is inside."),
    (rb"Rar!\x1a\x07", "The file is a RAR archive. Unpack it and import what is inside."),
    (rb".{257}ustar", "The file is a tar archive. Unpack it and import what is inside."),
    (
        rb"\s*[\[{]",
        "The file is a text, such as JSON. Digit Lab reads weights as PyTorch and safetensors "
        "store them.",
    ),
    (
        rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP",
        "The file is a picture. Open it in Draw to have it read.",
    ),
    (rb"%PDF", "The file is a PDF."),
    (rb"GGUF", "The file is a language model (GGUF)."),
)
"""How files begin that people take for weights, as regular expressions, and what they are."""


def parse(content: bytes) -> Any:
    """What is in a file: tensors as `StoredTensor`, in dicts and beside other values.

    Raises:
        InvalidWeightsError: it is no file of weights; the sentence says what it is.
        Exception: it is damaged.
    """
    if not content:
        raise InvalidWeightsError("The file is empty.")
    if content.startswith(b"PK"):
        return _parse_zip(content)
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_PICKLE_BYTES:
        return _parse_safetensors(content)
    if re.match(PICKLE_START, content):
        return _parse_legacy(content)
    for pattern, sentence in OTHER_FORMATS:
        if re.match(pattern, content[:4096], re.DOTALL | re.IGNORECASE):
            raise InvalidWeightsError(sentence)
    if ONNX_START.match(content) and (weights := _parse_onnx(content)):
        return weights
    text = content[:40].decode(errors="ignore").strip()
    begins = f" It begins with “{text}”." if text and text.isprintable() else ""
    raise InvalidWeightsError(
        "The file is neither a .pth, as torch.save writes it, nor a .safetensors, nor an .onnx "
        f"with weights.{begins}"
    )


# --- PyTorch -----------------------------------------------------------------------------------


def _parse_zip(content: bytes) -> Any:
    """A file of `torch.save` since PyTorch 1.6: a zip archive of a pickle and its storages."""
    if content.count(b"PK\x01\x02") > MAX_PARTS:  # the signature of an archive's directory entry
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
    archive = zipfile.ZipFile(io.BytesIO(content))
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > MAX_BYTES:
        raise InvalidWeightsError(f"The file unpacks to more than {MAX_BYTES >> 20} MiB.")
    names = [entry.filename for entry in entries]
    pickles = [entry for entry in entries if entry.filename.lower().endswith("/data.pkl")]
    if len(pickles) != 1 or len({name.lower() for name in names}) < len(names):
        raise InvalidWeightsError(_other_zip(names))
    folder = pickles[0].filename.rpartition("/")[0]
    if f"{folder}/constants.pkl" in names:
        raise InvalidWeightsError(
            f"The file is a TorchScript program, as torch.jit.save writes it. {SAVE_WEIGHTS}"
        )
    if f"{folder}/byteorder" in names and archive.read(f"{folder}/byteorder") != b"little":
        raise InvalidWeightsError(OTHER_BYTE_ORDER)
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)

    @functools.cache
    def read_storage(key: str) -> memoryview:
        return memoryview(archive.read(f"{folder}/data/{key}"))  # checks the checksum

    return unpickle(io.BytesIO(archive.read(pickles[0])), read_storage)[0]


def _other_zip(names: list[str]) -> str:
    """What a zip archive is that torch.save did not write."""
    if names and all(name.endswith(".npy") for name in names):
        return "The file is a NumPy archive (.npz). Digit Lab reads weights of PyTorch."
    if any(name.endswith(".h5") for name in names):
        return "The file is a Keras model. Digit Lab reads weights of PyTorch."
    found = [name for name in names if name.lower().endswith((*WEIGHT_FILE_ENDINGS, ".zip"))]
    if found:
        inside = found[0].rpartition("/")[2]
        return (
            f"The file is a zip archive with {printable(inside)} inside. Unpack it and import "
            "what is inside."
        )
    return "The file is a zip archive, but not one that torch.save wrote."


def _parse_legacy(content: bytes) -> Any:
    """A file of `torch.save` before PyTorch 1.6: five pickles, then the storages in a row."""
    if not any(magic in content[:32] for magic in LEGACY_MAGICS):
        raise InvalidWeightsError(
            f"The file is a pickle, as pickle.dump and joblib write it, and not one of torch.save. "
            f"{SAVE_WEIGHTS}"
        )
    head = io.BytesIO(content[:MAX_PICKLE_BYTES])
    storages: dict[str, memoryview] = {}

    def next_pickle() -> tuple[Any, dict[str, torch.dtype]]:
        return unpickle(head, storages.__getitem__)

    try:
        _magic, _version, (system, _) = next_pickle(), next_pickle(), next_pickle()
        (loaded, dtypes), (keys, _) = next_pickle(), next_pickle()
    except ValueError as error:
        if head.tell() == MAX_PICKLE_BYTES < len(content):
            raise InvalidWeightsError(NOT_ONLY_WEIGHTS) from error
        raise
    if not system["little_endian"]:
        raise InvalidWeightsError(OTHER_BYTE_ORDER)
    rest = memoryview(content)[head.tell() :]
    for key in keys:
        length = int.from_bytes(rest[:8], "little") * dtypes[key].itemsize
        storages[key], rest = rest[8 : 8 + length], rest[8 + length :]
    return loaded


# --- safetensors -------------------------------------------------------------------------------


def _parse_safetensors(content: bytes) -> Any:
    start = 8 + int.from_bytes(content[:8], "little")
    try:
        tensors = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        ends = (
            entry["data_offsets"][1]
            for name, entry in json.loads(content[8:start]).items()
            if name != "__metadata__"
        )
        if start + max(ends) > len(content):
            raise InvalidWeightsError(
                "The file ends too early: some of its numbers are missing. Copy or download it "
                "again."
            ) from error
        raise
    return {
        name: StoredTensor(tuple(tensor.shape), tensor.clone)
        for name, tensor in sorted(tensors.items())  # the order of `tensors` is random
    }


# --- ONNX --------------------------------------------------------------------------------------


def _parse_onnx(content: bytes) -> dict[str, StoredTensor]:
    """The initializers of an ONNX model by their names; none if it is another file.

    Reads the few fields of `onnx.proto` that hold them: a parser of the whole file takes forty
    times its size where the file means harm.
    """
    model = _fields(memoryview(content))
    graph = next((value for field, value in model if field == 7), memoryview(b""))
    tensors = [value for field, value in _fields(_bytes(graph)) if field == 5]
    return dict(_onnx_tensor(_bytes(tensor)) for tensor in tensors[:MAX_PARTS])


def _onnx_tensor(message: memoryview) -> tuple[str, StoredTensor]:
    """The name and the numbers of a `TensorProto`."""
    fields = list(_fields(message, MAX_TENSOR_FIELDS))
    shape = tuple(value for field, value in fields if field == 1 and isinstance(value, int))
    first = dict(reversed(fields))
    name, numbers = bytes(_bytes(first.get(8, b""))).decode(), _bytes(first.get(9, b""))

    def load() -> Tensor:
        if first.get(2) != ONNX_FLOAT or len(numbers) != 4 * math.prod(shape):
            raise InvalidWeightsError(f"{printable(name)} holds no 32-bit floats as raw data.")
        return torch.frombuffer(bytearray(numbers), dtype=torch.float32).reshape(shape)

    return name, StoredTensor(shape, load)


def _bytes(value: object) -> memoryview:
    return memoryview(value) if isinstance(value, (bytes, memoryview)) else memoryview(b"")


def _fields(message: memoryview, limit: int = MAX_FIELDS) -> Iterator[tuple[int, int | memoryview]]:
    """The numbers and values of the fields of a protobuf message."""
    for _ in range(limit):
        if not message:
            return
        tag, message = _varint(message)
        value: int | memoryview
        if tag & 7 == 0:
            value, message = _varint(message)
        else:
            if tag & 7 == 2:
                length, message = _varint(message)
            else:
                length = {1: 8, 5: 4}[tag & 7]
            if length > len(message):
                raise ValueError("The message ends too early.")
            value, message = message[:length], message[length:]
        yield tag >> 3, value
    raise InvalidWeightsError(NOT_ONLY_WEIGHTS)


def _varint(message: memoryview) -> tuple[int, memoryview]:
    """A number of seven bits a byte, and what comes after it."""
    number = 0
    for index, byte in enumerate(message[:10]):
        number |= (byte & 127) << 7 * index
        if byte < 128:
            return number, message[index + 1 :]
    raise ValueError("The number has no end.")
