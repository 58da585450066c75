"""Where nothing can be written, the REST routes answer 507 and a sentence, and change nothing."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.records.runs import RunState
from core.service.service import TrainingService
from tests.core.disk import Disk
from tests.dashboard.conftest import SHORT, opened, refusal
from tests.support import Finish, MakeService

SEVEN = {"strokes": [[[60, 60], [200, 60], [120, 230]]], "label": 7}


def test_a_full_disk_is_told_and_changes_nothing(
    make_service: MakeService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finish: Finish,
    drawings: str,
) -> None:
    disk = Disk(tmp_path / "runs", monkeypatch)
    service = make_service(runs=tmp_path / "runs")
    for client in opened(service):
        run_id = client.post("/api/runs", json=SHORT).json()["run_id"]
        finish(service, run_id)
        weights = client.get(f"/api/runs/{run_id}/weights").content
        kept = client.post(drawings, json=SEVEN).json()["id"]
        found = everything(client, drawings)
        disk.fill()
        path = f"/api/runs/{run_id}"
        requests: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/api/runs", {"json": SHORT}),
            ("POST", f"{path}/fork", {"json": {"epoch": 1}}),
            ("POST", f"{path}/repeat", {}),
            ("POST", f"{path}/rewind", {"json": {"epoch": 1}}),
            ("PATCH", path, {"json": {"note": "Mine"}}),
            ("DELETE", path, {}),
            ("POST", "/api/import", {"content": weights}),
            ("POST", drawings, {"json": {**SEVEN, "as_drawn": True}}),
            ("DELETE", f"{drawings}/{kept}", {}),
            ("POST", f"{drawings}/teach", {"json": {"run": run_id}}),
        ]
        for method, address, body in requests:
            sentence = refusal(client.request(method, address, **body), 507)
            assert "could not be written to disk" in sentence
            assert str(tmp_path) not in sentence
            assert everything(client, drawings) == found, (method, address)
        disk.free()
        check_the_queue_lives(service, client, finish)


def everything(client: TestClient, drawings: str) -> tuple[Any, Any]:
    return client.get("/api/runs").json(), client.get(drawings).json()


def check_the_queue_lives(service: TrainingService, client: TestClient, finish: Finish) -> None:
    run_id = client.post("/api/runs", json=SHORT).json()["run_id"]
    assert finish(service, run_id).state is RunState.DONE
