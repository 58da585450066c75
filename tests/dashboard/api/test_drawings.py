"""The REST routes about drawings: their course, keeping them, scores, lessons."""

from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.drawing.strokes import preprocess_strokes
from core.service.service import TrainingService
from tests.dashboard.conftest import SHORT, refusal
from tests.support import Finish

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
A_ONE = [[[140, 40], [140, 240]]]


def test_a_course_is_the_reading_of_every_epoch(trained: TestClient, run_id: str) -> None:
    answer = trained.post("/api/predict/course", json={"strokes": A_SEVEN, "run": run_id})
    assert answer.status_code == 200
    course = answer.json()
    assert course["epochs"] == [0, 1, 2]
    for place, epoch in enumerate((0, 1, 2)):
        body = {"strokes": A_SEVEN, "run": run_id, "epoch": epoch}
        read = trained.post("/api/predict", json=body).json()
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
    trained: TestClient, run_id: str, body: dict[str, Any], code: int, word: str
) -> None:
    assert word in refusal(trained.post("/api/predict/course", json=body), code)


def test_without_a_network_there_is_no_course(untrained: TestClient) -> None:
    answer = untrained.post("/api/predict/course", json={"strokes": A_ONE})
    assert "Press Train" in refusal(answer, 409)


def test_what_is_kept_is_listed_deleted_and_restored(
    trained: TestClient, drawings: str, run_id: str
) -> None:
    kept = trained.post(drawings, json={"strokes": A_SEVEN, "label": 7})
    assert kept.status_code == 201
    trained.post(drawings, json={"strokes": A_ONE, "label": 1})
    found = trained.get(drawings).json()
    assert found["count"] == 2
    first = found["drawings"][0]
    assert (first["id"], first["label"], first["taught"]) == (kept.json()["id"], 7, False)
    image = preprocess_strokes(A_SEVEN).image
    assert (np.array(first["input"]) == (image * 255).round()).all()
    right = sum(drawing["digit"] == drawing["label"] for drawing in found["drawings"])
    assert found["right"] == right
    before = trained.get(drawings, params={"run": run_id, "epoch": 0}).json()
    read = trained.post("/api/predict", json={"strokes": A_SEVEN, "run": run_id, "epoch": 0})
    assert before["drawings"][0]["digit"] == read.json()["digit"]

    assert trained.delete(f"{drawings}/{first['id']}").status_code == 204
    assert trained.get(drawings).json()["count"] == 1
    assert trained.post(f"{drawings}/{first['id']}/restore").status_code == 204
    assert trained.get(drawings).json()["count"] == 2


def test_without_a_network_drawings_are_kept_all_the_same(
    untrained: TestClient, drawings: str
) -> None:
    untrained.post(drawings, json={"strokes": A_ONE, "label": 1})
    found = untrained.get(drawings).json()
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
    untrained: TestClient, drawings: str, body: dict[str, Any], code: int, word: str
) -> None:
    assert word in refusal(untrained.post(drawings, json=body), code)


def test_a_drawing_is_kept_once(untrained: TestClient, drawings: str) -> None:
    untrained.post(drawings, json={"strokes": A_ONE, "label": 1})
    answer = untrained.post(drawings, json={"strokes": A_ONE, "label": 7})
    assert "kept already, as 1" in refusal(answer, 409)
    assert "no such drawing" in refusal(untrained.delete(f"{drawings}/none"), 404)
    assert "no such drawing" in refusal(untrained.post(f"{drawings}/none/restore"), 404)


def test_a_lesson_is_given_and_reported(
    client: TestClient, drawings: str, service: TrainingService, finish: Finish
) -> None:
    run_id = client.post("/api/runs", json=SHORT).json()["run_id"]
    finish(service, run_id)
    assert "keep some drawings" in refusal(client.post(f"{drawings}/teach", json={}), 409)
    client.post(drawings, json={"strokes": A_SEVEN, "label": 7})
    client.post(drawings, json={"strokes": A_ONE, "label": 1})
    scores = client.get(f"{drawings}/scores/{run_id}").json()
    assert [score["epoch"] for score in scores["fresh"]] == [0, 1, 2]
    assert {score["count"] for score in scores["fresh"]} == {2}
    assert scores["taught"] == []
    assert client.get(f"/api/runs/{run_id}/lesson").json() == {"lesson": None}

    answer = client.post(f"{drawings}/teach", json={"run": run_id, "epoch": 1, "mixed": False})
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
    scores = client.get(f"{drawings}/scores/{child['run_id']}").json()
    assert scores["fresh"] == []
    assert scores["taught"][-1]["right"] == 2 * report["rows"][1]["after"]
    assert "UnknownRunError" not in refusal(client.get("/api/runs/none/lesson"), 404)
    refusal(client.get(f"{drawings}/scores/none"), 404)
