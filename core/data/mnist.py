"""MNIST, or a person's own images in its format: from disk, or else downloaded."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from core.data.dataset import Dataset
from core.data.mnist_download import DownloadError, download
from core.data.mnist_files import CHECKSUMS, FolderSearch, MnistFile, read
from core.errors import DatasetUnavailableError, StorageError
from core.names import enumeration

TITLE = "MNIST"

log = logging.getLogger(__name__)


def load(
    data_dir: Path | None,
    cache_dir: Path,
    progress: Callable[[float], None] = lambda share: None,
) -> Dataset:
    """MNIST, or other images in its format, from `data_dir` or else `cache_dir`.

    Files with MNIST's checksums may come from both folders; those that are missing are downloaded
    into `cache_dir`. Other files must be a complete set, and get a title of their own.

    Args:
        progress: called with the share that is downloaded, from 0 to 1. An exception that it
            raises ends the download.

    Raises:
        DatasetUnavailableError: MNIST is not on disk and cannot be downloaded.
    """
    cache_dir = cache_dir.absolute()
    searches: list[FolderSearch] = []
    genuine: dict[str, MnistFile] = {}
    note = ""
    for folder in dict.fromkeys(path.absolute() for path in (data_dir, cache_dir) if path):
        search = FolderSearch(folder)
        files = search.complete_set()
        if files is not None:
            return _dataset(files, note)
        if folder != cache_dir:
            note = _printable(f"{search.report()} Files in {cache_dir} are used instead.")
        searches.append(search)
        genuine = search.genuine | genuine

    missing = [name for name in CHECKSUMS if name not in genuine]
    try:
        for number, name in enumerate(missing):

            def file_progress(share: float, done: int = number) -> None:
                progress((done + share) / len(missing))

            path = download(name, cache_dir / "MNIST" / "raw", file_progress)
            genuine[name] = read(path, name)
    except (DownloadError, StorageError) as error:
        raise _unavailable(searches, missing, data_dir, error) from error
    return _dataset(genuine, note)


def _unavailable(
    searches: Sequence[FolderSearch], missing: Sequence[str], data_dir: Path | None, reason: object
) -> DatasetUnavailableError:
    """Says what was searched and found, why the download failed, and what to do."""
    reports = [search.report() for search in searches if search is searches[0] or search.places]
    names = "MNIST's files" if len(missing) > 2 else enumeration(missing)
    otherwise = "start with --data-dir FOLDER, where FOLDER holds MNIST's four files"
    if data_dir is not None:
        otherwise = f"put {names} into {data_dir.absolute()}"
    return DatasetUnavailableError(
        _printable(
            f"{' '.join(reports)} {names} could not be downloaded: "
            f"{str(reason).removesuffix('.')}, or {otherwise}."
        )
    )


def _printable(text: str) -> str:
    """A text without the parts of file names that are not UTF-8, which no page could show."""
    return text.encode(errors="replace").decode()


def _dataset(files: Mapping[str, MnistFile], note: str) -> Dataset:
    title = TITLE
    if not all(file.genuine for file in files.values()):
        place = files["train-images-idx3-ubyte"].path.parent
        parts = [part for part in place.parts if part.lower() not in ("mnist", "raw")]
        title = _printable(f"Images in {parts[-1]}")
        log.warning(
            'The files in %s are not MNIST\'s: their checksums differ. They are shown as "%s".',
            _printable(str(place)),
            title,
        )
    images, labels, test_images, test_labels = (
        torch.from_numpy(files[name].values) for name in CHECKSUMS
    )
    return Dataset(
        "mnist", title, images, labels.long(), test_images, test_labels.long(), note=note
    )
