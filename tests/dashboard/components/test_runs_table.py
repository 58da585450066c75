"""The rows of the table of runs."""

from dataclasses import replace
from typing import Any

import pytest

from core.config import TrainConfig
from core.records.runs import RunSnapshot, RunState
from dashboard.components import runs_table

RUN = RunSnapshot(
    run_id="20260101-120000-000-abcd",
    state=RunState.DONE,
    config=TrainConfig().model_dump(),
    dataset="mnist",
    dataset_title="MNIST",
    device="CPU",
    precision="fp32",
    epochs=5,
    number=7,
    created="2026-01-01T12:00:00+00:00",
    progress=5.0,
    seconds=61.4,
    best_test_accuracy=0.9912,
    test_accuracies=(0.97, 0.9912),
    preset="notebook",
)


def test_a_row_says_what_the_run_is_and_has_reached() -> None:
    row = runs_table.row(RUN)
    shown = (
        "name",
        "word",
        "seed",
        "preset",
        "dataset",
        "model",
        "epochs",
        "took",
        "created",
        "pinned",
    )
    assert [row[name] for name in shown] == [
        "Run 7",
        "done",
        0,
        "Notebook",
        "MNIST",
        "SimpleCNN",
        "5 of 5",
        "1 min 1 s",
        "2026-01-01 12:00:00",
        False,
    ]
    assert row["best"] == 99.12  # percent, as it is shown and as one filters
    assert row["curve"] == "0.9700 0.9912"


def test_a_run_that_waits_says_its_place() -> None:
    for place, words in ((1, "next in line"), (3, "place 3 in line")):
        waiting = replace(RUN, state=RunState.QUEUED, queue_place=place)
        assert runs_table.row(waiting)["state"] == "queued"
        assert runs_table.row(waiting)["word"] == words


def test_a_failed_run_says_why() -> None:
    failed = replace(RUN, state=RunState.FAILED, error="The disk is full.")
    assert runs_table.row(failed)["said"] == "The disk is full."


def test_settings_of_ones_own_and_files_from_elsewhere_have_no_preset() -> None:
    assert runs_table.row(replace(RUN, preset=None))["preset"] == "own settings"
    brought = replace(RUN, preset=None, brought_in=True, epochs=0, progress=0.0)
    assert runs_table.row(brought)["preset"] == "imported"
    assert runs_table.row(brought)["epochs"] == ""


FILES = ("metrics", "programs")


@pytest.mark.parametrize(
    ("run", "actions"),
    [
        ({"state": RunState.RUNNING}, ["pause", "stop", "repeat", *FILES]),
        ({"state": RunState.PAUSED}, ["resume", "stop", "repeat", "rewind", *FILES]),
        ({"kept": (0, 1)}, ["repeat", "continue", "rewind", "weights", *FILES]),
        ({"state": RunState.INTERRUPTED, "parent_epoch": 1}, ["resume", "rewind", *FILES]),
        ({"kept": (0,), "brought_in": True}, ["weights"]),
    ],
    ids=["training", "paused", "done", "interrupted fork", "imported"],
)
def test_a_row_has_what_can_be_done_with_the_run(run: dict[str, Any], actions: list[str]) -> None:
    assert set(runs_table.row(replace(RUN, **run))["can"]) == {*actions, "delete"}


def test_every_column_shows_something_of_a_row() -> None:
    row = runs_table.row(RUN)
    assert [column["field"] for column in runs_table.COLUMNS if column["field"] not in row] == []


def test_a_row_brings_what_the_page_says_of_the_run_elsewhere() -> None:
    row = runs_table.row(replace(RUN, revision=2, pair="a"))
    assert (row["pair"], row["revision"]) == ("a", 2)
