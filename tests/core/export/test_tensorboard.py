"""Exported event files: TensorBoard's own reader finds every figure."""

import errno
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig
from core.errors import StorageError
from core.export.tensorboard import to_tensorboard
from core.records.exports import Provenance
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics

PROVENANCE = Provenance(
    "run-7", "simple_cnn", "MNIST", TrainConfig(epochs=2).model_dump(), started=1.7e9
)
METRICS: list[Metrics] = [
    BatchMetrics(1, 5, 0.5, 0.9, 0.7, 1e-3, 1500.0, 0.25),
    BatchMetrics(1, 10, 1.0, 0.6, 0.8, 5e-4, 1600.0, 0.5),
    EpochMetrics(1, 10, 1.0, 0.75, 0.75, 0.5, 0.85, 1550.0, 0.625),
]


def test_tensorboard_reads_the_metrics_at_their_steps_and_times(tmp_path: Path) -> None:
    # Imported here, because it takes each test process a while.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    content = to_tensorboard(METRICS, PROVENANCE)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["run-7/events.out.tfevents.1700000000.digit-lab"]
        archive.extractall(tmp_path)
    board = EventAccumulator(str(tmp_path / "run-7"))
    board.Reload()

    def points(tag: str) -> list[tuple[int, float, float]]:
        return [
            (point.step, point.wall_time - PROVENANCE.started, round(point.value, 6))
            for point in board.Scalars(tag)
        ]

    assert points("loss/train") == [(5, 0.25, 0.9), (10, 0.5, 0.6)]
    assert points("accuracy/train") == [(5, 0.25, 0.7), (10, 0.5, 0.8)]
    assert points("learning_rate") == [(5, 0.25, 1e-3), (10, 0.5, 5e-4)]
    assert points("loss/test") == [(10, 0.625, 0.5)]
    assert points("accuracy/test") == [(10, 0.625, 0.85)]
    assert points("loss/train_epoch") == [(10, 0.625, 0.75)]
    assert points("accuracy/train_epoch") == [(10, 0.625, 0.75)]
    (settings,) = board.Tensors("settings/text_summary")
    assert b"| learning_rate | 0.001 |" in settings.tensor_proto.string_val[0]


def test_imported_weights_have_an_empty_event_file() -> None:
    imported = Provenance("run-8", "mlp", "", config=None, started=1.7e9)

    with zipfile.ZipFile(io.BytesIO(to_tensorboard([], imported))) as archive:
        assert archive.namelist() == ["run-8/events.out.tfevents.1700000000.digit-lab"]


def test_a_full_disk_is_an_error_and_not_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    class FullFile(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tensorboardX.record_writer.open_file", lambda path: FullFile())
    with pytest.raises(StorageError, match="No space left"):
        to_tensorboard(METRICS, PROVENANCE)
