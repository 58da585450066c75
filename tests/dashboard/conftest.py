"""What the tests of the page and the REST routes share: clients of servers, and their services.

To put a server together takes a third of a second, so most tests share one. `untrained`, `trained`
and `busy` serve all tests of a process; `client` has a server of its own.
"""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from core.config import TrainConfig, parse_config
from core.datasets import DataCatalog, Dataset
from core.service import TrainingService
from core.store import RunStore
from core.trainer import Fit
from core.training import Checkpoint, Event
from core.training import fit as real_fit
from dashboard.app import create_app
from tests.conftest import Finish, WaitUntil

SHORT = {"epochs": 2, "batch_size": 30, "model": "mlp", "precision": "fp32"}


class InMemoryCatalog(DataCatalog):
    """A catalog whose only data set is in memory from the beginning."""

    def __init__(self, data: Dataset) -> None:
        super().__init__(None, Path("/nowhere"), prefer="synthetic")
        self._data = data

    def load(self, name: str, cancelled: Any = None) -> Dataset:
        return self._data


def in_memory_service(data: Dataset, runs: Path, fit: Fit = real_fit) -> TrainingService:
    return TrainingService(InMemoryCatalog(data), RunStore(runs), fit)


def until_stopped(config: TrainConfig, *_: Any, **asked: Any) -> Iterator[Event]:
    """A fake `fit` whose run goes on until somebody stops it."""
    yield Checkpoint(config.model, 0, 0, 0.0, {}, None)
    while not asked["should_stop"]():
        time.sleep(0.01)


def opened(
    service: TrainingService, base_url: str = "http://127.0.0.1", host: str = "127.0.0.1"
) -> Iterator[TestClient]:
    """A client of a server for the service, which is closed at the end."""
    server = create_app(service, host).server
    with TestClient(server, base_url=base_url, raise_server_exceptions=False) as client:
        yield client


def refusal(answer: Response, code: int) -> str:
    """The sentence of an answer that must be an error of that code."""
    assert answer.status_code == code, answer.text
    body = answer.json()
    assert isinstance(body["error"], str)
    assert body["error"][:1].isupper() or body["error"][:1] == "`" or "field" in body
    assert body["error"].endswith(".")
    return str(body["error"])


@pytest.fixture
def client(service: TrainingService) -> Iterator[TestClient]:
    """A client of a server for this test alone, which trains on the tiny data set."""
    yield from opened(service)


@pytest.fixture
def drawings() -> str:
    """The address of the drawings of a visitor whom no other test knows."""
    return f"/api/handwriting/{uuid.uuid4().hex}"


# Servers that all tests of a process share


@pytest.fixture(scope="session")
def untrained_service(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrainingService]:
    """A service without any run. Tests may read and keep `drawings`, but start nothing."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))
    yield service
    service.close()


@pytest.fixture(scope="session")
def untrained(untrained_service: TrainingService) -> Iterator[TestClient]:
    """A client of a server without any run. Tests may read and keep `drawings`."""
    yield from opened(untrained_service)
    assert untrained_service.runs() == []


@pytest.fixture(scope="session")
def done(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, finish: Finish
) -> Iterator[TrainingService]:
    """A service whose only run is done. Tests may read and keep `drawings`, but start nothing."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))
    service.start(parse_config(SHORT))
    finish(service)
    yield service
    service.close()


@pytest.fixture(scope="session")
def trained(done: TrainingService) -> Iterator[TestClient]:
    """A client of a server whose only run is done. Tests may read and keep `drawings`."""
    yield from opened(done)
    assert len(done.runs()) == 1


@pytest.fixture(scope="session")
def run_id(done: TrainingService) -> str:
    """The only run of `trained`."""
    return done.snapshot().run_id


@pytest.fixture(scope="session")
def busy_service(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> TrainingService:
    """A service whose runs go on until they are stopped."""
    return in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"), until_stopped)


@pytest.fixture(scope="session")
def busy_client(busy_service: TrainingService) -> Iterator[TestClient]:
    yield from opened(busy_service)


@pytest.fixture
def busy(
    busy_client: TestClient, busy_service: TrainingService, wait_until: WaitUntil
) -> Iterator[TestClient]:
    """A client of a server whose runs go on until they are stopped; at first, none goes on."""
    yield busy_client
    for run in busy_service.runs():
        busy_service.stop(run.run_id)
    wait_until(lambda: all(run.state.finished for run in busy_service.runs()))
