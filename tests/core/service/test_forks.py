"""What a fork remembers: under which settings the epochs that it shares were trained."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.data.dataset import Dataset
from core.records.metrics import BatchMetrics, EpochMetrics
from core.service.service import TrainingService
from core.training.loop import Event, fit
from tests.core.service.test_run_manager import CONFIG, STEPS, Halting
from tests.support import SECONDS, Finish, MakeService

SLOW, SLOWER, SLOWEST = 1e-4, 5e-5, 1e-5


def rates(service: TrainingService, run_id: str) -> list[float]:
    """The learning rate at the end of each epoch."""
    events, _ = service.runs.events_since(run_id, 0)
    batches = [event for event in events if isinstance(event, BatchMetrics)]
    return [event.learning_rate for event in batches if event.step % STEPS == 0]


@pytest.fixture
def parent(make_service: MakeService, finish: Finish) -> tuple[TrainingService, str]:
    """A run whose learning rate was set to `SLOW` in epoch 2 of 4."""
    halting = Halting(STEPS + 5)
    service = make_service(fit=halting)
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.set_learning_rate(run_id, SLOW)
    halting.go_on.set()
    finish(service, run_id)
    assert rates(service, run_id) == [3e-4, SLOW, SLOW, SLOW]
    return service, run_id


def test_a_fork_goes_on_at_the_rate_that_held_and_says_so(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 2, {"label_smoothing": 0.1})
    found = finish(service, child)

    assert found.config["learning_rate"] == SLOW
    assert rates(service, child) == rates(service, run_id)
    assert (found.parent_epoch, found.config["label_smoothing"]) == (2, 0.1)


def test_a_fork_from_before_the_change_has_the_rate_of_that_time(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 1, {"label_smoothing": 0.1})
    finish(service, child)

    assert rates(service, child) == [3e-4] * 4


def test_a_fork_may_go_back_to_the_rate_of_the_beginning(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 3, {"learning_rate": 3e-4})
    finish(service, child)

    assert rates(service, child) == [3e-4, SLOW, SLOW, 3e-4]


def test_forks_of_forks_have_the_rates_of_all_before_them(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 2, {"learning_rate": SLOWER})
    finish(service, child)
    grandchild = service.runs.fork(child, 3, {"learning_rate": SLOWEST})
    finish(service, grandchild)
    # A fork from an epoch that its parent shares has nothing of its parent but the settings.
    cousin = service.runs.fork(child, 1, {"epochs": 3})
    finish(service, cousin)

    assert rates(service, grandchild) == [3e-4, SLOW, SLOWER, SLOWEST]
    assert rates(service, cousin) == [3e-4, SLOWER, SLOWER]


def test_a_fork_that_goes_back_into_the_shared_epochs_shares_fewer(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 3, {"learning_rate": SLOWER})
    finish(service, child)

    service.runs.rewind(child, 2)
    assert (
        service.runs.snapshot(child).parent_epoch == 3
    )  # until it goes on, one can go forward again
    service.runs.resume(child)
    found = finish(service, child)
    assert rates(service, child) == [3e-4, SLOW, SLOWER, SLOWER]
    assert found.parent_epoch == 2

    service.runs.rewind(child, 0)
    service.runs.resume(child)
    found = finish(service, child)
    assert rates(service, child) == [SLOWER] * 4
    assert (found.parent_epoch, found.config["learning_rate"]) == (0, SLOWER)


def test_an_epoch_that_is_trained_anew_is_read_anew(
    parent: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = parent
    child = service.runs.fork(run_id, 3, {"learning_rate": SLOWER})
    finish(service, child)
    service.runs.rewind(child, 2)
    drawing = [[[60, 60], [200, 60], [120, 230]]]
    before = service.predictions.predict({"strokes": drawing}, run_id=child, epoch=3)
    version = service.predictions.weights_version(child)
    service.runs.resume(child)
    finish(service, child)

    assert service.predictions.weights_version(child) != version
    assert (
        service.predictions.predict({"strokes": drawing}, run_id=child, epoch=3).probabilities
        != before.probabilities
    )
    stored = service.predictions.checkpoint(child, 3).state_dict["fc1.weight"]
    assert not stored.equal(service.predictions.checkpoint(run_id, 3).state_dict["fc1.weight"])


def test_a_fork_that_waited_through_a_restart_has_its_own_rate(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    halting = Halting(STEPS + 5, 4 * STEPS + 3)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.set_learning_rate(run_id, SLOW)
    halting.go_on.set()
    finish(service, run_id)
    halting.go_on.clear()
    service.runs.start(CONFIG)
    child = service.runs.fork(run_id, 2, {"learning_rate": SLOWER})
    service.close()

    again = make_service(runs=tmp_path / "runs")
    again.runs.resume(child)
    finish(again, child)

    assert rates(again, child) == [3e-4, SLOW, SLOWER, SLOWER]


def held_up(*arguments: Any, **options: Any) -> Iterator[Event]:
    """`fit`, whose first epoch takes an hour by its clock."""
    calls = itertools.count()
    options["clock"] = lambda: time.perf_counter() + 3600 * (next(calls) > 5)
    return fit(*arguments, **options)


@pytest.mark.parametrize("taught", [False, True])
def test_time_left_and_best_accuracy_are_the_forks_own(
    make_service: MakeService, tmp_path: Path, tiny_dataset: Dataset, finish: Finish, taught: bool
) -> None:
    """The epochs that it shares took an hour, and its parent read more than it ever will."""
    slow = make_service(fit=held_up, runs=tmp_path / "runs")
    parent = slow.runs.start(CONFIG)
    read = finish(slow, parent).best_test_accuracy
    assert read is not None
    slow.close()
    halting = Halting(1)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    if taught:
        image = tiny_dataset.test_images[0].numpy() / np.float32(255)
        owner = "0" * 32
        service.drawings.save(owner, 3, image)
        fork = service.finetuning.start(owner, parent)
    else:
        fork = service.runs.fork(parent, 4, {"epochs": 9, "learning_rate": 1e-9})
    assert halting.reached.wait(SECONDS)

    found = service.runs.snapshot(fork)

    assert found.seconds > 3600
    assert found.seconds_left is not None
    assert found.seconds_left < 600
    assert found.best_test_accuracy is None
    halting.go_on.set()
    found = finish(service, fork)
    own = [
        event.test_accuracy
        for event in service.runs.events_since(fork, 0)[0]
        if isinstance(event, EpochMetrics) and event.progress > 4
    ]
    assert len(own) == 5
    assert found.best_test_accuracy == max(own)


def test_a_run_notes_what_its_numbers_depend_on(trained_service: TrainingService) -> None:
    run = trained_service.runs.snapshot()
    assert run.threads == 1
    assert run.torch
    assert run.precision == "fp32"
