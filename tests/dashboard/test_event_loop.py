"""What may take long, and all that may read from disk, is done in threads: not on the event loop.

While that is busy, no page hears anything and no request is answered.
"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient
from pydantic_core import from_json

from core.config import parse_config
from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard import ids
from dashboard.api import bodies
from dashboard.components import config_form
from dashboard.tabs.draw import layout as draw
from dashboard.tabs.embedding import layout as embedding
from dashboard.tabs.experiments.cnn_vs_mlp import layout as compare
from dashboard.tabs.gallery import layout as gallery
from dashboard.tabs.inside import layout as inside
from dashboard.tabs.mistakes import layout as mistakes
from dashboard.tabs.train import network
from tests.dashboard.conftest import SHORT, Callbacks, in_memory_service, opened
from tests.support import Finish

OWNER = "0123456789abcdef" * 2
A_SEVEN = {"strokes": [[[60, 60], [200, 60], [120, 240]]]}
QUICK = {"subscribe"}
"""What reads nothing and waits for nobody."""


def is_on_event_loop() -> bool:
    """The main thread is the test's own: after a browser test, Playwright has a loop there."""
    if threading.current_thread() is threading.main_thread():
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Watched:
    """A service, or a part of it, that notes where its methods are called.

    Attributes:
        called: every method that was called.
        on_loop: those that were called on an event loop.
    """

    def __init__(self, part: Any, name: str, called: set[str], on_loop: set[str]) -> None:
        self._part, self._name = part, name
        self.called, self.on_loop = called, on_loop

    def close(self) -> None:
        """The server ends, but the service serves other tests, too."""

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._part, attribute)
        name = f"{self._name}{attribute}"
        if not callable(found):
            is_part = type(found).__module__.startswith("core.")
            return Watched(found, f"{name}.", self.called, self.on_loop) if is_part else found

        def call(*args: Any, **options: Any) -> Any:
            self.called.add(name)
            if is_on_event_loop() and name not in QUICK:
                self.on_loop.add(name)
            return found(*args, **options)

        return call


@pytest.fixture(scope="module")
def service(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, finish: Finish
) -> Iterator[TrainingService]:
    """A service with a pair that is done, and a kept drawing."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))
    service.runs.start_pair(parse_config({**SHORT, "epochs": 1}))
    for run in service.runs.all():
        finish(service, run.run_id)
    service.drawings.save(OWNER, 7, service.inspection.drawing(A_SEVEN, False))
    yield service
    service.close()


@pytest.fixture
def watched(service: TrainingService) -> Watched:
    return Watched(service, "", set(), set())


@pytest.fixture
def client(watched: Watched) -> Iterator[TestClient]:
    yield from opened(cast(TrainingService, watched))


def test_callbacks_ask_the_service_in_threads(
    client: TestClient, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    page = Callbacks(client, watched)
    run = watched.runs.all()[-1]
    version = watched.predictions.weights_version(run.run_id)
    drawing = {"drawing": A_SEVEN, "as_drawn": False, "version": version}
    image = {"version": version, "width": 400, "source": "test", "index": "1"}
    values = {
        ids.RUN_PICK: run.run_id,
        f"{ids.RUNS_GRID}.selectedRows": [{"run_id": run.run_id}],
        f"{compare.CLOCK}.disabled": False,
        compare.VERSION: {"pair": run.pair},
        embedding.REQUEST: {**drawing, "method": "pca", "version": "none/0/0"},
        embedding.RUN: {"run": run.run_id},
        draw.COURSE_REQUEST: drawing,
        gallery.REQUEST: {**image, "count": 4, "wrong": False, "seed": 0, "chosen": None},
        mistakes.REQUEST: {**image, "wrong": False, "true": None, "predicted": None},
        inside.REQUEST: image,
        network.MODEL: "mlp",
        config_form.SETTINGS: SHORT,
    }
    for callback in page.on_server:
        for tab in (ids.TAB_DRAW, ids.TAB_RUNS):
            page.call(callback, values | {ids.OPEN_TAB: tab})
            if ids.OPEN_TAB not in [part["id"] for part in callback["inputs"] + callback["state"]]:
                break
    page.press(compare.TRAIN, values | {compare.CNN: "simple_cnn"})
    assert [record.getMessage() for record in caplog.records] == []
    assert {"runs.start_pair", "comparisons.progress", "drawings.predict"} <= watched.called
    assert watched.on_loop == set()


def test_routes_ask_the_service_in_threads(client: TestClient, watched: Watched) -> None:
    run_id = watched.runs.all()[-1].run_id
    described = client.get("/api/openapi.json").json()
    for path in described["paths"]:
        client.get(path.format(run_id=run_id, drawing_id="none"))
    with client.websocket_connect("ws://127.0.0.1/api/live") as socket:
        socket.send_text("{}")
        assert socket.receive_json()["runs"]
        watched.runs.update_metadata(run_id, note="new")
        rows: list[dict[str, Any]] = []
        while "new" not in [row["note"] for row in rows]:
            rows = socket.receive_json().get("runs", [])
    assert {"runs.all", "runs.snapshot", "runs.events_since", "exports.weights"} <= watched.called
    assert watched.on_loop == set()


def test_json_is_parsed_in_threads(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed_on_loop = []

    def watched(text: Any) -> Any:
        parsed_on_loop.append(is_on_event_loop())
        return from_json(text)

    monkeypatch.setattr(bodies, "from_json", watched)
    assert client.post("/api/predict", content=b'{"strokes": []}').status_code == 422
    assert parsed_on_loop == [False]
