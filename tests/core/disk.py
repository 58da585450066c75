"""A disk that is full when a test says so, and tells of every write before it is made."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError


class Disk:
    """Calls `before` ahead of every write below a folder: of the database and of files.

    `before` gets a text that names the write. Where it raises `Full`, the write fails as it does
    on a full disk: half a file may be there, and a transaction is rolled back.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.before: Callable[[str], None] = lambda write: None
        connect = sqlite3.connect

        def connect_watched(path: Path, **options: Any) -> sqlite3.Connection:
            connection = connect(path, factory=_Connection, **options)
            connection.disk = self
            return connection

        monkeypatch.setattr("core.runs.database.sqlite3.connect", connect_watched)
        for module in ("core.runs.checkpoints", "core.runs.finetuning_data"):
            self._watch_save_file(monkeypatch, module)
        for name in ("mkdir", "unlink", "replace", "write_bytes"):
            self._watch_path(monkeypatch, name)
        for copier, name in ((os, "link"), (shutil, "copyfile")):
            self._watch_copy(monkeypatch, copier, name)

    def fill(self, after: int = 0) -> None:
        """Lets so many writes succeed; from then on, every one fails."""
        left = iter(range(after))

        def fail(write: str) -> None:
            if next(left, None) is None:
                raise Full

        self.before = fail

    def fail_once(self, after: int) -> list[str]:
        """Lets so many writes succeed, and the next one fail: the list that will name it."""
        failed: list[str] = []
        left = iter(range(after))

        def fail(write: str) -> None:
            if failed:
                # Where a file cannot be linked, it is copied: that fails as well.
                if failed == [write.replace("copyfile", "link")] and write not in failed:
                    raise Full
            elif next(left, None) is None:
                failed.append(write)
                raise Full

        self.before = fail
        return failed

    def free(self) -> None:
        """From now on, writes succeed."""
        self.before = lambda write: None

    def _watch_save_file(self, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
        name = f"{module}.save_file"
        save_file = __import__(module, fromlist=["save_file"]).save_file

        def watched(tensors: Any, path: Path, *rest: Any) -> None:
            try:
                self.before(f"write {path.name}")
            except Full as error:
                path.write_bytes(b"half")
                raise SafetensorError(f"I/O error: {error}") from error
            save_file(tensors, path, *rest)

        monkeypatch.setattr(name, watched)

    def _watch_path(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        real = getattr(Path, name)

        def watched(path: Path, *args: Any, **options: Any) -> Any:
            ours = path.is_relative_to(self.root)
            idle = path.exists() if name == "mkdir" else name == "unlink" and not path.exists()
            if ours and not idle:
                self.before(f"{name} {path.name}")
            return real(path, *args, **options)

        monkeypatch.setattr(Path, name, watched)

    def _watch_copy(self, monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        real = getattr(module, name)

        def watched(source: Path, target: Path, **options: Any) -> Any:
            if Path(target).is_relative_to(self.root):
                self.before(f"{name} {Path(target).name}")
            return real(source, target, **options)

        monkeypatch.setattr(module, name, watched)


class Full(OSError):
    """No space left on device."""

    def __init__(self) -> None:
        super().__init__(28, "No space left on device")


class _Connection(sqlite3.Connection):
    disk: Disk

    def __enter__(self) -> "_Connection":
        self._changes = self.total_changes
        super().__enter__()
        return self

    def __exit__(self, kind: Any, *rest: Any) -> Any:
        if kind is None and self.total_changes > self._changes:
            try:
                self.disk.before("commit")
            except Full as error:
                self.rollback()
                raise sqlite3.OperationalError("database or disk is full") from error
        return super().__exit__(kind, *rest)
