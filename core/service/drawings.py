"""Drawings that people keep with the digits they meant: a small test set of one's own.

Each set belongs to an owner, a name that nobody else knows. A run's networks are scored on it
from the weights that are kept. This module does not know who an owner is, or how a
network is taught (`core.service.finetuning`).
"""

import secrets
import threading
from collections import OrderedDict

import numpy as np

from core.errors import (
    DamagedFileError,
    DrawingRefusedError,
    InvalidDrawingError,
    NoModelError,
    NotTrainedError,
    UnknownDrawingError,
    UnknownEpochError,
)
from core.models import CLASSES
from core.records.drawings import Drawing, DrawingScore, DrawingScores, DrawingSet
from core.runs import finetuning_data
from core.runs.database import RunDatabase
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.prediction_history import PredictionHistory

MAX_DRAWINGS = 300
"""Drawings that one owner keeps."""
OWNERS = 100
"""Owners whose drawings are remembered."""


class Drawings:
    """Keeps drawings and scores networks on them; may be asked from any thread."""

    def __init__(
        self,
        store: RunDatabase,
        runs: Runs,
        lock: threading.RLock,
        history: PredictionHistory,
    ) -> None:
        """
        Args:
            lock: guards `runs`.
        """
        self._store, self._runs, self._lock, self._history = store, runs, lock, history
        self._mine = threading.RLock()
        self._sets: OrderedDict[str, tuple[Drawing, ...]] = OrderedDict()
        self._closed = threading.Event()

    def drawings(self, owner: str) -> tuple[Drawing, ...]:
        """What an owner keeps, the oldest first."""
        with self._mine:
            if owner not in self._sets:
                self._sets[owner] = tuple(self._store.drawings(owner))
                while len(self._sets) > OWNERS:
                    self._sets.popitem(last=False)
            return self._sets[owner]

    def keep(self, owner: str, label: int, image: np.ndarray) -> Drawing:
        """Keeps a drawing (28, 28), 0..1 with ink 1, and the digit that was meant.

        Raises:
            InvalidDrawingError: that is no digit.
            DrawingRefusedError: the very same is kept already, or there are too many.
            StorageError: it cannot be written.
        """
        if label not in range(CLASSES):
            raise InvalidDrawingError("A drawing is kept as one of the digits 0 to 9.")
        pixels = (image * 255).round().astype(np.uint8)
        drawing = Drawing(secrets.token_hex(8), label, pixels)
        with self._mine:
            drawings = self.drawings(owner)
            _check_fits(pixels, drawings)
            self._store.keep_drawing(owner, drawing)
            self._sets[owner] = (*drawings, drawing)
        return drawing

    def delete(self, owner: str, drawing_id: str) -> None:
        """Removes a drawing; `restore` brings it back until Digit Lab is started again.

        Raises:
            UnknownDrawingError: the owner keeps none of that id.
        """
        self._set_deleted(owner, drawing_id, True)

    def restore(self, owner: str, drawing_id: str) -> None:
        """Brings a deleted drawing back.

        Raises:
            UnknownDrawingError: there is none of that id.
            DrawingRefusedError: the very same is kept again, or there are too many.
        """
        with self._mine:
            for drawing in self._store.drawings(owner, deleted=True):
                if drawing.drawing_id == drawing_id:
                    _check_fits(drawing.image, self.drawings(owner))
            self._set_deleted(owner, drawing_id, False)

    def shown(self, owner: str, run_id: str | None = None, epoch: int | None = None) -> DrawingSet:
        """An owner's drawings as a network reads them, by default the newest.

        Raises:
            UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        drawings = self.drawings(owner)
        images = images_of(drawings)
        try:
            run_id = run_id or self._history.newest_run()
            said = self._history.said(run_id, epoch, images)
        except (NoModelError, NotTrainedError):
            return DrawingSet(drawings, None, np.zeros(len(drawings), bool))
        return DrawingSet(drawings, said.argmax(1), self._taught(run_id, images))

    def scores(self, owner: str, run_id: str) -> DrawingScores:
        """How each kept network of a run reads an owner's drawings. Takes up to seconds.

        Raises:
            UnknownRunError, DamagedFileError: there is no such run, or it cannot be read.
        """
        drawings = self.drawings(owner)
        images = images_of(drawings)
        labels = np.array([drawing.label for drawing in drawings], np.int64)
        taught = self._taught(run_id, images)
        scores: tuple[list[DrawingScore], list[DrawingScore]] = ([], [])
        for epoch in self._run(run_id).snapshot.kept if len(images) else ():
            if self._closed.is_set():
                break
            try:
                right = self._history.said(run_id, epoch, images).argmax(1) == labels
            except (
                UnknownEpochError,
                DamagedFileError,
            ):  # a long run gave it up; the others are there
                continue
            for part, found in zip((~taught, taught), scores, strict=True):
                if part.any():
                    found.append(DrawingScore(epoch, int(right[part].sum()), int(part.sum())))
        return DrawingScores(*map(tuple, scores))

    def close(self) -> None:
        """Ends what is under way, which is soon."""
        self._closed.set()

    def _taught(self, run_id: str, images: np.ndarray) -> np.ndarray:
        """(n,) which of the images the run was trained on."""
        run = self._run(run_id)
        lesson = finetuning_data.read(run.snapshot, run.files.folder)
        return (
            np.zeros(len(images), bool)
            if lesson is None
            else finetuning_data.known(images, lesson.seen)
        )

    def _run(self, run_id: str) -> Run:
        with self._lock:
            return self._runs.find(run_id)

    def _set_deleted(self, owner: str, drawing_id: str, deleted: bool) -> None:
        with self._mine:
            found = self._store.set_drawing_deleted(owner, drawing_id, deleted)
            self._sets.pop(owner, None)
        if not found:
            raise UnknownDrawingError("There is no such drawing among those that you keep.")


def _check_fits(pixels: np.ndarray, drawings: tuple[Drawing, ...]) -> None:
    """
    Raises:
        DrawingRefusedError: it cannot be kept beside these.
    """
    if len(drawings) >= MAX_DRAWINGS:
        raise DrawingRefusedError(f"You keep {MAX_DRAWINGS} drawings, the most there may be: delete some.")
    for other in drawings:
        if other.image.tobytes() == pixels.tobytes():
            raise DrawingRefusedError(
                f"This very drawing is kept already, as {other.label}. Draw another one."
            )


def images_of(drawings: tuple[Drawing, ...]) -> np.ndarray:
    """(n, 28, 28) uint8"""
    if not drawings:
        return np.empty((0, 28, 28), np.uint8)
    return np.stack([drawing.image for drawing in drawings])
