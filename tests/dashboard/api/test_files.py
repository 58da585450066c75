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
from core.errors import DamagedFileError, StorageError, WrongStateError
from core.service.service import TrainingService
from tests.dashboard.conftest import SHORT, refusal

STEM = "Run-1"  # files have their run's name


def saved_as(answer: Response) -> str:
    """The name under which a browser would save the answer."""
    assert answer.status_code == 200, answer.text
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    return str(disposition.removeprefix('attachment; filename="').removesuffix('"'))


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ('a"; filename="b.exe', "a-filename-b-exe"),
        ("../../etc/passwd", "etc-passwd"),
        ("=1+1\r\nX: y", "1-1-X-y"),
        ("\u202egnp.exe", "gnp-exe"),
        ("é" * 1000, "e" * 100),
        ("数字", "Run-1"),
    ],
)
def test_a_file_is_named_after_the_run_in_plain_letters(
    busy: TestClient, name: str, stem: str
) -> None:
    run = busy.post("/api/runs", json={**SHORT, "name": name}).json()
    stem = stem.replace("Run-1", f"Run-{run['number']}")
    assert saved_as(busy.get(f"/api/runs/{run['run_id']}/metrics.csv")) == f"{stem}.csv"


# Metrics


def test_the_csv_has_a_row_for_every_event_with_its_values(
    trained: TestClient, run_id: str
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/metrics.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert saved_as(answer) == f"{STEM}.csv"
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
    assert saved_as(answer) == f"{STEM}.json"
    assert answer.headers["content-type"] == "application/json"
    record = answer.json()
    assert record["run_id"] == run_id
    assert record["config"] == trained.get(f"/api/runs/{run_id}").json()["config"]
    assert record["metrics"] == trained.get(f"/api/runs/{run_id}/events").json()["events"]


def test_tensorboards_folder_is_named_after_the_run(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/tensorboard.zip")
    assert saved_as(answer) == f"{STEM}-tensorboard.zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert [name.split("/")[0] for name in archive.namelist()] == [run_id]


# Weights


def network(done: TrainingService, run_id: str, epoch: int | None = None) -> dict[str, Any]:
    return done.predictions.checkpoint(run_id, epoch).state_dict


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("query", ["", "?format=pth"])
def test_the_newest_weights_open_in_the_notebook(
    trained: TestClient, done: TrainingService, run_id: str, query: str
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights{query}")
    assert saved_as(answer) == f"{STEM}-epoch-2.pth"
    weights = torch.load(io.BytesIO(answer.content), weights_only=True)
    assert same(weights, network(done, run_id))
    models.load("mlp", weights)


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_weights_of_any_kept_epoch_can_be_had(
    trained: TestClient, done: TrainingService, run_id: str, epoch: int
) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights?format=safetensors&epoch={epoch}")
    assert saved_as(answer) == f"{STEM}-epoch-{epoch}.safetensors"
    assert same(safetensors.torch.load(answer.content), network(done, run_id, epoch))


def test_weights_as_onnx_can_be_run(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/weights?format=onnx")
    assert saved_as(answer) == f"{STEM}-epoch-2.onnx"
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
    "path",
    ["metrics.csv", "metrics.json", "tensorboard.zip", "weights", "script.py", "notebook.ipynb"],
)
def test_files_of_a_run_that_never_was_are_not_found(trained: TestClient, path: str) -> None:
    assert "no run" in refusal(trained.get(f"/api/runs/20200101-x/{path}"), 404)


# Programs


def test_a_script_holds_the_runs_own_numbers(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/script.py")
    assert saved_as(answer) == f"{STEM}.py"
    assert answer.headers["content-type"].startswith("text/x-python")
    compile(answer.text, "script.py", "exec")
    events = trained.get(f"/api/runs/{run_id}/events").json()["events"]
    for event in events:
        if event["kind"] == "epoch":
            assert f"{event['test_loss']}, {event['test_accuracy']})" in answer.text


def test_a_notebook_has_cells(trained: TestClient, run_id: str) -> None:
    answer = trained.get(f"/api/runs/{run_id}/notebook.ipynb")
    assert saved_as(answer) == f"{STEM}.ipynb"
    assert {cell["cell_type"] for cell in answer.json()["cells"]} == {"code", "markdown"}


# What is not the request's fault


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DamagedFileError("A file is broken."), 500),
        (WrongStateError("It changed its settings."), 409),
        (StorageError("The disk is full."), 507),
    ],
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

    monkeypatch.setattr(done.exports, "tensorboard", fail)
    assert refusal(trained.get(f"/api/runs/{run_id}/tensorboard.zip"), code) == str(error)


# Bringing in


@pytest.fixture
def pth(trained: TestClient, run_id: str) -> bytes:
    return trained.get(f"/api/runs/{run_id}/weights").content


def test_a_file_becomes_a_run_that_reads(client: TestClient, wait_until: Any, pth: bytes) -> None:
    answer = client.post("/api/import", params={"name": "Mine.pth"}, content=pth)
    assert answer.status_code == 201
    run = answer.json()
    assert (run["state"], run["name"], run["brought_in"]) == ("done", "Mine.pth", True)
    assert run["config"]["model"] == "mlp"
    path = f"/api/runs/{run['run_id']}"
    wait_until(lambda: client.get(path).json()["test_accuracy"] is not None)
    assert client.get(path).json()["test_accuracy"] > 0.5  # it had learned the tiny data set
    assert client.get(f"{path}/weights").content == pth
    strokes = {"strokes": [[[60, 60], [200, 60], [120, 240]]]}
    assert client.post("/api/predict", json=strokes).status_code == 200
    assert client.get(f"{path}/events").json()["events"] == []
    assert client.get(f"{path}/metrics.csv").status_code == 200
    assert client.get(f"{path}/tensorboard.zip").status_code == 200
    assert "came in a file" in refusal(client.post(f"{path}/resume"), 409)
    assert "came in a file" in refusal(client.get(f"{path}/script.py"), 409)
    assert "came in a file" in refusal(client.get(f"{path}/notebook.ipynb"), 409)


def test_a_safetensors_file_comes_in_too(
    client: TestClient, trained: TestClient, run_id: str
) -> None:
    content = trained.get(f"/api/runs/{run_id}/weights?format=safetensors&epoch=1").content
    assert client.post("/api/import", content=content).json()["config"]["model"] == "mlp"


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04", b"\x80\x02."])
def test_a_file_that_is_no_network_is_refused(untrained: TestClient, content: bytes) -> None:
    refusal(untrained.post("/api/import", content=content), 422)
    assert untrained.get("/api/runs").json() == {"runs": []}


def test_what_differs_is_named(untrained: TestClient, pth: bytes) -> None:
    weights = torch.load(io.BytesIO(pth), weights_only=True)
    weights["fc3.bias"] = weights["fc3.bias"][:9].clone()
    changed = io.BytesIO()
    torch.save(weights, changed)
    sentence = refusal(untrained.post("/api/import", content=changed.getvalue()), 422)
    assert "fc3.bias has shape 9; MLP wants 10" in sentence


def test_a_form_with_a_file_is_told_how_to_send_it(untrained: TestClient, pth: bytes) -> None:
    answer = untrained.post("/api/import", files={"file": ("mine.pth", pth)})
    assert "--data-binary" in refusal(answer, 400)


def test_a_name_that_is_too_long_is_refused(untrained: TestClient, pth: bytes) -> None:
    answer = untrained.post("/api/import", params={"name": "x" * 1001}, content=pth)
    assert "`name`" in refusal(answer, 400)
