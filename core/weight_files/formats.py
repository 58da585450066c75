"""The formats of weight files: `.pth` of all versions of PyTorch, safetensors and ONNX."""

import functools
import io
import math
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from core.errors import InvalidWeightsError
from core.names import printable
from core.weight_files.unpickling import (
    MAX_PICKLE_BYTES,
    NOT_ONLY_WEIGHTS,
    StoredTensor,
    unpickle,
)

MAX_BYTES = 64 << 20
"""Enough for the largest network here in 64 bits, with the state of its optimizer."""

MAX_PARTS = 1000
"""Files in a zip archive, about one per tensor, and fields of a message in an ONNX file, such as
its operations and tensors. A million would keep Python busy for seconds."""

LEGACY_MAGICS = bytes.fromhex("6cfc9c46f9206aa85019"), b"L119547037146038801333356L\n"
"""In the first pickle of a file of PyTorch before 1.6: the number in binary, or in digits."""

ONNX_FLOAT = 1
ONNX_START = re.compile(rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]")
"""The version of the format, and the number of the next field."""

OTHER_BYTE_ORDER = "The file comes from a computer with another byte order."

NO_WEIGHTS = (
    "The file is neither a .pth, as torch.save(model.state_dict(), PATH) writes it, nor a "
    ".safetensors, nor an .onnx with weights.{} If it is an archive, unpack it; if it is a web "
    "page or a pointer of Git LFS, download the file itself."
)


def parse(content: bytes) -> Any:
    """What is in a file: tensors as `StoredTensor`, in dicts and beside other values.

    Raises:
        InvalidWeightsError: it is no file of weights.
        Exception: it is damaged.
    """
    if not content:
        raise InvalidWeightsError("The file is empty.")
    if content.startswith(b"PK"):
        return _parse_zip(content)
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") <= MAX_PICKLE_BYTES:
        return _parse_safetensors(content)
    if any(magic in content[:32] for magic in LEGACY_MAGICS):
        return _parse_legacy(content)
    if ONNX_START.match(content) and (weights := _parse_onnx(content)):
        return weights
    text = content[:40].decode(errors="ignore").strip().partition("\n")[0]
    begins = f" It begins with “{text}”." if text and text.isprintable() else ""
    raise InvalidWeightsError(NO_WEIGHTS.format(begins))


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
    pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(pickles) != 1 or len(set(names)) < len(names):
        raise InvalidWeightsError(NO_WEIGHTS.format(""))
    folder = pickles[0].filename.rpartition("/")[0]
    if f"{folder}/byteorder" in names and archive.read(f"{folder}/byteorder") != b"little":
        raise InvalidWeightsError(OTHER_BYTE_ORDER)
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)

    @functools.cache
    def read_storage(key: str) -> memoryview:
        return memoryview(archive.read(f"{folder}/data/{key}"))  # checks the checksum

    return unpickle(io.BytesIO(archive.read(pickles[0])), read_storage)[0]


def _parse_legacy(content: bytes) -> Any:
    """A file of `torch.save` before PyTorch 1.6: five pickles, then the storages in a row."""
    head = io.BytesIO(content[:MAX_PICKLE_BYTES])
    storages: dict[str, memoryview] = {}

    def next_pickle() -> tuple[Any, dict[str, torch.dtype]]:
        return unpickle(head, storages.__getitem__)

    _magic, _version, (system, _) = next_pickle(), next_pickle(), next_pickle()
    (loaded, dtypes), (keys, _) = next_pickle(), next_pickle()
    if not system["little_endian"]:
        raise InvalidWeightsError(OTHER_BYTE_ORDER)
    rest = memoryview(content)[head.tell() :]
    for key in keys:
        length = int.from_bytes(rest[:8], "little") * dtypes[key].itemsize
        storages[key], rest = rest[8 : 8 + length], rest[8 + length :]
    return loaded


# --- safetensors -------------------------------------------------------------------------------


def _parse_safetensors(content: bytes) -> dict[str, StoredTensor]:
    tensors = safetensors.torch.load(content)
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
    model = dict(_fields(memoryview(content)))
    graph = _fields(memoryview(model.get(7, b"")))
    return dict(_onnx_tensor(memoryview(value)) for field, value in graph if field == 5)


def _onnx_tensor(message: memoryview) -> tuple[str, StoredTensor]:
    """The name and the numbers of a `TensorProto`."""
    fields = list(_fields(message))
    shape = tuple(value for field, value in fields if field == 1 and isinstance(value, int))
    last = dict(fields)
    name, numbers = str(last.get(8, b""), "utf-8"), memoryview(last.get(9, b""))

    def load() -> Tensor:
        if last.get(2) != ONNX_FLOAT or len(numbers) != 4 * math.prod(shape):
            raise InvalidWeightsError(f"{printable(name)} holds no 32-bit floats as raw data.")
        return torch.frombuffer(bytearray(numbers), dtype=torch.float32).reshape(shape)

    return name, StoredTensor(shape, load)


def _fields(message: memoryview) -> Iterator[tuple[int, Any]]:
    """The numbers and values, ints or memoryviews, of the fields of a protobuf message."""
    for _ in range(MAX_PARTS):
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
