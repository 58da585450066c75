"""Digit Lab in a process of its own, as long as a benchmark or a tool needs it.

It knows how `run.py` is started and when it is there; not what anybody does with it.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """`run.py` with these arguments on a free port, always the same; `with` starts and ends it.

    Attributes:
        url: its address.
    """

    def __init__(self, *arguments: str, runs: Path) -> None:
        """
        Args:
            runs: the folder in which runs are kept.
        """
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "run.py", "--no-browser", *arguments]
        self._command += ["--port", str(port), "--runs-dir", str(runs)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers.

        Raises:
            TimeoutError: it does not.
        """
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.DEVNULL)
        until(lambda: get(f"{self.url}/api/health") is not None)

    def kill(self) -> None:
        """Ends it without a word of warning, as `kill -9` does."""
        assert self._process is not None, "it was started"
        self._process.kill()
        self._process.wait(30)

    def memory(self) -> int:
        """Bytes of memory that it holds, where the system has `ps`."""
        assert self._process is not None, "it was started"
        command = ["ps", "-o", "rss=", "-p", str(self._process.pid)]
        return 1024 * int(subprocess.check_output(command))

    def __enter__(self) -> "Server":
        try:
            self.start()
        except TimeoutError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None, "it was started"
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """A server whose runs are forgotten; its address."""
    with tempfile.TemporaryDirectory() as folder, Server(*arguments, runs=Path(folder)) as server:
        yield server.url


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> Any:
    """The JSON at an address; None if nobody answers there."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def post(url: str, body: Any) -> Any:
    """What the server answers to a JSON body.

    Raises:
        OSError: it does not, or refuses.
    """
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=10) as answer:
        return json.load(answer)


def until(condition: Callable[[], object], seconds: float = 60, pause: float = 0.2) -> None:
    """Returns when a condition is true.

    Raises:
        TimeoutError: it was not within that time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the server did not get there in time")
        time.sleep(pause)
