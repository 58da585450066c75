"""Drawings that people save with their labels: a small test set of their own handwriting."""

import secrets
import threading

import numpy as np

from core.errors import (
    DamagedFileError,
    NoModelError,
    NotTrainedError,
    UnknownDrawingError,
    UnknownEpochError,
    WrongStateError,
)
from core.records.drawings import Drawing, DrawingScore, DrawingScores, DrawingSet
from core.runs import finetuning_data
from core.runs.registry import Runs
from core.service.background import BackgroundTasks
from core.service.predictions import Predictions

MAX_DRAWINGS = 300
"""Of one owner. Those that several owners kept may be more together."""


class Drawings:
    """Saves drawings and scores networks on them. Safe to use from several threads.

    An owner is a random name that only one browser has. None owns all drawings: where Digit Lab has
    one person, they are theirs, under whatever names they were kept. Methods that change drawings
    raise UnknownDrawingError if the owner has no such drawing, and StorageError if they cannot
    write; those that read them with networks, UnknownRunError, UnknownEpochError or
    DamagedFileError if there is no such network.
    """

    def __init__(self, runs: Runs, predictions: Predictions, tasks: BackgroundTasks) -> None:
        self._runs, self._database = runs, runs.database
        self._predictions, self._tasks = predictions, tasks
        self._lock = threading.Lock()

    def all(self, owner: str | None) -> tuple[Drawing, ...]:
        """An owner's drawings, the oldest first."""
        return tuple(self._database.drawings(owner))

    def save(self, owner: str | None, label: int, image: np.ndarray) -> Drawing:
        """Saves a drawing (28, 28), 0..1 with ink 1, of the digit `label`.

        Raises:
            WrongStateError: the same drawing is saved already, or there are too many.
        """
        pixels = (image * 255).round().astype(np.uint8)
        drawing = Drawing(secrets.token_hex(8), label, pixels)
        with self._lock:
            _check_fits(pixels, self.all(owner))
            self._database.save_drawing(owner, drawing)
        return drawing

    def delete(self, owner: str | None, drawing_id: str) -> None:
        """Deletes a drawing; `restore` works until the next start."""
        self._set_deleted(owner, (drawing_id,), True)

    def delete_all(self, owner: str | None) -> tuple[str, ...]:
        """Deletes all drawings of an owner; returns their ids, for `restore`."""
        with self._lock:
            drawing_ids = tuple(drawing.drawing_id for drawing in self.all(owner))
            self._set_deleted(owner, drawing_ids, True)
        return drawing_ids

    def restore(self, owner: str | None, *drawing_ids: str) -> None:
        """Restores deleted drawings.

        Raises:
            WrongStateError: the same drawing is saved again, or there are too many.
        """
        with self._lock:
            drawings = self.all(owner)
            for drawing in self._database.drawings(owner, deleted=True):
                if drawing.drawing_id in drawing_ids:
                    _check_fits(drawing.image, drawings)
                    drawings += (drawing,)
            self._set_deleted(owner, drawing_ids, False)

    def predict(
        self, owner: str | None, run_id: str | None = None, epoch: int | None = None
    ) -> DrawingSet:
        """An owner's drawings with a network's predictions, by default of the newest network."""
        drawings = self.all(owner)
        images = images_of(drawings)
        try:
            run_id = run_id or self._predictions.newest_run()
            probabilities = self._predictions.probabilities(images, run_id, epoch)
        except (NoModelError, NotTrainedError):
            return DrawingSet(drawings, None, np.zeros(len(drawings), bool))
        return DrawingSet(drawings, probabilities.argmax(1), self._is_trained_on(run_id, images))

    def scores(self, owner: str | None, run_id: str) -> DrawingScores:
        """How each saved network of a run reads an owner's drawings. May take seconds."""
        drawings = self.all(owner)
        images, labels = images_of(drawings), labels_of(drawings)
        trained_on = self._is_trained_on(run_id, images)
        scores: tuple[list[DrawingScore], list[DrawingScore]] = ([], [])
        for epoch in self._runs.find(run_id).snapshot.kept if drawings else ():
            if self._tasks.should_stop():
                break
            try:
                probabilities = self._predictions.probabilities(images, run_id, epoch)
            except (UnknownEpochError, DamagedFileError):  # pruned meanwhile, or damaged
                continue
            correct = probabilities.argmax(1) == labels
            for part, of_part in zip((~trained_on, trained_on), scores, strict=True):
                if part.any():
                    of_part.append(DrawingScore(epoch, int(correct[part].sum()), int(part.sum())))
        return DrawingScores(*map(tuple, scores))

    def _is_trained_on(self, run_id: str, images: np.ndarray) -> np.ndarray:
        """(n,) bool: whether the run was trained on each of the images."""
        run = self._runs.find(run_id)
        drawings = finetuning_data.load(run.snapshot, run.files.folder)
        if drawings is None:
            return np.zeros(len(images), bool)
        return finetuning_data.contains(drawings.seen, images)

    def _set_deleted(self, owner: str | None, drawing_ids: tuple[str, ...], deleted: bool) -> None:
        count = self._database.set_drawings_deleted(owner, drawing_ids, deleted)
        if count < len(drawing_ids):
            raise UnknownDrawingError("There is no such drawing among those that you keep.")


def images_of(drawings: tuple[Drawing, ...]) -> np.ndarray:
    """(n, 28, 28) uint8"""
    return np.array([drawing.image for drawing in drawings], np.uint8).reshape(-1, 28, 28)


def labels_of(drawings: tuple[Drawing, ...]) -> np.ndarray:
    """(n,) int64"""
    return np.array([drawing.label for drawing in drawings], np.int64)


def _check_fits(pixels: np.ndarray, drawings: tuple[Drawing, ...]) -> None:
    """Raises WrongStateError if there are too many drawings, or the same one."""
    if len(drawings) >= MAX_DRAWINGS:
        raise WrongStateError(
            f"You keep {len(drawings)} drawings, and {MAX_DRAWINGS} is the most: delete some."
        )
    for other in drawings:
        if np.array_equal(other.image, pixels):
            raise WrongStateError(
                f"This very drawing is kept already, as {other.label}. Draw another one."
            )
