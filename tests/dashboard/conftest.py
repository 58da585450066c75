"""What the tests of the REST routes share: clients, and a server whose only run is done."""

import time
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
from core.training import Checkpoint, Event
from dashboard.app import create_app

SHORT = {"epochs": 2, "batch_size": 30, "model": "mlp", "precision": "fp32"}


def until_stopped(config: TrainConfig, *_: Any, **asked: Any) -> Iterator[Event]:
    """Stands for `fit`: a run that goes on until somebody stops it."""
    yield Checkpoint(config.model, 0, 0, 0.0, {}, None)
    while not asked["should_stop"]():
        time.sleep(0.01)


def opened(service: TrainingService) -> Iterator[TestClient]:
    server = create_app(service).server
    with TestClient(server, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
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
    """A client of a server that has trained nothing, and trains on the tiny data set."""
    yield from opened(service)


class Shelf(DataCatalog):
    """A catalog with a single data set, which is already there."""

    def __init__(self, data: Dataset) -> None:
        super().__init__(None, Path("/nowhere"), prefer="synthetic")
        self._data = data

    def load(self, name: str, cancelled: Any = None) -> Dataset:
        return self._data


@pytest.fixture(scope="module")
def done(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, finish: Any
) -> TrainingService:
    """A service whose only run is done; tests may read, but start nothing."""
    service = TrainingService(Shelf(tiny_dataset), RunStore(tmp_path_factory.mktemp("runs")))
    service.start(parse_config(SHORT))
    finish(service)
    return service


@pytest.fixture(scope="module")
def trained(done: TrainingService) -> Iterator[TestClient]:
    """A client of a server whose only run is done; tests may read, but start nothing."""
    yield from opened(done)


@pytest.fixture(scope="module")
def run_id(done: TrainingService) -> str:
    found = done.latest_run()
    assert found is not None
    return found


@pytest.fixture
def busy(make_service: Any) -> Iterator[TestClient]:
    """A client of a server whose runs go on until they are stopped."""
    yield from opened(make_service(fit=until_stopped))
