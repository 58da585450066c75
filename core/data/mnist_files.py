"""Finds MNIST's four files in a folder, packed or not, and checks them."""

import gzip
import hashlib
import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from core.names import enumeration

CHECKSUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 of each file, unpacked. torchvision knows those of the packed files."""
SIDE, DIGITS = 28, 10
MAX_IMAGES = 1_000_000
MAX_DEPTH, MAX_FOLDERS = 3, 1000

_FILE_NAME = re.compile(r"(train|t10k|test)[-_. ]?(image|label)s?([-_. ].*)?", re.IGNORECASE)
_NPZ_NAME = "mnist.npz"  # as Keras downloads it
_OTHER_SET = re.compile(r"(fashion|kuzushiji|\b[ekq])[-_ ]?mnist", re.IGNORECASE)


@dataclass(frozen=True)
class MnistFile:
    """One of the four files. If it cannot be used, `problem` continues "FILE ...".

    `values` are uint8: images (N, 28, 28) or labels (N,). `genuine` files have MNIST's checksum.
    """

    path: Path
    values: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    genuine: bool = False
    problem: str = ""


class FolderSearch:
    """What a folder, and folders below it, hold of MNIST's files.

    Folders of other data sets, such as FashionMNIST, are searched only if they are named.

    Attributes:
        places: by folder, the best file for each of MNIST's names.
        genuine: by name, a file with MNIST's checksum.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[Path, dict[str, MnistFile]] = {}
        self.genuine: dict[str, MnistFile] = {}
        self._problem = ""
        for place, candidates in self._candidates().items():
            if len(self.genuine) < len(CHECKSUMS):
                files = {
                    name: _best(candidates[name], name) for name in CHECKSUMS if name in candidates
                }
                self.places[place] = files
                found = {name: file for name, file in files.items() if file.genuine}
                self.genuine = found | self.genuine

    def complete_set(self) -> dict[str, MnistFile] | None:
        """MNIST's four files, or else the first complete set of others, if there is one."""
        if len(self.genuine) == len(CHECKSUMS):
            return self.genuine
        return next((files for files in self.places.values() if not _problems(files)), None)

    def report(self) -> str:
        """A sentence: what was found in the folder, and what is wrong or missing."""
        if not os.path.isdir(self.folder):  # noqa: PTH112 - Path.is_dir raises some errors
            return f"There is no folder {self.folder}."
        if not self.places:
            reason = self._problem or self._others()
            return f"The folder {self.folder} holds none of MNIST's files: {reason}."
        place, files = min(self.places.items(), key=lambda item: len(_problems(item[1])))
        bad = [file.path for file in files.values() if file.problem]
        good = dict.fromkeys(file.path.name for file in files.values() if file.path not in bad)
        found = f"The folder {place} holds {enumeration([*good])};" if good else f"In {place}:"
        return f"{found} {'; '.join(_problems(files))}."

    def _candidates(self) -> dict[Path, dict[str, list[Path]]]:
        """Paths by folder and by MNIST's own name; `MNIST/raw` comes first."""
        found: dict[Path, dict[str, list[Path]]] = {}
        for path in self._files():
            for name in _names(path):
                place = path.parent
                if place != self.folder and _names(place):  # some unpackers make a folder a file
                    place = place.parent
                found.setdefault(place, {}).setdefault(name, []).append(path)
        usual = self.folder / "MNIST" / "raw"
        return dict(sorted(found.items(), key=lambda item: item[0] != usual))

    def _files(self) -> Iterator[Path]:
        """All files in the folder and below, level by level."""
        level = [self.folder]
        for _ in range(MAX_DEPTH + 1):
            below: list[Path] = []
            for folder in islice(level, MAX_FOLDERS):
                try:
                    for path in sorted(folder.iterdir()):
                        if not path.is_dir():
                            yield path
                        elif not path.name.startswith(".") and not _OTHER_SET.search(path.name):
                            below.append(path)
                except OSError as error:
                    self._problem = f"{folder} cannot be read ({error.strerror})"
            level = below

    def _others(self) -> str:
        names = sorted(path.name for path in self.folder.iterdir())
        if len(names) > 4:
            names[3:] = [f"{len(names) - 3} more"]
        return f"only {enumeration(names)}" if names else "it is empty"


def _names(path: Path) -> list[str]:
    """Which of MNIST's files a file with that name holds."""
    if path.name.lower() == _NPZ_NAME:
        return list(CHECKSUMS)
    match = _FILE_NAME.fullmatch(path.name)
    if match is None:
        return []
    part = "train" if match[1].lower() == "train" else "t10k"
    return [f"{part}-{'images-idx3' if match[2].lower() == 'image' else 'labels-idx1'}-ubyte"]


def _problems(files: dict[str, MnistFile]) -> list[str]:
    """What keeps the files of one folder from being a data set."""
    problems = [f"{file.path.name} {file.problem}" for file in files.values() if file.problem]
    found = list(dict.fromkeys(problems))  # one file may hold all four arrays
    missing = [name for name in CHECKSUMS if name not in files]
    if missing:
        found.append(f"{enumeration(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    good = {name: file for name, file in files.items() if not file.problem}
    for part in ("train", "t10k"):
        images, labels = (
            good.get(f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")
        )
        if images and labels and len(images.values) != len(labels.values):
            found.append(
                f"{images.path.name} holds {len(images.values):,} images, but "
                f"{labels.path.name} {len(labels.values):,} labels"
            )
    return found


def _best(paths: list[Path], name: str) -> MnistFile:
    """The file with MNIST's checksum, or else the first that can be used, or else the first."""
    best = read(paths[0], name)
    for path in paths[1:]:
        if not best.genuine:
            best = min(
                best, read(path, name), key=lambda file: (not file.genuine, file.problem != "")
            )
    return best


class _UnusableError(Exception):
    """The message continues "FILE ..."."""


def read(path: Path, name: str) -> MnistFile:
    """Reads and checks one file, which has one of MNIST's names in `CHECKSUMS`."""
    try:
        with _open(path, name) as source:
            return MnistFile(path, *_parse(name, source))
    except _UnusableError as error:
        problem = str(error)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        problem = "is damaged or cut short: it cannot be unpacked"
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    return MnistFile(path, problem=problem)


def _open(path: Path, name: str) -> BinaryIO:
    """The unpacked content of a file, whatever its name says about packing."""
    if path.exists() and not path.is_file():
        raise OSError(0, "it is not a file")  # opening a pipe would wait for ever
    with path.open("rb") as source:
        start = source.read(2)
    if start == b"PK" and path.name.lower() == _NPZ_NAME:
        return _open_array(path, name)
    return cast(BinaryIO, gzip.open(path)) if start == b"\x1f\x8b" else path.open("rb")


def _open_array(path: Path, name: str) -> BinaryIO:
    """An array of Keras's mnist.npz, as a file in the idx format."""
    member = f"{'y' if 'labels' in name else 'x'}_{'train' if 'train' in name else 'test'}.npy"
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as source:
            about = archive.getinfo(member)
            # Packed in other ways than these, an array may unpack to any size at once.
            if about.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError("The array is packed in another way.")
            if about.file_size > MAX_IMAGES * SIDE * SIDE:
                raise ValueError("The array is too large.")
            array = np.lib.format.read_array(source, allow_pickle=False)
        values = array.astype(np.uint8)
        if not np.array_equal(values, array):
            raise ValueError("The array has other numbers than pixels and digits.")
        header = struct.pack(f">{1 + values.ndim}I", 0x0800 + values.ndim, *values.shape)
    except Exception as error:  # of all kinds, where others made the file
        problem = "is damaged, or holds other arrays than Keras's mnist.npz"
        raise _UnusableError(problem) from error
    return io.BytesIO(header + values.tobytes())


def _parse(name: str, source: BinaryIO) -> tuple[NDArray[np.uint8], bool]:
    """Reads the idx format: a magic number, the sizes of the dimensions, then a byte a value.

    Returns:
        The values, and whether the file has MNIST's checksum.
    """
    what, dimensions = ("images", 3) if "images" in name else ("labels", 1)
    header = source.read(4 + 4 * dimensions)
    if header.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):  # also after a byte order mark
        raise _UnusableError("is a web page instead of MNIST's file")
    if len(header) < 4 + 4 * dimensions or header[:4] != bytes((0, 0, 8, dimensions)):
        raise _UnusableError("is not in MNIST's format")
    count, *sides = struct.unpack(f">{dimensions}I", header[4:])
    each = SIDE * SIDE if sides else 1
    if sides not in ([], [SIDE, SIDE]):
        raise _UnusableError(
            f"holds images of {sides[0]} × {sides[1]} pixels instead of {SIDE} × {SIDE}"
        )
    if not 0 < count <= MAX_IMAGES:
        raise _UnusableError(f"names {count:,} {what}: from 1 to {MAX_IMAGES:,} can be used")
    content = bytearray()
    while block := source.read(min(1 << 20, count * each + 1 - len(content))):
        content += block
    if len(content) < count * each:
        raise _UnusableError(f"is cut short: it holds {len(content) // each:,} of {count:,} {what}")
    if len(content) > count * each:
        raise _UnusableError(f"is longer than the {count:,} {what} that its header names")
    if not sides and (wrong := set(content) ^ set(range(DIGITS))):
        label = max(wrong)
        raise _UnusableError(
            "must hold all labels from 0 to 9 and no others: "
            f"{label} is {'one of them' if label in content else 'missing'}"
        )
    checksum = hashlib.md5(header, usedforsecurity=False)
    checksum.update(content)
    values = np.frombuffer(content, np.uint8).reshape(count, *sides)
    return values, checksum.hexdigest() == CHECKSUMS[name]
