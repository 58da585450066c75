"""Data sets: the search order of folders, downloads from a local server, error messages, and no
files left behind after a failure."""

import errno
import gzip
import hashlib
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.data import mnist_download, synthetic
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, normalize
from core.data.mnist_files import CHECKSUMS
from core.errors import CancelledError, DatasetUnavailableError
from core.records.datasets import DatasetStatus
from tests.support import SECONDS, WaitUntil
from tools.tiny_datasets import make_tiny_dataset, write_mnist

Generate = Callable[..., tuple[np.ndarray, np.ndarray]]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers of these tests are on this machine, whatever its user has set for others."""
    monkeypatch.setenv("no_proxy", "*")


def same(one: Dataset, other: Dataset) -> bool:
    keys = ("train_images", "train_labels", "test_images", "test_labels")
    return all(torch.equal(getattr(one, key), getattr(other, key)) for key in keys)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@dataclass
class Mirror:
    """A web server on this machine that offers a folder, and what was asked of it."""

    url: str
    folder: Path
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def mirror(tmp_path: Path, tiny_dataset: Dataset) -> Iterator[Mirror]:
    """Offers `tiny_dataset` as MNIST's four packed files."""
    folder = write_mnist(tiny_dataset, tmp_path / "served", packed=True)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            served.requests.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        served = Mirror(f"http://127.0.0.1:{server.server_port}/", folder)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def use_mirrors(monkeypatch: pytest.MonkeyPatch, mirror: Mirror) -> Callable[..., None]:
    """`use_mirrors(url, ...)` makes these the only mirrors of MNIST, and their files MNIST's."""
    packed = {f"{name}.gz": (mirror.folder / f"{name}.gz").read_bytes() for name in CHECKSUMS}

    def use(*urls: str) -> None:
        monkeypatch.setattr(mnist_download, "mirrors", lambda: list(urls))
        for name in CHECKSUMS:
            md5 = hashlib.md5(gzip.decompress(packed[f"{name}.gz"])).hexdigest()
            monkeypatch.setitem(CHECKSUMS, name, md5)

    return use


@pytest.fixture
def few_synthetic(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes the generation of synthetic digits quick; the seeds that were asked for."""
    seeds: list[int] = []

    def generate(
        count: int, seed: int, progress: Callable[[float], None] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        seeds.append(seed)
        random = np.random.default_rng(seed)
        for share in (0.25, 0.5, 1.0):
            if progress is not None:
                progress(share)
        count //= 1000
        images = random.integers(0, 256, (count, 28, 28), np.uint8)
        return images, np.arange(count, dtype=np.int64) % 10

    monkeypatch.setattr(synthetic, "generate", generate)
    return seeds


def recorded(catalog: DataCatalog, name: str) -> list[DatasetStatus]:
    """A list that grows with each change of a status."""
    seen: list[DatasetStatus] = []
    catalog.on_change = lambda: seen.append(catalog.status(name))
    return seen


# Pixels


def test_normalised_images_are_what_the_notebook_feeds_its_network() -> None:
    images = torch.arange(2 * 28 * 28).reshape(2, 28, 28).remainder(256).to(torch.uint8)

    found = normalize(images)

    assert (found.shape, found.dtype) == ((2, 1, 28, 28), torch.float32)
    # ToTensor(), then Normalize((0.1307,), (0.3081,))
    expected = (images.unsqueeze(1).float() / 255 - 0.1307) / 0.3081
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalising_leaves_the_given_images_alone(dtype: torch.dtype) -> None:
    images = torch.full((1, 28, 28), 200, dtype=dtype)

    normalize(images)

    assert (images == 200).all()


# MNIST on this computer


def test_mnist_is_read_from_the_named_folder(
    mnist_folder: Path, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    found = DataCatalog(mnist_folder, tmp_path / "cache").load("mnist")

    assert (found.name, found.title) == ("mnist", "Images in data")  # not MNIST's checksums
    assert found.train_images.dtype == torch.uint8
    assert found.train_labels.dtype == torch.int64
    assert same(found, tiny_dataset)


def test_the_named_folder_comes_before_the_cache(mnist_folder: Path, tmp_path: Path) -> None:
    cached = make_tiny_dataset(50, 20)
    write_mnist(cached, tmp_path / "cache" / "MNIST" / "raw")

    named = DataCatalog(mnist_folder, tmp_path / "cache").load("mnist")
    unnamed = DataCatalog(None, tmp_path / "cache").load("mnist")
    elsewhere = DataCatalog(tmp_path / "empty", tmp_path / "cache").load("mnist")

    assert len(named.train_images) == 300
    assert len(unnamed.train_images) == len(elsewhere.train_images) == 50


def test_a_set_is_loaded_once_and_kept(mnist_folder: Path, tmp_path: Path) -> None:
    catalog = DataCatalog(mnist_folder, tmp_path / "cache")

    assert catalog.load("mnist") is catalog.load("mnist") is catalog.load("auto")


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-1000], lambda content: b"", lambda content: b"?" * 5000],
    ids=["cut off", "empty", "something else"],
)
def test_a_damaged_set_in_the_named_folder_is_passed_over(
    mnist_folder: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    write_mnist(make_tiny_dataset(50, 20), tmp_path / "cache" / "MNIST" / "raw")
    path = mnist_folder / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))

    catalog = DataCatalog(mnist_folder, tmp_path / "cache")
    found = catalog.load("mnist")

    assert len(found.train_images) == 50
    note = catalog.status().note
    assert f"{path.parent} holds " in note
    assert "; train-images-idx3-ubyte " in note
    assert note.endswith(f"Files in {tmp_path / 'cache'} are used instead.")


def test_a_status_goes_from_unknown_to_ready_and_tells_how_many(
    mnist_folder: Path, tmp_path: Path
) -> None:
    catalog = DataCatalog(mnist_folder, tmp_path / "cache")
    assert catalog.status("mnist") == DatasetStatus("mnist", "MNIST", "unknown")
    seen = recorded(catalog, "mnist")

    catalog.load("mnist")

    assert [status.state for status in seen] == ["preparing", "ready"]
    assert catalog.status("mnist").message == "300 to train on, 120 to test."
    assert catalog.status("auto") == catalog.status("mnist")
    assert catalog.status("synthetic").state == "unknown"


# Downloads


def test_mnist_is_downloaded_with_progress_and_kept(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    use_mirrors(mirror.url)
    catalog = DataCatalog(None, tmp_path / "cache")
    seen = recorded(catalog, "mnist")

    found = catalog.load("mnist")

    assert same(found, tiny_dataset)
    assert len(mirror.requests) == 4
    downloading = [status for status in seen if status.progress is not None]
    assert {status.state for status in downloading} == {"preparing"}
    shares = [status.progress for status in downloading if status.progress is not None]
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert seen[-1].state == "ready"
    assert files_in(tmp_path / "cache") == [
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
    ]


def test_a_download_is_not_repeated_by_the_next_start(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path
) -> None:
    use_mirrors(mirror.url)
    first = DataCatalog(None, tmp_path / "cache").load("mnist")

    second = DataCatalog(None, tmp_path / "cache").load("mnist")

    assert len(mirror.requests) == 4
    assert same(first, second)


def test_only_files_that_are_missing_are_downloaded(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    use_mirrors(mirror.url)
    raw = write_mnist(tiny_dataset, tmp_path / "cache" / "MNIST" / "raw")
    (raw / "t10k-labels-idx1-ubyte").unlink()

    found = DataCatalog(None, tmp_path / "cache").load("mnist")

    assert same(found, tiny_dataset)
    assert [path for path in mirror.requests if path] == ["/t10k-labels-idx1-ubyte.gz"]


def garbage_server() -> tuple[socket.socket, str]:
    """Answers every connection with something that is not HTTP, like some hotel's gateways."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"welcome to our wireless network\r\n\r\n")

    threading.Thread(target=answer, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_mirror_that_fails_gives_way_to_the_next(
    use_mirrors: Callable[..., None],
    mirror: Mirror,
    tmp_path: Path,
    free_port: int,
    tiny_dataset: Dataset,
) -> None:
    use_mirrors(f"http://127.0.0.1:{free_port}/", f"{mirror.url}nowhere/", mirror.url)

    assert same(DataCatalog(None, tmp_path / "cache").load("mnist"), tiny_dataset)


def test_a_mirror_that_does_not_speak_http_gives_way_to_the_next(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    listener, url = garbage_server()
    use_mirrors(url, mirror.url)

    with listener:
        assert same(DataCatalog(None, tmp_path / "cache").load("mnist"), tiny_dataset)


@pytest.mark.parametrize("mirrors", [["damaged"], ["damaged", "unreachable"], ["not HTTP"]])
def test_without_any_good_mirror_mnist_is_unavailable_in_a_sentence(
    use_mirrors: Callable[..., None],
    mirror: Mirror,
    tmp_path: Path,
    free_port: int,
    mirrors: list[str],
) -> None:
    listener, not_http = garbage_server()
    addresses = {
        "damaged": mirror.url,
        "unreachable": f"http://127.0.0.1:{free_port}/",
        "not HTTP": not_http,
    }
    use_mirrors(*(addresses[name] for name in mirrors))
    for path in mirror.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-10])
    catalog = DataCatalog(None, tmp_path / "cache")

    with listener, pytest.raises(DatasetUnavailableError) as caught:
        catalog.load("mnist")

    assert "could not be downloaded" in str(caught.value)
    assert str(caught.value).endswith(".")
    assert catalog.status("mnist").state == "unavailable"
    assert catalog.status("mnist").message == str(caught.value)
    assert files_in(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_written_makes_mnist_unavailable_in_a_sentence(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path
) -> None:
    use_mirrors(mirror.url)
    (tmp_path / "cache").write_text("a file where the folder should be")

    with pytest.raises(DatasetUnavailableError, match="--data-dir"):
        DataCatalog(None, tmp_path / "cache").load("mnist")


def test_a_failure_is_remembered_until_it_is_forgotten(
    use_mirrors: Callable[..., None],
    mirror: Mirror,
    tmp_path: Path,
    free_port: int,
    tiny_dataset: Dataset,
) -> None:
    use_mirrors(f"http://127.0.0.1:{free_port}/")
    catalog = DataCatalog(None, tmp_path / "cache")
    with pytest.raises(DatasetUnavailableError) as first:
        catalog.load("mnist")

    use_mirrors(mirror.url)
    with pytest.raises(DatasetUnavailableError) as second:
        catalog.load("mnist")
    assert str(second.value) == str(first.value)
    assert mirror.requests == []

    catalog.forget_failures()
    assert catalog.status("mnist").state == "unknown"
    assert same(catalog.load("mnist"), tiny_dataset)


def test_a_cancelled_download_leaves_nothing_and_can_be_tried_again(
    use_mirrors: Callable[..., None], mirror: Mirror, tmp_path: Path, tiny_dataset: Dataset
) -> None:
    use_mirrors(mirror.url)
    catalog = DataCatalog(None, tmp_path / "cache")

    with pytest.raises(CancelledError):
        catalog.load("mnist", lambda: True)

    assert files_in(tmp_path / "cache") == []
    assert catalog.status("mnist").state == "unknown"
    assert same(catalog.load("mnist"), tiny_dataset)


# Automatic


def test_automatic_falls_back_to_synthetic_digits_and_says_why(
    use_mirrors: Callable[..., None],
    tmp_path: Path,
    free_port: int,
    few_synthetic: list[int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    use_mirrors(f"http://127.0.0.1:{free_port}/")
    catalog = DataCatalog(None, tmp_path / "cache")

    found = catalog.load("auto")

    assert found.name == "synthetic"
    status = catalog.status("auto")
    assert (status.name, status.state) == ("synthetic", "ready")
    assert "could not be downloaded" in status.note
    assert "digits made on this computer" in status.note
    assert status.message == "60 to train on, 10 to test."
    assert "--data-dir" in caplog.text


@pytest.mark.usefixtures("few_synthetic")
def test_automatic_means_the_preferred_set(mnist_folder: Path, tmp_path: Path) -> None:
    catalog = DataCatalog(mnist_folder, tmp_path / "cache", prefer="synthetic")

    assert catalog.status("auto").name == "synthetic"
    assert catalog.load("auto").name == "synthetic"
    assert catalog.load("mnist").name == "mnist"


def test_a_preferred_mnist_is_not_replaced_by_synthetic_digits(
    use_mirrors: Callable[..., None], tmp_path: Path, free_port: int, few_synthetic: list[int]
) -> None:
    use_mirrors(f"http://127.0.0.1:{free_port}/")
    catalog = DataCatalog(None, tmp_path / "cache", prefer="mnist")

    with pytest.raises(DatasetUnavailableError):
        catalog.load("auto")

    assert catalog.status("auto").state == "unavailable"
    assert few_synthetic == []


# Synthetic digits


def test_synthetic_digits_are_made_once_and_then_read_from_disk(
    tmp_path: Path, few_synthetic: list[int]
) -> None:
    first = DataCatalog(None, tmp_path / "cache").load("synthetic")
    assert len(few_synthetic) == 2

    second = DataCatalog(None, tmp_path / "cache").load("synthetic")

    assert len(few_synthetic) == 2
    assert same(first, second)
    assert (first.name, first.title) == ("synthetic", "Synthetic digits")
    assert files_in(tmp_path / "cache") == [f"synthetic-{synthetic.VERSION}.npz"]


def test_training_and_test_digits_are_made_from_different_seeds(
    tmp_path: Path, few_synthetic: list[int]
) -> None:
    DataCatalog(None, tmp_path / "cache").load("synthetic")

    assert len(set(few_synthetic)) == 2


def test_making_synthetic_digits_shows_how_far_it_is(
    tmp_path: Path, few_synthetic: list[int]
) -> None:
    catalog = DataCatalog(None, tmp_path / "cache")
    seen = recorded(catalog, "synthetic")

    catalog.load("synthetic")

    shares = [status.progress for status in seen if status.progress is not None]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(shares) >= 4
    assert [status.state for status in seen] == ["preparing"] * (len(seen) - 1) + ["ready"]


def without_an_array(cache: Path) -> None:
    with np.load(cache) as arrays:
        kept = {key: arrays[key] for key in arrays if key != "test_labels"}
    np.savez(cache, **kept)


@pytest.mark.parametrize(
    "damage",
    [
        lambda cache: cache.write_bytes(b""),
        lambda cache: cache.write_bytes(b"no archive at all"),
        lambda cache: cache.write_bytes(cache.read_bytes()[:-500]),
        lambda cache: cache.write_bytes(
            cache.read_bytes()[:5000] + b"?" * 99 + cache.read_bytes()[5099:]
        ),
        without_an_array,
    ],
    ids=["empty", "no archive", "cut off", "altered", "incomplete"],
)
def test_kept_digits_that_cannot_be_read_are_made_again(
    tmp_path: Path, few_synthetic: list[int], damage: Callable[[Path], object]
) -> None:
    cache = tmp_path / "cache" / f"synthetic-{synthetic.VERSION}.npz"
    first = DataCatalog(None, tmp_path / "cache").load("synthetic")
    damage(cache)

    second = DataCatalog(None, tmp_path / "cache").load("synthetic")

    assert same(first, second)
    assert len(few_synthetic) == 4
    assert same(DataCatalog(None, tmp_path / "cache").load("synthetic"), first)
    assert len(few_synthetic) == 4


@pytest.mark.usefixtures("few_synthetic")
def test_synthetic_digits_need_no_folder_that_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")

    assert len(DataCatalog(None, tmp_path / "cache").load("synthetic").train_images) == 60


@pytest.mark.usefixtures("few_synthetic")
def test_a_full_disk_leaves_no_half_file_of_synthetic_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write_half(archive: zipfile.ZipFile, *_: Any, **__: Any) -> None:
        assert archive.fp is not None
        archive.fp.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "open", write_half)

    assert len(DataCatalog(None, tmp_path / "cache").load("synthetic").train_images) == 60
    assert files_in(tmp_path / "cache") == []
    assert "No space left on device" in caplog.text


@pytest.mark.usefixtures("few_synthetic")
def test_making_synthetic_digits_can_be_cancelled(tmp_path: Path) -> None:
    catalog = DataCatalog(None, tmp_path / "cache")

    with pytest.raises(CancelledError):
        catalog.load("synthetic", lambda: True)

    assert catalog.status("synthetic").state == "unknown"
    assert files_in(tmp_path) == []
    assert catalog.load("synthetic").name == "synthetic"


# Several threads


def test_who_waits_for_another_to_load_can_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    loading, go_on = threading.Event(), threading.Event()
    images, labels = np.zeros((10, 28, 28), np.uint8), np.zeros(10, np.int64)

    def generate(*args: Any) -> tuple[np.ndarray, np.ndarray]:
        loading.set()
        assert go_on.wait(SECONDS)
        return images, labels

    monkeypatch.setattr(synthetic, "generate", generate)
    catalog = DataCatalog(None, tmp_path / "cache")
    first = threading.Thread(target=catalog.load, args=("synthetic",))
    first.start()
    try:
        assert loading.wait(SECONDS)
        with pytest.raises(CancelledError):
            catalog.load("synthetic", lambda: True)
        assert catalog.status("synthetic").state == "preparing"
    finally:
        go_on.set()
        first.join()

    assert catalog.status("synthetic").state == "ready"


@pytest.mark.usefixtures("few_synthetic")
def test_two_who_ask_at_once_get_the_same_set(tmp_path: Path, few_synthetic: list[int]) -> None:
    catalog = DataCatalog(None, tmp_path / "cache")
    found: list[Dataset] = []
    threads = [
        threading.Thread(target=lambda: found.append(catalog.load("synthetic"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert all(data is found[0] for data in found)
    assert len(few_synthetic) == 2


# The real thing


def test_real_mnist_has_its_sixty_and_ten_thousand_images(real_data: Path, tmp_path: Path) -> None:
    if not (real_data / "MNIST" / "raw").is_dir():
        pytest.skip("DIGITLAB_DATA holds no MNIST")
    data = DataCatalog(real_data, tmp_path).load("auto")

    assert data.name == "mnist"
    assert data.train_images.shape == (60_000, 28, 28)
    assert data.test_images.shape == (10_000, 28, 28)
    pixels = data.train_images.float() / 255
    assert pixels.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert pixels.std().item() == pytest.approx(0.3081, abs=1e-4)
