"""Digit Lab in a process of its own, as long as a benchmark or a tool needs it.

It knows how `run.py` is started, when it is there and what it costs; not what anybody does with it.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy


class Server:
    """A program with `run.py`'s options on a free port, always the same; `with` starts and ends it.

    Attributes:
        url: its address.
        runs: the folder in which runs are kept.
    """

    def __init__(
        self,
        *arguments: str,
        runs: Path,
        said: Path | None = None,
        program: Sequence[str] = ("run.py",),
        url_prefix: str = "",
    ) -> None:
        """
        Args:
            runs: the folder in which runs are kept.
            said: a file for all that it prints; without one, only its errors are shown.
            program: what Python starts.
            url_prefix: the path of the page, as `/lab`.
        """
        self.runs = runs
        self._said = said
        port = free_port()
        self.url = f"http://127.0.0.1:{port}{url_prefix}"
        self._command = [sys.executable, *program, "--no-browser", *arguments]
        self._command += ["--port", str(port), "--runs-dir", str(runs)]
        self._command += ["--url-prefix", url_prefix] if url_prefix else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers.

        Raises:
            TimeoutError: it does not.
            ChildProcessError: it ends instead.
        """
        if self._said is None:
            self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.DEVNULL)
        else:
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            with self._said.open("a") as sink:
                self._process = subprocess.Popen(
                    self._command, cwd=ROOT, env=environment, stdout=sink, stderr=sink
                )
        process = self._process
        until(
            lambda: process.poll() is not None or answers(f"{self.url}/api/health"),
            seconds=120,
        )
        if process.poll() is not None:
            raise ChildProcessError(f"the server ended with {process.returncode} at its start")

    def kill(self) -> None:
        """Ends it without a word of warning, as `kill -9` does."""
        assert self._process is not None, "it was started"
        self._process.kill()
        self._process.wait(30)

    def end(self, sign: signal.Signals) -> int:
        """Sends it a signal and waits for its end, for a minute at most; its exit code."""
        assert self._process is not None, "it was started"
        self._process.send_signal(sign)
        return self._process.wait(60)

    def memory(self) -> int:
        """Bytes of memory that it holds, where the system has `ps`."""
        assert self._process is not None, "it was started"
        command = ["ps", "-o", "rss=", "-p", str(self._process.pid)]
        return 1024 * int(subprocess.check_output(command))

    def loop_seconds(self) -> float:
        """Processor seconds of its first thread, in which the event loop runs; only on Linux."""
        assert self._process is not None, "it was started"
        pid = self._process.pid
        stat = Path(f"/proc/{pid}/task/{pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> "Server":
        try:
            self.start()
        except (TimeoutError, ChildProcessError):
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None, "it was started"
        self._process.terminate()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()


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


def answers(url: str) -> bool:
    """Whether anybody answers at an address, be it with an error."""
    try:
        DIRECTLY.open(url, timeout=10).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def get(url: str) -> Any:
    """The JSON at an address; None if nobody answers there."""
    try:
        with DIRECTLY.open(url, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def post(url: str, body: Any) -> Any:
    """What the server answers to a JSON body.

    Raises:
        OSError: it does not, or refuses.
    """
    with DIRECTLY.open(url, json.dumps(body).encode(), timeout=10) as answer:
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
