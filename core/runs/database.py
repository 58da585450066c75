"""The folder of all runs: a SQLite database, and a folder of checkpoints for each run."""

import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.disk import writing
from core.errors import DamagedFileError, StorageError
from core.records.drawings import Drawing
from core.records.metrics import Metrics, metrics_adapter
from core.records.runs import RunSnapshot, RunState, snapshot_adapter
from core.runs.checkpoints import CheckpointFiles

_DATABASE = "runs.sqlite3"
_RUN_ID = re.compile(r"\d{8}-\d{6}-\d{3}-[0-9a-f]{4}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY,
    deleted INTEGER NOT NULL DEFAULT 0,
    snapshot TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drawings (
    drawing_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    label INTEGER NOT NULL,
    image BLOB NOT NULL,
    PRIMARY KEY (owner, drawing_id)
);
"""


class RunDatabase:
    """Stores runs, their events and people's drawings. Safe to use from several threads.

    Methods that write raise StorageError if they cannot, and then have written nothing.

    Attributes:
        problems: a sentence for each thing that was damaged when the database was opened.
    """

    def __init__(self, root: Path) -> None:
        """
        Raises:
            StorageError: the folder cannot be made or written to.
        """
        self.root = root
        self.problems: list[str] = []
        self._lock = threading.RLock()
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._connection = self._connect()
            self._purge()
            adopted = self._adopt_folders()
            if adopted:
                self.problems.append(
                    f"{_count(adopted)} missing in the record of runs and restored from the "
                    "weights; curves may be lost."
                )
        except sqlite3.OperationalError as error:
            locked = "locked" in str(error)
            raise self._unusable("another Digit Lab uses it" if locked else error) from error
        except sqlite3.DatabaseError:
            self._start_afresh()
        except OSError as error:
            raise self._unusable(error.strerror or error) from error

    def runs(self) -> list[RunSnapshot]:
        """All runs that are not deleted, the oldest first."""
        runs = []
        for run_id, text in self._rows("SELECT run_id, snapshot FROM runs WHERE NOT deleted"):
            try:
                runs.append(snapshot_adapter.validate_python(json.loads(text)))
            except ValueError:
                problem = f"The record of run {run_id} cannot be read."
                if problem not in self.problems:
                    self.problems.append(problem)
        # Ids do not tell the order of two runs that were created in the same millisecond.
        return sorted(runs, key=lambda run: run.number)

    def save(self, snapshot: RunSnapshot) -> None:
        """Writes a run, without the fields that are valid only in this process."""
        snapshot = replace(snapshot, queue_place=None, seconds_left=None)
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (run_id, snapshot) VALUES (?, ?) "
                "ON CONFLICT (run_id) DO UPDATE SET snapshot = excluded.snapshot",
                (snapshot.run_id, json.dumps(snapshot.to_json())),
            )

    def replace_events(self, run_id: str, start: int, events: Sequence[Metrics]) -> None:
        """Replaces the run's events from index `start` on."""
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM events WHERE run_id = ? AND number >= ?", (run_id, start)
            )
            connection.executemany(
                "INSERT INTO events (run_id, number, event) VALUES (?, ?, ?)",
                (
                    (run_id, number, json.dumps(metrics_adapter.dump_python(event)))
                    for number, event in enumerate(events, start)
                ),
            )

    def events(self, run_id: str) -> list[Metrics]:
        """All events of a run in their order.

        Raises:
            DamagedFileError: they cannot be read.
        """
        try:
            rows = self._rows("SELECT event FROM events WHERE run_id = ? ORDER BY number", run_id)
            return [metrics_adapter.validate_json(text) for (text,) in rows]
        except (sqlite3.DatabaseError, ValueError) as error:
            raise DamagedFileError(f"The curves of run {run_id} cannot be read.") from error

    def set_deleted(self, run_id: str, deleted: bool) -> None:
        """Marks a run as deleted or restores it. Deleted runs are removed at the next start."""
        with self.transaction() as connection:
            connection.execute("UPDATE runs SET deleted = ? WHERE run_id = ?", (deleted, run_id))

    def drawings(self, owner: str | None, deleted: bool = False) -> list[Drawing]:
        """An owner's drawings, or those deleted since the start, the oldest first.

        None owns the drawings of all.
        """
        rows = self._rows(
            "SELECT drawing_id, label, image FROM drawings "
            "WHERE owner = ifnull(?, owner) AND deleted = ? AND length(image) = 784 "
            "ORDER BY rowid",
            owner,
            deleted,
        )
        return [
            Drawing(drawing_id, label, np.frombuffer(image, np.uint8).reshape(28, 28))
            for drawing_id, label, image in rows
        ]

    def save_drawing(self, owner: str | None, drawing: Drawing) -> None:
        with self.transaction("The drawing") as connection:
            connection.execute(
                "INSERT INTO drawings (drawing_id, owner, label, image) VALUES (?, ?, ?, ?)",
                (drawing.drawing_id, owner or "", drawing.label, drawing.image.tobytes()),
            )

    def set_drawings_deleted(
        self, owner: str | None, drawing_ids: Sequence[str], deleted: bool
    ) -> int:
        """Deletes or restores drawings, as `set_deleted`; returns how many of them there are."""
        with self.transaction("The drawing") as connection:
            changed = connection.executemany(
                "UPDATE drawings SET deleted = ? WHERE owner = ifnull(?, owner) "
                "AND drawing_id = ? AND deleted = ?",
                [(deleted, owner, drawing_id, not deleted) for drawing_id in drawing_ids],
            )
        return changed.rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, what: str = "The run") -> Iterator[sqlite3.Connection]:
        """Commits everything that the block writes, or nothing. Transactions nest.

        Args:
            what: the subject of the error's sentence, such as "The run".

        Raises:
            StorageError: it cannot be written.
        """
        with self._lock:
            if self._connection.in_transaction:  # nested
                yield self._connection
                return
            with writing(what), self._connection:
                self._connection.execute("BEGIN")
                yield self._connection

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.root / _DATABASE, timeout=1, check_same_thread=False)
        try:
            # A second program on this folder would take the runs of this one for interrupted.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.executescript(_SCHEMA)
            connection.execute("SELECT run_id, deleted, snapshot FROM runs").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _purge(self) -> None:
        """Removes runs and drawings that are marked as deleted.

        Raises:
            sqlite3.Error: the database is damaged, in use or cannot be written.
        """
        with self._connection as connection:
            for (run_id,) in self._rows("SELECT run_id FROM runs WHERE deleted"):
                shutil.rmtree(self.root / run_id, ignore_errors=True)
                if (self.root / run_id).exists():  # keep the row, or the folder would be adopted
                    continue
                connection.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
                connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM drawings WHERE deleted")

    def _start_afresh(self) -> None:
        """Sets a damaged database aside and adopts the folders of its runs."""
        aside = f"runs.damaged-{datetime.now():%Y%m%d-%H%M%S}.sqlite3"
        for suffix in ("", "-wal", "-shm"):
            part = self.root / f"{_DATABASE}{suffix}"
            if part.exists():
                part.replace(self.root / f"{aside}{suffix}")
        self._connection = self._connect()
        self.problems.append(
            f"The record of runs was damaged. It was put aside as {aside}, with the curves and the "
            f"drawings that were kept. {_count(self._adopt_folders())} restored from the weights."
        )

    def _adopt_folders(self) -> int:
        """Stores runs whose folders have no row in the database; returns how many there were.

        Removes what a kill left of an import or of a fork that had not started.
        """
        known = {run_id for (run_id,) in self._rows("SELECT run_id FROM runs")}
        found: list[RunSnapshot] = []
        for folder in self.root.iterdir():
            if not folder.is_dir() or folder.name in known or not _RUN_ID.fullmatch(folder.name):
                continue
            files = CheckpointFiles(folder, "")
            about = files.about()
            if about.get("run_id") == folder.name:
                try:
                    snapshot = snapshot_adapter.validate_python({**about, "kept": files.epochs()})
                except ValueError:
                    continue
                complete = max(snapshot.kept, default=-1) >= snapshot.epochs
                state = RunState.DONE if complete else RunState.INTERRUPTED
                found.append(replace(snapshot, state=state))
            elif _is_remnant(folder, str(about.get("run_id", ""))):
                shutil.rmtree(folder, ignore_errors=True)
        numbers = {run.number for run in self.runs()} if found else set()
        for snapshot in sorted(found, key=lambda run: run.number):
            number = snapshot.number if snapshot.number not in numbers else max(numbers) + 1
            self.save(replace(snapshot, number=number))
            numbers.add(number)
        return len(found)

    def _unusable(self, reason: object) -> StorageError:
        return StorageError(
            f"Runs cannot be kept in {self.root}: {reason}. Name another folder with --runs-dir."
        )


def _is_remnant(folder: Path, source: str) -> bool:
    """Whether a folder without a row holds only temporary files or another run's epochs."""
    names = [file.name for file in folder.iterdir()]
    if not all(name.endswith((".part", ".safetensors")) for name in names):
        return False
    if _RUN_ID.fullmatch(source):
        return (folder.parent / source).is_dir()
    return not any(name.endswith(".state.safetensors") for name in names)


def _count(runs: int) -> str:
    return "1 run was" if runs == 1 else f"{runs} runs were"
