"""A run's metrics as files: CSV, JSON, and the event files that TensorBoard reads.

This module loads without torch, and without TensorBoard. It does not know where metrics come from
or how they are drawn.
"""

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from core.disk import writing
from core.errors import ExportUnavailableError
from core.records.exports import Provenance
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics


def to_csv(metrics: Sequence[Metrics]) -> str:
    """One line an event; a column that an event does not have stays empty."""
    rows = [asdict(event) for event in metrics]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_json(metrics: Sequence[Metrics], provenance: Provenance) -> str:
    """An object with the fields of `Provenance` and, under `metrics`, one object an event."""
    record = {**asdict(provenance), "metrics": [asdict(event) for event in metrics]}
    return json.dumps(record, indent=1) + "\n"


def to_tensorboard(metrics: Sequence[Metrics], provenance: Provenance) -> bytes:
    """A zip with a folder, named after the run, that `tensorboard --logdir` shows.

    Steps count batches, wall times are those of the training. `loss/train` and `accuracy/train`
    are means over the batches since the point before, `loss/train_epoch` and
    `accuracy/train_epoch` over the epoch, as the notebook prints them.

    Raises:
        ExportUnavailableError: the package tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ExportUnavailableError(
            "TensorBoard's files are written by its own package, which is not installed here. "
            "Install it with `pip install tensorboard` and try again."
        ) from error

    with writing("The TensorBoard file"), tempfile.TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            if provenance.config is not None:
                writer.add_text("settings", _table(provenance), 0, provenance.started)
            for event in metrics:
                for tag, value in _scalars(event):
                    wall_time = provenance.started + event.seconds
                    writer.add_scalar(tag, value, event.step, wall_time)
        (written,) = Path(folder).iterdir()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            # Not the file's own name, which holds this computer's.
            name = f"events.out.tfevents.{int(provenance.started)}.digit-lab"
            archive.write(written, f"{provenance.run_id}/{name}")
    return packed.getvalue()


def _scalars(event: Metrics) -> Iterator[tuple[str, float]]:
    if isinstance(event, BatchMetrics):
        yield "loss/train", event.loss
        yield "accuracy/train", event.accuracy
        yield "learning_rate", event.learning_rate
        yield "images_per_second", event.images_per_second
    elif isinstance(event, EpochMetrics):
        yield "loss/train_epoch", event.train_loss
        yield "accuracy/train_epoch", event.train_accuracy
        yield "loss/test", event.test_loss
        yield "accuracy/test", event.test_accuracy
        yield "images_per_second", event.images_per_second
    # A change of the learning rate shows in the next batch's.


def _table(provenance: Provenance) -> str:
    """The settings as the Markdown table that TensorBoard's Text tab draws."""
    settings = {"data set": provenance.dataset, **(provenance.config or {})}
    rows = [f"| {name} | {value} |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "|---|---|", *rows])
