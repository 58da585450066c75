"""A real server and a real browser: Digit Lab as its visitors have it.

The server is `run.py` itself on a free port, with a small data set in MNIST's own files, so that
nothing is downloaded, made at length, or written outside of pytest's folders.
"""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from core import synthetic
from tests.browser.chromium import launch_args, require_chromium
from tests.browser.visitor import SECONDS, Visitor

ROOT = Path(__file__).resolve().parents[2]
TRAIN_IMAGES, TEST_IMAGES = 1000, 300
SHORT = {"epochs": 3, "batch_size": 50, "model": "mlp", "precision": "fp32"}
ENDLESS = SHORT | {"epochs": 2000, "batch_size": 200, "train_images": 400}
"""Longer than any test, in epochs as short as two steps."""

ORDINARY: dict[str, Any] = {
    "viewport": {"width": 1300, "height": 900},
    "color_scheme": "light",
    "reduced_motion": "reduce",  # Bootstrap would scroll for a second, past the mouse
}
"""A visitor's browser, if a test wants no other."""

ENDED = ("done", "stopped", "failed", "interrupted")

# One thread: the browser and other servers want processors, too, and threads that wait for each
# other on a busy machine are slower than one.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}

Visit = Callable[..., Visitor]


class Lab:
    """Digit Lab in a process of its own."""

    def __init__(self, data: Path, runs: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._data, self.runs = data, runs
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server, always on the same port, and waits until it answers."""
        command = [sys.executable, str(ROOT / "run.py"), "--no-browser", "--dataset", "mnist"]
        command += ["--port", str(self._port), "--data-dir", str(self._data)]
        command += ["--runs-dir", str(self.runs)]
        log = self.runs.with_suffix(".log")
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=ENVIRONMENT, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.get("/api/health")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                running = self._process.poll() is None and time.monotonic() < deadline
                assert running, f"The server did not start:\n{log.read_text()}"
                time.sleep(0.1)

    def kill(self) -> None:
        """Ends the server without a word of warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(SECONDS)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The server is there, but does nothing for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=SECONDS) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body or {}).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    def train(self, **settings: Any) -> str:
        """A short run from beginning to end."""
        run_id = self._start_run(SHORT | settings)
        self.wait_for_end(run_id)
        return run_id

    def begin(self, **settings: Any) -> str:
        """A run that goes on while a test looks at it."""
        return self._start_run(ENDLESS | settings)

    def _start_run(self, settings: dict[str, Any]) -> str:
        return str(self.post("/api/runs", settings)["run_id"])

    def end(self, run_id: str) -> None:
        self.post(f"/api/runs/{run_id}/stop")
        self.wait_for_end(run_id)

    def calm(self) -> None:
        """Sees to it that nothing trains or waits, whoever started it."""
        for run in self.get("/api/runs")["runs"]:  # the newest first: none moves up meanwhile
            if run["state"] not in ENDED:
                self.end(run["run_id"])

    def wait_for_end(self, run_id: str) -> None:
        deadline = time.monotonic() + SECONDS
        while self.get(f"/api/runs/{run_id}")["state"] not in ENDED:
            assert time.monotonic() < deadline, f"{run_id} does not end"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `--data-dir` with a few digits that can be learnt, in MNIST's own files."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count, seed in (("train", TRAIN_IMAGES, 1), ("t10k", TEST_IMAGES, 2)):
        images, labels = synthetic.generate(count, seed)
        header = struct.pack(">IIII", 0x0803, count, 28, 28)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">II", 0x0801, count)
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(header + labels.astype("u1").tobytes())
    return folder


@pytest.fixture(scope="session")
def make_lab(
    data_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Lab]]:
    """`make_lab()` starts another server; all are ended with the session."""
    labs: list[Lab] = []

    def make() -> Lab:
        labs.append(Lab(data_dir, tmp_path_factory.mktemp("runs")))
        labs[-1].start()
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture(scope="session")
def shared_lab(make_lab: Callable[[], Lab]) -> Lab:
    return make_lab()


@pytest.fixture(scope="session")
def untrained_lab(make_lab: Callable[[], Lab]) -> Lab:
    """A server that has never trained anything. Train nothing on it."""
    return make_lab()


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """A server on which nothing trains when a test begins, and nothing after it."""
    yield shared_lab
    shared_lab.calm()


@pytest.fixture
def trained(lab: Lab) -> Lab:
    """A server whose latest run is done: 3 epochs, some test images right and some wrong."""
    lab.train()
    return lab


# Playwright's event loop stays in the main thread as long as it is open, and other tests may want
# one of their own there: a browser for each file, not for the session.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = require_chromium()
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=launch_args())
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser, lab: Lab) -> Iterator[Visit]:
    """`visit()` opens the page in a browser of its own; nothing may go wrong behind any page."""
    yield from visits(browser, lab.url)


@pytest.fixture
def visit_untrained(browser: Browser, untrained_lab: Lab) -> Iterator[Visit]:
    """As `visit`, for the server that has never trained anything."""
    yield from visits(browser, untrained_lab.url)


def visits(browser: Browser, url: str, quiet: bool = True) -> Iterator[Visit]:
    """The body of a `visit` fixture; `quiet`: errors in the console fail the test."""
    visitors: list[Visitor] = []

    def visit(**context: Any) -> Visitor:
        visitors.append(Visitor(browser.new_context(**(ORDINARY | context)), url))
        return visitors[-1].arrive()

    yield visit
    problems = [problem for visitor in visitors for problem in visitor.problems]
    for visitor in visitors:
        if not visitor.page.is_closed():
            visitor.page.unroute_all(behavior="ignoreErrors")  # a request may still be on its way
        visitor.page.context.close()
    if quiet:
        assert problems == []
