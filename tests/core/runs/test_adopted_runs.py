"""Folders of runs that the database does not know: after a kill, or when the database is lost."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch

from core import models
from core.export.weights import to_pth
from core.records.runs import RunState
from core.runs.database import RunDatabase
from tests.core.service.test_run_manager import CONFIG, STEPS, Halting, settled, stopped_at, told
from tests.support import SECONDS, Finish, MakeService, WaitUntil


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def weights() -> bytes:
    torch.manual_seed(5)
    return to_pth(models.build("speedrun_cnn").state_dict())


def raise_killed(*_: Any) -> None:
    raise Killed


def forget(folder: Path, how: str) -> None:
    """Loses the database."""
    for file in folder.glob("runs.sqlite3*"):
        file.unlink()
    if how == "empty":
        (folder / "runs.sqlite3").touch()


def folders(root: Path) -> set[str]:
    return {entry.name for entry in root.iterdir() if entry.is_dir()}


# A kill


def test_an_import_that_was_killed_before_its_record_is_there_at_the_next_start(
    make_service: MakeService,
    tmp_path: Path,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: WaitUntil,
) -> None:
    service = make_service(runs=tmp_path / "runs")
    with monkeypatch.context() as patch:
        patch.setattr(RunDatabase, "save", raise_killed)
        with pytest.raises(Killed):
            service.imports.import_weights(weights, "mine.pth")
    service.close()

    again = make_service(runs=tmp_path / "runs")

    (run,) = again.runs.all()
    assert (run.title, run.state, run.brought_in) == ("mine.pth", RunState.DONE, True)
    assert run.kept == (0,)
    assert "1 run " in again.problems[0]
    wait_until(lambda: again.runs.snapshot(run.run_id).test_accuracy is not None)
    again.close()
    assert make_service(runs=tmp_path / "runs").problems == []


@pytest.mark.parametrize(
    "whole", [[], ["0000.safetensors"]], ids=["in its weights", "in its state"]
)
def test_an_import_that_was_killed_while_it_was_written_leaves_nothing(
    make_service: MakeService, tmp_path: Path, weights: bytes, whole: list[str]
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.imports.import_weights(weights, "mine.pth")
    service.close()
    forget(tmp_path / "runs", "missing")
    for file in (tmp_path / "runs" / run_id).iterdir():
        if file.name not in whole:
            file.rename(file.with_name(f"{file.name}.part"))

    again = make_service(runs=tmp_path / "runs")

    assert (again.runs.all(), again.problems) == ([], [])
    assert folders(tmp_path / "runs") == set()


def test_a_fork_that_was_killed_before_its_record_leaves_nothing(
    make_service: MakeService, tmp_path: Path, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(runs=tmp_path / "runs")
    parent = service.runs.start(CONFIG.model_copy(update={"epochs": 1}))
    finish(service, parent)
    with monkeypatch.context() as patch:
        patch.setattr(RunDatabase, "save", raise_killed)
        with pytest.raises(Killed):
            service.runs.fork(parent, 1, {"epochs": 2})
    service.close()
    assert len(folders(tmp_path / "runs")) == 2

    again = make_service(runs=tmp_path / "runs")

    assert [run.run_id for run in again.runs.all()] == [parent]
    assert again.problems == []
    assert folders(tmp_path / "runs") == {parent}


def test_a_deleted_run_whose_folder_could_not_be_removed_stays_deleted(
    make_service: MakeService, tmp_path: Path, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG.model_copy(update={"epochs": 1}))
    finish(service, run_id)
    service.runs.delete(run_id)
    service.close()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        second = make_service(runs=tmp_path / "runs")
        assert (second.runs.all(), second.problems) == ([], [])
        second.close()

    third = make_service(runs=tmp_path / "runs")

    assert (third.runs.all(), third.problems) == ([], [])
    assert folders(tmp_path / "runs") == set()


# A lost database


@pytest.mark.parametrize("how", ["empty", "missing"])
def test_runs_outlive_their_database(
    make_service: MakeService,
    tmp_path: Path,
    weights: bytes,
    wait_until: WaitUntil,
    finish: Finish,
    how: str,
) -> None:
    service, paused = stopped_at(make_service, tmp_path / "runs", STEPS + 3, "pause")
    settled(service, paused, wait_until)
    done = service.runs.start(CONFIG.model_copy(update={"epochs": 1, "seed": 3}), "Short")
    finish(service, done)
    imported = service.imports.import_weights(weights, "mine.pth")
    before = {run.run_id: run for run in service.runs.all()}
    service.close()
    forget(tmp_path / "runs", how)

    again = make_service(runs=tmp_path / "runs")

    assert [run.run_id for run in again.runs.all()] == [imported, done, paused]
    assert "3 runs " in again.problems[0]
    found = {run.run_id: run for run in again.runs.all()}
    assert found[done].state is found[imported].state is RunState.DONE
    assert found[paused].state is RunState.INTERRUPTED
    for name in ("config", "kept", "number", "name", "progress", "test_accuracy", "dataset"):
        for run_id in (paused, done):
            assert getattr(found[run_id], name) == getattr(before[run_id], name), name
    assert again.predictions.gallery(5, 0, run_id=done).progress == 1

    again.runs.resume(paused)

    resumed = finish(again, paused)
    assert (resumed.state, resumed.kept) == (RunState.DONE, (0, 1, 2, 3, 4))
    whole = again.runs.start(CONFIG)
    finish(again, whole)
    assert told(again, paused) == told(again, whole)[-len(told(again, paused)) :]


def test_a_run_that_is_taken_up_again_shares_no_number_with_another(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    short = CONFIG.model_copy(update={"epochs": 1})
    service = make_service(runs=tmp_path / "runs")
    lost = service.runs.start(short)
    finish(service, lost)
    service.close()
    with sqlite3.connect(tmp_path / "runs" / "runs.sqlite3") as connection:
        connection.execute("DELETE FROM runs")
    connection.close()
    (tmp_path / "runs" / lost).rename(tmp_path / "elsewhere")
    service = make_service(runs=tmp_path / "runs")
    other = service.runs.start(short)
    finish(service, other)
    service.close()
    (tmp_path / "elsewhere").rename(tmp_path / "runs" / lost)

    again = make_service(runs=tmp_path / "runs")

    assert {run.run_id: run.number for run in again.runs.all()} == {other: 1, lost: 2}
    assert len(again.runs.events_since(lost, 0)[0]) == STEPS + 1


def test_other_folders_are_left_alone(make_service: MakeService, tmp_path: Path) -> None:
    for name in ("notes", "20260101-000000-000-abcd-copy"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "mine.safetensors").write_bytes(b"mine")
    exported = tmp_path / "runs" / "20260101-000000-000-abcd"
    exported.mkdir()
    (exported / "mlp.pth").write_bytes(b"weights")

    service = make_service(runs=tmp_path / "runs")

    assert (service.runs.all(), service.problems) == ([], [])
    assert len(folders(tmp_path / "runs")) == 3


def test_a_run_that_has_only_a_place_in_mid_epoch_is_found(
    make_service: MakeService, tmp_path: Path, wait_until: WaitUntil
) -> None:
    halting = Halting(3)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.stop(run_id)
    progress = settled(service, run_id, wait_until).progress
    service.close()
    forget(tmp_path / "runs", "empty")

    again = make_service(runs=tmp_path / "runs")

    found = again.runs.snapshot(run_id)
    assert (found.state, found.progress) == (RunState.INTERRUPTED, progress)
