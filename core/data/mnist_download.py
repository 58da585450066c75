"""Downloads MNIST's files from the mirrors that torchvision knows."""

import gzip
import hashlib
import http.client
import io
import time
import urllib.error
import zlib
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from core.data.mnist_files import CHECKSUMS
from core.device import import_torchvision
from core.disk import atomic_write
from core.names import printable

CONNECT_SECONDS = 5.0
SLOW_SECONDS, SLOW_RATE = 60.0, 1000.0
"""A mirror that sends fewer bytes a second than this is given up after so many seconds."""
MAX_BYTES = 1 << 26
"""More than the largest of MNIST's files, unpacked."""

ADVICE = (
    "Connect to the internet, log in to this network in a browser if it wants that, and look for "
    "MNIST again"
)


class DownloadError(Exception):
    """The file did not come. The message says why."""


def mirrors() -> list[str]:
    """The addresses of folders with MNIST's files."""
    import_torchvision()
    from torchvision.datasets import MNIST

    return list(MNIST.mirrors)


def download(name: str, folder: Path, progress: Callable[[float], None]) -> Path:
    """Downloads, unpacks and checks one file. A partial file never gets the final name.

    Raises:
        DownloadError: no mirror gave the file. The message ends with advice; it has no full stop.
        StorageError: it cannot be written.
    """
    failures = []
    for mirror in mirrors():
        try:
            content = _fetch(f"{mirror}{name}.gz", CHECKSUMS[name], progress)
        except DownloadError as error:
            failures.append(str(error))
            continue
        with atomic_write(folder / name, f"{name} in {folder}") as part:
            part.write_bytes(content)
        return folder / name
    raise DownloadError(f"{'; '.join(failures)}. {ADVICE}")


def _fetch(url: str, md5: str, progress: Callable[[float], None]) -> bytes:
    """The unpacked content of a packed file.

    Raises:
        DownloadError: the file did not come.
    """
    host = urlsplit(url).netloc
    packed = bytearray()
    size = MAX_BYTES
    start = time.monotonic()

    def report() -> None:
        progress(len(packed) / max(size, len(packed), 1))
        seconds = time.monotonic() - start
        if seconds > SLOW_SECONDS and len(packed) < SLOW_RATE * seconds:
            raise DownloadError(f"{host} sends too slowly")

    try:
        with _open(url, report) as source:
            size = int(source.headers["Content-Length"] or MAX_BYTES)
            while len(packed) < MAX_BYTES and (block := source.read1(1 << 16)):
                packed += block
                report()
    except urllib.error.HTTPError as error:
        reason = printable(f"{error.code} ({error.reason})", 200)  # mirrors send any text
        raise DownloadError(f"{host} answered {reason}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)  # urlopen wraps what happened
        reason = printable(str(getattr(cause, "strerror", None) or cause), 200)
        raise DownloadError(f"{host} could not be reached: {reason}") from error
    try:
        content = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(MAX_BYTES)
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DownloadError(f"{host} sent something else than MNIST's file")
    return content


def _open(url: str, report: Callable[[], None]) -> Any:
    """The answer of a mirror, once its headers are there. They come in a thread of their own, so
    that `report` can end the wait for a mirror that sends them slowly."""
    answer: Future[Any] = Future()

    def ask() -> None:
        try:
            answer.set_result(urlopen(url, timeout=CONNECT_SECONDS))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    while not wait([answer], 0.5).done:
        report()
    return answer.result()
