"""Buttons that start runs: each starts what it says, and the page ignores its second click."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.config import parse_config
from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard import ids
from dashboard.components import config_form
from dashboard.components.controls import PRESS_ONCE
from dashboard.tabs.draw import layout as draw
from dashboard.tabs.experiments.cnn_vs_mlp import layout as compare
from dashboard.tabs.runs import layout as runs
from dashboard.tabs.train import layout as train
from tests.conftest import Finish, WaitUntil
from tests.dashboard.conftest import SHORT, Callbacks, in_memory_service, opened, page_parts

OWNER = "0123456789abcdef" * 2
FORM: dict[str, Any] = {config_form.SETTINGS: SHORT}
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


STARTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "Train": (train.TRAIN, {}, 1),
    "Train both": (compare.TRAIN, {compare.CNN: "speedrun_cnn"}, 2),
    "Fork": (runs.FORK, {runs.EPOCH: "1"}, 1),
    "Repeat": (runs.REPEAT, {}, 4),
    "Teach": (draw.HAND_TEACH, {}, 1),
    "Train, on Draw": (draw.START, {}, 1),
}


@pytest.mark.parametrize("button", STARTS)
def test_a_press_starts_what_the_button_says(
    page: Callbacks, service: TrainingService, button: str
) -> None:
    pressed, values, started = STARTS[button]
    first = service.runs.all()[-1].run_id
    version = service.predictions.weights_version(first)
    values = {**FORM, **values, ids.RUNS_GRID: {"ids": [first]}}
    version_of_draw = json.dumps(ids.version(ids.TAB_DRAW), separators=(",", ":"))
    values[version_of_draw] = version
    before = len(service.runs.all())
    page.press(pressed, values)
    assert len(service.runs.all()) == before + started


@pytest.mark.parametrize("button", STARTS)
def test_the_page_ignores_the_second_click_of_a_double_click(
    service: TrainingService, button: str
) -> None:
    parts = {getattr(part, "id", ""): part for part in page_parts(service) if _has_name(part)}
    part = parts[STARTS[button][0]]
    classes = getattr(part, "className", None) or getattr(part, "class_name", None) or ""
    assert PRESS_ONCE in classes.split()


def _has_name(part: Any) -> bool:
    return isinstance(getattr(part, "id", None), str)


def test_a_script_starts_as_many_equal_runs_as_it_asks_for(
    client: TestClient, page: Callbacks
) -> None:
    started = [client.post("/api/runs", json=SHORT).json()["run_id"] for _ in range(3)]
    assert len(set(started)) == 3
