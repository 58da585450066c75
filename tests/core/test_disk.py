"""Files are written whole or not at all, and a failure is one sentence."""

from pathlib import Path

import pytest

from core.disk import atomic_write
from core.errors import StorageError


def test_a_file_is_replaced_and_no_other_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for content in ("old", "new"):
        with atomic_write(path, "The file") as part:
            part.write_text(content)

    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with atomic_write(path, "The file") as part:
            part.write_text("half")
            raise OSError("no space left on device")

    with pytest.raises(StorageError, match=r"^The file could not be written to disk: no space"):
        write_half()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_the_place_of_the_temporary_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file.part").mkdir()

    with (
        pytest.raises(StorageError, match=r"^The file could not be written to disk: .*\.$"),
        atomic_write(tmp_path / "file", "The file") as part,
    ):
        part.write_text("new")
