"""Named data sets as tensors in memory: where they come from, and why one cannot be had.

MNIST is looked for in the folder that the user names, then in the project's `data/`, then
downloaded; where none of that works, `auto` falls back to digits made on this computer. This
module does not know what is trained on a data set, or who watches its progress.
"""

import gzip
import http.client
import logging
import shutil
import threading
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.data import synthetic
from core.data.dataset import Dataset
from core.device import import_torchvision
from core.errors import CancelledError, DatasetUnavailableError
from core.records.datasets import DatasetStatus

TITLES = {"mnist": "MNIST", "synthetic": "Synthetic digits"}
CONNECT_SECONDS = 5.0
SYNTHETIC_SEED = 2024
SYNTHETIC_FILE = f"synthetic-{synthetic.VERSION}.npz"

log = logging.getLogger(__name__)


class DataCatalog:
    """Finds, fetches and keeps data sets; remembers why one is not there.

    Safe to use from several threads. `on_change` is called, from whichever thread works, each
    time a status changes.
    """

    def __init__(
        self,
        data_dir: Path | None,
        cache_dir: Path,
        prefer: str = "auto",
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            data_dir: a folder that holds `MNIST/raw`, looked at first.
            cache_dir: where downloads and generated digits are kept.
            prefer: the data set that `auto` stands for; `auto` itself means MNIST where possible.
        """
        self._folders = [folder for folder in (data_dir, cache_dir) if folder is not None]
        self._cache_dir = cache_dir
        self._prefer = prefer
        self.on_change = on_change
        self._loaded: dict[str, Dataset] = {}
        self._locks = {name: threading.Lock() for name in TITLES}
        self._status = {name: DatasetStatus(name, TITLES[name], "unknown") for name in TITLES}

    def status(self, name: str = "auto") -> DatasetStatus:
        """Where a data set stands; for `auto`, the one that it would be, with the reason."""
        if name != "auto":
            return self._status[name]
        if self._prefer != "auto":
            return self._status[self._prefer]
        mnist = self._status["mnist"]
        if mnist.state != "unavailable":
            return mnist
        synthetic_ = self._status["synthetic"]
        fallback = f"{mnist.message} Digit Lab uses digits made on this computer instead."
        return replace(synthetic_, message=f"{fallback} {synthetic_.message}".strip())

    def load(self, name: str, cancelled: Callable[[], bool] = lambda: False) -> Dataset:
        """The data set of that name, found or fetched; `auto` takes MNIST or else `synthetic`.

        Blocks until the set is there.

        Raises:
            DatasetUnavailableError: a sentence why, and what to do.
            Cancelled: `cancelled()` became true while waiting.
        """
        if name == "auto" and self._prefer == "auto":
            try:
                return self._load_one("mnist", cancelled)
            except DatasetUnavailableError:
                return self._load_one("synthetic", cancelled)
        return self._load_one(self._prefer if name == "auto" else name, cancelled)

    def forget_failures(self) -> None:
        """Makes the next `load` look and download again."""
        for name, status in list(self._status.items()):
            if status.state == "unavailable":
                self._set(DatasetStatus(name, TITLES[name], "unknown"))

    def _load_one(self, name: str, cancelled: Callable[[], bool]) -> Dataset:
        while not self._locks[name].acquire(timeout=0.1):
            if cancelled():
                raise CancelledError
        try:
            if name in self._loaded:
                return self._loaded[name]
            status = self._status[name]
            if status.state == "unavailable":
                raise DatasetUnavailableError(status.message)
            self._report(name, "Looking for it", None)
            make = {"mnist": self._mnist, "synthetic": self._synthetic}[name]
            data = self._loaded[name] = make(cancelled)
            counts = f"{len(data.train_images):,} to train on, {len(data.test_images):,} to test."
            self._set(DatasetStatus(name, TITLES[name], "ready", counts))
            return data
        except DatasetUnavailableError as error:
            self._set(DatasetStatus(name, TITLES[name], "unavailable", str(error)))
            raise
        except BaseException:  # cancelled, or a defect: the next to ask may try again
            self._set(DatasetStatus(name, TITLES[name], "unknown"))
            raise
        finally:
            self._locks[name].release()

    def _mnist(self, cancelled: Callable[[], bool]) -> Dataset:
        import_torchvision()
        from torchvision.datasets import MNIST

        damaged = False
        for folder in self._folders:
            try:
                return _from_torchvision(folder)
            except FileNotFoundError:
                continue
            except OSError as error:
                log.warning("MNIST in %s cannot be read: %s", folder, error)
                damaged = damaged or folder == self._cache_dir
        raw = self._cache_dir / "MNIST" / "raw"
        try:
            raw.mkdir(parents=True, exist_ok=True)
            for number, (file_name, md5) in enumerate(MNIST.resources):
                if damaged or not (raw / file_name.removesuffix(".gz")).exists():
                    self._download(MNIST.mirrors, file_name, md5, raw, number, cancelled)
            return _from_torchvision(self._cache_dir)
        except OSError as error:
            log.warning("MNIST could not be downloaded: %s", error)
            raise DatasetUnavailableError(
                "MNIST is not on this computer and could not be downloaded. Connect to the "
                "internet and retry, or start with --data-dir FOLDER, where FOLDER holds MNIST/raw."
            ) from error

    def _download(
        self,
        mirrors: list[str],
        file_name: str,
        md5: str,
        folder: Path,
        number: int,
        cancelled: Callable[[], bool],
    ) -> None:
        """One of MNIST's four files: fetched, checked, unpacked, and only then given its name."""
        from torchvision.datasets.utils import check_md5

        target = folder / file_name.removesuffix(".gz")
        packed = folder / f"{file_name}.part"
        failure: OSError = OSError("no mirror is known")
        for mirror in mirrors:
            try:
                with urllib.request.urlopen(mirror + file_name, timeout=CONNECT_SECONDS) as source:
                    size = int(source.headers.get("Content-Length") or 0)
                    with packed.open("wb") as sink:
                        while block := source.read(1 << 16):
                            if cancelled():
                                raise CancelledError
                            sink.write(block)
                            share = sink.tell() / size if size else 0.0
                            self._report("mnist", "Downloading MNIST", (number + share) / 4)
                if not check_md5(str(packed), md5):
                    raise OSError(f"{file_name} arrived damaged")
                unpacked = target.with_suffix(".unpacked")
                with gzip.open(packed) as source, unpacked.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
                unpacked.replace(target)
                return
            except OSError as error:
                failure = error
            except http.client.HTTPException as error:  # not a web server, or not the one meant
                failure = OSError(f"{mirror} gave no proper answer: {error!r}")
            finally:
                packed.unlink(missing_ok=True)
        raise failure

    def _synthetic(self, cancelled: Callable[[], bool]) -> Dataset:
        cache = self._cache_dir / SYNTHETIC_FILE
        try:
            with np.load(cache) as arrays:
                return _dataset("synthetic", *(arrays[key] for key in _ARRAYS))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            log.info("Making the synthetic digits; they are kept in %s", cache)

        def progress(share: float) -> None:
            if cancelled():
                raise CancelledError
            self._report("synthetic", "Making digits", share)

        train_share = 6 / 7
        train = synthetic.generate(60_000, SYNTHETIC_SEED, lambda p: progress(p * train_share))
        test = synthetic.generate(
            10_000, SYNTHETIC_SEED + 1, lambda p: progress(train_share + p * (1 - train_share))
        )
        arrays = (*train, *test)
        try:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            part = cache.with_suffix(".part.npz")
            named: dict[str, Any] = dict(zip(_ARRAYS, arrays, strict=True))
            np.savez(part, **named)
            part.replace(cache)
        except OSError as error:
            log.warning("The synthetic digits could not be kept in %s: %s", cache, error)
        return _dataset("synthetic", *arrays)

    def _report(self, name: str, message: str, progress: float | None) -> None:
        previous = self._status[name].progress
        if progress is not None and previous is not None and abs(progress - previous) < 0.01:
            return  # a page shows whole per cents
        self._set(DatasetStatus(name, TITLES[name], "preparing", message, progress))

    def _set(self, status: DatasetStatus) -> None:
        self._status[status.name] = status
        self.on_change()


_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def _from_torchvision(folder: Path) -> Dataset:
    """MNIST as it lies in a folder.

    Raises:
        FileNotFoundError: it does not.
        OSError: it cannot be read.
    """
    from torchvision.datasets import MNIST

    try:
        train, test = MNIST(folder, train=True), MNIST(folder, train=False)
    except RuntimeError as error:  # how torchvision says that a file is missing
        raise FileNotFoundError(str(error)) from error
    except (ValueError, EOFError, AssertionError) as error:
        raise OSError(f"a file is damaged: {error}") from error
    return Dataset("mnist", TITLES["mnist"], train.data, train.targets, test.data, test.targets)


def _dataset(name: str, *arrays: np.ndarray) -> Dataset:
    return Dataset(name, TITLES[name], *(torch.from_numpy(array) for array in arrays))
