"""Teaching somebody's drawings to a fork of a run, and what that changed, forgetting included.

This module does not know how a fork is trained, or how drawings are kept.
"""

import threading
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np

from core.errors import DrawingRefusedError, UnknownEpochError, WrongStateError
from core.records.drawings import FinetuneReport, FinetuneRow
from core.records.metrics import EpochMetrics
from core.records.runs import FinetuneInfo, RunSnapshot
from core.runs import finetuning_data
from core.runs.finetuning_data import FinetuneData
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.drawings import Drawings, images_of
from core.service.prediction_history import PredictionHistory


class Fork(Protocol):
    """`TrainingService.fork`."""

    def __call__(
        self,
        run_id: str,
        epoch: int,
        changes: Mapping[str, Any],
        name: str,
        lesson: tuple[FinetuneInfo, FinetuneData],
    ) -> str: ...


class Finetuning:
    """May be asked from any thread."""

    def __init__(
        self,
        runs: Runs,
        lock: threading.RLock,
        history: PredictionHistory,
        handwriting: Drawings,
        fork: Fork,
    ) -> None:
        """
        Args:
            lock: guards `runs`.
        """
        self._runs, self._lock = runs, lock
        self._history, self._handwriting, self._fork = history, handwriting, fork

    def teach(
        self, owner: str, run_id: str | None = None, epoch: int | None = None, mixed: bool = True
    ) -> str:
        """Forks a run after an epoch and trains the fork on the owner's drawings; its id.

        Args:
            run_id: by default the newest that has a network.
            epoch: by default the last that is kept.
            mixed: whether images that the run has learnt from are trained on as well.

        Raises:
            DrawingRefusedError: no drawing is kept.
            NoModelError, NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
            WrongStateError: the run was brought in, has learnt nothing yet, or too many runs wait.
            StorageError: the drawings cannot be written.
        """
        drawings = self._handwriting.drawings(owner)
        if not drawings:
            raise DrawingRefusedError("There is nothing to teach: keep some drawings first.")
        run = self._run(run_id or self._history.newest_run())
        snapshot = run.snapshot
        epoch = _place(snapshot) if epoch is None else epoch
        if snapshot.brought_in:
            raise WrongStateError(
                f"{snapshot.title} cannot be taught: it came in a file, and how it was trained is "
                "not known. Train a run here, and teach that."
            )
        if not epoch:
            raise WrongStateError(
                f"{snapshot.title} has learnt nothing yet that could be built on: let it finish an "
                "epoch first, or move the epoch slider."
            )
        labels = np.array([drawing.label for drawing in drawings], np.int64)
        before = finetuning_data.read(snapshot, run.files.folder)
        data = finetuning_data.make(images_of(drawings), labels, mixed, before)
        held_out = int(data.held_out.sum())
        lesson = FinetuneInfo(epoch, len(labels) - held_out, held_out, mixed)
        changes = {**finetuning_data.SETTINGS, "epochs": epoch + finetuning_data.EPOCHS}
        name = f"{snapshot.title} (taught)"
        return self._fork(snapshot.run_id, epoch, changes, name=name, lesson=(lesson, data))

    def report(self, run_id: str) -> FinetuneReport | None:
        """What its lesson has changed in a run; None where it has none.

        Raises:
            UnknownRunError, DamagedFileError: there is no such run, or it cannot be read.
        """
        with self._runs.loaded_events(run_id) as run:
            snapshot, events = run.snapshot, list(run.events)
        lesson, data = snapshot.lesson, finetuning_data.read(snapshot, run.files.folder)
        if lesson is None or data is None:
            return None
        parent = lesson.epoch if snapshot.parent_epoch is None else snapshot.parent_epoch
        before = min(lesson.epoch, parent)
        place = _place(snapshot)
        after = place if place > before else None
        evaluations = [event for event in events if isinstance(event, EpochMetrics)]
        tested = {event.progress: event.test_accuracy for event in evaluations}
        rows = [FinetuneRow("test", None, tested.get(before), tested.get(after or -1))]
        right = [self._read_right(run_id, epoch, data) for epoch in (before, after)]
        parts: tuple[tuple[Literal["held_out", "taught"], np.ndarray], ...]
        parts = (("held_out", data.held_out), ("taught", ~data.held_out))
        for kind, part in parts:
            if part.any():
                shares = [None if found is None else float(found[part].mean()) for found in right]
                rows.append(FinetuneRow(kind, int(part.sum()), *shares))
        return FinetuneReport(lesson, before, after, snapshot.epochs, tuple(rows))

    def _read_right(
        self, run_id: str, epoch: int | None, lesson: FinetuneData
    ) -> np.ndarray | None:
        """(n,) which drawings of a lesson are read as they were meant; None without a network."""
        if epoch is None:
            return None
        try:
            said = self._history.said(run_id, epoch, lesson.images)
        except UnknownEpochError:
            return None
        right: np.ndarray = said.argmax(1) == lesson.labels
        return right

    def _run(self, run_id: str) -> Run:
        with self._lock:
            return self._runs.find(run_id)


def _place(run: RunSnapshot) -> int:
    """The last epoch of a run that is kept, or the one that it was taken back to."""
    if run.place_epoch is not None:
        return run.place_epoch
    return run.kept[-1] if run.kept else 0
