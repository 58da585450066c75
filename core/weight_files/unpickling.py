"""Reads the pickles of `torch.save` as data.

A stack machine for the opcodes of protocols 1 to 5. It makes numbers, texts, lists, dicts and
descriptions of tensors, and it calls nothing: a global is no more than its name. Tensors refer to
bytes of the file, so no number in a pickle determines how much memory is allocated.
"""

import io
import math
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.errors import InvalidWeightsError
from core.names import printable

MAX_PICKLE_BYTES = 1 << 20
"""Limit of the part that names the tensors, a hundred times what the networks here need."""

MAX_OPCODES = 200_000
"""Each takes some microseconds, and a hundred bytes at most."""

MAX_NAME = 200
"""Letters of a module's name, and of a class's."""

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

DICTS = {"collections.OrderedDict", "collections.defaultdict"}
TENSORS = {"torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2"}
PARAMETERS = {"torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state"}
BESIDE_WEIGHTS = re.compile(
    r"torch\.((cuda\.|storage\.)?\w+Storage|Size|[a-z]\w*)"
    r"|torch\._utils\._rebuild_\w+|torch\.serialization\._get_layout"
    r"|collections\.(Counter|deque)|uuid\.\w+|decimal\.Decimal|copy_?reg\._reconstructor"
    r"|numpy\.(dtype|ndarray)|numpy\.(_?core)\.multiarray\.(scalar|_reconstruct)"
    r"|numpy\.(_?core)\.numeric\._frombuffer"
    r"|_codecs\.encode|argparse\.Namespace|types\.SimpleNamespace"
    r"|datetime\.\w+|pathlib\.(_local\.)?\w+Path"
    r"|(__builtin__|builtins)\.(set|frozenset|complex|dict|list|int|float|slice|range"
    r"|bytearray|object)"
)
"""Globals of what training scripts save beside weights. They become `OPAQUE`."""


class _Opaque:
    """Stands for a value that is of no interest."""


OPAQUE = _Opaque()


@dataclass(frozen=True)
class Global:
    """The name of a class or a function."""

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
"""The bytes of a storage by its key.

Raises:
    KeyError: the file has no such storage.
"""


def unpickle(stream: io.BytesIO, read_storage: ReadStorage) -> tuple[Any, dict[str, torch.dtype]]:
    """The value of the pickle that begins here; `stream` then stands behind it.

    Dicts have only the items whose keys are texts or small numbers.

    Returns:
        The value, and the dtypes of the storages that it refers to.

    Raises:
        InvalidWeightsError: the pickle asks for code, or for what no state dict needs.
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
        stack = self.stack
        match opcode:
            case "PROTO" | "FRAME" | "STOP":
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
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_SET" | "BYTEARRAY8":
                stack.append(OPAQUE)
            case "MARK":
                self._below.append(stack)
                self.stack = []
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._pop_mark()
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._push_tuple(int(opcode[-1]))
            case "TUPLE":
                items = self._pop_mark()
                self.stack.append(tuple(items))
            case "LIST":
                items = self._pop_mark()
                self.stack.append(items)
            case "DICT":
                items = self._pop_mark()
                self.stack.append(_pairs(items))
            case "FROZENSET":
                self._pop_mark()
                self.stack.append(OPAQUE)
            case "APPEND":
                _extend(stack[-2], [stack.pop()])
            case "APPENDS":
                items = self._pop_mark()
                _extend(self.stack[-1], items)
            case "ADDITEMS":
                self._pop_mark()
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set_items(stack[-1], [key, value])
            case "SETITEMS":
                items = self._pop_mark()
                _set_items(self.stack[-1], items)
            case "PUT" | "BINPUT" | "LONG_BINPUT" if argument < MAX_KEY:
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_global(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                if not isinstance(name, str) or not isinstance(module, str):
                    raise ValueError("A name is a text.")  # lists in lists can be slow to write out
                stack.append(_global(f"{module[:MAX_NAME]}.{name[:MAX_NAME]}"))
            case "NEWOBJ_EX":
                stack.pop()
                arguments = stack.pop()
                stack.append(self._make(stack.pop(), arguments))
            case "REDUCE" | "NEWOBJ":
                arguments = stack.pop()
                stack.append(self._make(stack.pop(), arguments))
            case "BUILD":
                stack.pop()
                if not isinstance(stack[-1], (dict, _Opaque)):
                    raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
            case "BINPERSID":
                storage = _storage(stack.pop())
                if isinstance(storage, Storage):
                    self.dtypes[storage.key] = storage.dtype
                stack.append(storage)
            case "PERSID":
                raise InvalidWeightsError(
                    f"The file was saved with pickle_protocol=0. {SAVE_WEIGHTS}"
                )
            case _:
                raise InvalidWeightsError(NOT_ONLY_WEIGHTS)

    def _pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self._below.pop()
        return items

    def _push_tuple(self, length: int) -> None:
        items = tuple(self.stack[-length:])
        if len(items) < length:
            raise ValueError("The stack has too few items.")
        self.stack[-length:] = [items]

    def _make(self, function: Any, arguments: Any) -> Any:
        """What a call would give, for the functions of a state dict."""
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
        if function.name in TENSORS:
            return self._tensor(*arguments[:4])
        if function.name in PARAMETERS:
            return arguments[0]
        if function.name in DICTS:
            # Python 2 gives the items as a list of pairs, others fill the dict afterwards.
            pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
            self._copied += len(pairs)
            if self._copied > MAX_OPCODES:  # the same list again and again
                raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
            return _pairs([item for key, value in pairs for item in (key, value)])
        return OPAQUE

    def _tensor(self, storage: Any, offset: Any, shape: Any, stride: Any) -> Any:
        if isinstance(storage, _Opaque):
            return OPAQUE
        if not isinstance(storage, Storage):
            raise ValueError("A tensor needs a storage.")
        if len(shape) != len(stride):
            raise ValueError("The tensor has not a stride for each dimension.")
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
    last = sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    start, end = (number * storage.dtype.itemsize for number in (offset, offset + last + 1))
    if end > len(content):
        raise ValueError("The tensor is larger than its storage.")
    size = storage.dtype.itemsize
    steps = [step * size for step in stride]
    view = np.ndarray(shape, f"V{size}", content, start, steps)
    numbers = torch.frombuffer(bytearray(view.tobytes()), dtype=storage.dtype)
    return numbers.reshape(shape)


def _global(name: str) -> Global:
    known = name in DICTS | TENSORS | PARAMETERS
    if not known and not BESIDE_WEIGHTS.fullmatch(name):
        raise InvalidWeightsError(
            f"The file asks for {printable(name)}, and Digit Lab runs nothing that comes in a "
            f"file. {SAVE_WEIGHTS}"
        )
    return Global(name)


def _storage(reference: Any) -> Any:
    """Of a reference `("storage", class, key, device, length, ...)`."""
    if not isinstance(reference, tuple) or reference[:1] != ("storage",):
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
    kind, key = reference[1:3]
    plain = isinstance(kind, Global) and isinstance(key, str)
    if not plain or any(view is not None for view in reference[5:]):
        raise InvalidWeightsError(NOT_ONLY_WEIGHTS)
    dtype = DTYPES.get(kind.name.rpartition(".")[2])
    return OPAQUE if dtype is None else Storage(dtype, key)


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, _Opaque):
        raise ValueError("Only a list can be appended to.")


def _set_items(target: Any, items: list[Any]) -> None:
    if isinstance(target, dict):
        target.update(_pairs(items))
    elif not isinstance(target, _Opaque):
        raise ValueError("Only a dict has items.")


def _pairs(items: list[Any]) -> dict[Any, Any]:
    """A dict of keys and values in turn. Other keys name no tensor, and can be slow to hash."""
    return {
        key: value
        for key, value in zip(items[::2], items[1::2], strict=True)
        if isinstance(key, str) or (isinstance(key, int) and 0 <= key < MAX_KEY)
    }
