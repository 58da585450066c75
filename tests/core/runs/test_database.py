"""The folder of runs: what is written is read, and a sentence for a folder that cannot be used."""

import math
from pathlib import Path

import pytest

from core.errors import StorageError
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase


def test_a_file_in_the_place_of_the_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")

    with pytest.raises(StorageError) as caught:
        RunDatabase(tmp_path / "runs")

    assert str(tmp_path / "runs") in str(caught.value)
    assert str(caught.value).endswith("--runs-dir.")


def test_a_folder_inside_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StorageError, match="cannot be kept"):
        RunDatabase(tmp_path / "file" / "runs")


def test_a_folder_that_refuses_writing_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite3").mkdir()  # a superuser may write anywhere else

    with pytest.raises(StorageError, match="unable to open"):
        RunDatabase(tmp_path)


@pytest.mark.parametrize("loss", [0.1 + 0.2, math.nan, math.inf, -math.inf])
def test_a_loss_is_read_as_it_was_written(tmp_path: Path, loss: float) -> None:
    database = RunDatabase(tmp_path)
    events = [
        BatchMetrics(1, 1, 0.1, loss, 0.5, 1e-3, 100.0, 2.0),
        EpochMetrics(1, 10, 1.0, loss, 0.5, loss, 0.5, 100.0, 2.0),
        LearningRateChange(2, 10, 1.0, 1e-4, 2.0),
    ]
    run = RunSnapshot("1", RunState.DONE, {}, "mnist", "MNIST", "CPU", "fp32", 1, test_loss=loss)
    database.save(run)
    database.replace_events("1", 0, events)
    assert [repr(event) for event in database.events("1")] == [repr(event) for event in events]
    assert repr(database.runs()) == repr([run])
    database.close()


def test_half_a_letter_in_the_name_of_a_run_of_an_earlier_version_is_dropped(
    tmp_path: Path,
) -> None:
    database = RunDatabase(tmp_path)
    run = RunSnapshot("1", RunState.DONE, {}, "mnist", "MNIST", "CPU", "fp32", 1, name="a\ud83d")
    database.save(run)

    assert [found.name for found in database.runs()] == ["a"]
    assert database.problems == []
    database.close()
