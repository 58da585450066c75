"""Checkpoints of a run on disk.

Each run has a folder. `0003.safetensors` holds the weights that were evaluated after epoch 3;
`0003.state.safetensors` holds the rest of the state needed to resume there, and the test
probabilities. `latest` is the position within an epoch where a run was paused or stopped. Every
file is written whole or not at all.
"""

import json
import os
import shutil
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from core.disk import atomic_write, writing
from core.errors import DamagedFileError, UnknownEpochError
from core.training.state import Checkpoint, Position, ResumeState, StateDict

MAX_EPOCHS = 50
"""A run keeps about this many epochs, evenly spaced, and the newest."""

_LATEST = "latest"
_STATE = ".state.safetensors"
_PROBABILITIES = "test_probabilities"


class CheckpointFiles:
    """The folder of one run.

    Methods that write raise StorageError if they cannot. Those that take an epoch raise
    UnknownEpochError if it is not saved; those that read it, DamagedFileError if they cannot.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.folder = folder
        self._model = model

    def save(self, checkpoint: Checkpoint, events: int, about: dict[str, Any]) -> None:
        """Writes the checkpoint of the untrained network, of an epoch's end or of a stop.

        Replaces a position within an epoch that was saved before.

        Args:
            events: number of events that the run had yielded by then.
            about: JSON-safe metadata for the weights file.
        """
        position = checkpoint.resume.position if checkpoint.resume else Position()
        # A run that was stopped during the evaluation at an epoch's end is still within the epoch.
        is_epoch_end = checkpoint.progress == checkpoint.epoch and position.batch == 0
        name = _name(checkpoint.epoch) if is_epoch_end else _LATEST
        tensors = dict(checkpoint.resume.tensors) if checkpoint.resume else {}
        if checkpoint.test_probabilities is not None:
            tensors[_PROBABILITIES] = torch.from_numpy(checkpoint.test_probabilities)
        facts = {
            "place": asdict(position),  # the name of the first version
            "events": events,
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            "progress": checkpoint.progress,
        }
        state, weights = (self.folder / f"{name}{ending}" for ending in (_STATE, ".safetensors"))
        # The state comes last: if it is there, so are the weights.
        with atomic_write(state, "The network") as part:
            _save(tensors, facts, part)
            with atomic_write(weights, "The network") as part:
                _save(checkpoint.state_dict, {"about": about, **facts}, part)
                self._remove(_LATEST)

    def epochs(self) -> list[int]:
        """The saved epochs in ascending order; 0 is the untrained network."""
        return sorted(
            int(path.name.split(".")[0])
            for path in self.folder.glob(f"[0-9]*{_STATE}")
            if path.name.split(".")[0].isdecimal()
        )

    def stamp(self, epoch: int | None = None) -> tuple[int, int, int]:
        """A key for the network of `checkpoint(epoch)`. Runs that share a file share its key."""
        name = self._newest() if epoch is None else _name(epoch)
        try:
            stat = (self.folder / f"{name}{_STATE}").stat()  # it is written last
        except OSError as error:
            raise self._not_kept(epoch) from error
        return stat.st_dev, stat.st_ino, stat.st_mtime_ns

    def progress_within_epoch(self) -> float | None:
        """The progress of the newest network if the run was stopped within an epoch."""
        if not self._is_within_epoch():
            return None
        with suppress(DamagedFileError), self._open(f"{_LATEST}{_STATE}") as file:
            progress: float = json.loads(file.metadata()["facts"])["progress"]
            return progress
        return None

    def _is_within_epoch(self) -> bool:
        return (self.folder / f"{_LATEST}{_STATE}").exists()

    def prune(self, total: int) -> None:
        """Removes epochs beyond `MAX_EPOCHS` of a run of `total` epochs."""
        stride = -(-total // MAX_EPOCHS)
        with writing("The run"):
            for epoch in self.epochs()[:-1]:
                if epoch % stride:
                    self._remove(_name(epoch))

    def discard_after(self, epoch: int) -> None:
        """Removes all later epochs, and the position within an epoch."""
        with writing("The run"):
            for later in self.epochs():
                if later > epoch:
                    self._remove(_name(later))
            self._remove(_LATEST)

    def link_from(self, other: "CheckpointFiles", until: int) -> None:
        """Links another run's epochs up to `until`, or copies them where links do not work.

        The other run may train and be pruned meanwhile: then `until` may be an unknown epoch.
        """
        with writing("The run"):
            self.folder.mkdir(parents=True, exist_ok=True)
            for epoch in other.epochs():
                if epoch <= until:
                    for ending in (".safetensors", _STATE):
                        file = f"{_name(epoch)}{ending}"
                        try:
                            os.link(other.folder / file, self.folder / file)
                        except OSError:  # another disk, or one without links
                            shutil.copyfile(other.folder / file, self.folder / file)
        other._saved(until)

    def remove(self) -> None:
        """Removes the folder as far as possible."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def checkpoint(self, epoch: int | None = None) -> Checkpoint:
        """The network after an epoch, by default the newest, also one within an epoch."""
        name = self._newest() if epoch is None else self._saved(epoch)
        with self._open(f"{name}.safetensors") as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with self._open(f"{name}{_STATE}") as file:
            facts = json.loads(file.metadata()["facts"])
            probabilities = None
            if _PROBABILITIES in file.keys():  # noqa: SIM118
                probabilities = file.get_tensor(_PROBABILITIES).numpy()
        return Checkpoint(
            self._model, facts["epoch"], facts["step"], facts["progress"], weights, probabilities
        )

    def resume_state(
        self, epoch: int | None = None, tensors: bool = True
    ) -> tuple[ResumeState | None, int]:
        """The state to resume from after an epoch, and the number of events by then.

        By default the newest state that can be read, also one within an epoch. None is the start
        of the run. Reading the `tensors` takes about 50 ms.
        """
        if epoch is not None:
            return self._resume_state(self._saved(epoch), tensors)
        for name in self._newest_first():
            with suppress(DamagedFileError):
                return self._resume_state(name, tensors)
        return None, 0

    def test_probabilities(self, skip: Container[int] = ()) -> Iterator[tuple[int, np.ndarray]]:
        """Pairs of a readable epoch and its test probabilities (N, 10), except epochs in `skip`."""
        for epoch in self.epochs():
            if epoch not in skip:
                with suppress(DamagedFileError), self._open(f"{_name(epoch)}{_STATE}") as file:
                    if _PROBABILITIES in file.keys():  # noqa: SIM118
                        yield epoch, file.get_tensor(_PROBABILITIES).numpy()

    def about(self) -> dict[str, Any]:
        """The metadata of the newest readable weights; empty if there are none."""
        for name in self._newest_first():
            with suppress(DamagedFileError), self._open(f"{name}.safetensors") as file:
                about: dict[str, Any] = json.loads(file.metadata()["facts"])["about"]
                return about
        return {}

    def _resume_state(self, name: str, tensors: bool) -> tuple[ResumeState | None, int]:
        with self._open(f"{name}{_STATE}") as file:
            facts = json.loads(file.metadata()["facts"])
            names = [key for key in file.keys() if key != _PROBABILITIES]  # noqa: SIM118
            state: StateDict = {key: file.get_tensor(key) for key in names if tensors}
        if not names:
            return None, facts["events"]
        position = facts["place"]
        sums = {key: tuple(position[key]) for key in ("since_report", "since_epoch")}
        return ResumeState(Position(**{**position, **sums}), state), facts["events"]

    def _newest_first(self) -> list[str]:
        epochs = [_name(epoch) for epoch in reversed(self.epochs())]
        return [_LATEST, *epochs] if self._is_within_epoch() else epochs

    def _newest(self) -> str:
        names = self._newest_first()
        if not names:
            raise UnknownEpochError("This run has kept no network.")
        return names[0]

    def _saved(self, epoch: int) -> str:
        if epoch not in self.epochs():
            raise self._not_kept(epoch)
        return _name(epoch)

    def _not_kept(self, epoch: int | None) -> UnknownEpochError:
        kept = ", ".join(map(str, self.epochs())) or "none"
        return UnknownEpochError(f"Epoch {epoch} of this run is not kept. There are: {kept}.")

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
