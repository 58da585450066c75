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


@contextmanager
def running(*arguments: str, runs: Path | None = None) -> Iterator[str]:
    """`run.py` with these arguments on a free port; its address.

    Args:
        runs: the folder in which runs are kept; without it they are forgotten.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as nowhere:
        command = [sys.executable, "run.py", "--no-browser", *arguments]
        command += ["--port", str(port), "--runs-dir", str(runs or nowhere)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            until(lambda: get(f"{url}/api/health") is not None)
            yield url
        finally:
            process.terminate()
            process.wait(30)


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
