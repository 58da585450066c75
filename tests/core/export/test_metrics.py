"""Metrics taken away: nothing is lost on the way, and TensorBoard reads them with its own code."""

import csv
import io
import json
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from core.config import TrainConfig
from core.errors import ExportUnavailableError
from core.export.metrics import to_csv, to_json, to_tensorboard
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


def test_csv_has_a_line_an_event_and_empty_cells_where_it_has_no_such_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(METRICS))))

    assert [row["kind"] for row in rows] == ["batch", "batch", "epoch"]
    assert float(rows[1]["loss"]) == 0.6
    assert rows[1]["test_loss"] == ""
    assert float(rows[2]["test_accuracy"]) == 0.85
    assert rows[2]["loss"] == ""


def test_csv_of_a_run_without_metrics_is_an_empty_line() -> None:
    assert to_csv([]).strip() == ""


def test_json_holds_the_settings_the_data_set_and_every_metric() -> None:
    read = json.loads(to_json(METRICS, PROVENANCE))

    assert read == {**asdict(PROVENANCE), "metrics": [asdict(event) for event in METRICS]}
    assert read["config"]["epochs"] == 2
    assert read["dataset"] == "MNIST"


def test_tensorboard_reads_the_metrics_at_their_steps_and_times(tmp_path: Path) -> None:
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


def test_weights_that_were_brought_in_have_no_metrics_and_no_settings_to_show() -> None:
    brought_in = Provenance("run-8", "mlp", "", config=None, started=1.7e9)

    with zipfile.ZipFile(io.BytesIO(to_tensorboard([], brought_in))) as archive:
        assert archive.namelist() == ["run-8/events.out.tfevents.1700000000.digit-lab"]
    assert json.loads(to_json([], brought_in))["metrics"] == []


def test_without_tensorboard_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(ExportUnavailableError, match="pip install tensorboard"):
        to_tensorboard(METRICS, PROVENANCE)
