"""A double click starts no second run: on the server, whatever the page does."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dash._callback_context import context_value
from dash._utils import AttributeDict
from fastapi.testclient import TestClient

from core.config import parse_config
from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard import ids
from dashboard.components import config_form, presses
from dashboard.components.presses import SECONDS, VISITOR, Presses
from dashboard.tabs.draw import layout as draw
from dashboard.tabs.experiments.cnn_vs_mlp import layout as compare
from dashboard.tabs.runs import layout as runs
from dashboard.tabs.train import layout as train
from tests.conftest import Finish, WaitUntil, run_async
from tests.dashboard.conftest import SHORT, Callbacks, Clock, in_memory_service, opened

OWNER = "0123456789abcdef" * 2
FORM: dict[str, Any] = {config_form.SETTINGS: SHORT}
A_SEVEN = [[[60, 60], [200, 60], [120, 240]]]


@pytest.fixture(scope="module")
def clock() -> Iterator[Clock]:
    """The clock of the presses, which stands still unless a test moves it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presses, "monotonic", clock := Clock())
        yield clock


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
    client: TestClient, service: TrainingService, clock: Clock, wait_until: WaitUntil
) -> Iterator[Callbacks]:
    """The page's callbacks. No press of an earlier test counts; every run that is started ends."""
    clock.now += SECONDS
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
def test_two_clicks_in_a_row_are_one_press(
    page: Callbacks, service: TrainingService, clock: Clock, button: str
) -> None:
    pressed, values, started = STARTS[button]
    first = service.runs.all()[-1].run_id
    version = service.predictions.weights_version(first)
    values = {**FORM, **values, ids.RUNS_GRID: {"ids": [first]}}
    version_of_draw = json.dumps(ids.version(ids.TAB_DRAW), separators=(",", ":"))
    values[version_of_draw] = version
    before = len(service.runs.all())
    answers = []
    for click in (1, 2):
        answers.append(page.press(pressed, values, click))
        clock.now += 0.4
    assert len(service.runs.all()) == before + started
    assert answers[0] == answers[1]  # Dash drops the first answer if the second click overtakes it


def test_a_press_a_second_later_is_another_wish(
    page: Callbacks, service: TrainingService, clock: Clock
) -> None:
    before = len(service.runs.all())
    for click in (1, 2):
        page.press(train.TRAIN, FORM, click)
        clock.now += SECONDS
    assert len(service.runs.all()) == before + 2


def test_the_same_press_in_another_browser_is_another_wish(
    page: Callbacks, client: TestClient, service: TrainingService
) -> None:
    before = len(service.runs.all())
    for visitor in ("Anna", "Ben"):
        client.cookies.set(VISITOR, visitor)
        page.press(train.TRAIN, FORM)
    client.cookies.clear()
    assert len(service.runs.all()) == before + 2


def test_a_press_with_other_settings_is_another_wish(
    page: Callbacks, service: TrainingService
) -> None:
    before = len(service.runs.all())
    for seed in (1, 2):
        page.press(train.TRAIN, {config_form.SETTINGS: {**SHORT, "seed": seed}})
    assert len(service.runs.all()) == before + 2


def test_a_script_starts_as_many_equal_runs_as_it_asks_for(
    client: TestClient, page: Callbacks
) -> None:
    started = [client.post("/api/runs", json=SHORT).json()["run_id"] for _ in range(3)]
    assert len(set(started)) == 3


def called_from(remote: str) -> None:
    """What Dash notes of the request that it works on."""
    context_value.set(AttributeDict(remote=remote))


def test_what_takes_longer_than_a_second_is_begun_once(clock: Clock) -> None:
    calls: list[str] = []
    answered = threading.Event()

    def act(wish: str) -> str:
        calls.append(wish)
        assert answered.wait(60)
        return f"{wish} {len(calls)}"

    async def both() -> list[str]:
        called_from("here")
        pressed = Presses()
        first = asyncio.create_task(pressed.once(act, "train"))
        await asyncio.sleep(0)
        clock.now += 10 * SECONDS
        second = asyncio.create_task(pressed.once(act, "train"))
        await asyncio.sleep(0)
        answered.set()
        return [await first, await second]

    assert run_async(both()) == ["train 1", "train 1"]
    assert calls == ["train"]


def test_another_computers_press_and_a_press_that_failed_a_second_ago_count(clock: Clock) -> None:
    calls: list[Any] = []

    def act() -> None:
        calls.append(ctx_remote := context_value.get().remote)
        raise ValueError(ctx_remote)

    async def press_all() -> None:
        pressed = Presses()
        for remote in ("here", "here", "there"):
            called_from(remote)
            with pytest.raises(ValueError, match=remote):
                await pressed.once(act)
        clock.now += SECONDS
        with pytest.raises(ValueError, match="there"):
            await pressed.once(act)

    run_async(press_all())
    assert calls == ["here", "there", "there"]
