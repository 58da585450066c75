"""The preview between two evaluations: when it comes, what it says, and that it changes nothing."""

import itertools
from dataclasses import astuple, replace

import numpy as np
import pytest
import torch

from core.config import parse_config
from core.data.dataset import Dataset
from core.records.metrics import EpochMetrics
from core.records.preview import PreviewFrame
from core.training import preview
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from core.training.preview import IMAGES_PER_DIGIT, preview_images
from core.training.state import Checkpoint

TINY = {"epochs": 2, "batch_size": 30, "model": "mlp", "precision": "fp32"}


def watched() -> TrainingControl:
    control = TrainingControl()
    control.watch()
    return control


def frames(events: list[Event]) -> list[PreviewFrame]:
    return [event for event in events if isinstance(event, PreviewFrame)]


def train(data: Dataset, control: TrainingControl, tick: float = 1.0, **changes) -> list[Event]:
    """All events of a run whose clock goes on by `tick` seconds each time that it is read."""
    clock = itertools.count(0.0, tick).__next__
    return list(fit(parse_config({**TINY, **changes}), data, control=control, clock=clock))


def test_nothing_is_computed_while_nobody_watches(tiny_dataset, monkeypatch):
    monkeypatch.setattr(preview.Preview, "frame", None)
    assert frames(train(tiny_dataset, TrainingControl())) == []


@pytest.mark.parametrize("changes", [{}, {"model": "speedrun_cnn", "weight_averaging": True}])
def test_a_preview_changes_no_other_event(tiny_dataset, changes):
    def others(events: list[Event]) -> list[tuple]:
        return [
            astuple(replace(event, seconds=0.0, images_per_second=0.0))
            for event in events
            if not isinstance(event, Checkpoint | PreviewFrame)
        ]

    alone, seen = (
        train(tiny_dataset, TrainingControl(), **changes),
        train(tiny_dataset, watched(), **changes),
    )
    assert frames(seen)
    assert others(seen) == others(alone)
    last = [next(e for e in reversed(run) if isinstance(e, Checkpoint)) for run in (alone, seen)]
    assert all(
        torch.equal(last[0].state_dict[k], last[1].state_dict[k]) for k in last[0].state_dict
    )


def test_a_frame_has_the_digits_that_the_network_reads_then(tiny_dataset):
    events = train(tiny_dataset, watched(), weight_averaging=True)
    checkpoint = next(e for e in reversed(events) if isinstance(e, Checkpoint))
    shown = preview_images(tiny_dataset.test_labels.numpy())
    assert checkpoint.test_probabilities is not None
    predicted = checkpoint.test_probabilities[shown].argmax(1)
    last = frames(events)[-1]
    assert last.digits == "".join(map(str, predicted))
    assert (last.step, last.progress) == (checkpoint.step, 2)


def test_the_estimate_is_the_accuracy_among_the_last_images_that_were_read(tiny_dataset):
    """The clock stands still, so a frame is due after each batch and reads all test images."""
    control = watched()
    events = train(tiny_dataset, control, tick=0.0)
    accuracies = [frame.accuracy for frame in frames(events)]
    exact = [event.test_accuracy for event in events if isinstance(event, EpochMetrics)]
    # Too few images have been read at first. At the end of an epoch two frames come: that of the
    # evaluation and one that was due.
    assert accuracies[0] is None
    assert accuracies[-2:] == pytest.approx([exact[-1]] * 2)


def test_frames_keep_to_the_budget(tiny_dataset):
    """Reading the clock takes a second here, so a frame seems to take one: it is then 25 seconds
    until the next."""
    events = train(tiny_dataset, watched(), epochs=8)
    due = [f for f in frames(events) if f.progress != int(f.progress)]
    gaps = np.diff([frame.seconds for frame in due])
    assert len(gaps) > 3
    assert (gaps >= 1 / preview.BUDGET).all()


def test_six_images_of_each_digit_are_shown_the_same_each_time(tiny_dataset):
    labels = tiny_dataset.test_labels.numpy()
    shown = preview_images(labels)
    assert labels[shown].tolist() == sorted(labels[shown].tolist())
    assert max(np.bincount(labels[shown], minlength=10)) == IMAGES_PER_DIGIT
    assert shown.tolist() == preview_images(labels).tolist()
    assert preview_images(np.array([3, 3, 5])).tolist() in ([0, 1, 2], [1, 0, 2])


def test_a_watch_ends_by_itself(monkeypatch):
    now = 0.0
    monkeypatch.setattr("core.training.control.time.monotonic", lambda: now)
    control = TrainingControl()
    assert not control.is_watched()
    control.watch()
    assert control.is_watched()
    now = 11.0
    assert not control.is_watched()
