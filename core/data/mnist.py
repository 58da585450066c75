"""Reads MNIST from disk with torchvision, and downloads the files that are missing."""

import gzip
import http.client
import logging
import shutil
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from core.data.dataset import Dataset
from core.device import import_torchvision
from core.errors import DatasetUnavailableError

TITLE = "MNIST"
CONNECT_SECONDS = 5.0

log = logging.getLogger(__name__)


def load(
    folders: Sequence[Path], cache_dir: Path, progress: Callable[[float], None] = lambda share: None
) -> Dataset:
    """MNIST from the first of `folders` that holds it; otherwise downloaded into `cache_dir`.

    Args:
        folders: folders that may hold `MNIST/raw`.
        cache_dir: downloads are saved here. Files that are already here are not downloaded again,
            unless they are damaged.
        progress: called with the share that is downloaded, from 0 to 1. An exception that it
            raises ends the download.

    Raises:
        DatasetUnavailableError: MNIST is not on disk and cannot be downloaded.
    """
    import_torchvision()
    from torchvision.datasets import MNIST

    damaged = False
    for folder in folders:
        try:
            return read(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("MNIST in %s cannot be read: %s", folder, error)
            damaged = damaged or folder == cache_dir
    raw = cache_dir / "MNIST" / "raw"
    try:
        raw.mkdir(parents=True, exist_ok=True)
        count = len(MNIST.resources)
        for number, (file_name, md5) in enumerate(MNIST.resources):
            if damaged or not (raw / file_name.removesuffix(".gz")).exists():

                def file_progress(share: float, done: int = number) -> None:
                    progress((done + share) / count)

                _download(MNIST.mirrors, file_name, md5, raw, file_progress)
        return read(cache_dir)
    except OSError as error:
        log.warning("MNIST could not be downloaded: %s", error)
        raise DatasetUnavailableError(
            "MNIST is not on this computer and could not be downloaded. Connect to the "
            "internet and retry, or start with --data-dir FOLDER, where FOLDER holds MNIST/raw."
        ) from error


def read(folder: Path) -> Dataset:
    """MNIST from `folder/MNIST/raw`.

    Raises:
        FileNotFoundError: a file is missing.
        OSError: a file cannot be read.
    """
    from torchvision.datasets import MNIST

    try:
        train, test = MNIST(folder, train=True), MNIST(folder, train=False)
    except RuntimeError as error:  # torchvision's error for a missing file
        raise FileNotFoundError(str(error)) from error
    except (ValueError, EOFError, AssertionError) as error:
        raise OSError(f"a file is damaged: {error}") from error
    return Dataset("mnist", TITLE, train.data, train.targets, test.data, test.targets)


def _download(
    mirrors: Sequence[str],
    file_name: str,
    md5: str,
    folder: Path,
    progress: Callable[[float], None],
) -> None:
    """Downloads, checks and unpacks one file. A partial file never gets the final name.

    Raises:
        OSError: no mirror gave the file; the error of the last one.
    """
    from torchvision.datasets.utils import check_md5

    target = folder / file_name.removesuffix(".gz")
    packed = folder / f"{file_name}.part"
    failure: OSError = OSError("no mirror is known")
    for mirror in mirrors:
        try:
            with urllib.request.urlopen(mirror + file_name, timeout=CONNECT_SECONDS) as source:
                size = int(source.headers.get("Content-Length") or 0)
                with packed.open("wb") as sink:
                    while block := source.read1(1 << 16):  # what has come, or a stop would wait
                        sink.write(block)
                        progress(sink.tell() / size if size else 0.0)
            if not check_md5(str(packed), md5):
                raise OSError(f"{file_name} arrived damaged")
            unpacked = target.with_suffix(".unpacked")
            with gzip.open(packed) as source, unpacked.open("wb") as sink:
                shutil.copyfileobj(source, sink)
            unpacked.replace(target)
            return
        except OSError as error:
            failure = error
        except http.client.HTTPException as error:  # the reply is not HTTP: a captive portal
            failure = OSError(f"{mirror} gave no proper answer: {error!r}")
        finally:
            packed.unlink(missing_ok=True)
    raise failure
