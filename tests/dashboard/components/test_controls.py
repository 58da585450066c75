"""Buttons that start runs or undo something: the page ignores their second click."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.config import parse_config
from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard.components import config_form
from dashboard.components.controls import PRESS_ONCE
from dashboard.tabs.experiments.cnn_vs_mlp import layout as compare
from tests.dashboard.conftest import SHORT, Callbacks, in_memory_service, opened, page_parts
from tests.support import Finish, WaitUntil

OWNER = "0123456789abcdef" * 2
A_SEVEN = [[[60, 60], [200, 60], [120, 240]]]


@pytest.fixture(scope="module")
def service(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, finish: Finish
) -> TrainingService:
    """A service with a run that is done, and a kept drawing."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))
    service.runs.start(parse_config(SHORT))
    finish(service)
    service.drawings.save(OWNER, 7, service.inspection.drawing({"strokes": A_SEVEN}, False))
    return service


@pytest.fixture(scope="module")
def client(service: TrainingService) -> Iterator[TestClient]:
    yield from opened(service)


@pytest.fixture
def page(
    client: TestClient, service: TrainingService, wait_until: WaitUntil
) -> Iterator[Callbacks]:
    """The page's callbacks. Every run that is started ends."""
    yield Callbacks(client, service)
    for run in service.runs.all():
        service.runs.stop(run.run_id)
    wait_until(lambda: all(run.state.finished for run in service.runs.all()))


def test_train_both_starts_a_pair(page: Callbacks, service: TrainingService) -> None:
    before = len(service.runs.all())
    page.press(compare.TRAIN, {config_form.SETTINGS: SHORT, compare.CNN: "speedrun_cnn"})
    assert len(service.runs.all()) == before + 2


@pytest.mark.parametrize(
    "button",
    [
        *("train-button", "queue-button", "retry-button", "resume-button", "draw-start"),
        *("runs-fork", "runs-repeat", "hand-teach", compare.TRAIN),
        *("runs-stop", "runs-delete", "runs-undo", "runs-rewind", "hand-delete-all", "hand-undo"),
    ],
)
def test_the_page_ignores_the_second_click_of_a_double_click(
    service: TrainingService, button: str
) -> None:
    parts = {getattr(part, "id", ""): part for part in page_parts(service) if _has_name(part)}
    part = parts[button]
    classes = getattr(part, "className", None) or getattr(part, "class_name", None) or ""
    assert PRESS_ONCE in classes.split()


def _has_name(part: Any) -> bool:
    return isinstance(getattr(part, "id", None), str)


def test_a_script_starts_as_many_equal_runs_as_it_asks_for(
    client: TestClient, page: Callbacks
) -> None:
    started = [client.post("/api/runs", json=SHORT).json()["run_id"] for _ in range(3)]
    assert len(set(started)) == 3
