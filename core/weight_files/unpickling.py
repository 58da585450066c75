"""Reads the pickles of `torch.save` as data.

A stack machine for the opcodes of protocols 1 to 5. It makes numbers, texts, lists, dicts and
descriptions of tensors, and it calls nothing: whatever other classes and functions would make is
left out. Tensors refer to bytes of the file, so no number in a pickle determines how much memory
is allocated.
"""

import io
import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import InvalidWeightsError

MAX_PICKLE_BYTES = 1 << 20
"""Limit of the part that names the tensors, a hundred times what the networks here need."""

MAX_OPCODES = 200_000
"""Each takes some microseconds, and a hundred bytes at most."""

MAX_DIMENSIONS = 8
MAX_SIZE = 1 << 31
"""Of a tensor. Numbers without a limit are slow to compute with, and to hash."""

MAX_KEY = 1 << 32
"""Larger numbers can be chosen so that all of them have one hash."""

SAVE_WEIGHTS = "Save the weights alone, with torch.save(model.state_dict(), PATH), and try again."
NOT_ONLY_WEIGHTS = f"The file holds something else than weights. {SAVE_WEIGHTS}"

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "QInt8Storage": torch.int8,
    "QUInt8Storage": torch.uint8,
    "QInt32Storage": torch.int32,
    "UntypedStorage": torch.uint8,
}

KNOWN = {
    "collections": {"OrderedDict", "defaultdict"},
    "torch._utils": {
        "_rebuild_tensor",
        "_rebuild_tensor_v2",
        "_rebuild_parameter",
        "_rebuild_parameter_with_state",
    },
    "torch": DTYPES.keys(),
    "torch.cuda": DTYPES.keys(),
    "torch.storage": DTYPES.keys(),
}
"""The classes and functions of state dicts by their modules. All others are `OPAQUE`."""

MARKED = {"TUPLE", "LIST", "DICT", "FROZENSET", "APPENDS", "ADDITEMS", "SETITEMS", "POP_MARK"}
"""Opcodes that take what is above the last mark from the stack."""

TAKEN = dict.fromkeys(("POP", "TUPLE1", "APPEND", "BUILD", "BINPERSID"), 1)
TAKEN |= dict.fromkeys(("TUPLE2", "SETITEM", "STACK_GLOBAL", "REDUCE", "NEWOBJ"), 2)
TAKEN |= dict.fromkeys(("TUPLE3", "NEWOBJ_EX"), 3)
"""Opcodes that take some values from the stack, and how many."""


class _Opaque:
    """Stands for values that are of no interest, and for what would make them."""


OPAQUE = _Opaque()


@dataclass(frozen=True)
class Global:
    """The name of a class or a function in `KNOWN`."""

    name: str


@dataclass(frozen=True)
class Storage:
    """The numbers of one tensor or of several: a part of the file."""

    dtype: torch.dtype
    key: str


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file. `load` reads its numbers, into as much memory as its shape wants."""

    shape: tuple[int, ...]
    load: Callable[[], Tensor]

    def __post_init__(self) -> None:
        if len(self.shape) > MAX_DIMENSIONS or any(size > MAX_SIZE for size in self.shape):
            raise InvalidWeightsError(NOT_ONLY_WEIGHTS)


ReadStorage = Callable[[str], memoryview]


def unpickle(stream: io.BytesIO, read_storage: ReadStorage) -> tuple[Any, dict[str, torch.dtype]]:
    """The value of the pickle that begins here; `stream` then stands behind it.

    Dicts have only the items whose keys are texts or small numbers.

    Args:
        read_storage: gives the bytes of a storage by its key, or raises KeyError.

    Returns:
        The value, and the dtypes of the storages that it refers to.

    Raises:
        InvalidWeightsError: it holds what no state dict needs.
        Exception: it is damaged.
    """
    machine = _Machine(read_storage)
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count == MAX_OPCODES:
            raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
        machine.run(opcode.name, argument)
    return machine.stack.pop(), machine.dtypes


class _Machine:
    def __init__(self, read_storage: ReadStorage) -> None:
        self.stack: list[Any] = []
        self.dtypes: dict[str, torch.dtype] = {}
        self._below: list[list[Any]] = []  # the stacks below the marks
        self._memo: dict[int, Any] = {}
        self._read_storage = read_storage
        self._copied = 0  # items that were copied from lists into dicts

    def run(self, opcode: str, argument: Any) -> None:
        items: list[Any] = []
        if opcode in MARKED:
            items, self.stack = self.stack, self._below.pop()
        for _ in range(TAKEN.get(opcode, 0)):
            items.insert(0, self.stack.pop())
        stack = self.stack
        match opcode:
            case "PROTO" | "FRAME" | "STOP" | "POP" | "POP_MARK":
                pass
            case (
                "INT" | "BININT" | "BININT1" | "BININT2" | "LONG" | "LONG1" | "LONG4"
                | "FLOAT" | "BINFLOAT" | "STRING" | "BINSTRING" | "SHORT_BINSTRING"
                | "UNICODE" | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8"
                | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8"
            ):  # fmt: skip
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode == "NEWTRUE")
            case "EMPTY_TUPLE" | "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(items))
            case "EMPTY_LIST" | "LIST":
                stack.append(items)
            case "EMPTY_DICT" | "DICT":
                stack.append(_pairs(items))
            case "EMPTY_SET" | "FROZENSET" | "BYTEARRAY8":
                stack.append(OPAQUE)
            case "MARK":
                self._below.append(stack)
                self.stack = []
            case "APPEND" | "APPENDS" if isinstance(stack[-1], list):
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS" if isinstance(stack[-1], dict):
                stack[-1].update(_pairs(items))
            case "BUILD" if isinstance(stack[-1], dict):
                pass
            case "APPEND" | "APPENDS" | "ADDITEMS" | "SETITEM" | "SETITEMS" | "BUILD" if (
                stack[-1] is OPAQUE
            ):
                pass
            case "PUT" | "BINPUT" | "LONG_BINPUT" if argument < MAX_KEY:
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_global(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_global(*items))
            case "REDUCE" | "NEWOBJ" | "NEWOBJ_EX":
                stack.append(self._make(*items[:2]))
            case "BINPERSID":
                stack.append(self._storage(*items))
            case _:
                raise InvalidWeightsError(NOT_ONLY_WEIGHTS)

    def _make(self, function: Any, arguments: Any) -> Any:
        """What a call would give, for the functions of a state dict."""
        match function:
            case Global("_rebuild_tensor" | "_rebuild_tensor_v2"):
                return self._tensor(*arguments[:4])
            case Global("_rebuild_parameter" | "_rebuild_parameter_with_state"):
                return arguments[0]
            case Global("OrderedDict" | "defaultdict"):
                # Python 2 gives the items as a list of pairs, others fill the dict afterwards.
                pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
                self._copied += len(pairs)
                if self._copied > MAX_OPCODES:  # the same list again and again
                    raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
                return _pairs([item for key, value in pairs for item in (key, value)])
        return OPAQUE

    def _storage(self, reference: Any) -> Any:
        match reference:
            case ("storage", Global(name), str(key), _, _, *view) if not any(view):
                self.dtypes[key] = DTYPES[name]
                return Storage(DTYPES[name], key)
        return OPAQUE

    def _tensor(self, storage: Any, offset: Any, shape: Any, stride: Any) -> Any:
        if storage is OPAQUE:
            return OPAQUE
        if not isinstance(storage, Storage) or len(shape) != len(stride):
            raise ValueError("A tensor needs a storage, and a stride for each dimension.")
        numbers = (offset, *shape, *stride)
        if any(type(number) is not int or not 0 <= number <= MAX_SIZE for number in numbers):
            raise ValueError("Offset, shape and stride are not negative, and not huge.")
        read = self._read_storage
        return StoredTensor(shape, lambda: _load(read(storage.key), storage, offset, shape, stride))


def _load(
    content: memoryview,
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
) -> Tensor:
    if not math.prod(shape):
        raise ValueError("The tensor has no numbers.")
    size = storage.dtype.itemsize
    last = offset + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))
    if (last + 1) * size > len(content):
        raise ValueError("The tensor is larger than its storage.")
    view = np.ndarray(shape, f"V{size}", content, offset * size, [step * size for step in stride])
    numbers = torch.frombuffer(bytearray(view.tobytes()), dtype=storage.dtype)
    return numbers.reshape(shape)


def _global(module: Any, name: Any) -> Any:
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("A name is a text.")
    return Global(name) if name in KNOWN.get(module, ()) else OPAQUE


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """A dict of keys and values in turn. Other keys name no tensor, and can be slow to hash."""
    return {
        key: value
        for key, value in zip(items[::2], items[1::2], strict=True)
        if isinstance(key, str) or (isinstance(key, int) and 0 <= key < MAX_KEY)
    }
