"""The REST routes: what a client gets, and that every error is a sentence and none a crash."""

import itertools
import json
import math
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx import Response

from core.config import TrainConfig
from core.data import mnist_download
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.records.runs import RunState
from core.service.service import TrainingService
from dashboard.api.app import create_api
from dashboard.live.endpoint import Live
from tests.dashboard.conftest import SHORT, opened, refusal
from tests.support import MakeService, WaitUntil
from tools.tiny_datasets import write_mnist

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]


A_BAR = [[255 if 12 <= x < 16 and 5 <= y < 23 else 0 for x in range(28)] for y in range(28)]


def test_the_server_says_that_it_is_well(untrained: TestClient) -> None:
    answer = untrained.get("/api/health")
    assert answer.status_code == 200
    health = answer.json()
    assert health.pop("free_bytes") > 0
    assert health == {
        "status": "ok",
        "worker_alive": True,
        "queue_length": 0,
        "dataset": "Synthetic digits",
        "dataset_state": "unknown",
        "version": "1",
    }


def test_a_server_that_cannot_train_answers_503(
    untrained: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.health.MIN_FREE_BYTES", 1 << 80)
    answer = untrained.get("/api/health")
    assert answer.status_code == 503
    assert answer.json()["status"].startswith("The disk is full: ")


def test_a_full_queue_answers_409(untrained: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.service.worker.MAX_QUEUED", 0)
    sentence = refusal(untrained.post("/api/runs", json=SHORT), 409)
    assert sentence.startswith("The queue is full: at most 0 runs")


def test_the_presets_promise_a_time_on_this_computer(
    client: TestClient, wait_until: WaitUntil
) -> None:
    first = client.get("/api/speed").json()
    assert first["device"]
    assert first["presets"]["fast"] == {"seconds": None, "accuracy": None}
    wait_until(lambda: client.get("/api/speed").json()["state"] == "measured")
    told = client.get("/api/speed").json()
    assert list(told["presets"]) == ["fast", "notebook", "speedrun", "accurate"]
    assert all(promise["seconds"] > 0 for promise in told["presets"].values())


def test_a_data_set_that_is_missing_says_what_was_searched_and_is_searched_again(
    make_service: MakeService,
    synthetic_folder: Path,
    tiny_dataset: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: WaitUntil,
) -> None:
    monkeypatch.setattr(mnist_download, "mirrors", list)
    folder = write_mnist(tiny_dataset, synthetic_folder / "mine")
    labels = (folder / "t10k-labels-idx1-ubyte").rename(synthetic_folder / "elsewhere")
    catalog = DataCatalog(folder, synthetic_folder)
    catalog.load("auto")

    with contextmanager(opened)(make_service(catalog)) as client:
        found = client.get("/api/datasets").json()
        assert (found["mnist"]["state"], found["auto"]["name"]) == ("unavailable", "synthetic")
        sentence = found["mnist"]["message"]
        assert sentence.startswith(f"The folder {folder} holds train-images-idx3-ubyte, ")
        assert "; t10k-labels-idx1-ubyte is missing." in sentence
        assert found["auto"]["note"].startswith(sentence)

        run = client.post("/api/runs", json={**SHORT, "dataset": "mnist"}).json()
        wait_until(lambda: client.get(f"/api/runs/{run['run_id']}").json()["state"] == "failed")
        assert client.get(f"/api/runs/{run['run_id']}").json()["error"] == sentence
        assert refusal(client.get(f"/api/preview.png?run={run['run_id']}"), 503) == sentence

        labels.rename(folder / "t10k-labels-idx1-ubyte")
        assert client.post("/api/datasets/search").status_code == 202
        wait_until(lambda: client.get("/api/datasets").json()["auto"]["state"] == "ready")
        found = client.get("/api/datasets").json()
        assert (found["auto"]["title"], found["auto"]["note"]) == ("Images in mine", "")


# Runs


def test_a_run_that_is_started_can_be_followed_to_its_end(
    client: TestClient, service: TrainingService, finish: Any
) -> None:
    started = client.post("/api/runs", json=SHORT)
    assert started.status_code == 201
    run_id = started.json()["run_id"]
    finish(service, run_id)
    run = client.get(f"/api/runs/{run_id}").json()
    assert run["run_id"] == run_id
    assert run["state"] == "done"
    assert (run["epoch"], run["epochs"]) == (2, 2)
    assert run["error"] is None
    assert run["dataset"] == "synthetic"
    assert run["device"]
    assert run["images_per_second"] > 0
    for name in ("train_loss", "test_loss"):
        assert run[name] >= 0
    for name in ("train_accuracy", "test_accuracy"):
        assert 0.5 < run[name] <= 1  # the tiny data set is learned in two epochs


def test_a_run_that_only_began_has_all_its_fields(busy: TestClient) -> None:
    run_id = busy.post("/api/runs", json=SHORT).json()["run_id"]
    run = busy.get(f"/api/runs/{run_id}").json()
    expected = (
        "run_id state epoch epochs images_per_second train_loss train_accuracy test_loss "
        "test_accuracy dataset device error"
    )
    assert set(expected.split()) <= set(run)
    assert run["state"] == "running"
    assert run["test_accuracy"] is None


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_run_without_settings_has_the_defaults(busy: TestClient, body: bytes) -> None:
    started = busy.post("/api/runs", content=body)
    assert started.status_code == 201
    run = busy.get(f"/api/runs/{started.json()['run_id']}").json()
    assert run["config"] | {"dataset": "auto"} == TrainConfig().model_dump()  # it may have begun


def test_a_second_run_waits_while_the_first_one_trains(busy: TestClient) -> None:
    first = busy.post("/api/runs", json=SHORT).json()
    answer = busy.post("/api/runs", json=SHORT)
    second = answer.json()
    assert answer.status_code == 201
    assert (first["state"], first["queue_place"]) == ("running", None)
    assert (second["state"], second["queue_place"]) == ("queued", 1)
    cancelled = busy.post(f"/api/runs/{second['run_id']}/stop").json()
    assert cancelled["state"] == "stopped"


def test_after_a_stop_the_next_run_can_start(busy: TestClient, wait_until: Any) -> None:
    first = busy.post("/api/runs", json=SHORT).json()["run_id"]
    stopping = busy.post(f"/api/runs/{first}/stop")
    assert stopping.status_code == 200
    assert stopping.json()["state"] in ("stopping", "stopped")
    wait_until(lambda: busy.get(f"/api/runs/{first}").json()["state"] == "stopped")
    assert busy.post("/api/runs", json=SHORT).status_code == 201


def test_a_stop_after_the_end_changes_nothing(trained: TestClient, run_id: str) -> None:
    before = trained.get(f"/api/runs/{run_id}").json()
    assert trained.post(f"/api/runs/{run_id}/stop").json() == before
    assert before["state"] == RunState.DONE.value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", "many"),
        ("epochs", None),
        ("epochs", 10**400),
        ("epochs", [1]),
        ("learning_rate", -1),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("batch_size", 1.5),
        ("model", "transformer"),
        ("dataset", {}),
        ("no_such_setting", 1),
    ],
)
def test_a_bad_setting_is_named_with_a_sentence(
    untrained: TestClient, untrained_service: TrainingService, field: str, value: Any
) -> None:
    answer = untrained.post("/api/runs", content=json.dumps({**SHORT, field: value}))
    sentence = refusal(answer, 422)
    body = answer.json()
    assert body["field"] == field
    assert body["fields"][field].endswith(".")
    assert field in sentence
    assert untrained_service.runs.all() == []


def test_of_several_bad_settings_each_has_its_sentence(untrained: TestClient) -> None:
    answer = untrained.post("/api/runs", json={"epochs": 0, "batch_size": 0})
    refusal(answer, 422)
    assert set(answer.json()["fields"]) == {"epochs", "batch_size"}


@pytest.mark.parametrize(
    "body",
    [
        b"epochs=3",
        b"{",
        b"[]",
        b'"fast"',
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"\\ud800": 1}',
    ],
    ids=["form", "half", "list", "text", "null", "not text", "deep", "half a letter"],
)
def test_settings_that_are_no_json_object_are_refused(
    untrained: TestClient, untrained_service: TrainingService, body: bytes
) -> None:
    refusal(untrained.post("/api/runs", content=body), 400)
    assert untrained_service.runs.all() == []


@pytest.mark.parametrize("name", ["", "a\\u0000b", "__proto__", "x" * 10_000])
def test_a_setting_with_an_odd_name_is_refused_like_any_other(
    untrained: TestClient, name: str
) -> None:
    refusal(untrained.post("/api/runs", content=f'{{"{name}": 1}}'.encode()), 422)


def test_a_run_is_paused_resumed_and_stopped(busy: TestClient, wait_until: WaitUntil) -> None:
    path = f"/api/runs/{busy.post('/api/runs', json=SHORT).json()['run_id']}"

    def state() -> str:
        return str(busy.get(path).json()["state"])

    assert busy.post(f"{path}/pause").json()["state"] in ("stopping", "paused")
    wait_until(lambda: state() == "paused")
    assert "it is paused" in refusal(busy.post(f"{path}/pause"), 409)
    assert busy.post(f"{path}/resume").json()["state"] == "running"
    assert busy.post(f"{path}/stop").status_code == 200
    wait_until(lambda: state() == "stopped")


def test_a_run_is_deleted_and_restored_unless_it_trains_or_is_pinned(
    busy: TestClient, wait_until: WaitUntil
) -> None:
    run_id = busy.post("/api/runs", json=SHORT).json()["run_id"]
    path = f"/api/runs/{run_id}"
    assert "Stop it first" in refusal(busy.delete(path), 409)
    busy.post(f"{path}/stop")
    wait_until(lambda: busy.get(path).json()["state"] == "stopped")

    assert busy.patch(path, json={"pinned": True}).json()["pinned"] is True
    assert "locked" in refusal(busy.delete(path), 409)
    assert busy.patch(path, json={"pinned": False}).json()["pinned"] is False
    assert busy.delete(path).status_code == 204
    assert "no run" in refusal(busy.get(path), 404)
    assert run_id not in {run["run_id"] for run in busy.get("/api/runs").json()["runs"]}
    assert busy.post(f"{path}/restore").json()["run_id"] == run_id
    assert busy.get(path).json()["state"] == "stopped"


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "words"),
    [
        ("PATCH", "", {"name": 5}, 400, "`name` should be"),
        ("PATCH", "", {"name": "x" * 1001}, 400, "`name` should have at most 1000"),
        ("PATCH", "", {"pinned": "yes"}, 400, "`pinned` should be"),
        ("PATCH", "", {"colour": "red"}, 400, "`colour` cannot be set here"),
        ("POST", "/rewind", {}, 400, "`epoch` is missing"),
        ("POST", "/rewind", None, 400, "body must be a JSON object"),
        ("POST", "/rewind", {"epoch": "1"}, 400, "`epoch` should be"),
        ("POST", "/rewind", {"epoch": -1}, 400, "`epoch` should be"),
        ("POST", "/rewind", {"epoch": 9}, 404, "not kept. There are: 0, 1, 2"),
        ("POST", "/fork", {}, 400, "`epoch` is missing"),
        ("POST", "/fork", {"epoch": 9}, 404, "not kept"),
        ("POST", "/fork", {"epoch": 1, "epochs": 1}, 422, "epochs"),
        ("POST", "/fork", {"epoch": 1, "model": "simple_cnn"}, 422, "model"),
        ("POST", "/repeat", {"seeds": 1}, 400, "`seeds` should be greater"),
        ("POST", "/repeat", {"seeds": 21}, 400, "`seeds` should be less"),
        ("POST", "/learning-rate", {}, 400, "`learning_rate` is missing"),
        ("POST", "/learning-rate", {"learning_rate": "x"}, 422, "learning_rate"),
        ("POST", "/learning-rate", {"learning_rate": 1e-3}, 409, "it is done"),
        ("POST", "/pause", None, 409, "it is done"),
        ("POST", "/resume", None, 409, "it is done"),
        ("POST", "/restore", None, 404, "no deleted run"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_cannot_be_done_with_a_run_is_refused_and_changes_nothing(
    trained: TestClient, run_id: str, method: str, path: str, body: Any, code: int, words: str
) -> None:
    before = trained.get("/api/runs").json()
    answer = trained.request(method, f"/api/runs/{run_id}{path}", json=body)
    assert words in refusal(answer, code)
    assert trained.get("/api/runs").json() == before


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/metrics.csv", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/stop", None),
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/rewind", {"epoch": 1}),
        ("POST", "/fork", {"epoch": 1}),
        ("POST", "/repeat", None),
        ("POST", "/learning-rate", {"learning_rate": 1e-3}),
    ],
)
def test_a_run_that_never_was_is_not_found(
    trained: TestClient, method: str, path: str, body: Any
) -> None:
    answer = trained.request(method, f"/api/runs/20200101-x{path}", json=body)
    assert "no run" in refusal(answer, 404)


# Events


def test_events_tell_the_whole_run(trained: TestClient, done: TrainingService, run_id: str) -> None:
    body = trained.get(f"/api/runs/{run_id}/events").json()
    events, cursor = done.runs.events_since(run_id, 0)
    assert body == {"events": [asdict(event) for event in events], "cursor": cursor, "revision": 0}
    kinds = [event["kind"] for event in body["events"]]
    assert kinds.count("epoch") == 2
    assert kinds.count("batch") == len(kinds) - 2 > 2


def test_events_from_a_cursor_are_those_after_it(trained: TestClient, run_id: str) -> None:
    everything = trained.get(f"/api/runs/{run_id}/events").json()
    rest = trained.get(f"/api/runs/{run_id}/events", params={"after": 5}).json()
    assert rest == {
        "events": everything["events"][5:],
        "cursor": everything["cursor"],
        "revision": 0,
    }


def test_reading_events_does_not_consume_them(trained: TestClient, run_id: str) -> None:
    first = trained.get(f"/api/runs/{run_id}/events").json()
    assert first["events"]
    assert trained.get(f"/api/runs/{run_id}/events").json() == first


@pytest.mark.parametrize("beyond", [0, 1, 10**12])
def test_a_cursor_at_or_past_the_end_gives_nothing_and_the_end(
    trained: TestClient, run_id: str, beyond: int
) -> None:
    end = trained.get(f"/api/runs/{run_id}/events").json()["cursor"]
    answer = trained.get(f"/api/runs/{run_id}/events", params={"after": end + beyond})
    assert answer.json() == {"events": [], "cursor": end, "revision": 0}


def test_a_cursor_before_the_beginning_gives_everything(trained: TestClient, run_id: str) -> None:
    everything = trained.get(f"/api/runs/{run_id}/events").json()
    assert trained.get(f"/api/runs/{run_id}/events", params={"after": -3}).json() == everything


@pytest.mark.parametrize("after", ["x", "", "1.5", "1e3", "NaN", "9" * 5000])
def test_a_cursor_that_is_no_number_is_refused(
    trained: TestClient, run_id: str, after: str
) -> None:
    refusal(trained.get(f"/api/runs/{run_id}/events", params={"after": after}), 400)


# Readings


def assert_is_reading(answer: Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    reading: dict[str, Any] = answer.json()
    chances = reading["probabilities"]
    assert len(chances) == 10
    assert all(0 <= chance <= 1 for chance in chances)
    assert sum(chances) == pytest.approx(1, abs=1e-5)
    assert reading["digit"] == chances.index(max(chances))
    seen = np.array(reading["input"])
    assert seen.shape == (28, 28)
    assert seen.dtype.kind == "i"
    assert seen.min() == 0
    assert 128 < seen.max() <= 255
    assert reading["sure"] is (reading["doubt"] is None)
    assert reading["doubt"] in (None, "undecided", "unfamiliar")
    return reading


def test_strokes_are_read(trained: TestClient) -> None:
    assert_is_reading(trained.post("/api/predict", json={"strokes": A_SEVEN}))


def test_true_is_no_number_of_an_epoch(trained: TestClient) -> None:
    answer = trained.post("/api/predict", json={"strokes": A_SEVEN, "epoch": True})
    assert answer.status_code == 400
    assert answer.json()["error"] == "`epoch` should be a valid integer."


def test_where_and_how_large_one_draws_does_not_matter(trained: TestClient) -> None:
    moved = [[[x / 2 + 100, y / 2 + 20] for x, y in stroke] for stroke in A_SEVEN]
    first = assert_is_reading(trained.post("/api/predict", json={"strokes": A_SEVEN}))
    second = assert_is_reading(trained.post("/api/predict", json={"strokes": moved}))
    assert first["digit"] == second["digit"]
    assert np.abs(np.array(first["input"]) - np.array(second["input"])).max() <= 2


def test_the_box_and_the_centre_are_told_in_the_drawings_own_unit(trained: TestClient) -> None:
    reading = assert_is_reading(trained.post("/api/predict", json={"strokes": A_SEVEN}))
    assert reading["box"] == {"left": 60, "top": 60, "right": 200, "bottom": 240}
    x, y = reading["centre"]
    assert 60 < x < 200
    assert 60 < y < 240
    reading = assert_is_reading(trained.post("/api/predict", json={"pixels": A_BAR}))
    assert reading["box"] == {"left": 12, "top": 5, "right": 16, "bottom": 23}
    assert reading["centre"] == pytest.approx([14, 14], abs=1)


@pytest.mark.parametrize("kind", ["strokes", "pixels"])
def test_a_drawing_is_read_as_drawn_if_one_wants_that(trained: TestClient, kind: str) -> None:
    small = {
        "strokes": [[[x / 4, y / 4] for x, y in stroke] for stroke in A_SEVEN],
        "pixels": [row + [0] * 84 for row in A_BAR] + [[0] * 112] * 84,
    }[kind]

    def inked(**options: bool) -> list[int]:
        answer = trained.post("/api/predict", json={kind: small, **options})
        places = np.argwhere(np.array(assert_is_reading(answer)["input"]) > 64)
        return [*places.min(axis=0).tolist(), *places.max(axis=0).tolist()]

    assert max(inked(as_drawn=True)) < 10
    assert max(inked(as_drawn=False)) > 20
    assert inked(as_drawn=False) == inked()


def test_a_scribble_is_read_without_being_sure(trained: TestClient) -> None:
    zigzag = [[[20 * n, 40 + 200 * (n % 2)] for n in range(13)]]
    reading = assert_is_reading(trained.post("/api/predict", json={"strokes": zigzag}))
    assert reading["sure"] is False


@pytest.mark.parametrize("value", [None, 1, 0, "true", "", [], {}, math.nan])
def test_as_drawn_is_true_or_false(untrained: TestClient, value: Any) -> None:
    body = json.dumps({"strokes": A_SEVEN, "as_drawn": value})
    assert "as_drawn" in refusal(untrained.post("/api/predict", content=body), 422)


def test_as_drawn_there_is_nothing_to_read_beside_the_canvas(trained: TestClient) -> None:
    beside = [[[x + 900, y] for x, y in stroke] for stroke in A_SEVEN]
    assert_is_reading(trained.post("/api/predict", json={"strokes": beside}))
    answer = trained.post("/api/predict", json={"strokes": beside, "as_drawn": True})
    assert "canvas" in refusal(answer, 422)


def test_pixels_are_read(trained: TestClient) -> None:
    seen = assert_is_reading(trained.post("/api/predict", json={"pixels": A_BAR}))["input"]
    rows, columns = np.nonzero(np.array(seen) > 128)
    assert np.ptp(rows) > 3 * np.ptp(columns)  # the bar still stands upright


def test_a_picture_of_what_the_network_saw_is_read_the_same(trained: TestClient) -> None:
    drawn = assert_is_reading(trained.post("/api/predict", json={"strokes": A_SEVEN}))
    again = assert_is_reading(trained.post("/api/predict", json={"pixels": drawn["input"]}))
    assert again["digit"] == drawn["digit"]
    assert again["probabilities"] == pytest.approx(drawn["probabilities"], abs=0.05)


def test_one_reads_while_a_run_trains(
    client: TestClient, service: TrainingService, wait_until: Any
) -> None:
    run_id = client.post("/api/runs", json={**SHORT, "epochs": 2000}).json()["run_id"]
    wait_until(lambda: service.runs.events_since(run_id, 0)[1] > 0)
    assert_is_reading(client.post("/api/predict", json={"strokes": A_SEVEN}))
    assert not service.runs.snapshot(run_id).state.finished


@pytest.mark.parametrize("body", [{"strokes": A_SEVEN}, {"pixels": A_BAR}])
def test_without_a_network_a_drawing_is_not_read(untrained: TestClient, body: Any) -> None:
    assert "Train" in refusal(untrained.post("/api/predict", json=body), 409)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BAD_STROKES = {
    "truths among numbers": [[[1, 2], [True, 0.5]]],
    "null": None,
    "a number": 3,
    "text": "a seven",
    "an object": {"0": [[1, 2]]},
    "empty": [],
    "empty strokes": [[], []],
    "no points": [[1, 2]],
    "one number": [[[1]]],
    "three numbers": [[[1, 2, 3]]],
    "uneven points": [[[1, 2], [3]]],
    "texts": [[["1", "2"]]],
    "truths": [[[True, False]]],
    "nulls": [[[None, None]]],
    "objects": [[{"x": 1, "y": 2}]],
    "not a number": [[[math.nan, 1], [2, 2]]],
    "infinite": [[[1, 1], [math.inf, 2]]],
    "gigantic": [[[1e300, 1], [-1e300, 2]]],
    "gigantic whole": [[[10**30, 1], [2, 2]]],
    "beyond floats": [[[10**400, 1], [2, 2]]],
    "lowest integer": [[[-(2**63), 0], [1, 1]]],
    "beyond unsigned": [[[2**64, 0], [1, 1]]],
    "deep": nested(100),
    "too many points": [[[n % 280, n % 280] for n in range(100_000)]],
    "too many strokes": [[[1, 1], [2, 2]]] * 10_000,
}
BAD_PIXELS = {
    "null": None,
    "a number": 3,
    "text": "a seven",
    "an object": {"0": [1]},
    "empty": [],
    "empty rows": [[]] * 28,
    "one row": [0] * 28,
    "uneven": [[0] * 28] * 27 + [[0] * 27],
    "colours": [[[0, 0, 255]] * 28] * 28,
    "texts": [["0"] * 28] * 28,
    "truths": [[True] * 28] * 28,
    "truths among numbers": [[0, 200, True] * 10] * 28,
    "nulls": [[None] * 28] * 28,
    "not a number": [[math.nan] * 28] * 28,
    "infinite": [[math.inf] * 28] * 28,
    "below black": [[-1] * 28] * 28,
    "above white": [[256] * 28] * 28,
    "gigantic": [[1e300] * 28] * 28,
    "beyond floats": [[10**400] * 28] * 28,
    "lowest integer": [[-(2**63)] * 28] * 28,
    "blank": [[0] * 28] * 28,
    "deep": nested(100),
    "a long strip": [[0, 255] * 100_000] * 3,
}


@pytest.mark.parametrize(
    ("kind", "drawing"),
    [
        *zip(itertools.repeat("strokes"), BAD_STROKES.values(), strict=False),
        *zip(itertools.repeat("pixels"), BAD_PIXELS.values(), strict=False),
    ],
    ids=[*(f"strokes {name}" for name in BAD_STROKES), *(f"pixels {name}" for name in BAD_PIXELS)],
)
def test_a_bad_drawing_is_refused_with_a_sentence(
    untrained: TestClient, kind: str, drawing: Any
) -> None:
    # Without a network: what is wrong with a drawing is said before it is asked for.
    refusal(untrained.post("/api/predict", content=json.dumps({kind: drawing})), 422)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"strokes",
        b"[]",
        b"[[[1, 2]]]",
        b"3",
        b"null",
        b'"strokes"',
        b"{}",
        b'{"stroke": []}',
        b'{"strokes": [[[1, 2]]], "pixels": [[1]]}',
        b'{"strokes": null, "pixels": null}',
        b"\xff\xff",
        b'{"strokes": "\xe9"}',
        b"\x00" * 100,
        b"9" * 5000,
        b"[" * 100_000,
        b'{"strokes": ' * 50_000,
        b'{"strokes": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=lambda body: f"{body[:24]!r} of {len(body)}",
)
def test_a_request_of_the_wrong_form_is_refused_with_a_sentence(
    trained: TestClient, body: bytes
) -> None:
    refusal(trained.post("/api/predict", content=body), 400)


def test_the_kind_of_content_that_a_request_claims_does_not_matter(trained: TestClient) -> None:
    for claimed in ("text/plain", "application/x-www-form-urlencoded", "nonsense"):
        answer = trained.post(
            "/api/predict",
            content=json.dumps({"strokes": A_SEVEN}),
            headers={"content-type": claimed},
        )
        assert_is_reading(answer)


# What is not there


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path", ["/api/nonsense", "/api/", "/api", "/api/runs/x/y/z", "/api/%FF", "/api/predict/x"]
)
def test_an_unknown_path_is_not_found_whatever_one_wants_of_it(
    untrained: TestClient, method: str, path: str
) -> None:
    assert "/api" in refusal(untrained.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/predict"),
        ("PUT", "/api/health"),
        ("GET", "/api/runs/x/stop"),
    ],
)
def test_a_known_path_asked_in_the_wrong_way_gives_a_sentence_too(
    untrained: TestClient, method: str, path: str
) -> None:
    answer = untrained.request(method, path)
    refusal(answer, 405)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/api/runs/x%0Ay", "/api/runs/%0A"])
def test_a_line_break_in_a_path_is_not_found_either(
    untrained: TestClient, method: str, path: str
) -> None:
    """No route of Starlette's matches such a path, the mount of the API included."""
    assert "nothing to" in refusal(untrained.request(method, path), 404)


def test_only_the_head_of_an_unknown_path_is_not_found_either(untrained: TestClient) -> None:
    assert untrained.head("/api/nonsense").status_code == 404


def test_an_unexpected_error_is_a_sentence_and_is_logged_by_the_server(
    done: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    api = create_api(done, Live(done, lambda run: {}, lambda run: {}))
    monkeypatch.setattr(done.runs, "all", fail)
    assert "started" in refusal(TestClient(api, raise_server_exceptions=False).get("/runs"), 500)
    with pytest.raises(ZeroDivisionError):
        TestClient(api).get("/runs")
