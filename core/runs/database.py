"""What outlives the process: runs, events, weights and kept drawings, in one folder.

`runs.sqlite3` knows the runs, their events and the drawings; the weights lie in a folder each, see
`core.runs.checkpoints`. This module does not know what a run does or who reads it.
"""

import json
import logging
import re
import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from core.disk import writing
from core.errors import DamagedFileError, StorageError
from core.export.weights import to_pth
from core.records.drawings import Drawing
from core.records.metrics import Metrics, metrics_of
from core.records.runs import RunSnapshot, RunState
from core.runs.checkpoints import CheckpointFiles

log = logging.getLogger(__name__)

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
    """The folder in which runs are kept. Safe to use from several threads.

    Whatever writes raises StorageError where it cannot, and then has written nothing.
    `problems` holds a sentence for each thing that was found damaged when the store was opened.
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
        except sqlite3.OperationalError as error:
            locked = "locked" in str(error)
            raise self._unusable("another Digit Lab uses it" if locked else error) from error
        except sqlite3.DatabaseError:
            self._start_afresh()
        except OSError as error:
            raise self._unusable(error.strerror or error) from error
        else:
            if adopted:
                self.problems.append(
                    f"{_count(adopted)} missing in the record of runs and restored from the "
                    "weights; curves may be lost."
                )

    def runs(self) -> list[RunSnapshot]:
        """All runs but deleted ones, the oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT run_id, snapshot FROM runs WHERE NOT deleted"
            ).fetchall()
        found = []
        for run_id, text in rows:
            try:
                found.append(RunSnapshot.from_json(json.loads(text)))
            except (ValueError, TypeError, KeyError):
                problem = f"The record of run {run_id} cannot be read."
                if problem not in self.problems:
                    self.problems.append(problem)
        # Not by their ids: two runs of one millisecond would change places now and then.
        return sorted(found, key=lambda run: run.number)

    def save(self, snapshot: RunSnapshot) -> None:
        """Writes a run as it stands, without what holds only while this process lives."""
        snapshot = replace(snapshot, queue_place=None, seconds_left=None)
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO runs (run_id, snapshot) VALUES (?, ?) "
                "ON CONFLICT (run_id) DO UPDATE SET snapshot = excluded.snapshot",
                (snapshot.run_id, json.dumps(snapshot.to_json())),
            )

    def append(self, run_id: str, first: int, events: Sequence[Metrics]) -> None:
        """Writes events of a run, the first of them its so-manieth, and nothing after them."""
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM events WHERE run_id = ? AND number >= ?", (run_id, first)
            )
            connection.executemany(
                "INSERT INTO events (run_id, number, event) VALUES (?, ?, ?)",
                (
                    (run_id, first + place, json.dumps(asdict(event)))
                    for place, event in enumerate(events)
                ),
            )

    def events(self, run_id: str) -> list[Metrics]:
        """All events of a run, in their order.

        Raises:
            DamagedFileError: they cannot be read.
        """
        try:
            with self._lock:
                rows = self._connection.execute(
                    "SELECT event FROM events WHERE run_id = ? ORDER BY number", (run_id,)
                ).fetchall()
            return [metrics_of(json.loads(text)) for (text,) in rows]
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            raise DamagedFileError(f"The curves of run {run_id} cannot be read.") from error

    def set_deleted(self, run_id: str, deleted: bool) -> None:
        """Hides a run, or shows it again. Hidden runs are gone for good at the next start."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE runs SET deleted = ? WHERE run_id = ?", (int(deleted), run_id)
            )

    def drawings(self, owner: str, deleted: bool = False) -> list[Drawing]:
        """The drawings that somebody keeps, or has deleted since the start, the oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT drawing_id, label, image FROM drawings "
                "WHERE owner = ? AND deleted = ? AND length(image) = 784 ORDER BY rowid",
                (owner, int(deleted)),
            ).fetchall()
        return [
            Drawing(drawing_id, label, np.frombuffer(image, np.uint8).reshape(28, 28))
            for drawing_id, label, image in rows
        ]

    def keep_drawing(self, owner: str, drawing: Drawing) -> None:
        with self.transaction("The drawing") as connection:
            connection.execute(
                "INSERT INTO drawings (drawing_id, owner, label, image) VALUES (?, ?, ?, ?)",
                (drawing.drawing_id, owner, drawing.label, drawing.image.tobytes()),
            )

    def set_drawing_deleted(self, owner: str, drawing_id: str, deleted: bool) -> bool:
        """Hides a drawing, as `set_deleted` a run, or shows it again; whether there is such."""
        with self.transaction("The drawing") as connection:
            changed = connection.execute(
                "UPDATE drawings SET deleted = ? WHERE owner = ? AND drawing_id = ? "
                "AND deleted = ?",
                (int(deleted), owner, drawing_id, int(not deleted)),
            )
        return changed.rowcount == 1

    def epoch_files(self, run_id: str, model: str) -> CheckpointFiles:
        return CheckpointFiles(self.root / run_id, model)

    def save_weights(self, run_id: str, model: str, state_dict: dict[str, Tensor]) -> Path:
        """Writes `<run>/<model>.pth`, which the notebook's `torch.load` reads.

        Raises:
            StorageError: the file cannot be written.
        """
        path = self.root / run_id / f"{model}.pth"
        with writing("The network"):
            path.parent.mkdir(exist_ok=True)
            save_weights(state_dict, path)
        return path

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self, what: str = "The run") -> Iterator[sqlite3.Connection]:
        """Writes to the database all that is written within, or nothing.

        Args:
            what: the subject of the sentence that says why it cannot be written.

        Raises:
            StorageError: it cannot be written.
        """
        with self._lock:
            if self._connection.in_transaction:  # part of the one around it
                yield self._connection
                return
            with writing(what), self._connection:
                self._connection.execute("BEGIN")
                yield self._connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.root / _DATABASE, timeout=1, check_same_thread=False)
        try:
            # Two programs on one folder would take each other's runs for interrupted ones.
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
        """Removes for good what was deleted before the last start.

        Raises:
            sqlite3.Error: the database is damaged, in use or cannot be written.
        """
        with self._connection as connection:
            gone = connection.execute("SELECT run_id FROM runs WHERE deleted").fetchall()
            for (run_id,) in gone:
                shutil.rmtree(self.root / run_id, ignore_errors=True)
                if (self.root / run_id).exists():  # without its row it would be adopted
                    continue
                connection.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
                connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
            connection.execute("DELETE FROM drawings WHERE deleted")

    def _start_afresh(self) -> None:
        """Puts a damaged database aside and saves from it, and from the folders, what there is."""
        stamp = f"{datetime.now():%Y%m%d-%H%M%S}"
        aside = self.root / f"runs.damaged-{stamp}.sqlite3"
        for ending in ("", "-wal", "-shm"):
            part = self.root / f"{_DATABASE}{ending}"
            if part.exists():
                part.replace(self.root / f"{aside.name}{ending}")
        self._connection = self._connect()
        saved = self._copy_from(aside) | self._adopt_folders()
        self.problems.append(
            f"The record of runs was damaged. It was put aside as {aside.name}; {_count(saved)} "
            "saved from it and from the weights."
        )

    def _copy_from(self, damaged: Path) -> set[str]:
        """Row by row, until a page of the file cannot be read."""
        old = sqlite3.connect(damaged)
        try:
            runs = list(_readable(old, "SELECT run_id, deleted, snapshot FROM runs"))
            events = _readable(old, "SELECT run_id, number, event FROM events")
            drawings = _readable(
                old, "SELECT drawing_id, owner, deleted, label, image FROM drawings"
            )
            with self.transaction() as connection:
                connection.executemany("INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", runs)
                connection.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", events)
                connection.executemany(
                    "INSERT OR IGNORE INTO drawings VALUES (?, ?, ?, ?, ?)", drawings
                )
        finally:
            old.close()
        return {run_id for run_id, _, _ in runs}

    def _adopt_folders(self) -> set[str]:
        """Stores the runs that only their folders know, as far as those tell; returns their ids.

        What a kill left of an import or of a fork that had not begun is removed: no run was ever
        shown for it, and it holds nothing of its own.
        """
        with self._lock:
            rows = self._connection.execute("SELECT run_id FROM runs").fetchall()
        known = {run_id for (run_id,) in rows}
        found = []
        for folder in self.root.iterdir():
            if not folder.is_dir() or folder.name in known or not _RUN_ID.fullmatch(folder.name):
                continue
            files = CheckpointFiles(folder, "")
            about = files.about()
            if about.get("run_id") == folder.name:
                try:
                    snapshot = RunSnapshot.from_json({**about, "kept": files.epochs()})
                except (TypeError, ValueError, KeyError):
                    continue
                complete = max(snapshot.kept, default=-1) >= snapshot.epochs
                state = RunState.DONE if complete else RunState.INTERRUPTED
                found.append(replace(snapshot, state=state))
            elif _is_remnant(folder, str(about.get("run_id", ""))):
                shutil.rmtree(folder, ignore_errors=True)
        taken = {run.number for run in self.runs()} if found else set()
        for snapshot in sorted(found, key=lambda run: run.number):
            number = snapshot.number if snapshot.number not in taken else max(taken) + 1
            self.save(replace(snapshot, number=number))
            taken.add(number)
        return {snapshot.run_id for snapshot in found}

    def _unusable(self, reason: object) -> StorageError:
        return StorageError(
            f"Runs cannot be kept in {self.root}: {reason}. Name another folder with --runs-dir."
        )


def _is_remnant(folder: Path, source: str) -> bool:
    """Whether a folder without a record holds only parts of files, or another run's epochs."""
    names = [file.name for file in folder.iterdir()]
    if not all(name.endswith((".part", ".safetensors")) for name in names):
        return False
    if _RUN_ID.fullmatch(source):
        return (folder.parent / source).is_dir()
    return not any(name.endswith(".state.safetensors") for name in names)


def _count(runs: Collection[str]) -> str:
    """How many runs, as the beginning of a sentence in the past."""
    return f"{len(runs)} {'run was' if len(runs) == 1 else 'runs were'}"


def _readable(connection: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError as error:
        log.warning("A damaged record of runs could be read only in part: %s", error)


def save_weights(state_dict: dict[str, Tensor], path: Path) -> None:
    """Writes a `.pth` file whole or not at all: whoever reads it never finds half of one.

    Raises:
        OSError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(to_pth(state_dict))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
