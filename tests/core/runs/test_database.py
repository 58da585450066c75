"""The folder of runs: a plain sentence for a folder that cannot be used."""

from pathlib import Path

import pytest

from core.errors import StorageError
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
