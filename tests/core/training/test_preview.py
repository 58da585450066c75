"""The preview between two evaluations: when it comes, what it says, and that it changes nothing."""

import itertools
from dataclasses import astuple, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.config import parse_config
from core.data.dataset import Dataset
from core.records.metrics import BatchMetrics, EpochMetrics
from core.records.preview import PreviewFrame
from core.training import preview
from core.training.control import WATCH_SECONDS, TrainingControl
from core.training.loop import Event, fit
from core.training.preview import IMAGES_PER_DIGIT, Preview, preview_images
from core.training.state import Checkpoint, ResumeState
from tests.support import scripted_control

TINY = {"epochs": 2, "batch_size": 30, "model": "mlp", "precision": "fp32"}


def watched() -> TrainingControl:
    return scripted_control(is_watched=lambda: True)


def frames(events: list[Event]) -> list[PreviewFrame]:
    return [event for event in events if isinstance(event, PreviewFrame)]


def train(
    data: Dataset, control: TrainingControl, batch_seconds: float = 1.0, **changes
) -> list[Event]:
    """All events of a run. A batch takes that many seconds, and everything else no time."""
    events: list[Event] = []

    def clock() -> float:
        return batch_seconds * sum(isinstance(event, BatchMetrics) for event in events)

    for event in fit(parse_config({**TINY, **changes}), data, control=control, clock=clock):
        events.append(event)
    return events


def test_nothing_is_computed_while_nobody_watches(tiny_dataset, monkeypatch):
    monkeypatch.setattr(preview.Preview, "frame", None)
    assert frames(train(tiny_dataset, TrainingControl())) == []


def last_checkpoint(events: list[Event]) -> Checkpoint:
    return next(event for event in reversed(events) if isinstance(event, Checkpoint))


def last_state(events: list[Event]) -> ResumeState:
    state = last_checkpoint(events).resume
    assert state is not None
    return state


def outcome(events: list[Event]) -> tuple[list[tuple], dict[str, bytes]]:
    """All metrics without times, and the state of training at the end."""
    metrics = [
        astuple(replace(event, seconds=0.0, images_per_second=0.0))
        for event in events
        if not isinstance(event, Checkpoint | PreviewFrame)
    ]
    state = last_state(events).tensors
    return metrics, {name: tensor.numpy().tobytes() for name, tensor in state.items()}


EVERYTHING = {
    "schedule": "onecycle",
    "augmentation": "affine",
    "weight_averaging": True,
    "label_smoothing": 0.1,
    "evaluations_per_epoch": 3,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": "simple_cnn", "weight_averaging": True, "epochs": 1},
        # Dropout and batch normalization.
        {**EVERYTHING, "model": "accurate_cnn", "epochs": 1},
        {**EVERYTHING, "model": "speedrun_cnn", "precision": "bf16"},
    ],
)
def test_a_preview_changes_no_other_event(tiny_dataset, changes):
    """A frame is due after each batch from the fifth on."""
    alone = train(tiny_dataset, TrainingControl(), **changes)
    seen = train(tiny_dataset, watched(), **changes)
    assert len(frames(seen)) > 5
    assert outcome(seen) == outcome(alone)


@pytest.mark.parametrize("model", ["speedrun_cnn", "accurate_cnn"])
def test_a_preview_changes_nothing_in_a_run_that_is_interrupted(tiny_dataset, model):
    config = parse_config({**TINY, **EVERYTHING, "model": model})
    whole = list(fit(config, tiny_dataset))

    control, parts = watched(), list[Event]()
    for event in fit(config, tiny_dataset, control=control):
        parts.append(event)
        if isinstance(event, PreviewFrame) and event.step == 5:
            control.stop()
    stopped = last_state(parts)
    assert stopped.position.step == 5
    parts += fit(config, tiny_dataset, control=watched(), resume=stopped)
    assert {5, 10} <= {frame.step for frame in frames(parts)}
    assert outcome(parts) == outcome(whole)


def test_frames_come_after_the_first_steps_and_then_as_time_allows(tiny_dataset):
    events = train(tiny_dataset, watched(), batch_seconds=0.01, epochs=1, batch_size=3)
    assert [frame.step for frame in frames(events)] == [5, 10, 20, 40, 65, 90, 100]


def test_a_watch_in_the_middle_brings_frames_from_there_on(tiny_dataset, monkeypatch):
    control, steps = TrainingControl(), []
    config = parse_config({**TINY, "batch_size": 3, "epochs": 1})
    for event in fit(config, tiny_dataset, control=control):
        if isinstance(event, PreviewFrame):
            steps.append(event.step)
        elif not isinstance(event, Checkpoint) and event.step == 30:
            monkeypatch.setattr(control, "is_watched", lambda: True)
    assert steps
    assert min(steps) >= 30


def test_a_frame_has_the_digits_that_the_network_reads_then(tiny_dataset):
    events = train(tiny_dataset, watched(), weight_averaging=True)
    checkpoint = last_checkpoint(events)
    shown = preview_images(tiny_dataset.test_labels.numpy())
    assert checkpoint.test_probabilities is not None
    predicted = checkpoint.test_probabilities[shown].argmax(1)
    last = frames(events)[-1]
    assert last.digits == "".join(map(str, predicted))
    assert (last.step, last.progress, last.exact) == (checkpoint.step, 2, True)
    exact = [event.test_accuracy for event in events if isinstance(event, EpochMetrics)]
    assert last.accuracy == exact[-1]


def test_the_estimate_is_the_accuracy_among_the_last_images_that_were_read(tiny_dataset):
    """Reading takes no time, so that there is time to read all test images."""
    found = frames(train(tiny_dataset, watched(), learning_rate=1e-9))
    # The network stays as it is, so an estimate over all test images is exact.
    (exact,) = {frame.accuracy for frame in found if frame.exact}
    # The first frame reads no other images than those that it shows, the second a few.
    assert [frame.accuracy for frame in found[:2]] == [None, None]
    assert [frame.accuracy for frame in found[2:]] == pytest.approx([exact] * len(found[2:]))
    assert [frame.exact for frame in found].count(True) == 2


def test_frames_keep_to_the_budget(tiny_dataset):
    """Reading the clock takes a second here, so a frame seems to take one: it is then 25 seconds
    until the next."""
    config = parse_config({**TINY, "epochs": 8})
    events = list(fit(config, tiny_dataset, control=watched(), clock=itertools.count(0.0).__next__))
    due = [frame for frame in frames(events) if not frame.exact]
    gaps = np.diff([frame.seconds for frame in due])
    assert len(gaps) > 3
    assert (gaps >= 1 / preview.BUDGET).all()


def test_frames_come_four_times_a_second_though_each_waits_for_a_batch(tiny_dataset):
    now = 0.0
    images, labels = tiny_dataset.test_images, tiny_dataset.test_labels
    due = Preview(images, labels, watched(), lambda: now)
    state = SimpleNamespace(predict=lambda images: torch.zeros(len(images), dtype=torch.long))
    count = 0
    for step in range(100, 300):
        now += 0.1
        if due.is_due(step):
            due.frame(state, SimpleNamespace(step=step, epochs_done=0.0, seconds=now))
            count += 1
    assert count == pytest.approx(4 * 20, abs=2)


def test_six_images_of_each_digit_are_shown_the_same_each_time(tiny_dataset):
    labels = tiny_dataset.test_labels.numpy()
    shown = preview_images(labels)
    assert labels[shown].tolist() == [*range(10)] * IMAGES_PER_DIGIT
    assert len(set(shown.tolist())) == len(shown)
    assert shown.tolist() == preview_images(labels).tolist()
    assert preview_images(np.array([3, 3, 5])).tolist() in ([0, 2, 1], [1, 2, 0])


def test_other_samples_show_all_other_images_and_then_the_first_again(tiny_dataset):
    labels = tiny_dataset.test_labels.numpy()
    samples = [preview_images(labels, sample) for sample in range(3)]  # there are 12 of each digit
    assert sorted(np.concatenate(samples[:2])) == [*range(len(labels))]
    assert samples[2].tolist() == samples[0].tolist()
    for shown in samples:
        assert labels[shown].tolist() == [*range(10)] * IMAGES_PER_DIGIT


def test_a_watch_ends_by_itself(monkeypatch):
    now = 0.0
    monkeypatch.setattr("core.training.control.time.monotonic", lambda: now)
    control = TrainingControl()
    assert not control.is_watched()
    control.watch()
    assert control.is_watched()
    now = WATCH_SECONDS - 1
    assert control.is_watched()
    now = WATCH_SECONDS
    assert not control.is_watched()
