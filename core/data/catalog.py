"""The data sets by name: loads each once, with status, progress and locks."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.data import mnist, synthetic
from core.data.dataset import Dataset
from core.errors import CancelledError, DatasetUnavailableError
from core.records.datasets import DatasetState, DatasetStatus

TITLES = {"mnist": mnist.TITLE, "synthetic": synthetic.TITLE}

USUAL_SIZES = (60_000, 10_000)
"""Of MNIST and of the synthetic digits."""

FALLBACK = "Digit Lab uses digits made on this computer instead."

log = logging.getLogger(__name__)


class DataCatalog:
    """Loads data sets, and caches them and their failures. Thread-safe.

    `on_change` is called after each change of a status, in the thread that loads.
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
            data_dir: a folder with MNIST's files, in it or below; tried before `cache_dir`.
            cache_dir: where downloads and generated digits are saved.
            prefer: the data set that `auto` stands for; `auto` means MNIST, or else `synthetic`.
        """
        self._data_dir, self._cache_dir = data_dir, cache_dir
        self._prefer = prefer
        self.on_change = on_change
        self._loaded: dict[str, Dataset] = {}
        self._locks = {name: threading.Lock() for name in TITLES}
        self._status = {name: DatasetStatus(name, TITLES[name], "unknown") for name in TITLES}

    def status(self, name: str = "auto") -> DatasetStatus:
        """The status of a data set. For `auto`: of the one that it stands for."""
        if name == "auto":
            name = self._prefer
        if name != "auto":
            return self._status[name]
        status = self._status["mnist"]
        if status.state != "unavailable":
            return status
        fallback = self._status["synthetic"]
        return replace(fallback, note=f"{status.message} {FALLBACK}")

    def load(self, name: str, cancelled: Callable[[], bool] = lambda: False) -> Dataset:
        """The data set with that name, from memory, disk or a download. Blocks until it is there.

        `auto` is MNIST, or else `synthetic`.

        Raises:
            DatasetUnavailableError: a sentence with the reason and a remedy.
            CancelledError: `cancelled()` became true.
        """
        if name == "auto":
            name = self._prefer
        if name != "auto":
            return self._load_one(name, cancelled)
        failed_before = self._status["mnist"].state == "unavailable"
        try:
            return self._load_one("mnist", cancelled)
        except DatasetUnavailableError as error:
            if not failed_before:
                log.warning("%s %s", error, FALLBACK)
            return self._load_one("synthetic", cancelled)

    def sizes(self, name: str) -> tuple[int, int]:
        """How many images to train on and to test on a data set has; MNIST's until it is loaded."""
        data = self._loaded.get(name)
        return (len(data.train_labels), len(data.test_labels)) if data else USUAL_SIZES

    def forget_failures(self) -> None:
        """Makes the next `load` search and download again."""
        for name, status in list(self._status.items()):
            if status.state == "unavailable":
                self._set_status(name, "unknown")

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
            self._set_status(name, "preparing", "Looking for it")

            def progress(share: float) -> None:
                if cancelled():
                    raise CancelledError
                previous = self._status[name].progress
                if previous is None or abs(share - previous) >= 0.01:  # pages show whole per cents
                    message = "Downloading MNIST" if name == "mnist" else "Making digits"
                    self._set_status(name, "preparing", message, progress=share)

            if name == "mnist":
                data = mnist.load(self._data_dir, self._cache_dir, progress)
            else:
                data = synthetic.load(self._cache_dir, progress)
            if data.note:
                log.warning(data.note)
            self._loaded[name] = data
            counts = f"{len(data.train_images):,} to train on, {len(data.test_images):,} to test."
            log.info("%s: %s", data.title, counts)
            self._set_status(name, "ready", counts, title=data.title, note=data.note)
            return data
        except DatasetUnavailableError as error:
            self._set_status(name, "unavailable", str(error))
            raise
        except BaseException:  # cancelled, or a defect: the next caller may try again
            self._set_status(name, "unknown")
            raise
        finally:
            self._locks[name].release()

    def _set_status(self, name: str, state: DatasetState, message: str = "", **fields: Any) -> None:
        values = {"title": TITLES[name], **fields}
        self._status[name] = DatasetStatus(name, state=state, message=message, **values)
        self.on_change()
