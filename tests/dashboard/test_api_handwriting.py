"""The REST routes about drawings: their course, keeping them, scores, lessons."""

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.preprocess import strokes_to_image
from core.service import TrainingService
from tests.dashboard.conftest import SHORT, refusal

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
A_ONE = [[[140, 40], [140, 240]]]
MINE = f"/api/handwriting/{'a1' * 16}"


@pytest.fixture
def run_id(client: TestClient, service: TrainingService, finish: Any) -> str:
    found: str = client.post("/api/runs", json=SHORT).json()["run_id"]
    finish(service, found)
    return found


def test_a_course_is_the_reading_of_every_epoch(client: TestClient, run_id: str) -> None:
    answer = client.post("/api/predict/course", json={"strokes": A_SEVEN, "run": run_id})
    assert answer.status_code == 200
    course = answer.json()
    assert course["epochs"] == [0, 1, 2]
    for place, epoch in enumerate((0, 1, 2)):
        body = {"strokes": A_SEVEN, "run": run_id, "epoch": epoch}
        read = client.post("/api/predict", json=body).json()
        assert course["probabilities"][place] == pytest.approx(read["probabilities"], abs=1e-5)
        assert course["digits"][place] == read["digit"]


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({}, 400, "Send"),
        ({"strokes": A_ONE, "pixels": [[0]]}, 400, "Send"),
        ({"strokes": []}, 422, "Nothing is drawn"),
        ({"strokes": A_ONE, "as_drawn": "yes"}, 422, "as_drawn"),
        ({"strokes": A_ONE, "run": "none"}, 404, "no run"),
    ],
)
def test_what_has_no_course_is_refused(
    client: TestClient, run_id: str, body: dict[str, Any], code: int, word: str
) -> None:
    assert word in refusal(client.post("/api/predict/course", json=body), code)


def test_without_a_network_there_is_no_course(client: TestClient) -> None:
    answer = client.post("/api/predict/course", json={"strokes": A_ONE})
    assert "Press Train" in refusal(answer, 409)


def test_what_is_kept_is_listed_deleted_and_restored(client: TestClient, run_id: str) -> None:
    kept = client.post(MINE, json={"strokes": A_SEVEN, "label": 7})
    assert kept.status_code == 201
    client.post(MINE, json={"strokes": A_ONE, "label": 1})
    found = client.get(MINE).json()
    assert found["count"] == 2
    first = found["drawings"][0]
    assert (first["id"], first["label"], first["taught"]) == (kept.json()["id"], 7, False)
    image = strokes_to_image(A_SEVEN)
    assert (np.array(first["input"]) == (image * 255).round()).all()
    right = sum(drawing["digit"] == drawing["label"] for drawing in found["drawings"])
    assert found["right"] == right
    before = client.get(MINE, params={"run": run_id, "epoch": 0}).json()
    read = client.post("/api/predict", json={"strokes": A_SEVEN, "run": run_id, "epoch": 0})
    assert before["drawings"][0]["digit"] == read.json()["digit"]

    assert client.delete(f"{MINE}/{first['id']}").status_code == 204
    assert client.get(MINE).json()["count"] == 1
    assert client.get(f"/api/handwriting/{'0' * 32}").json()["count"] == 0
    assert client.post(f"{MINE}/{first['id']}/restore").status_code == 204
    assert client.get(MINE).json()["count"] == 2


def test_without_a_network_drawings_are_kept_all_the_same(client: TestClient) -> None:
    client.post(MINE, json={"strokes": A_ONE, "label": 1})
    found = client.get(MINE).json()
    assert (found["count"], found["right"], found["drawings"][0]["digit"]) == (1, None, None)


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        ({"strokes": A_ONE}, 400, "label"),
        ({"strokes": A_ONE, "label": 10}, 400, "label"),
        ({"strokes": A_ONE, "label": "1"}, 400, "label"),
        ({"label": 1}, 400, "Send"),
        ({"strokes": [], "label": 1}, 422, "Nothing is drawn"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    client: TestClient, body: dict[str, Any], code: int, word: str
) -> None:
    assert word in refusal(client.post(MINE, json=body), code)


def test_a_drawing_is_kept_once(client: TestClient) -> None:
    client.post(MINE, json={"strokes": A_ONE, "label": 1})
    answer = client.post(MINE, json={"strokes": A_ONE, "label": 7})
    assert "kept already, as 1" in refusal(answer, 409)
    assert "no such drawing" in refusal(client.delete(f"{MINE}/none"), 404)
    assert "no such drawing" in refusal(client.post(f"{MINE}/none/restore"), 404)
    assert "owner" in refusal(client.get("/api/handwriting/me"), 400)


def test_a_lesson_is_given_and_reported(
    client: TestClient, service: TrainingService, run_id: str, finish: Any
) -> None:
    assert "keep some drawings" in refusal(client.post(f"{MINE}/teach", json={}), 409)
    client.post(MINE, json={"strokes": A_SEVEN, "label": 7})
    client.post(MINE, json={"strokes": A_ONE, "label": 1})
    scores = client.get(f"{MINE}/scores/{run_id}").json()
    assert [score["epoch"] for score in scores["fresh"]] == [0, 1, 2]
    assert {score["count"] for score in scores["fresh"]} == {2}
    assert scores["taught"] == []
    assert client.get(f"/api/runs/{run_id}/lesson").json() == {"lesson": None}

    answer = client.post(f"{MINE}/teach", json={"run": run_id, "epoch": 1, "mixed": False})
    assert answer.status_code == 201
    child = answer.json()
    assert (child["parent"], child["parent_epoch"]) == (run_id, 1)
    assert child["lesson"] == {"epoch": 1, "taught": 2, "held_out": 0, "mixed": False}
    finish(service, child["run_id"])
    report = client.get(f"/api/runs/{child['run_id']}/lesson").json()["lesson"]
    assert (report["before"], report["after"]) == (1, child["epochs"])
    assert [row["kind"] for row in report["rows"]] == ["test", "taught"]
    program = client.get(f"/api/runs/{child['run_id']}/script.py")
    assert "taught somebody's drawings" in refusal(program, 409)
    scores = client.get(f"{MINE}/scores/{child['run_id']}").json()
    assert scores["fresh"] == []
    assert scores["taught"][-1]["right"] == 2 * report["rows"][1]["after"]
    assert "UnknownRun" not in refusal(client.get("/api/runs/none/lesson"), 404)
    refusal(client.get(f"{MINE}/scores/none"), 404)
