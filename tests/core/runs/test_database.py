"""Weights on disk: whole or not at all, and a plain sentence for a folder that is no use."""

from pathlib import Path

import pytest
import torch

from core.errors import StorageError
from core.runs.database import RunDatabase, save_weights

OLD, NEW = {"weight": torch.zeros(3)}, {"weight": torch.ones(3)}


def test_saved_weights_are_where_the_run_is_and_can_be_read(tmp_path: Path) -> None:
    path = RunDatabase(tmp_path / "new" / "runs").save_weights("run-1", "mlp", NEW)

    assert path == tmp_path / "new" / "runs" / "run-1" / "mlp.pth"
    assert torch.equal(torch.load(path, weights_only=True)["weight"], NEW["weight"])


def test_saving_again_replaces_the_file_and_leaves_no_other(tmp_path: Path) -> None:
    store = RunDatabase(tmp_path)
    store.save_weights("run-1", "mlp", OLD)
    path = store.save_weights("run-1", "mlp", NEW)

    assert torch.equal(torch.load(path, weights_only=True)["weight"], NEW["weight"])
    assert [entry.name for entry in path.parent.iterdir()] == ["mlp.pth"]


def test_a_failure_half_way_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mlp.pth"
    save_weights(OLD, path)

    def fail(part: Path, content: bytes) -> None:
        with part.open("wb") as target:
            target.write(content[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="no space"):
        save_weights(NEW, path)

    assert torch.equal(torch.load(path, weights_only=True)["weight"], OLD["weight"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["mlp.pth"]


def test_a_file_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "run-1" / "mlp.pth.part").mkdir(parents=True)

    with pytest.raises(StorageError, match=r"^The network could not be written to disk: .*\.$"):
        RunDatabase(tmp_path).save_weights("run-1", "mlp", NEW)


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
