"""Finds MNIST's four files in a folder, packed or not, and checks them."""

import gzip
import hashlib
import io
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
        is_file: whether the folder is none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[Path, dict[str, MnistFile]] = {}
        self.genuine: dict[str, MnistFile] = {}
        self.is_file = False
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
        if self.is_file:
            return f"{self.folder} is a file instead of a folder."
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
                except (FileNotFoundError, NotADirectoryError):
                    self.is_file = self.folder.is_file()
                    self._problem = "there is no such folder"
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
            good.get(f"{part}-images-idx3-ubyte"),
            good.get(f"{part}-labels-idx1-ubyte"),
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


class _OtherArraysError(Exception):
    pass


def read(path: Path, name: str) -> MnistFile:
    """Reads and checks one file, which has one of MNIST's names in `CHECKSUMS`."""
    try:
        with _open(path, name) as source:
            return _parse(path, name, source)
    except FileNotFoundError:
        problem = "is a link to a file that is not there"
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile):
        problem = "is damaged or cut short: it cannot be unpacked"
    except _OtherArraysError:
        problem = "holds other arrays than Keras's mnist.npz"
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
    """An array of Keras's mnist.npz, as a file in the idx format.

    Raises:
        _OtherArraysError: it cannot be read as numbers from 0 to 255. Python's and numpy's readers
            raise exceptions of all kinds on files that were made by others.
    """
    member = f"{'y' if 'labels' in name else 'x'}_{'train' if 'train' in name else 'test'}.npy"
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(member)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _OtherArraysError  # others may unpack to any size at once
            if info.file_size > MAX_IMAGES * SIDE * SIDE:
                raise _OtherArraysError
            with archive.open(info) as source:
                array = np.lib.format.read_array(source, allow_pickle=False)
        if array.dtype.kind not in "buif":
            raise _OtherArraysError
        with np.errstate(invalid="ignore"):
            values = array.astype(np.uint8)
        if not np.array_equal(values, array):
            raise _OtherArraysError
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        raise
    except Exception as error:
        raise _OtherArraysError from error
    header = struct.pack(f">{1 + values.ndim}I", 0x0800 + values.ndim, *values.shape)
    return io.BytesIO(header + values.tobytes())


def _parse(path: Path, name: str, source: BinaryIO) -> MnistFile:
    """Reads the idx format: a magic number, the sizes of the dimensions, then a byte a value."""
    what, dimensions = ("images", 3) if "images" in name else ("labels", 1)
    header = source.read(4 + 4 * dimensions)
    problem = _header_problem(header, what, dimensions)
    if problem:
        return MnistFile(path, problem=problem)
    count, *sides = (int(size) for size in np.frombuffer(header[4:], ">u4"))
    each = SIDE * SIDE if sides else 1
    if sides not in ([], [SIDE, SIDE]):
        problem = f"holds images of {sides[0]} × {sides[1]} pixels instead of {SIDE} × {SIDE}"
    elif count == 0:
        problem = f"holds no {what}"
    elif count > MAX_IMAGES:
        problem = f"names {count:,} {what}: at most {MAX_IMAGES:,} can be used"
    if problem:
        return MnistFile(path, problem=problem)
    content = bytearray()
    while block := source.read(min(1 << 20, count * each + 1 - len(content))):
        content += block
    checksum = hashlib.md5(header, usedforsecurity=False)
    checksum.update(content)
    md5 = checksum.hexdigest()
    same = [known for known, other in CHECKSUMS.items() if other == md5]
    if len(content) < count * each:
        problem = f"is cut short: it holds {len(content) // each:,} of {count:,} {what}"
    elif len(content) > count * each:
        problem = f"is longer than the {count:,} {what} that its header names"
    elif not sides and max(content) >= DIGITS:
        problem = f"holds the label {max(content)}: labels must be digits from 0 to 9"
    elif not sides and len(set(content)) < DIGITS:
        lacking = [str(digit) for digit in range(DIGITS) if digit not in content]
        problem = f"lacks labels: none of its {count:,} is {' or '.join(lacking)}"
    elif same and same != [name]:
        problem = f"is MNIST's {same[0]} under another name"
    if problem:
        return MnistFile(path, problem=problem)
    values = np.frombuffer(content, np.uint8).reshape(count, *sides)
    return MnistFile(path, values, genuine=same == [name])


def is_web_page(content: bytes | bytearray) -> bool:
    return content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")  # also after a byte order mark


def _header_problem(header: bytes, what: str, dimensions: int) -> str:
    kinds = {b"\0\0\x08\x01": "labels", b"\0\0\x08\x03": "images"}
    if not header:
        return "is empty"
    if is_web_page(header):
        return "is a web page instead of MNIST's file"
    if header.startswith(b"version "):
        return "is a pointer of Git LFS: `git lfs pull` fetches the file"
    found = kinds.get(header[:4])
    if found not in (what, None):
        return f"holds {found} instead of {what}"
    if header[:2] == b"\0\0" and header[2:3] in (b"\x09", b"\x0b", b"\x0c", b"\x0d", b"\x0e"):
        return "holds numbers of another type than MNIST's, which are bytes"
    if found is None:
        return "is not in MNIST's format"
    return "is cut short within its header" if len(header) < 4 + 4 * dimensions else ""
