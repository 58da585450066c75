"""Exported metrics: CSV and JSON hold every figure."""

import csv
import io
import json
from dataclasses import asdict

from core.config import TrainConfig
from core.export.metrics import to_csv, to_json
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


def test_imported_weights_have_no_metrics_and_no_settings_in_json() -> None:
    imported = Provenance("run-8", "mlp", "", config=None, started=1.7e9)

    read = json.loads(to_json([], imported))

    assert read["metrics"] == []
    assert read["config"] is None
