"""Health: what is needed for training, and a sentence for what is missing."""

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import core
from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.service.service import TrainingService
from tests.support import MakeService, WaitUntil


@pytest.fixture
def service(make_service: MakeService, wait_until: WaitUntil) -> TrainingService:
    service = make_service()
    service.prepare_dataset()
    wait_until(lambda: service.dataset_status().state == "ready")
    return service


def set_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = SimpleNamespace(free=free)
    monkeypatch.setattr("core.service.health.shutil.disk_usage", lambda _: usage)


def test_a_service_that_can_train_is_ok(
    service: TrainingService, tiny_config: TrainConfig, tmp_path: Path
) -> None:
    health = service.health()
    assert health.status == "ok"
    assert health.can_train
    assert health.worker_alive
    assert health.queue_length == 0
    assert health.free_bytes is not None
    assert abs(health.free_bytes - shutil.disk_usage(tmp_path).free) < 1 << 30
    assert (health.dataset, health.dataset_state) == (service.dataset_status().title, "ready")
    assert health.version == core.__version__

    endless = tiny_config.model_copy(update={"epochs": 2000})
    for _ in range(3):
        service.runs.start(endless)
    health = service.health()
    assert (health.status, health.worker_alive, health.queue_length) == ("ok", True, 2)


def test_a_data_set_that_is_still_looked_for_is_no_failure(make_service: MakeService) -> None:
    health = make_service().health()
    assert (health.status, health.dataset_state) == ("ok", "unknown")


def test_a_full_disk_and_a_folder_that_is_gone_are_told(
    service: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_free(monkeypatch, 99_000_000)
    health = service.health()
    assert health.status == "The disk is full: 99 MB are free. Delete files and runs."
    assert not health.can_train
    set_free(monkeypatch, 100_000_000)
    assert service.health().can_train

    def fail(_: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("core.service.health.shutil.disk_usage", fail)
    health = service.health()
    assert (health.free_bytes, health.can_train) == (None, False)
    assert health.status == "Nothing can be saved: the folder of runs cannot be read."


def test_a_missing_data_set_is_told_without_naming_folders(
    make_service: MakeService, tmp_path: Path, wait_until: WaitUntil
) -> None:
    (tmp_path / "empty").mkdir()
    catalog = DataCatalog(tmp_path / "empty", tmp_path / "empty", prefer="mnist")
    service = make_service(catalog)
    catalog._set_status("mnist", "unavailable", f"Nothing was found in {tmp_path}.")
    health = service.health()
    assert health.status == "Nothing can be trained: no data set can be loaded."
    assert (health.dataset_state, health.can_train) == ("unavailable", False)


def test_a_worker_that_has_ended_is_told(
    service: TrainingService, tiny_config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(RuntimeError):
        service.runs.start(tiny_config)
    health = service.health()
    assert (health.worker_alive, health.queue_length) == (False, 1)
    assert health.status.startswith("Nothing can be trained: the training thread has ended.")
    monkeypatch.undo()
    service.close()
    assert not service.health().worker_alive


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_in_mid_run_is_told(
    make_service: MakeService, tiny_config: TrainConfig, wait_until: WaitUntil
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def fit(*_: Any) -> Any:
        reached.set()
        go_on.wait()
        raise SystemExit  # no Exception: the thread ends without its cleaning up

    service = make_service(fit=fit)
    service.runs.start(tiny_config)
    wait_until(reached.is_set)
    assert service.health().worker_alive
    go_on.set()
    wait_until(lambda: not service.health().worker_alive)
