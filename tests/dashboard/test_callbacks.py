"""Whatever is sent to Dash's own routes is answered, and nothing that is sent fails the server."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response

from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard import ids
from dashboard.components import config_form
from dashboard.tabs.draw import layout as draw
from dashboard.tabs.embedding import layout as embedding
from dashboard.tabs.experiments.cnn_vs_mlp import layout as pairs
from dashboard.tabs.gallery import layout as gallery
from dashboard.tabs.inside import layout as inside
from dashboard.tabs.mistakes import layout as mistakes
from dashboard.tabs.train import network
from tests.dashboard.conftest import Callbacks, in_memory_service, opened, refusal, until_stopped
from tests.support import Finish

UPDATE = "/_dash-update-component"
DEEP = "[" * 500 + "]" * 500
JUNK: list[Any] = [
    *(None, -1, 10**400, float("nan"), "\0", "\ud800", "9" * 5000, "a/b/e" + "9" * 5000),
    *([{}], {"x": [1]}, json.loads(DEEP)),
]
FEW = [None, -1, "\ud800", "9" * 5000, [[]]]
"""Of a part of a value."""
SEVEN = {"strokes": [[[60, 60], [200, 60], [120, 240]]]}


def sent(run: str) -> dict[str, Any]:
    """What the page sends, by component, of a run."""
    version = f"{run}/0/e1"
    image = base64.b64encode(np.eye(28, dtype=np.float32).tobytes()).decode()
    grid = {"version": version, "image": 1, "image_run": run, "seed": 1, "digit": None}
    return {
        config_form.SETTINGS: {"epochs": "2", "model": "mlp", "batch_size": "30"},
        network.MODEL: "mlp",
        gallery.REQUEST: {**grid, "count": 5, "which": "any", "chosen": [1, 2]},
        mistakes.REQUEST: {
            "version": version,
            "image": 1,
            "image_run": run,
            "category": "any",
            "page": 1,
            "order": "index",
            "wrong": True,
            "true": 1,
            "predicted": None,
        },
        draw.COURSE_REQUEST: {"version": version, "drawing": SEVEN, "as_drawn": False, "last": 1},
        inside.REQUEST: {
            "source": "test",
            "index": "3",
            "drawing": SEVEN,
            "as_drawn": False,
            "version": version,
        },
        inside.SHOWN: {
            "image": image,
            "version": version,
            "filters": ["fc1"],
            "convolutions": [],
        },
        inside.POINT: {"layer": 1, "pixel": [0, 0, 0]},
        embedding.REQUEST: {
            "version": version,
            "method": "pca",
            "drawing": SEVEN,
            "as_drawn": False,
        },
        embedding.RUN: {"run": run},
        ids.RUNS_GRID: [{"run_id": run}],
        pairs.CNN: "simple_cnn",
        ids.RUN_PICK: run,
    }


def changed(value: Any) -> Iterator[Any]:
    """A value with one part of it replaced by junk."""
    yield from JUNK
    if isinstance(value, dict):
        for name in value:
            yield {key: part for key, part in value.items() if key != name}
            yield from ({**value, name: junk} for junk in FEW)
    elif isinstance(value, list):
        yield from ([part] for part in changed(value[0]))


@pytest.fixture(scope="module")
def service(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory, done: TrainingService
) -> Iterator[TrainingService]:
    """A service of its own: some of what is sent starts and deletes runs."""
    service = in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"), until_stopped)
    weights = done.exports.weights(done.runs.snapshot().run_id, None, "pth").content
    service.imports.import_weights(weights)
    yield service
    service.close()


@pytest.fixture(scope="module")
def page(service: TrainingService) -> Iterator[TestClient]:
    yield from opened(service)


def test_whatever_a_callback_is_sent_it_answers(
    page: TestClient,
    service: TrainingService,
    caplog: pytest.LogCaptureFixture,
    finish: Finish,
) -> None:
    callbacks, run = Callbacks(page, service), service.runs.snapshot().run_id
    service.runs.update_metadata(run, pinned=True)
    values, problems, refused = sent(run), [], 0
    for callback in callbacks.on_server:
        for part in [*callback["inputs"], *callback["state"]]:
            name = f"{part['id']}.{part['property']}"
            for junk in changed(values.get(name, values.get(part["id"]))):
                caplog.clear()
                answer = callbacks.call(callback, {**values, name: junk})
                failures = [one for one in caplog.records if one.levelno >= logging.ERROR]
                if failures or answer.status_code not in (200, 204, 400):
                    error = failures[0].exc_info if failures else answer.text
                    problems.append((callback["output"][:60], name, repr(junk)[:60], error))
                if answer.status_code == 400:
                    refused += 1
                    refusal(answer, 400)
            for one in service.runs.all():  # few, so that all stays quick
                service.runs.stop(one.run_id)
                finish(service, one.run_id)
                if one.run_id != run:
                    service.runs.delete(one.run_id)
    assert problems == []
    assert refused > 500


def post(page: TestClient, content: bytes | str, kind: str = "application/json") -> Response:
    return page.post(UPDATE, content=content, headers={"Content-Type": kind})


PART = {"id": ids.RUN_PICK, "property": "value", "value": "newest"}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b"1", b'"x"', b"{", b"\xff\xfe", b"{}", b'{"output": 1}'),
        *(b'{"output": []}', b'{"output": "x", "inputs": []}', DEEP.encode() * 3),
        b"[" * 100_000,
    ],
    ids=lambda body: str(body)[:30],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_body_that_is_no_call_is_refused(untrained: TestClient, body: bytes, kind: str) -> None:
    refusal(post(untrained, body, kind), 400)


@pytest.mark.parametrize(
    "change",
    [
        *({"output": value} for value in ("x", "..", None, ["a"], "form-errors.children")),
        *({"inputs": value} for value in ([], None, 1, [1], [[PART]], [PART], [PART, PART])),
        {"inputs": [{"id": {"a": json.loads(DEEP)}, "property": "data"}]},
        *({"outputs": value} for value in ([], None, 1, [PART], PART, {"id": []})),
        *({"state": value} for value in ([PART], 1, None, "", {})),
        *({"changedPropIds": value} for value in (["x"], [1], 1, None, ["run-pick.value"])),
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_call_of_no_callback_of_the_page_is_refused(
    untrained: TestClient, change: dict[str, Any]
) -> None:
    call = {
        "output": f"{config_form.FORM_ERRORS}.data",
        "outputs": {"id": config_form.FORM_ERRORS, "property": "data"},
        "inputs": [{"id": config_form.SETTINGS, "property": "data", "value": {}}],
        "state": [],
        "changedPropIds": [f"{config_form.SETTINGS}.data"],
    }
    assert post(untrained, json.dumps(call)).status_code == 200
    refusal(post(untrained, json.dumps(call | change)), 400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "X"])
@pytest.mark.parametrize(
    "path",
    [
        *("/_dash-layout", "/_dash-dependencies", "/_dash-nothing", "/_reload-hash"),
        *(f"/_dash-component-suites/{name}" for name in ("dash/no.js", "x/y", "dash", "/")),
        *(f"/{folder}/{name}" for folder in ("assets", "vendor/bootstrap", "guide/images",
          "_dash-component-suites/dash", "api", "api/runs", "api/docs")
          for name in ("%00", "..%2f..%2frun.py", "%2e%2e/run.py", "a" * 5000, "%ff", "a/" * 999)),
        *("/%00", "/%ff", "/a/../..", "/" + "a" * 9000),
    ],
    ids=lambda part: part[:40],
)  # fmt: skip
def test_an_odd_path_is_answered(
    untrained: TestClient, caplog: pytest.LogCaptureFixture, path: str, method: str
) -> None:
    answer = untrained.request(method, path)
    assert answer.status_code in (200, 400, 404, 405)
    if answer.status_code >= 400 and method != "HEAD":
        refusal(answer, answer.status_code)
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []
