"""The REST routes for files: what is saved under which name, and what it holds."""

import csv
import io
import zipfile
from typing import Any

import onnxruntime
import pytest
import safetensors.torch
import torch
from fastapi.testclient import TestClient
from httpx import Response

from core import models
from core.events import DamagedFile, ExportUnavailable
from core.service import TrainingService
from tests.dashboard.conftest import SHORT, refusal


def saved_as(answer: Response) -> str:
    """The name under which a browser would save the answer."""
    assert answer.status_code == 200, answer.text
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    return str(disposition.removeprefix('attachment; filename="').removesuffix('"'))


# Metrics


def test_the_csv_has_a_row_for_every_event_with_its_values(
    trained: TestClient, run_id: str
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/metrics.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{run_id}.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    events = trained.get(f"/api/runs/{run_id}/events").json()["events"]
    assert len(rows) == len(events)
    for row, event in zip(rows, events, strict=True):
        filled = {column: value for column, value in row.items() if value != ""}
        assert set(filled) == set(event)
        for column, value in event.items():
            assert (filled[column] if column == "kind" else float(filled[column])) == value


def test_the_csv_of_a_run_without_events_is_empty(busy: TestClient) -> None:
    run_id = busy.post("/api/runs", json=SHORT).json()["run_id"]
    answer = busy.get(f"/api/runs/{run_id}/metrics.csv")
    assert (answer.status_code, answer.text.strip()) == (200, "")


def test_the_json_has_the_settings_and_every_event(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/metrics.json")
    assert saved_as(answer) == f"{run_id}.json"
    assert answer.headers["content-type"] == "application/json"
    record = answer.json()
    assert record["run_id"] == run_id
    assert record["config"] == trained.get(f"/api/runs/{run_id}").json()["config"]
    assert record["metrics"] == trained.get(f"/api/runs/{run_id}/events").json()["events"]


def test_tensorboards_folder_is_named_after_the_run(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/tensorboard.zip")
    assert saved_as(answer) == f"{run_id}-tensorboard.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert [name.split("/")[0] for name in archive.namelist()] == [run_id]


# Weights


def network(done: TrainingService, run_id: str, epoch: int | None = None) -> dict[str, Any]:
    return done.explorer.checkpoint(run_id, epoch).state_dict


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("query", ["", "?format=pth"])
def test_the_newest_weights_open_in_the_notebook(
    trained: TestClient, done: TrainingService, run_id: str, query: str
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights{query}")
    assert saved_as(answer) == "mlp.pth"
    weights = torch.load(io.BytesIO(answer.content), weights_only=True)
    assert same(weights, network(done, run_id))
    models.load("mlp", weights)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_weights_of_any_kept_epoch_can_be_had(
    trained: TestClient, done: TrainingService, run_id: str, epoch: int
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights?format=safetensors&epoch={epoch}")
    assert saved_as(answer) == f"{run_id}-epoch-{epoch}.safetensors"
    assert same(safetensors.torch.load(answer.content), network(done, run_id, epoch))


def test_weights_as_onnx_can_be_run(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights?format=onnx")
    assert saved_as(answer) == f"{run_id}-epoch-2.onnx"
    session = onnxruntime.InferenceSession(answer.content)
    assert session.get_modelmeta().custom_metadata_map["run"] == run_id


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ("epoch=3", 404, "not kept"),
        ("epoch=-1", 400, "`epoch`"),
        ("epoch=last", 400, "`epoch`"),
        ("epoch=1.5", 400, "`epoch`"),
        (f"epoch={'9' * 5000}", 400, "`epoch`"),
        ("format=exe", 400, "`format`"),
        ("format=", 400, "`format`"),
    ],
)
def test_weights_that_cannot_be_had_are_refused(
    trained: TestClient, run_id: str, query: str, code: int, word: str
) -> None:
    assert word in refusal(trained.get(f"/api/runs/{run_id}/weights?{query}"), code)


def test_a_run_that_waits_has_no_weights_yet(busy: TestClient) -> None:
    first = busy.post("/api/runs", json=SHORT).json()["run_id"]
    waiting = busy.post("/api/runs", json=SHORT).json()["run_id"]
    assert first != waiting
    refusal(busy.get(f"/api/runs/{waiting}/weights"), 409)


@pytest.mark.parametrize(
    "path", ["metrics.csv", "metrics.json", "tensorboard.zip", "weights", "weights?format=onnx"]
)
def test_files_of_a_run_that_never_was_are_not_found(trained: TestClient, path: str) -> None:
    assert "no run" in refusal(trained.get(f"/api/runs/20200101-x/{path}"), 404)


# What is not the request's fault


@pytest.mark.parametrize(
    ("error", "code"),
    [(DamagedFile("A file is broken."), 500), (ExportUnavailable("Install it."), 501)],
)
def test_what_is_wrong_on_the_server_is_a_sentence_too(
    trained: TestClient,
    done: TrainingService,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(done.files, "tensorboard", fail)
    assert refusal(trained.get(f"/api/runs/{run_id}/tensorboard.zip"), code) == str(error)
