"""A run's networks on disk, epoch by epoch: what it had learnt, and how to go on from there.

One folder a run. `0003.safetensors` holds the weights that were evaluated after epoch 3 and opens
anywhere; `0003.state.safetensors` holds what going on from there needs besides, and what the
network said of the test images. `latest` stands for the place in mid-epoch where a run was put
down. Every file is written whole or not at all. This module does not know what a run is doing.
"""

import json
import os
import shutil
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from core.disk import writing
from core.errors import DamagedFileError, UnknownEpochError
from core.training.state import Checkpoint, Position, ResumeState, StateDict

KEPT_EPOCHS = 50
"""A run keeps about so many epochs, evenly spaced, beside the newest: disks are finite."""

_LATEST = "latest"
_STATE = ".state.safetensors"
_SAID = "test_probabilities"


class CheckpointFiles:
    """The folder of one run."""

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self._model = model

    def save(self, checkpoint: Checkpoint, events: int, about: dict[str, Any]) -> None:
        """Writes a checkpoint: that of an epoch's end, of the untrained network, or of a stop.

        A place in mid-epoch that was kept before is gone then.

        Args:
            events: how many events the run had yielded when the checkpoint came.
            about: what the weights' file says of itself, JSON-safe.

        Raises:
            StorageError: it cannot be written.
        """
        place = checkpoint.resume.place if checkpoint.resume else Position()
        # A run that was stopped during the evaluation at an epoch's end is still within the epoch.
        whole = checkpoint.progress == checkpoint.epoch and place.batch == 0
        name = _name(checkpoint.epoch) if whole else _LATEST
        tensors = dict(checkpoint.resume.tensors) if checkpoint.resume else {}
        if checkpoint.test_probabilities is not None:
            tensors[_SAID] = torch.from_numpy(checkpoint.test_probabilities)
        facts = {
            "place": asdict(place),
            "events": events,
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            "progress": checkpoint.progress,
        }
        paths = [self.folder / f"{name}{ending}" for ending in (".safetensors", _STATE)]
        parts = [path.with_name(f"{path.name}.part") for path in paths]
        with writing("The network"):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                _save(checkpoint.state_dict, {"about": about, **facts}, parts[0])
                _save(tensors, facts, parts[1])
                # From here on no space is needed. The state last: once it is there, everything is.
                self._remove(_LATEST)
                for part, path in zip(parts, paths, strict=True):
                    part.replace(path)
            finally:
                for part in parts:
                    part.unlink(missing_ok=True)

    def epochs(self) -> list[int]:
        """The epochs that are kept, 0 for the untrained network, ascending."""
        return sorted(
            int(path.name.split(".")[0])
            for path in self.folder.glob(f"[0-9]*{_STATE}")
            if path.name.split(".")[0].isdecimal()
        )

    def stamp(self, epoch: int) -> tuple[int, int, int]:
        """What stands for an epoch's network, whichever run it is in: equal for equal files.

        A file is written whole or not at all, and runs that share an epoch share its file.

        Raises:
            UnknownEpochError: that epoch is not kept.
        """
        try:
            found = (self.folder / f"{_name(epoch)}.safetensors").stat()
        except OSError as error:
            raise UnknownEpochError(f"Epoch {epoch} of this run is not kept.") from error
        return found.st_dev, found.st_ino, found.st_mtime_ns

    def prune(self, total: int) -> None:
        """Removes what a run of so many epochs does not keep: see `KEPT_EPOCHS`.

        Raises:
            StorageError: it cannot be removed.
        """
        stride = -(-total // KEPT_EPOCHS)
        with writing("The run"):
            for epoch in self.epochs()[:-1]:
                if epoch % stride:
                    self._remove(_name(epoch))

    def discard_after(self, epoch: int) -> None:
        """Removes all later epochs, and the place in mid-epoch.

        Raises:
            StorageError: they cannot be removed.
        """
        with writing("The run"):
            for later in self.epochs():
                if later > epoch:
                    self._remove(_name(later))
            self._remove(_LATEST)

    def link_from(self, other: "CheckpointFiles", until: int) -> None:
        """Takes over another run's epochs up to one, sharing the disk where that can be done.

        Raises:
            UnknownEpochError: the last of them is gone: a run that trains gives up epochs.
            StorageError: they cannot be written.
        """
        with writing("The run"):
            self.folder.mkdir(parents=True, exist_ok=True)
            for epoch in other.epochs():
                if epoch <= until:
                    for ending in (".safetensors", _STATE):
                        _link(other.folder / f"{_name(epoch)}{ending}", self.folder)
        other._kept(until)

    def remove(self) -> None:
        """Removes the folder, as far as that can be done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def checkpoint(self, epoch: int | None = None) -> Checkpoint:
        """The network after an epoch, by default the newest there is, mid-epoch ones included.

        Raises:
            UnknownEpochError: that epoch is not kept.
            DamagedFileError: its file cannot be read.
        """
        name = self._newest() if epoch is None else self._kept(epoch)
        with self._open(f"{name}.safetensors") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with self._open(f"{name}{_STATE}") as file:
            facts = json.loads(file.metadata()["facts"])
            said = file.get_tensor(_SAID).numpy() if _SAID in file.keys() else None  # noqa: SIM118
        return Checkpoint(
            self._model, facts["epoch"], facts["step"], facts["progress"], weights, said
        )

    def resume_state(
        self, epoch: int | None = None, tensors: bool = True
    ) -> tuple[ResumeState | None, int]:
        """Where to go on after an epoch, and how many events there were then.

        By default the newest place that can be read, mid-epoch ones included. None stands for the
        very beginning. Without its `tensors` a place is read at once, with them in some 50 ms.

        Raises:
            UnknownEpochError: that epoch is not kept.
            DamagedFileError: its file cannot be read.
        """
        if epoch is not None:
            return self._resume_state(self._kept(epoch), tensors)
        names = [_LATEST] if self._has(_LATEST) else []
        for name in [*names, *map(_name, reversed(self.epochs()))]:
            try:
                return self._resume_state(name, tensors)
            except DamagedFileError:
                continue
        return None, 0

    def said(self, known: Container[int] = ()) -> Iterator[tuple[int, np.ndarray]]:
        """What the network said of the test images, (N, 10), after each epoch that can be read.

        Args:
            known: epochs to leave out.
        """
        for epoch in self.epochs():
            if epoch in known:
                continue
            try:
                with self._open(f"{_name(epoch)}{_STATE}") as file:
                    if _SAID in file.keys():  # noqa: SIM118
                        yield epoch, file.get_tensor(_SAID).numpy()
            except DamagedFileError:
                continue

    def about(self) -> dict[str, Any]:
        """What the newest readable weights say of themselves; nothing where there are none."""
        names = [_LATEST] if self._has(_LATEST) else []
        for name in [*names, *map(_name, reversed(self.epochs()))]:
            try:
                with self._open(f"{name}.safetensors") as file:
                    found: dict[str, Any] = json.loads(file.metadata()["facts"])["about"]
                    return found
            except DamagedFileError:
                continue
        return {}

    def _resume_state(self, name: str, tensors: bool) -> tuple[ResumeState | None, int]:
        with self._open(f"{name}{_STATE}") as file:
            facts = json.loads(file.metadata()["facts"])
            names = [key for key in file.keys() if key != _SAID]  # noqa: SIM118
            read: StateDict = {key: file.get_tensor(key) for key in names if tensors}
        if not names:
            return None, facts["events"]
        place = facts["place"]
        sums = {key: tuple(place[key]) for key in ("since_report", "since_epoch")}
        return ResumeState(Position(**{**place, **sums}), read), facts["events"]

    def _newest(self) -> str:
        if self._has(_LATEST):
            return _LATEST
        epochs = self.epochs()
        if not epochs:
            raise UnknownEpochError("This run has kept no network.")
        return _name(epochs[-1])

    def _kept(self, epoch: int) -> str:
        epochs = self.epochs()
        if epoch not in epochs:
            raise UnknownEpochError(
                f"Epoch {epoch} of this run is not kept. There are: "
                f"{', '.join(map(str, epochs)) or 'none'}."
            )
        return _name(epoch)

    def _has(self, name: str) -> bool:
        return (self.folder / f"{name}{_STATE}").exists()

    def _remove(self, name: str) -> None:
        for ending in (_STATE, ".safetensors"):
            (self.folder / f"{name}{ending}").unlink(missing_ok=True)

    @contextmanager
    def _open(self, name: str) -> Iterator[Any]:
        path = self.folder / name
        try:
            with safe_open(path, framework="pt") as file:
                yield file
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise DamagedFileError(
                f"{path.parent.name}/{path.name} cannot be read; the rest of the run is not harmed."
            ) from error


def _save(tensors: StateDict, facts: dict[str, Any], path: Path) -> None:
    save_file(tensors, path, {"facts": json.dumps(facts), "format": "pt"})


def _name(epoch: int) -> str:
    return f"{epoch:04d}"


def _link(source: Path, folder: Path) -> None:
    copy: Callable[[Path, Path], Any] = os.link
    try:
        copy(source, folder / source.name)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, folder / source.name)
