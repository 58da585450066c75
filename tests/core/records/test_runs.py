"""The records that cross from training to the page: frozen, JSON-safe, and plain to read."""

import dataclasses
import json

import numpy as np
import pytest

from core.records.datasets import DatasetStatus
from core.records.metrics import BatchMetrics, EpochMetrics
from core.records.predictions import Gallery
from core.records.runs import RunSnapshot, RunState, snapshot_adapter

BATCH = BatchMetrics(
    epoch=1,
    step=3,
    progress=0.3,
    loss=0.5,
    accuracy=0.8,
    learning_rate=1e-3,
    images_per_second=1000.0,
    seconds=0.2,
)
EPOCH = EpochMetrics(
    epoch=2,
    step=20,
    progress=2,
    train_loss=0.5,
    train_accuracy=0.8,
    test_loss=0.4,
    test_accuracy=0.9,
    images_per_second=1000.0,
    seconds=0.2,
)
SNAPSHOT = RunSnapshot(
    run_id="a",
    state=RunState.RUNNING,
    config={"epochs": 5},
    dataset="mnist",
    dataset_title="MNIST",
    device="CPU",
    precision="fp32",
    epochs=5,
)


@pytest.mark.parametrize("record", [BATCH, EPOCH, SNAPSHOT])
def test_a_record_cannot_be_changed(record: object) -> None:
    field = dataclasses.fields(record)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, field, None)


@pytest.mark.parametrize("record", [BATCH, EPOCH])
def test_metrics_survive_json_and_tell_their_kind(record: BatchMetrics | EpochMetrics) -> None:
    values = json.loads(json.dumps(dataclasses.asdict(record)))

    assert type(record)(**values) == record
    assert values["kind"] == {BatchMetrics: "batch", EpochMetrics: "epoch"}[type(record)]


def test_a_snapshot_becomes_json_with_its_state_as_text() -> None:
    values = json.loads(json.dumps(SNAPSHOT.to_json()))

    assert values["state"] == "running"
    assert values["config"] == {"epochs": 5}
    assert set(values) == {field.name for field in dataclasses.fields(RunSnapshot)}


@pytest.mark.parametrize("state", RunState)
def test_a_run_has_finished_in_the_last_four_states_only(state: RunState) -> None:
    assert state.finished == (state.value in {"done", "stopped", "failed", "interrupted"})


@pytest.mark.parametrize("state", RunState)
def test_a_run_is_at_rest_unless_it_trains_or_waits(state: RunState) -> None:
    assert state.at_rest == (state.value not in {"running", "stopping", "queued"})


def test_a_gallery_tells_the_most_probable_digit_of_each_image() -> None:
    gallery = Gallery(
        indices=np.arange(2),
        images=np.zeros((2, 28, 28), np.uint8),
        labels=np.array([3, 1]),
        probabilities=np.eye(10, dtype=np.float32)[[3, 7]],
        progress=1.0,
    )

    assert gallery.predictions.tolist() == [3, 7]


def test_a_data_set_has_no_progress_before_it_is_prepared() -> None:
    assert DatasetStatus("mnist", "MNIST", "unknown").progress is None


def test_fields_that_this_version_does_not_have_are_ignored() -> None:
    run = RunSnapshot("1", RunState.DONE, {}, "mnist", "MNIST", "CPU", "fp32", 1)

    assert snapshot_adapter.validate_python({**run.to_json(), "weights_file": "mlp.pth"}) == run


def test_names_and_notes_lose_what_cannot_be_seen() -> None:
    run = RunSnapshot("1", RunState.DONE, {}, "mnist", "MNIST", "CPU", "fp32", 1)
    kept = {**run.to_json(), "name": "A\u202enna", "note": "one\ntwo\0"}
    read = snapshot_adapter.validate_python(kept)
    assert (read.name, read.note) == ("Anna", "one two")
