"""Training in parts: a run that is put down and taken up again is the run that never stopped."""

import functools
from dataclasses import replace
from typing import Any

import pytest
import torch

from core.config import TrainConfig, parse_config
from core.data.dataset import Dataset
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from core.training.optim import learning_rate
from core.training.state import Checkpoint, ResumeState
from tests.core.training.test_loop import TINY, batches, epochs, same_weights, timeless
from tests.support import scripted_control
from tools.tiny_datasets import make_tiny_dataset

# Few digits: two runs are the same or they are not, however little was learned.
DIGITS = make_tiny_dataset(train=100, test=30)
STEPS = 10  # of an epoch
EVERYTHING = {
    "model": "accurate_cnn",
    "schedule": "onecycle",
    "augmentation": "affine",
    "weight_averaging": True,
    "label_smoothing": 0.1,
    "evaluations_per_epoch": 3,
    "train_images": 48,
    "batch_size": 10,
    "epochs": 2,
}


def tiny(**changes: Any) -> TrainConfig:
    return parse_config({**TINY, "batch_size": 10, **changes})


@pytest.fixture(scope="module")
def tiny_dataset() -> Dataset:
    return DIGITS


@functools.cache
def whole_run(config: TrainConfig) -> list[Event]:
    """A run in one part, trained once for all tests: do not change it."""
    return list(fit(config, DIGITS))


def stopped_after(
    steps: int, config: TrainConfig, data: Dataset, resume: ResumeState | None = None
) -> list[Event]:
    """Trains so many steps, and stops."""
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return taken >= steps

    found: list[Event] = []
    taken = 0
    training = fit(
        config,
        data,
        control=scripted_control(should_stop=should_stop, should_publish=lambda: True),
        resume=resume,
    )
    for event in training:
        if isinstance(event, Checkpoint):
            taken = event.step
        found.append(event)
    return found


def last_state(events: list[Event]) -> ResumeState:
    last = events[-1]
    assert isinstance(last, Checkpoint)
    assert last.resume is not None
    return last.resume


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"optimizer": "sgd", "model": "simple_cnn", "train_images": 50},
        {"optimizer": "adamw", "schedule": "onecycle", "weight_averaging": True},
        EVERYTHING,
    ],
)
@pytest.mark.parametrize("steps", [1, 3, 5, 8])
def test_a_run_in_two_parts_is_the_run_in_one(
    tiny_dataset: Dataset, changes: dict[str, Any], steps: int
) -> None:
    config = tiny(**changes)
    whole = whole_run(config)

    first = stopped_after(steps, config, tiny_dataset)
    # What happens between the two parts draws from the same generator.
    torch.rand(1000)
    second = list(fit(config, tiny_dataset, resume=last_state(first)))

    assert timeless(first + second) == timeless(whole)
    assert same_weights(second[-1], whole[-1])


def test_many_parts_make_the_same_run(tiny_dataset: Dataset) -> None:
    config = tiny(**EVERYTHING)
    parts: list[Event] = []
    state = None
    for steps in range(1, 11):
        part = stopped_after(steps, config, tiny_dataset, state)
        parts += part
        if steps < 10:
            state = last_state(part)

    assert timeless(parts) == timeless(whole_run(config))


def test_a_stop_within_an_evaluation_is_made_good(tiny_dataset: Dataset) -> None:
    config = tiny(evaluations_per_epoch=2)
    found: list[Event] = []

    def half_way_through() -> bool:
        # Asked before each batch and once in each evaluation of so few images.
        return len(batches(found)) == STEPS // 2

    for event in fit(config, tiny_dataset, control=scripted_control(should_stop=half_way_through)):
        found.append(event)
    state = last_state(found)
    assert not epochs(found)
    assert (state.position.batch, state.position.evaluated) == (5, False)

    found += fit(config, tiny_dataset, resume=state)

    assert timeless(found) == timeless(list(fit(config, tiny_dataset)))


def test_every_epoch_can_be_gone_back_to(tiny_dataset: Dataset) -> None:
    config = tiny(epochs=3, model="speedrun_cnn", weight_averaging=True)
    whole = list(fit(config, tiny_dataset))
    ends = [event for event in whole if isinstance(event, Checkpoint) and event.resume]

    assert [event.progress for event in ends] == [1, 2, 3]
    for end in ends:
        rest = list(fit(config, tiny_dataset, resume=end.resume))
        later = [event for event in timeless(whole) if event[2] > end.progress]
        assert timeless(rest) == later


def test_a_state_is_not_changed_by_going_on_from_it(tiny_dataset: Dataset) -> None:
    config = tiny(epochs=2)
    state = last_state(stopped_after(7, config, tiny_dataset))
    before = {name: value.clone() for name, value in state.tensors.items()}

    once = list(fit(config, tiny_dataset, resume=state))
    again = list(fit(config, tiny_dataset, resume=state))

    assert timeless(once) == timeless(again)
    assert all(torch.equal(before[name], value) for name, value in state.tensors.items())


def test_seconds_go_on_from_where_they_were(tiny_dataset: Dataset) -> None:
    config = tiny()
    state = last_state(stopped_after(7, config, tiny_dataset))
    later = replace(state, position=replace(state.position, seconds=1000.0))

    rest = batches(list(fit(config, tiny_dataset, resume=later)))

    assert 1000 < rest[0].seconds < 1000 + 60


# Other settings from some epoch on


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0.0001},
        {"optimizer": "sgd"},
        {"weight_averaging": True},
        {"batch_size": 15},
        {"batch_size": 5},
        {"label_smoothing": 0.2},
        {"schedule": "onecycle"},
        {"augmentation": "affine"},
        {"epochs": 3},
    ],
)
def test_one_setting_changed_makes_another_run_from_there(
    tiny_dataset: Dataset, changes: dict[str, Any]
) -> None:
    config = tiny(learning_rate=0.003)
    whole = whole_run(config)
    end = next(event for event in whole if isinstance(event, Checkpoint) and event.resume)
    changed = parse_config({**config.model_dump(), **changes})

    rest = list(fit(changed, tiny_dataset, resume=end.resume))

    assert epochs(rest)[0].epoch == 2
    assert epochs(rest)[-1].progress == changed.epochs
    assert batches(rest)[0].step == STEPS + 1
    same = timeless(rest) == [event for event in timeless(whole) if event[2] > 1]
    assert not same


# The learning rate while a run goes on


def test_a_new_learning_rate_is_an_event_and_holds_from_the_next_batch_on(
    tiny_dataset: Dataset,
) -> None:
    wishes = {12: 0.0001}
    found: list[Event] = []

    def wish() -> float | None:
        taken = len(batches(found))
        return wishes.pop(taken, None)

    for event in fit(
        tiny(learning_rate=0.01), tiny_dataset, control=scripted_control(new_learning_rate=wish)
    ):
        found.append(event)

    change = next(event for event in found if isinstance(event, LearningRateChange))
    assert (change.epoch, change.step, change.progress) == (2, 12, 1.2)
    assert change.learning_rate == 0.0001
    rates = [event.learning_rate for event in batches(found)]
    assert rates == [0.01] * 12 + [0.0001] * 8
    assert [type(event) for event in found if not isinstance(event, Checkpoint)][13:15] == [
        LearningRateChange,
        BatchMetrics,
    ]


def test_a_learning_rate_that_was_set_outlives_a_stop(tiny_dataset: Dataset) -> None:
    config = tiny(learning_rate=0.01)

    def once(found: list[Event], at: int) -> list[Event]:
        wishes = {at: 0.0001}
        training = fit(
            config,
            tiny_dataset,
            control=scripted_control(
                should_stop=lambda: len(batches(found)) == 15,
                new_learning_rate=lambda: wishes.pop(len(batches(found)), None),
            ),
        )
        for event in training:
            found.append(event)
        return found

    first = once([], at=12)
    rest = list(fit(config, tiny_dataset, resume=last_state(first)))

    assert {event.learning_rate for event in batches(rest)} == {0.0001}


def test_a_learning_rate_that_is_set_right_before_a_stop_holds_afterwards(
    tiny_dataset: Dataset,
) -> None:
    config, control = tiny(learning_rate=0.01), TrainingControl()
    found: list[Event] = []
    for event in fit(config, tiny_dataset, control=control):
        found.append(event)
        if len(batches(found)) == 15:
            control.set_learning_rate(0.0001)
            control.stop()

    rest = list(fit(config, tiny_dataset, resume=last_state(found)))

    assert [event.step for event in found if isinstance(event, LearningRateChange)] == [15]
    assert {event.learning_rate for event in batches(rest)} == {0.0001}


@pytest.mark.parametrize("warmup", [0.01, 0.05, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("steps", [1, 2, 10, 50, 236])
def test_one_cycle_has_the_rates_of_torchs_own_to_the_last_bit(steps: int, warmup: float) -> None:
    """So an exported script can use torch's."""
    config = TrainConfig(learning_rate=0.004, schedule="onecycle", warmup=warmup)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)])
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.004, total_steps=steps + 1, pct_start=warmup, cycle_momentum=False
    )
    for step in range(steps):
        assert learning_rate(config, step, steps) == optimizer.param_groups[0]["lr"]
        optimizer.step()
        theirs.step()


def test_a_climb_of_no_step_begins_at_the_peak() -> None:
    config = TrainConfig(learning_rate=0.01, schedule="onecycle", warmup=0.2)
    assert learning_rate(config, 0, 4) == 0.01
    assert all(0 < learning_rate(config, step, 4) < 0.01 for step in (1, 2, 3))


def test_evaluations_are_not_repeated_after_a_stop_beside_one(tiny_dataset: Dataset) -> None:
    config = tiny()
    found = stopped_after(STEPS, config, tiny_dataset)
    assert [event.progress for event in found if isinstance(event, EpochMetrics)] == [1]

    rest = list(fit(config, tiny_dataset, resume=last_state(found)))

    assert [event.progress for event in epochs(rest)] == [2]
