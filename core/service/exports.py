"""Files of a run to download: weights, metrics, script, notebook."""

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime

from torch import Tensor

from core.errors import WrongStateError
from core.export import metrics
from core.export.onnx import to_onnx
from core.export.script import to_notebook, to_script
from core.export.tensorboard import to_tensorboard
from core.export.weights import to_pth, to_safetensors
from core.records.exports import File, Provenance, WeightsFormat
from core.records.metrics import Metrics
from core.records.runs import RunSnapshot
from core.runs.registry import Runs
from core.service.predictions import Predictions

MAX_STEM = 100
"""Letters: file systems take names of 255."""

_WEIGHTS: dict[str, Callable[[dict[str, Tensor], Provenance], bytes]] = {
    "pth": lambda state_dict, _: to_pth(state_dict),
    "safetensors": to_safetensors,
    "onnx": to_onnx,
}


class RunExports:
    """Makes files, named after the run. Safe to use from several threads.

    Every method raises UnknownRunError if there is no such run.
    """

    def __init__(self, runs: Runs, predictions: Predictions) -> None:
        self._runs, self._predictions = runs, predictions

    def metrics_csv(self, run_id: str) -> File:
        snapshot, events = self._runs.events(run_id)
        text = metrics.to_csv(events)
        return File(f"{_stem(snapshot)}.csv", "text/csv; charset=utf-8", text.encode())

    def metrics_json(self, run_id: str) -> File:
        snapshot, events = self._runs.events(run_id)
        text = metrics.to_json(events, _provenance(snapshot))
        return File(f"{_stem(snapshot)}.json", "application/json", text.encode())

    def tensorboard(self, run_id: str) -> File:
        """
        Raises:
            StorageError: the disk is full.
        """
        snapshot, events = self._runs.events(run_id)
        content = to_tensorboard(events, _provenance(snapshot))
        return File(f"{_stem(snapshot)}-tensorboard.zip", "application/octet-stream", content)

    def weights(self, run_id: str, epoch: int | None, format: WeightsFormat) -> File:
        """A network's weights, by default the newest.

        Raises:
            NotTrainedError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        checkpoint = self._predictions.checkpoint(run_id, epoch)
        snapshot = self._runs.find(run_id).snapshot
        content = _WEIGHTS[format](checkpoint.state_dict, _provenance(snapshot))
        name = f"{_stem(snapshot)}-epoch-{checkpoint.progress:.4g}"
        return File(f"{name}.{format}", "application/octet-stream", content)

    def script(self, run_id: str) -> File:
        """A program that repeats the run without Digit Lab: see `core.export.script`.

        Raises:
            WrongStateError: the run was imported or fine-tuned on drawings, or `to_script` refuses
                it.
        """
        snapshot, events = self._trained(run_id)
        content = to_script(snapshot, events).encode()
        return File(f"{_stem(snapshot)}.py", "text/x-python; charset=utf-8", content)

    def notebook(self, run_id: str) -> File:
        """The same as a Jupyter notebook."""
        snapshot, events = self._trained(run_id)
        content = to_notebook(snapshot, events).encode()
        return File(f"{_stem(snapshot)}.ipynb", "application/x-ipynb+json", content)

    def _trained(self, run_id: str) -> tuple[RunSnapshot, list[Metrics]]:
        self._runs.find_trained(run_id, "trained once more")
        snapshot, events = self._runs.events(run_id)
        if snapshot.lesson is not None:
            raise WrongStateError(
                f"{snapshot.title} was taught somebody's drawings, which its program would have to "
                "bring along. The run that it was forked from can be had as a program."
            )
        return snapshot, events


def _stem(snapshot: RunSnapshot) -> str:
    """The name of a run's files: its title, in letters that every file system takes."""
    plain = unicodedata.normalize("NFKD", snapshot.title).encode("ascii", "ignore").decode()
    return re.sub(r"\W+", "-", plain)[:MAX_STEM].strip("-") or f"Run-{snapshot.number}"


def _provenance(snapshot: RunSnapshot) -> Provenance:
    return Provenance(
        run_id=snapshot.run_id,
        model=snapshot.config["model"],
        dataset=snapshot.dataset_title,
        config=None if snapshot.brought_in else snapshot.config,
        started=datetime.fromisoformat(snapshot.created).timestamp(),
    )
