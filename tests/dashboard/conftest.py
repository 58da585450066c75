"""What the tests of the page and the REST routes share: clients of servers, and their services.

To put a server together takes a third of a second, so most tests share one. `untrained`, `trained`
and `busy` serve all tests of a process; `client` has a server of its own.
"""

import functools
import json
import queue
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dash import html
from dash.development.base_component import Component
from fastapi.testclient import TestClient
from httpx import Response

from core.config import TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import Runtime
from core.records.metrics import BatchMetrics, EpochMetrics
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.service.worker import Fit
from core.training.control import TrainingControl
from core.training.loop import Event, fit as real_fit
from core.training.state import Checkpoint
from dashboard.app import create_app, layout
from dashboard.components import config_form, header, runs_table, shortcuts
from dashboard.live.updates import Changes
from dashboard.navigation import TABS
from dashboard.tabs.train.layout import run_settings
from tests.support import Finish, MakeService, WaitUntil, instant_probe

SHORT = {"epochs": 2, "batch_size": 30, "model": "mlp", "precision": "fp32"}


class InMemoryCatalog(DataCatalog):
    """A catalog whose only data set is in memory from the beginning."""

    def __init__(self, data: Dataset) -> None:
        super().__init__(None, Path("/nowhere"), prefer="synthetic")
        self._data = data

    def load(self, name: str, cancelled: Any = None) -> Dataset:
        return self._data


def in_memory_service(data: Dataset, runs: Path, fit: Fit = real_fit) -> TrainingService:
    return TrainingService(InMemoryCatalog(data), RunDatabase(runs), fit, instant_probe)


def until_stopped(
    config: TrainConfig, data: Dataset, runtime: Runtime, control: TrainingControl, *_: Any
) -> Iterator[Event]:
    """A fake `fit` whose run goes on until somebody stops it."""
    yield Checkpoint(config.model, 0, 0, 0.0, {}, None)
    while not control.should_stop():
        time.sleep(0.01)


def opened(
    service: TrainingService,
    base_url: str = "http://127.0.0.1",
    host: str = "127.0.0.1",
    **options: Any,
) -> Iterator[TestClient]:
    """A client of a server for the service, which is closed at the end."""
    server = create_app(service, host, **options).server
    with TestClient(server, base_url=base_url, raise_server_exceptions=False) as client:
        yield client


def page_parts(service: TrainingService) -> list[Component]:
    """All components of the page when every tab and every dialog has been opened once."""
    page = layout(service)
    built = [getattr(part, "data-tab", None) for part in page._traverse() if _has_children(part)]
    later = [tab.layout(service) for tab in TABS if tab.id not in built]
    later += [
        html.Div(contents)
        for contents in (config_form.fields_in_groups({}), run_settings(), shortcuts.contents())
    ]
    parts = [part for one in (page, *later) for part in (one, *one._traverse())]
    return [part for part in parts if isinstance(part, Component)]


def _has_children(part: object) -> bool:
    return bool(getattr(part, "children", None))


def refusal(answer: Response, code: int) -> str:
    """The sentence of an answer that must be an error of that code."""
    assert answer.status_code == code, answer.text
    body = answer.json()
    assert isinstance(body["error"], str)
    assert body["error"][:1].isupper() or body["error"][:1] == "`" or "field" in body
    assert body["error"].endswith(".")
    return str(body["error"])


class Clock:
    """Seconds that a test sets, in place of `time.monotonic`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Callbacks:
    """The callbacks of a server, called as the page calls them.

    Attributes:
        on_server: the callbacks, as the server describes them to the page.
    """

    def __init__(self, client: TestClient, service: TrainingService) -> None:
        self._client = client
        every = client.get("/_dash-dependencies").json()
        self.on_server = [callback for callback in every if not callback["clientside_function"]]
        parts = page_parts(service)
        self._parts = {_name(part.id): part for part in parts if getattr(part, "id", None)}

    def press(self, button: str, values: dict[str, Any], click: int = 1) -> Any:
        """Clicks a button: what the server answers.

        Args:
            values: of what the callback reads, by id or by `id.property`; the others are as on a
                new page.
        """
        (found,) = (
            callback
            for callback in self.on_server
            if any(part["id"] == button for part in callback["inputs"])
        )
        answer = self.call(found, values | {button: click}, button)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def call(
        self, callback: dict[str, Any], values: dict[str, Any], trigger: str | None = None
    ) -> Response:
        """Calls a callback as `press` does; `trigger` is by default its first input."""
        changed = next(part for part in callback["inputs"] if trigger in (None, part["id"]))
        named = [] if callback["no_output"] else callback["output"].strip(".").split("...")
        outputs = [
            dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in named
        ]
        body = {
            "output": callback["output"],
            "outputs": outputs if len(outputs) > 1 else next(iter(outputs), None),
            "inputs": [self._read(part, values) for part in callback["inputs"]],
            "state": [self._read(part, values) for part in callback["state"]],
            "changedPropIds": [f"{changed['id']}.{changed['property']}"],
        }
        headers = {"Content-Type": "application/json"}
        content = json.dumps(body)  # of any value: httpx sends no NaN as JSON
        return self._client.post("/_dash-update-component", content=content, headers=headers)

    def _read(self, part: dict[str, str], values: dict[str, Any]) -> dict[str, Any]:
        name = part["id"]
        default = getattr(self._parts.get(name), part["property"], None)
        found = json.loads(name) if name.startswith("{") else name
        value = values.get(f"{name}.{part['property']}", values.get(name, default))
        return {"id": found, "property": part["property"], "value": value}


def _name(part: str | dict[str, str]) -> str:
    """An id as callbacks name it."""
    return (
        part if isinstance(part, str) else json.dumps(part, sort_keys=True, separators=(",", ":"))
    )


@pytest.fixture
def client(service: TrainingService) -> Iterator[TestClient]:
    """A client of a server for this test alone, which trains on the tiny data set."""
    yield from opened(service)


@pytest.fixture
def drawings(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of the drawings. None are left behind on a server that tests share."""
    path = "/api/handwriting"
    yield path
    for name in {"trained", "untrained"} & set(request.fixturenames):
        client: TestClient = request.getfixturevalue(name)
        for drawing in client.get(path).json()["drawings"]:
            client.delete(f"{path}/{drawing['id']}")


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
    assert untrained_service.runs.all() == []


@pytest.fixture(scope="session")
def done(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, finish: Finish
) -> Iterator[TrainingService]:
    """A service whose only run is done. Tests may read and keep `drawings`, but start nothing."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))
    service.runs.start(parse_config(SHORT))
    finish(service)
    yield service
    service.close()


@pytest.fixture(scope="session")
def trained(done: TrainingService) -> Iterator[TestClient]:
    """A client of a server whose only run is done. Tests may read and keep `drawings`."""
    yield from opened(done)
    assert len(done.runs.all()) == 1


@pytest.fixture(scope="session")
def run_id(done: TrainingService) -> str:
    """The only run of `trained`."""
    return done.runs.snapshot().run_id


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
    for run in busy_service.runs.all():
        busy_service.runs.stop(run.run_id)
    wait_until(lambda: all(run.state.finished for run in busy_service.runs.all()))


# Runs whose events a test gives


class LiveHarness:
    """A service whose runs train nothing but tell the events that a test gives, and its changes."""

    def __init__(self, make_service: MakeService, wait_until: WaitUntil) -> None:
        self._wait_until = wait_until
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._begun = False
        self.service = make_service(fit=self._fit)
        describe = functools.partial(header.describe, self.service)
        self.changes = Changes(self.service, runs_table.row, describe)

    def start(self) -> str:
        """Starts a run whose events `report` gives."""
        self.service.runs.start(TrainConfig(epochs=2, precision="fp32"))
        return self.follow()

    def follow(self) -> str:
        """Waits until the run whose turn it is has begun; `report` then gives its events."""
        run_id = self.service.runs.latest()
        assert run_id is not None
        self._wait_until(lambda: self.service.runs.snapshot(run_id).kept and self._begun)
        return run_id

    def report(self, *events: Event) -> None:
        """Gives events of the run that trains, and waits until everybody was notified of them."""
        for event in events:
            self._events.put(event)
        self._wait_until(lambda: not self._events.unfinished_tasks)

    def end(self) -> None:
        """Ends the run that trains, and waits until the service has noticed."""
        run_id = self.service.runs.latest()
        self._events.put(None)
        self._wait_until(lambda: self.service.runs.snapshot(run_id).state.finished)

    def _fit(
        self,
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *_: Any,
    ) -> Iterator[Event]:
        self._begun = False
        yield Checkpoint(config.model, 0, 0, 0.0, {}, None)
        self._begun = True
        while not control.should_stop():
            try:
                event = self._events.get(timeout=0.02)
            except queue.Empty:
                continue
            if event is not None:
                yield event
            self._events.task_done()
            if event is None:
                return


@pytest.fixture
def harness(make_service: MakeService, wait_until: WaitUntil) -> LiveHarness:
    return LiveHarness(make_service, wait_until)


def batch(step: int) -> BatchMetrics:
    return BatchMetrics(
        epoch=1 + (step > 10),
        step=step,
        progress=step / 10,
        loss=2.0 / step,
        accuracy=1 - 1 / (step + 1),
        learning_rate=1e-3,
        images_per_second=1000.0 + step,
        seconds=0.1 * step,
    )


def evaluation(epoch: int) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        step=10 * epoch,
        progress=float(epoch),
        train_loss=1.0,
        train_accuracy=0.5,
        test_loss=0.25,
        test_accuracy=0.75,
        images_per_second=1000.0,
        seconds=1.0 * epoch,
    )


def network(progress: float) -> Checkpoint:
    """Weights after so many epochs, which can be looked at."""
    return Checkpoint("simple_cnn", 1, 1, progress, {}, np.zeros((1, 10), np.float32))
