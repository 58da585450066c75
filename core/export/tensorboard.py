"""A run's metrics as an event file for TensorBoard, in a zip archive."""

import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event

from core.disk import writing
from core.records.exports import Provenance
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics


def to_tensorboard(metrics: Sequence[Metrics], provenance: Provenance) -> bytes:
    """A zip archive with a folder, named after the run, for `tensorboard --logdir`.

    Steps count batches, wall times are those of the training. `loss/train` and `accuracy/train`
    are means over the batches since the previous point, `loss/train_epoch` and
    `accuracy/train_epoch` over the epoch.

    Raises:
        StorageError: the temporary file cannot be written.
    """
    with writing("The TensorBoard file"), tempfile.TemporaryDirectory() as folder:
        # Not `SummaryWriter`: its thread dies on a full disk, and then `add_scalar` waits for ever.
        writer = EventsWriter(f"{folder}/events")
        if provenance.config is not None:
            text = summary.text("settings", _settings_table(provenance))
            writer.write_event(Event(wall_time=provenance.started, step=0, summary=text))
        for event in metrics:
            wall_time = provenance.started + event.seconds
            for tag, value in _scalars(event):
                scalar = summary.scalar(tag, value)
                writer.write_event(Event(wall_time=wall_time, step=event.step, summary=scalar))
        writer.close()
        (event_file,) = Path(folder).iterdir()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            # The writer's own file name contains the name of this computer.
            name = f"events.out.tfevents.{int(provenance.started)}.digit-lab"
            packed.write(event_file, f"{provenance.run_id}/{name}")
    return archive.getvalue()


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
    # The batch after a LearningRateChange reports the new rate.


def _settings_table(provenance: Provenance) -> str:
    """The settings as a Markdown table for TensorBoard's Text tab."""
    settings = {"data set": provenance.dataset, **(provenance.config or {})}
    rows = [f"| {name} | {value} |" for name, value in settings.items()]
    return "\n".join(["| setting | value |", "|---|---|", *rows])
