"""Downloads MNIST's files from the mirrors that torchvision knows."""

import gzip
import hashlib
import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from core.data.mnist_files import is_web_page
from core.device import import_torchvision
from core.disk import atomic_write
from core.names import printable

CONNECT_SECONDS = 5.0
SLOW_SECONDS, SLOW_RATE = 60.0, 1000.0
"""A mirror that sends fewer bytes a second than this is given up after so many seconds."""
MAX_BYTES = 1 << 25
"""Three times the largest of MNIST's files, packed."""

# What to do about a mirror's failure; the first of them counts.
ADVICE = (
    LOG_IN := "Log in to this network in a browser and look for MNIST again",
    LATER := "Look for MNIST again later",
    CONNECT := "Connect to the internet and look for MNIST again",
)


class DownloadError(Exception):
    """No mirror gave a file. The message says why and what to do; it has no full stop."""


class _MirrorError(Exception):
    def __init__(self, reason: str, advice: str) -> None:
        self.reason = printable(reason, 200)  # mirrors send any text
        self.advice = advice
        super().__init__(self.reason)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to web servers alone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise _MirrorError(f"{req.host} sends on to what is no web server", LOG_IN)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(name: str, folder: Path, progress: Callable[[float], None]) -> Path:
    """Downloads, checks and unpacks one file. A partial file never gets the final name.

    Raises:
        DownloadError: no mirror gave the file.
        StorageError: it cannot be written.
    """
    import_torchvision()
    from torchvision.datasets import MNIST

    checksums = dict(MNIST.resources)
    failures: list[_MirrorError] = []
    for mirror in MNIST.mirrors:
        try:
            packed = _fetch(f"{mirror}{name}.gz", checksums[f"{name}.gz"], progress)
        except _MirrorError as error:
            failures.append(error)
            continue
        with atomic_write(folder / name, f"{name} in {folder}") as part:
            part.write_bytes(gzip.decompress(packed))
        return folder / name
    reasons = "; ".join(failure.reason for failure in failures) or "no mirror is known"
    advice = min((failure.advice for failure in failures), key=ADVICE.index, default=LATER)
    raise DownloadError(f"{reasons}. {advice}")


def _fetch(url: str, md5: str, progress: Callable[[float], None]) -> bytes:
    """
    Raises:
        _MirrorError: the file did not come.
    """
    host = urlsplit(url).netloc
    content = bytearray()
    start = time.monotonic()
    try:
        with _open(url, progress) as source:
            length = source.headers.get("Content-Length") or ""
            size = int(length) if length.isdecimal() and len(length) < 20 else 0
            while len(content) < MAX_BYTES and (block := source.read1(1 << 16)):
                content += block
                seconds = time.monotonic() - start
                if seconds > SLOW_SECONDS and len(content) < SLOW_RATE * seconds:
                    raise _MirrorError(f"{host} sends too slowly", LATER)
                progress(min(1.0, len(content) / size) if size else 0.0)
    except urllib.error.HTTPError as error:
        raise _MirrorError(f"{host} answered {error.code} ({error.reason})", LATER) from error
    except (OSError, http.client.HTTPException) as error:
        raise _connection_error(host, error) from error
    if hashlib.md5(content, usedforsecurity=False).hexdigest() == md5:
        return bytes(content)
    if is_web_page(content):
        raise _MirrorError(f"{host} sent a web page instead of the file", LOG_IN)
    if len(content) < size:
        received = f"{len(content):,} of {size:,} bytes"
        raise _MirrorError(f"the connection to {host} ended after {received}", LATER)
    raise _MirrorError(f"{host} sent another file: its checksum is wrong", LATER)


def _open(url: str, progress: Callable[[float], None]) -> Any:
    """The answer of a mirror, once its headers are there. They come in a thread of their own, so
    that `progress` can end the wait for a mirror that sends them slowly."""
    answer: Future[Any] = Future()

    def ask() -> None:
        opener = urllib.request.build_opener(_Redirects)
        try:
            answer.set_result(opener.open(url, timeout=CONNECT_SECONDS))
        except ValueError:  # a redirect to what is no address
            answer.set_exception(http.client.InvalidURL())
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    start = time.monotonic()
    Thread(target=ask, daemon=True).start()
    while not wait([answer], min(0.5, SLOW_SECONDS)).done:
        progress(0.0)
        if time.monotonic() - start > SLOW_SECONDS:
            raise _MirrorError(f"{urlsplit(url).netloc} sends too slowly", LATER)
    return answer.result()


def _connection_error(host: str, error: Exception) -> _MirrorError:
    cause = getattr(error, "reason", error)  # urlopen wraps what happened
    if isinstance(cause, socket.gaierror):
        return _MirrorError(f"{host} was not found", CONNECT)
    if isinstance(cause, TimeoutError):
        return _MirrorError(f"{host} did not answer within {CONNECT_SECONDS:g} s", CONNECT)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _MirrorError(f"the certificate of {host} is not trusted", LOG_IN)
    if isinstance(cause, http.client.HTTPException):
        return _MirrorError(f"{host} did not answer as a web server does", LOG_IN)
    reason = getattr(cause, "strerror", None) or cause
    return _MirrorError(f"{host} could not be reached: {reason}", CONNECT)
