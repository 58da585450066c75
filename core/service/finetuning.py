"""Fine-tuning a run on somebody's drawings, and what that changed, including forgetting."""

from contextlib import suppress
from typing import Literal

import numpy as np

from core.errors import UnknownEpochError, WrongStateError
from core.records.drawings import FinetuneReport, FinetuneRow
from core.records.metrics import EpochMetrics
from core.records.runs import FinetuneInfo
from core.runs import finetuning_data
from core.runs.finetuning_data import FinetuneData
from core.runs.registry import Runs
from core.service.drawings import Drawings, images_of, labels_of
from core.service.predictions import Predictions
from core.service.run_manager import RunManager


class Finetuning:
    """Fine-tuning. Safe to use from several threads."""

    def __init__(
        self, runs: Runs, manager: RunManager, predictions: Predictions, drawings: Drawings
    ) -> None:
        self._runs, self._manager = runs, manager
        self._predictions, self._drawings = predictions, drawings

    def start(
        self,
        owner: str | None,
        run_id: str | None = None,
        epoch: int | None = None,
        mixed: bool = True,
    ) -> str:
        """Forks a run and trains the fork on the owner's drawings; returns its id.

        Args:
            run_id: by default the newest run that has a network.
            epoch: where to fork, by default the last saved epoch.
            mixed: trains on images of the data set as well.

        Raises:
            NoModelError: there is no network yet.
            WrongStateError: there are no drawings, or the run has not finished an epoch. For other
                errors see `RunManager.fork`.
        """
        drawings = self._drawings.all(owner)
        if not drawings:
            raise WrongStateError("There is nothing to teach: keep some drawings first.")
        run = self._runs.find_trained(run_id or self._predictions.newest_run(), "taught")
        snapshot = run.snapshot
        epoch = snapshot.current_epoch if epoch is None else epoch
        if not epoch:
            raise WrongStateError(
                f"{snapshot.title} has learned nothing yet that could be built on: let it "
                "finish an epoch first, or move the epoch slider."
            )
        earlier = finetuning_data.load(snapshot, run.files.folder)
        data = finetuning_data.make(images_of(drawings), labels_of(drawings), mixed, earlier)
        held_out = int(data.held_out.sum())
        info = FinetuneInfo(epoch, len(drawings) - held_out, held_out, mixed)
        changes = {**finetuning_data.SETTINGS, "epochs": epoch + finetuning_data.EPOCHS}
        name = f"{snapshot.title} (taught)"
        return self._manager.fork(snapshot.run_id, epoch, changes, name, (info, data))

    def report(self, run_id: str) -> FinetuneReport | None:
        """What fine-tuning changed in a run; None for other runs.

        Raises:
            UnknownRunError, DamagedFileError: there is no such run, or it cannot be read.
        """
        snapshot, events = self._runs.events(run_id)
        folder = self._runs.find(run_id).files.folder
        info, data = snapshot.lesson, finetuning_data.load(snapshot, folder)
        if info is None or data is None:
            return None
        parent_epoch = info.epoch if snapshot.parent_epoch is None else snapshot.parent_epoch
        before = min(info.epoch, parent_epoch)
        after = snapshot.current_epoch if snapshot.current_epoch > before else None
        evaluations = [event for event in events if isinstance(event, EpochMetrics)]
        accuracies = {event.progress: event.test_accuracy for event in evaluations}
        rows = [FinetuneRow("test", None, accuracies.get(before), accuracies.get(after or -1))]
        correct = [self._correct(run_id, epoch, data) for epoch in (before, after)]

        def add_row(kind: Literal["held_out", "taught"], part: np.ndarray) -> None:
            if part.any():
                shares = [None if c is None else float(c[part].mean()) for c in correct]
                rows.append(FinetuneRow(kind, int(part.sum()), *shares))

        add_row("held_out", data.held_out)
        add_row("taught", ~data.held_out)
        return FinetuneReport(info, before, after, snapshot.epochs, tuple(rows))

    def _correct(self, run_id: str, epoch: int | None, data: FinetuneData) -> np.ndarray | None:
        """(n,) bool: which drawings a network reads correctly; None without a network."""
        if epoch is not None:
            with suppress(UnknownEpochError):
                probabilities = self._predictions.probabilities(data.images, run_id, epoch)
                correct: np.ndarray = probabilities.argmax(1) == data.labels
                return correct
        return None
