"""What the Train tab says about a run in each of its states, and about its data set."""

from typing import Any

import pytest

from core.config import PRESETS, TrainConfig
from core.records.datasets import DatasetStatus
from core.records.runs import FinetuneInfo, RunSnapshot, RunState
from core.service.service import TrainingService
from dashboard.tabs.train import text

DIVERGED = (
    "The loss became nan in epoch 1: the steps are too large. "
    "Choose a smaller learning rate and train again."
)


def run(state: RunState = RunState.RUNNING, **changes: Any) -> RunSnapshot:
    values: dict[str, Any] = {
        "run_id": "a run",
        "number": 3,
        "state": state,
        "config": TrainConfig(epochs=4).model_dump(),
        "dataset": "mnist",
        "dataset_title": "MNIST",
        "device": "A processor",
        "precision": "fp32",
        "epochs": 4,
        "kept": (0, 1),
        "progress": 1.5,
    }
    return RunSnapshot(**(values | changes))


AHEAD = run(number=2, seconds_left=30.0)


@pytest.mark.parametrize(
    ("snapshot", "lead", "rest"),
    [
        (None, "", ""),
        (run(), "", ""),
        (run(message="Downloading MNIST: 40%"), "Downloading MNIST: 40%.", ""),
        (run(RunState.QUEUED, queue_place=1), "Run 3 waits for Run 2", "for about 30 s."),
        (run(RunState.QUEUED, queue_place=4), "Run 3 waits for Run 2", "and others: place 4."),
        (run(RunState.PAUSED), "Paused in epoch 2 of 4.", "Resume goes on from there."),
        (run(RunState.STOPPED), "Stopped in epoch 2 of 4.", "It keeps what it learned."),
        (run(RunState.STOPPED, progress=2.0), "Stopped after 2 epochs.", "It keeps"),
        (run(RunState.STOPPED, kept=()), "Stopped before it began.", "back into the queue"),
        (run(RunState.INTERRUPTED), "Digit Lab ended during this run.", "Resume goes on"),
        (
            run(RunState.DONE, test_accuracy=0.9922, seconds=41.4),
            "99.2\u202f% in 41 s.",
            "Now draw a digit yourself.",
        ),
        (run(RunState.DONE, test_accuracy=0.9922), "99.2\u202f% right.", "Now draw"),
        (run(RunState.DONE), "It has learned.", "Now draw"),
        (
            run(RunState.FAILED, error=DIVERGED),
            "The loss became nan in epoch 1: the steps are too large.",
            "Choose a smaller learning rate and train again.",
        ),
        (run(RunState.FAILED, error="It broke."), "It broke.", ""),
    ],
)
def test_the_slot_says_what_happened_and_what_to_do(
    snapshot: RunSnapshot | None, lead: str, rest: str
) -> None:
    said, more = text.slot(snapshot, AHEAD)
    assert said == lead
    assert rest in more
    assert bool(rest) == bool(more)


def test_a_run_that_waits_for_a_run_that_has_just_ended_says_so() -> None:
    waits = run(RunState.QUEUED, queue_place=1)
    assert text.slot(waits) == ("Run 3 waits for its turn.", "")
    assert text.slot(waits, run(number=2)) == ("Run 3 waits for Run 2", "")


@pytest.mark.parametrize(
    ("settings", "rate"),
    [
        ({"learning_rate": 1.0}, PRESETS["fast"].config.learning_rate),
        ({"learning_rate": 0.03}, 0.003),
        ({"learning_rate": 1.0, "model": "speedrun_cnn"}, 0.01),
        ({"learning_rate": 0.5, "model": "mlp"}, 0.05),
    ],
)
def test_a_run_that_diverged_is_offered_again_with_a_rate_that_should_work(
    settings: dict[str, Any], rate: float
) -> None:
    failed = run(RunState.FAILED, error=DIVERGED, config=TrainConfig(**settings).model_dump())
    assert text.is_too_high(failed)
    assert text.retry_rate(failed) == rate
    assert not text.is_too_high(run(RunState.FAILED, error="The disk is full."))


def test_a_run_whose_settings_do_not_tell_all_says_where_it_came_from() -> None:
    assert text.origin(run()) == ""
    assert "epoch 2" in text.origin(run(parent="another", parent_epoch=2))
    assert "in a file" in text.origin(run(brought_in=True))
    lesson = FinetuneInfo(epoch=2, taught=7, held_out=2, mixed=False)
    assert text.origin(run(parent="another", lesson=lesson)).startswith("Taught 7 drawings")


def test_the_data_set_is_described_and_what_is_not_there_is_not() -> None:
    assert text.data(DatasetStatus("mnist", "MNIST", "ready", "2 to train on.")) == text.MNIST
    made = DatasetStatus("synthetic", "Synthetic digits", "preparing", "Making digits", 0.42)
    assert text.data(made) == "Synthetic digits: Making digits, 42\u202f%"
    own = DatasetStatus("mnist", "Images in data", "ready", "9 to train on, 3 to test.")
    assert text.data(own) == "Images in data: 9 to train on, 3 to test."
    assert text.data(DatasetStatus("mnist", "MNIST", "unavailable", "It is missing.")) == ""


def test_a_run_is_described_with_what_it_waits_for(service: TrainingService) -> None:
    nothing = text.describe(service, None)
    assert nothing["slot-lead"] == nothing["retry-rate"] == ""
    told = text.describe(service, run(RunState.FAILED, error=DIVERGED))
    assert told["retry-rate"] == "0.0001"
    assert set(told) == set(nothing)
