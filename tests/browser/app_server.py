"""Digit Lab at a port of its own, in a thread of the tests' process.

A server starts in a fraction of a second here, because torch is imported already. The tests that
need a real process, to kill it or to read its output, start `run.py` with `tools.server`.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import torch
import uvicorn

from core.config import TrainConfig
from core.data import synthetic
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.records.metrics import EpochMetrics
from core.records.runs import RunState
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.training.loop import Event, fit
from dashboard.app import create_app
from dashboard.server import auth, connections

SECONDS = 180.0
"""How long to wait for anything. Generous: only failures take so long."""

TRAIN_IMAGES, TEST_IMAGES = 1000, 300
SHORT = {"epochs": 3, "batch_size": 50, "model": "mlp", "precision": "fp32"}
ENDLESS: dict[str, Any] = SHORT | {"epochs": 500, "batch_size": 40, "train_images": 400}
"""Longer than any test, in epochs of ten steps."""

PACE_SECONDS = 0.3
"""Pause after each epoch of an endless run: browsers need processors, too."""


def make_digits() -> Dataset:
    """Digits that a network learns within seconds."""
    parts = []
    for count, seed in ((TRAIN_IMAGES, 1), (TEST_IMAGES, 2)):
        images, labels = synthetic.generate(count, seed)
        parts += [torch.from_numpy(images), torch.from_numpy(labels)]
    return Dataset("mnist", "MNIST", *parts)


class AppServer:
    """A server with runs of its own.

    Attributes:
        url: its address.
        runs: the folder in which it keeps them.
        service: what it serves.
    """

    def __init__(self, data: Path, runs: Path, token: str | None = None) -> None:
        """
        Args:
            data: a `--data-dir` with digits.
            runs: a folder for the runs.
            token: what visitors need.
        """
        self.runs = runs
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._stands_still = threading.Event()
        self.service = TrainingService(
            DataCatalog(data, runs, "mnist"), RunDatabase(runs), self._fit, lambda *_: 1000.0
        )
        self.service.prepare_dataset()
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        credentials = None if token is None else auth.credentials(token, port, runs)
        config = uvicorn.Config(
            create_app(self.service, credentials=credentials).server,
            log_level="warning",
            **connections.SERVER_OPTIONS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="app-server"
        )
        self._thread.start()
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=SECONDS)
        assert self.get("/api/runs")  # the socket listens already: this waits for the server

    def close(self) -> None:
        """Ends the server and what trains on it."""
        self._client.close()
        self._server.should_exit = True
        self._thread.join(SECONDS)

    def _fit(self, config: TrainConfig, *args: Any, **options: Any) -> Iterator[Event]:
        """`fit`, which pauses as `training_held` says and after each epoch of an endless run."""
        for event in fit(config, *args, **options):
            yield event
            if config.epochs >= ENDLESS["epochs"] and isinstance(event, EpochMetrics):
                time.sleep(PACE_SECONDS)
            if not self._goes_on.is_set():
                self._stands_still.set()
                self._goes_on.wait()

    @contextmanager
    def training_held(self) -> Iterator[None]:
        """What trains pauses after its next event, and no event comes until the block ends."""
        self._stands_still.clear()
        self._goes_on.clear()
        try:
            deadline = time.monotonic() + SECONDS
            while not self._stands_still.is_set() and self._is_training():
                assert time.monotonic() < deadline, "training does not pause"
                time.sleep(0.005)
            yield
        finally:
            self._goes_on.set()

    def _is_training(self) -> bool:
        return any(run.state is RunState.RUNNING for run in self.service.runs.all())

    # REST

    def get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    def post(self, path: str, body: Any = None) -> Any:
        return self._client.post(path, json=body or {}).raise_for_status().json()

    # Runs

    def train(self, **settings: Any) -> str:
        """Trains a short run from beginning to end; its id."""
        run_id = self._start(SHORT | settings)
        self.wait_for_end(run_id)
        return run_id

    def start_endless_run(self, **settings: Any) -> str:
        """Starts a run that goes on while a test looks at it; its id."""
        return self._start(ENDLESS | settings)

    def _start(self, settings: dict[str, Any]) -> str:
        return str(self.post("/api/runs", settings)["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/runs/{run_id}")
        return found

    def all_runs(self) -> list[dict[str, Any]]:
        """Every run, the newest first."""
        found: list[dict[str, Any]] = self.get("/api/runs")["runs"]
        return found

    def events(self, run_id: str, kind: str = "") -> list[dict[str, Any]]:
        """What a run reported: of one kind ("batch" or "epoch"), or all."""
        found = self.get(f"/api/runs/{run_id}/events")["events"]
        return [event for event in found if kind in ("", event["kind"])]

    def stop_run(self, run_id: str) -> None:
        self.post(f"/api/runs/{run_id}/stop")
        self.wait_for_end(run_id)

    def stop_all_runs(self) -> None:
        """Stops everything that trains or waits, whoever started it."""
        for run in self.service.runs.all():  # the newest first: none moves up meanwhile
            if not run.state.finished:
                self.stop_run(run.run_id)

    def wait_for_end(self, run_id: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not self.service.runs.snapshot(run_id).state.finished:
            assert time.monotonic() < deadline, f"{run_id} does not end"
            time.sleep(0.01)
