"""MNIST as people have it: packed, renamed, elsewhere, incomplete, damaged, or something else; and
downloads that fail."""

import errno
import gzip
import hashlib
import http.client
import io
import itertools
import os
import socket
import struct
import sys
import time
import tracemalloc
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch

from core.data import mnist, mnist_download, mnist_files
from core.data.dataset import Dataset
from core.data.mnist_files import CHECKSUMS
from core.errors import CancelledError, DatasetUnavailableError
from tools.tiny_datasets import make_tiny_dataset, write_mnist

RAW = Path("MNIST") / "raw"
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = CHECKSUMS


def idx(*sizes: int, type: int = 8, fill: int = 0) -> bytes:
    """A file in MNIST's format, of one repeated value."""
    header = struct.pack(f">{1 + len(sizes)}I", type << 8 | len(sizes), *sizes)
    return header + bytes([fill]) * int(np.prod(sizes))


LABELS = idx(120)[:8] + bytes(range(10)) * 12


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirrors, and no proxy for those of a test."""
    found: list[str] = []
    monkeypatch.setattr(mnist_download, "mirrors", lambda: found)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def genuine(monkeypatch: pytest.MonkeyPatch, tiny_dataset: Dataset, tmp_path: Path) -> Path:
    """A folder with the four files of `tiny_dataset`, which are MNIST's own in this test."""
    folder = write_mnist(tiny_dataset, tmp_path / "genuine")
    for name in CHECKSUMS:
        content = (folder / name).read_bytes()
        monkeypatch.setitem(CHECKSUMS, name, hashlib.md5(content).hexdigest())
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that a person names; its name has a space."""
    folder = tmp_path / "my digits"
    folder.mkdir()
    return folder


def load(folder: Path | None, tmp_path: Path) -> Dataset:
    return mnist.load(folder, tmp_path / "cache")


def refusal(folder: Path | None, tmp_path: Path) -> str:
    with pytest.raises(DatasetUnavailableError) as caught:
        load(folder, tmp_path)
    return str(caught.value)


def is_same(one: Dataset, other: Dataset) -> bool:
    names = ("train_images", "train_labels", "test_images", "test_labels")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


# Files that can be read


def pack(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def rename(folder: Path, new: Callable[[str], str]) -> None:
    for name in CHECKSUMS:
        (folder / name).rename(folder / new(name))


def folder_each(folder: Path) -> None:
    for name in CHECKSUMS:
        (folder / name).rename(folder / "file")
        (folder / name).mkdir()
        (folder / "file").rename(folder / name / name)


def keras(folder: Path) -> None:
    data = make_tiny_dataset()
    for name in CHECKSUMS:
        (folder / name).unlink()
    np.savez_compressed(
        folder / "mnist.npz",
        x_train=data.train_images.numpy(),
        y_train=data.train_labels.numpy().astype(np.uint8),
        x_test=data.test_images.numpy(),
        y_test=data.test_labels.numpy(),  # 64-bit integers
    )


FORMS: dict[str, Callable[[Path], object]] = {
    "raw": lambda folder: None,
    "packed": lambda folder: pack(folder, *CHECKSUMS),
    "some packed": lambda folder: pack(folder, TRAIN_IMAGES, TEST_LABELS),
    "dots": lambda folder: rename(folder, lambda name: name.replace("-idx", ".idx")),
    "upper case": lambda folder: rename(folder, str.upper),
    "test for t10k": lambda folder: rename(folder, lambda name: name.replace("t10k", "test")),
    "short names": lambda folder: rename(folder, lambda name: name.split("-idx")[0]),
    "unpacked by the browser": lambda folder: rename(folder, lambda name: f"{name}.gz"),
    "a copy": lambda folder: rename(folder, lambda name: f"{name} (1)"),
    "a folder each": folder_each,
    "Keras": keras,
}


@pytest.mark.parametrize("form", FORMS)
def test_files_are_read_in_every_form(
    genuine: Path, home: Path, tmp_path: Path, tiny_dataset: Dataset, form: str
) -> None:
    (home / "MNIST").mkdir()
    genuine.rename(home / RAW)
    FORMS[form](home / RAW)

    found = load(home, tmp_path)

    assert (found.title, found.note) == ("MNIST", "")
    assert found.train_images.dtype == torch.uint8
    assert found.train_labels.dtype == torch.int64
    assert is_same(found, tiny_dataset)


@pytest.mark.parametrize(
    ("place", "named"),
    [
        (RAW, "."),
        (RAW, "MNIST"),
        (RAW, "MNIST/raw"),
        ("data/MNIST/raw", "."),
        (".", "."),
        ("raw", "."),
        ("Downloads/archive", "."),
        ("mnist/Raw", "."),
        ("FashionMNIST/raw", "FashionMNIST"),
    ],
)
def test_files_are_found_above_and_below_the_named_folder(
    genuine: Path, home: Path, tmp_path: Path, place: str | Path, named: str
) -> None:
    (home / place).mkdir(parents=True, exist_ok=True)
    for path in genuine.iterdir():
        path.rename(home / place / path.name)

    assert load(home / named, tmp_path).title == "MNIST"


def test_files_with_mnists_checksums_are_combined_from_several_folders(
    genuine: Path, home: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    (home / "here").mkdir()
    (home / "there").mkdir()
    (tmp_path / "cache").mkdir()
    (genuine / TRAIN_IMAGES).rename(home / "here" / TRAIN_IMAGES)
    (genuine / TRAIN_LABELS).rename(home / "there" / TRAIN_LABELS)
    (genuine / TEST_IMAGES).rename(tmp_path / "cache" / TEST_IMAGES)
    (home / TEST_LABELS).symlink_to(genuine / TEST_LABELS)

    with pytest.raises(DatasetUnavailableError):  # the cache has only one of them
        load(None, tmp_path)
    with serving(dict.fromkeys(CHECKSUMS, 404)):
        assert is_same(load(home, tmp_path), tiny_dataset)


def test_a_good_copy_beside_a_damaged_one_is_taken(
    genuine: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    content = (genuine / TRAIN_IMAGES).read_bytes()
    (genuine / TRAIN_IMAGES).write_bytes(content[:5000])
    (genuine / f"{TRAIN_IMAGES}.gz").write_bytes(gzip.compress(content))

    assert is_same(load(genuine, tmp_path), tiny_dataset)


def test_a_folder_is_only_read(
    genuine: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(genuine, *CHECKSUMS)
    before = sorted(genuine.iterdir())

    load(genuine, tmp_path)

    assert sorted(genuine.iterdir()) == before
    assert not (tmp_path / "cache").exists()


# Other people's images


def test_other_images_in_mnists_format_are_not_called_mnist(
    genuine: Path, home: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = make_tiny_dataset(50, 20)
    write_mnist(own, home / RAW)

    found = load(home, tmp_path)

    assert found.title == "Images in my digits"
    assert is_same(found, own)
    assert f"The files in {home / RAW} are not MNIST's" in caplog.text


def test_mnist_comes_before_other_images_in_the_same_folder(
    genuine: Path, home: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    write_mnist(make_tiny_dataset(50, 20), home / "a")
    genuine.rename(home / "b")

    assert is_same(load(home, tmp_path), tiny_dataset)


def test_another_known_set_is_used_only_if_it_is_named(home: Path, tmp_path: Path) -> None:
    write_mnist(make_tiny_dataset(50, 20), home / "FashionMNIST" / "raw")

    assert "holds none of MNIST's files: only FashionMNIST." in refusal(home, tmp_path)
    assert load(home / "FashionMNIST", tmp_path).title == "Images in FashionMNIST"


def test_other_images_are_never_mixed_with_mnists(
    genuine: Path, home: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    """Three files of others with the right shapes, and the fourth could be downloaded."""
    write_mnist(make_tiny_dataset(noise=5), home)
    (home / TEST_LABELS).unlink()

    with serving({name: (genuine / name).read_bytes() for name in CHECKSUMS}):
        found = load(home, tmp_path)

    assert is_same(found, tiny_dataset)
    assert f"{TEST_LABELS} is missing. Files in {tmp_path / 'cache'} are used" in found.note


# Files that cannot be read: the sentence names the folder, what was found and what is missing


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        (TEST_LABELS, b"", "is not in MNIST's format"),
        (TEST_LABELS, idx(120)[:50], "is cut short: it holds 42 of 120 labels"),
        (TEST_LABELS, idx(120)[:6], "is not in MNIST's format"),
        (TRAIN_IMAGES, idx(300, 28, 28)[:-1], "is cut short: it holds 299 of 300 images"),
        (TRAIN_IMAGES, idx(300, 28, 28) + b"?", "is longer than the 300 images that its header"),
        (TRAIN_IMAGES, idx(300, 32, 32), "holds images of 32 × 32 pixels instead of 28 × 28"),
        (TRAIN_IMAGES, idx(300), "is not in MNIST's format"),
        (TRAIN_LABELS, idx(300, 28, 28), "is not in MNIST's format"),
        (TRAIN_IMAGES, idx(300, 28, 28, type=0x0D), "is not in MNIST's format"),
        (TRAIN_LABELS, LABELS[:-1] + b"\x19", "0 to 9 and no others: 25 is one of them"),
        (TRAIN_IMAGES, idx(0, 28, 28), "names 0 images: from 1 to 1,000,000"),
        (TRAIN_LABELS, idx(0)[:4] + b"\xff" * 9, "names 4,294,967,295 labels: from 1 to"),
        (TRAIN_IMAGES, idx(2**32 - 1, 0, 0), "holds images of 0 × 0 pixels"),
        (TRAIN_LABELS, idx(120, fill=3), "0 to 9 and no others: 9 is missing"),
        (TRAIN_LABELS, LABELS, "holds 300 images, but train-labels-idx1-ubyte 120 labels"),
        (TRAIN_LABELS, b"<!DOCTYPE html>...", "is a web page instead of MNIST's file"),
        (TRAIN_LABELS, b"version https://git-lfs.github.com/spec/v1\n", "is not in MNIST's format"),
        (TRAIN_LABELS, b"\x89PNG\r\n\x1a\n........", "is not in MNIST's format"),
        (TRAIN_LABELS, gzip.compress(idx(300), mtime=0)[:-9], "is damaged or cut short"),
        (TRAIN_LABELS, b"\x1f\x8b and what is not gzip", "is damaged or cut short"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(
    genuine: Path, home: Path, tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    (home / "MNIST").mkdir()
    raw = genuine.rename(home / RAW)
    (raw / name).write_bytes(content)

    said = refusal(home, tmp_path)

    assert said.startswith(f"The folder {raw} holds ")
    assert problem in said
    assert f"{name} could not be downloaded: " in said
    assert said.endswith(f", or put {name} into {home}.")
    assert "--data-dir" not in said


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda path: path.unlink(), f"{TRAIN_IMAGES} is missing."),
        (lambda path: path.symlink_to("gone"), f"{TRAIN_IMAGES} cannot be read (No such file"),
        (lambda path: os.mkfifo(path), f"{TRAIN_IMAGES} cannot be read (it is not a file)."),
    ],
    ids=["missing", "dangling link", "pipe"],
)
def test_what_is_no_file_is_named(
    genuine: Path, tmp_path: Path, change: Callable[[Path], object], problem: str
) -> None:
    path = genuine / TRAIN_IMAGES
    path.unlink()
    if "missing" not in problem:
        change(path)

    said = refusal(genuine, tmp_path)

    others = f"{TRAIN_LABELS}, {TEST_IMAGES} and {TEST_LABELS}"
    assert said.startswith(f"The folder {genuine} holds {others}; {problem}")


def zipped(content: bytes, how: int = zipfile.ZIP_STORED) -> io.BytesIO:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", how) as file:
        file.writestr("x_train.npy", content)
    return archive


def npz(content: bytes, flag: int = 0, method: int = 0) -> bytes:
    """A zip archive that says these things of its only array, in both of its headers."""
    archive = zipped(content)
    changed = bytearray(archive.getvalue())
    directory = changed.find(b"PK\x01\x02")
    changed[6] = changed[directory + 8] = flag
    changed[8] = changed[directory + 10] = method
    return bytes(changed)


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


OTHER_ARRAYS = "is damaged, or holds other arrays than Keras's mnist.npz"


@pytest.mark.filterwarnings("error", "ignore::ResourceWarning")  # of other tests
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (npz(npy(np.array([{"pickled": 1}], object))), OTHER_ARRAYS),
        (npz(npy_header((10**9, 28, 28))), OTHER_ARRAYS),
        (npz(npy_header((10**30, 28))), OTHER_ARRAYS),
        (npz(b"\x93NUMPY\2\0" + struct.pack("<I", 9000) + b"(" * 9000), OTHER_ARRAYS),
        (npz(npy(np.zeros(3, [("a", "u1")]))), OTHER_ARRAYS),
        (npz(npy(np.full((3, 28, 28), np.nan))), OTHER_ARRAYS),
        (npz(npy(np.full((3, 28, 28), 256))), OTHER_ARRAYS),
        (npz(b"?" * 50, flag=1), OTHER_ARRAYS),
        (npz(b"?" * 50, method=99), OTHER_ARRAYS),
        (npz(b"?" * 500)[:400], OTHER_ARRAYS),
        # Whatever its size is said to be, a block of these is unpacked at once.
        (zipped(npy(np.zeros((3, 28, 28))), zipfile.ZIP_BZIP2).getvalue(), OTHER_ARRAYS),
        (zipped(npy(np.zeros((3, 28, 28))), zipfile.ZIP_LZMA).getvalue(), OTHER_ARRAYS),
        (npz(npy_header((2**33, 0))), OTHER_ARRAYS),
        (npy(np.zeros(3)), "is not in MNIST's format"),
        (b"\xef\xbb\xbf<!DOCTYPE html>", "is a web page instead of MNIST's file"),
    ],
    ids=itertools.count(),  # a zip file has the time in it
)
def test_a_file_that_is_not_keras_mnist_is_refused_in_one_sentence(
    home: Path, tmp_path: Path, content: bytes, problem: str
) -> None:
    (home / "mnist.npz").write_bytes(content)

    assert refusal(home, tmp_path).startswith(f"In {home}: mnist.npz {problem}. MNIST's files")


def test_a_file_of_keras_with_one_bad_array_is_not_also_called_good(
    home: Path, tmp_path: Path
) -> None:
    np.savez(home / "mnist.npz", x_train=np.zeros((3, 28, 28), np.uint8))

    assert refusal(home, tmp_path).startswith(f"In {home}: mnist.npz {OTHER_ARRAYS}. MNIST's")


def test_a_pipe_in_place_of_keras_file_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    os.mkfifo(home / "mnist.npz")

    assert "mnist.npz cannot be read (it is not a file). " in refusal(home, tmp_path)


@contextmanager
def memory_of_at_most(size: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def test_a_file_is_unpacked_as_far_as_its_header_says(home: Path, tmp_path: Path) -> None:
    content = gzip.compress(idx(100, 28, 28) + bytes(50_000_000), 1)
    (home / f"{TRAIN_IMAGES}.gz").write_bytes(content)

    with memory_of_at_most(5_000_000):
        assert "is longer than the 100 images that its header names" in refusal(home, tmp_path)


def test_an_array_that_unpacks_to_more_than_can_be_used_is_not_unpacked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_files, "MAX_IMAGES", 1000)
    np.savez_compressed(home / "mnist.npz", x_train=np.zeros((10_000, 28, 28), np.uint8))

    with memory_of_at_most(5_000_000):
        assert f"mnist.npz {OTHER_ARRAYS}." in refusal(home, tmp_path)


def test_of_several_copies_only_the_best_stays_in_memory(home: Path, tmp_path: Path) -> None:
    for number in range(20):
        (home / f"{TRAIN_IMAGES}.{number}").write_bytes(idx(2000, 28, 28))

    with memory_of_at_most(10_000_000):
        refusal(home, tmp_path)


def test_a_file_in_place_of_the_folder_is_no_folder(home: Path, tmp_path: Path) -> None:
    (home / TRAIN_IMAGES).write_bytes(idx(3, 28, 28))

    said = refusal(home / TRAIN_IMAGES, tmp_path)

    assert said.startswith(f"There is no folder {home / TRAIN_IMAGES}. MNIST's files ")


def test_a_folder_without_any_file_says_what_it_holds_instead(home: Path, tmp_path: Path) -> None:
    said = refusal(home, tmp_path)
    assert said.startswith(f"The folder {home} holds none of MNIST's files: it is empty. ")
    for name in ("mnist.pkl.gz", "train.csv"):
        (home / name).touch()
    assert "files: only mnist.pkl.gz and train.csv." in refusal(home, tmp_path)
    for number in range(5):
        (home / f"{number}.png").touch()
    assert "files: only 0.png, 1.png, 2.png and 4 more." in refusal(home, tmp_path)
    for name in ("none", "x" * 5000):
        assert f"There is no folder {home / name}. " in refusal(home / name, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf_8_can_be_shown(home: Path, tmp_path: Path) -> None:
    folder = home / os.fsdecode(b"Zeichen \xfc")
    folder.mkdir()
    (folder / os.fsdecode(b"gr\xfcn.png")).touch()

    assert "only gr?n.png." in refusal(folder, tmp_path).encode().decode()
    write_mnist(make_tiny_dataset(50, 20), folder)
    assert load(folder, tmp_path).title == "Images in Zeichen ?"


def test_a_folder_that_cannot_be_read_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the error is made here."""
    (home / RAW).mkdir(parents=True)
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path == home / RAW:
            raise PermissionError(errno.EACCES, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)

    assert f"files: {home / RAW} cannot be read (Permission denied)." in refusal(home, tmp_path)


def test_who_named_no_folder_is_told_how_to(tmp_path: Path) -> None:
    said = refusal(None, tmp_path)

    assert said.startswith(f"There is no folder {tmp_path / 'cache'}. MNIST's files ")
    assert said.endswith(
        ", or start with --data-dir FOLDER, where FOLDER holds MNIST's four files."
    )


# Downloads


@contextmanager
def mirror(server: ThreadingTCPServer | ThreadingHTTPServer) -> Iterator[str]:
    """Makes the server the only mirror of MNIST, and serves. Yields the host."""
    with server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        host = f"127.0.0.1:{server.server_address[1]}"
        mnist_download.mirrors().append(f"http://{host}/")
        yield host
        server.shutdown()
        thread.join()


@contextmanager
def serving(answers: Mapping[str, bytes | int], missing_bytes: int = 0) -> Iterator[str]:
    """The only mirror of MNIST: packs these files, sends these contents, or these status codes.

    A content that is no file in MNIST's format is sent as it is, `missing_bytes` shorter than it
    is said to be. Yields the host.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[self.path.removeprefix("/").removesuffix(".gz")]
            content = b"" if isinstance(answer, int) else answer
            if content.startswith(b"\0\0\x08"):
                content = gzip.compress(content, mtime=0)
            self.send_response(answer if isinstance(answer, int) else 200)
            self.send_header("Content-Length", str(len(content) + missing_bytes))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with mirror(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as host:
        yield host


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_file_that_is_cut_short_in_the_cache_is_downloaded_again(
    genuine: Path, tmp_path: Path, tiny_dataset: Dataset, size: int
) -> None:
    answers: dict[str, bytes | int] = dict.fromkeys(CHECKSUMS, 404)
    answers[TRAIN_IMAGES] = (genuine / TRAIN_IMAGES).read_bytes()
    raw = tmp_path / "cache" / RAW
    raw.parent.mkdir(parents=True)
    genuine.rename(raw)
    os.truncate(raw / TRAIN_IMAGES, size)

    with serving(answers):
        found = load(None, tmp_path)

    assert found.title == "MNIST"
    assert is_same(found, tiny_dataset)
    assert (raw / TRAIN_IMAGES).read_bytes() == answers[TRAIN_IMAGES]


def test_the_file_that_a_named_folder_lacks_is_downloaded_alone(
    genuine: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    answers: dict[str, bytes | int] = dict.fromkeys(CHECKSUMS, 404)
    answers[TEST_LABELS] = (genuine / TEST_LABELS).read_bytes()
    (genuine / TEST_LABELS).unlink()

    with serving(answers):
        found = load(genuine, tmp_path)

    assert is_same(found, tiny_dataset)
    assert f"{TEST_LABELS} is missing. Files in {tmp_path / 'cache'} are used" in found.note
    assert list((tmp_path / "cache" / RAW).iterdir()) == [tmp_path / "cache" / RAW / TEST_LABELS]
    assert not (genuine / TEST_LABELS).exists()


ADVICE = (
    "Connect to the internet, log in to this network in a browser if it wants that, and look for "
    "MNIST again, or "
)


@pytest.mark.parametrize(
    ("answer", "missing_bytes", "reason"),
    [
        (403, 0, "answered 403 (Forbidden)"),
        (404, 0, "answered 404 (Not Found)"),
        (500, 0, "answered 500 (Internal Server Error)"),
        (b"<html>Log in", 0, "sent something else than MNIST's file"),
        (b"half", 5000, "sent something else than MNIST's file"),
        (b"\x1f\x8bsomething else", 0, "sent something else than MNIST's file"),
        (b"", 0, "sent something else than MNIST's file"),
        (idx(300, 28, 28), 0, "sent something else than MNIST's file"),
    ],
)
def test_a_failed_download_says_what_happened_and_what_to_do(
    home: Path, tmp_path: Path, answer: bytes | int, missing_bytes: int, reason: str
) -> None:
    with serving(dict.fromkeys(CHECKSUMS, answer), missing_bytes) as host:
        said = refusal(home, tmp_path)

    assert f"{host} {reason}. {ADVICE}put MNIST's files into {home}." in said
    assert not list(tmp_path.glob("cache/**/*ubyte*"))


def test_what_a_mirror_sends_is_unpacked_as_far_as_mnists_files_go(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(1 << 28), 1)

    with serving(dict.fromkeys(CHECKSUMS, bomb)), memory_of_at_most(150_000_000):
        assert "sent something else than MNIST's file" in refusal(None, tmp_path)


@contextmanager
def sending(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """The only mirror of MNIST: sends this to all who connect. Yields the host."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            with suppress(OSError):  # who asked may have given up
                for part in parts:
                    self.request.sendall(part)
                    time.sleep(pause)

    with mirror(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as host:
        yield host


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nabc", "could not be reached: "),
        (b"200 OK\r\nContent-Length: 0\r\n\r\n", "sent something else"),
        (b"200 OK\r\nContent-Length: -1\r\n\r\nabc", "sent something else"),
        (b"302 Found\r\nLocation: http://.example/\r\n\r\n", "could not be reached: "),
        (
            b"302 Found\r\nLocation: http://" + b"a" * 70 + b".com/\r\n\r\n",
            "could not be reached: ",
        ),
        (b"302 Found\r\nLocation: http://[::1/\r\n\r\n", "could not be reached: "),
        (b"302 Found\r\nLocation: http://127.0.0.1:ab/\r\n\r\n", "could not be reached: "),
        (b"302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", "answered 302 ("),
        (b"403 \x1b[31mred\xff\r\n\r\n", "answered 403 (?[31mredÿ). Connect"),
        (b"403 " + b"A" * 60_000 + b"\r\n\r\n", "A…. Connect"),
    ],
)
def test_what_a_mirror_says_is_not_trusted(tmp_path: Path, answer: bytes, reason: str) -> None:
    with sending(b"HTTP/1.1 " + answer) as host:
        said = refusal(None, tmp_path)

    assert f" could not be downloaded: {host} " in said
    assert reason in said
    assert said.isprintable()
    assert len(said) < 1000


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b"?"] * 50],
        [b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 50],
    ],
    ids=["content", "headers"],
)
def test_a_mirror_that_sends_a_byte_now_and_then_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[bytes]
) -> None:
    monkeypatch.setattr(mnist_download, "SLOW_SECONDS", 0.1)
    with sending(*parts, pause=0.02) as host:
        said = refusal(None, tmp_path)

    assert f"{host} sends too slowly. {ADVICE}" in said


def test_a_download_can_be_cancelled_before_the_mirror_has_sent_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_download, "SLOW_SECONDS", 0.1)

    def cancel(share: float) -> None:
        raise CancelledError

    with (
        sending(b"HTTP/1.1 200 OK\r\n", *[b"A: b\r\n"] * 50, pause=0.02),
        pytest.raises(CancelledError),
    ):
        mnist.load(None, tmp_path / "cache", cancel)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (OSError("Tunnel connection failed: 407 Proxy"), "Tunnel connection failed: 407 Proxy"),
        (http.client.BadStatusLine("SSH-2.0"), "SSH-2.0"),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_connection_that_fails_says_how(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
    wrapped: bool,
) -> None:
    def urlopen(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError(error) if wrapped else error

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", urlopen)
    monkeypatch.setattr(mnist_download, "mirrors", lambda: ["https://mirror.example/mnist/"])

    said = refusal(home, tmp_path)

    assert f": mirror.example could not be reached: {reason}. {ADVICE}put MNIST's files" in said


def test_every_mirror_that_was_tried_is_named(home: Path, tmp_path: Path, free_port: int) -> None:
    mnist_download.mirrors().append(f"http://127.0.0.1:{free_port}/")
    with serving(dict.fromkeys(CHECKSUMS, b"<html>Welcome to our hotel")):
        said = refusal(home, tmp_path)

    assert f"127.0.0.1:{free_port} could not be reached: Connection refused; " in said
    assert f"sent something else than MNIST's file. {ADVICE}" in said


def test_a_full_disk_is_named(
    genuine: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_bytes(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    answers = {name: (genuine / name).read_bytes() for name in CHECKSUMS}
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with serving(answers):
        said = refusal(home, tmp_path)

    assert f"{TRAIN_IMAGES} in {tmp_path / 'cache' / RAW} could not be written to disk: " in said
    assert "No space left on device. Free some space" in said
