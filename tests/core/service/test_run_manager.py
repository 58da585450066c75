"""Runs that last: pausing, resuming, going back, forking, queueing, deleting; what a restart, a
kill and a damaged file leave of them."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from datetime import datetime, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest
import torch

from core.config import TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import Runtime
from core.errors import (
    CancelledError,
    DamagedFileError,
    InvalidConfigError,
    StorageError,
    UnknownEpochError,
    UnknownRunError,
    WrongStateError,
)
from core.records.metrics import BatchMetrics, EpochMetrics, LearningRateChange, Metrics
from core.records.preview import PreviewFrame
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from core.training.state import Checkpoint
from tests.support import SECONDS, Finish, MakeService, WaitUntil, write_synthetic

CONFIG = parse_config(
    {
        "epochs": 4,
        "batch_size": 5,
        "train_images": 50,
        "model": "speedrun_cnn",
        "precision": "fp32",
        "learning_rate": 3e-4,
    }
)
STEPS = 10
DRAWING = [[[60, 60], [200, 60], [120, 230]]]


class Halting:
    """A `fit` that trains really, and waits before it yields the so-manieth batch of metrics."""

    def __init__(self, *after: int) -> None:
        self._after = set(after)
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(
        self,
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *options: Any,
    ) -> Iterator[Event]:
        seen = 0
        for event in fit(config, data, runtime, control, *options):
            yield event
            seen += not isinstance(event, Checkpoint | EpochMetrics)
            if seen in self._after and not isinstance(event, Checkpoint):
                self._after.discard(seen)
                self.reached.set()
                while not (self.go_on.wait(0.01) or control.should_stop()):
                    pass


@pytest.fixture(scope="module")
def uninterrupted(tiny_dataset: Dataset) -> list[tuple[Any, ...]]:
    """The metrics of `CONFIG`, trained in one go."""
    return timeless(
        [
            event
            for event in fit(CONFIG, tiny_dataset)
            if not isinstance(event, Checkpoint | PreviewFrame)
        ]
    )


def told(service: TrainingService, run_id: str) -> list[tuple[Any, ...]]:
    """A run's metrics, without what depends on the clock."""
    return timeless(service.runs.events_since(run_id, 0)[0])


def timeless(events: list[Metrics]) -> list[tuple[Any, ...]]:
    still = {"seconds": 0.0}
    return [
        astuple(
            replace(event, **still)
            if isinstance(event, LearningRateChange)
            else replace(event, images_per_second=0.0, **still)
        )
        for event in events
    ]


def stopped_at(
    make_service: MakeService, runs: Path, steps: int, how: str
) -> tuple[TrainingService, str]:
    halting = Halting(steps)
    service = make_service(fit=halting, runs=runs)
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    getattr(service.runs, how)(run_id)
    halting.go_on.set()
    return service, run_id


def settled(service: TrainingService, run_id: str, wait_until: WaitUntil) -> RunSnapshot:
    """Waits until a run neither trains nor waits."""
    busy = (RunState.RUNNING, RunState.STOPPING, RunState.QUEUED)
    wait_until(lambda: service.runs.snapshot(run_id).state not in busy)
    return service.runs.snapshot(run_id)


# Pause and resume


@pytest.mark.parametrize("steps", [1, 4, STEPS, 13, 3 * STEPS])
@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_run_that_was_put_down_goes_on_as_if_it_never_was(
    make_service: MakeService,
    tmp_path: Path,
    uninterrupted: list[tuple[Any, ...]],
    wait_until: WaitUntil,
    finish: Finish,
    steps: int,
    how: str,
) -> None:
    service, run_id = stopped_at(make_service, tmp_path / "runs", steps, how)
    found = settled(service, run_id, wait_until)
    assert found.state is (RunState.PAUSED if how == "pause" else RunState.STOPPED)

    service.runs.resume(run_id)

    assert finish(service, run_id).state is RunState.DONE
    assert told(service, run_id) == uninterrupted


class StoppedEvaluation:
    """A `fit` that is stopped, once, when the last batch of an epoch is done but not evaluated."""

    def __init__(self, epoch: int, end: Callable[[], object]) -> None:
        self._step, self._end = epoch * STEPS, end

    def __call__(self, config: TrainConfig, data: Dataset, *rest: Any, **options: Any) -> Any:
        for event in fit(config, data, *rest, **options):
            yield event
            if isinstance(event, BatchMetrics) and event.step == self._step:
                self._step = -1
                self._end()


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("epoch", [1, 4])
@pytest.mark.parametrize("how", ["pause", "stop"])
def test_an_epoch_that_was_not_evaluated_is_not_complete(
    make_service: MakeService,
    tmp_path: Path,
    uninterrupted: list[tuple[Any, ...]],
    wait_until: WaitUntil,
    finish: Finish,
    how: str,
    epoch: int,
    restart: bool,
) -> None:
    stopped = StoppedEvaluation(epoch, lambda: getattr(service.runs, how)(service.runs.latest()))
    service = make_service(fit=stopped, runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    found = settled(service, run_id, wait_until)
    assert found.state is (RunState.PAUSED if how == "pause" else RunState.STOPPED)
    assert found.kept == tuple(range(epoch))
    assert found.progress == epoch
    assert service.predictions.checkpoint(run_id).progress == epoch
    with pytest.raises(UnknownEpochError):
        service.runs.fork(run_id, epoch, {"epochs": 5, "batch_size": 50})
    if restart:
        service.close()
        service = make_service(runs=tmp_path / "runs")

    service.runs.resume(run_id)

    assert finish(service, run_id).state is RunState.DONE
    assert told(service, run_id) == uninterrupted
    assert service.runs.snapshot(run_id).kept == (0, 1, 2, 3, 4)


def test_an_epoch_that_the_first_version_kept_unevaluated_can_be_gone_on_with(
    make_service: MakeService,
    tmp_path: Path,
    uninterrupted: list[tuple[Any, ...]],
    wait_until: WaitUntil,
    finish: Finish,
) -> None:
    stopped = StoppedEvaluation(4, lambda: service.runs.stop())
    service = make_service(fit=stopped, runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    settled(service, run_id, wait_until)
    for ending in (".safetensors", ".state.safetensors"):
        folder = tmp_path / "runs" / run_id
        (folder / f"latest{ending}").rename(folder / f"0004{ending}")
    for size in (1, 50):
        with pytest.raises(WrongStateError, match="Rewind the run to it"):
            service.runs.fork(run_id, 4, {"epochs": 5, "batch_size": size})

    assert service.runs.rewind(run_id, 4).state is RunState.PAUSED
    service.runs.resume(run_id)

    assert finish(service, run_id).state is RunState.DONE
    assert told(service, run_id) == uninterrupted


def test_a_paused_run_outlives_a_restart(
    make_service: MakeService,
    tmp_path: Path,
    uninterrupted: list[tuple[Any, ...]],
    wait_until: WaitUntil,
    finish: Finish,
) -> None:
    service, run_id = stopped_at(make_service, tmp_path / "runs", 17, "pause")
    before = settled(service, run_id, wait_until)
    service.close()

    again = make_service(runs=tmp_path / "runs")

    assert again.runs.snapshot(run_id) == replace(before, seconds_left=None)
    again.runs.resume(run_id)
    finish(again, run_id)
    assert told(again, run_id) == uninterrupted


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_run_that_was_stopped_within_an_epoch_shows_the_network_that_it_has(
    make_service: MakeService, tmp_path: Path, wait_until: WaitUntil, how: str, restart: bool
) -> None:
    service, run_id = stopped_at(make_service, tmp_path / "runs", 4, how)
    settled(service, run_id, wait_until)
    halting = Halting(1)
    if restart:
        service.close()
        service = make_service(fit=halting, runs=tmp_path / "runs")
    shown = service.predictions

    def progresses() -> list[float]:
        drawing = shown.predict({"strokes": DRAWING}, run_id=run_id).progress
        found = shown.gallery(3, seed=1, run_id=run_id), shown.test_images([7], run_id)
        return [drawing, *(gallery.progress for gallery in found)]

    assert shown.weights_version(run_id) == f"{run_id}/0/0.4"
    assert progresses() == [0.4, 0.4, 0.4]

    if restart:  # until its first evaluation, it shows the same
        service.runs.resume(run_id)
        assert halting.reached.wait(SECONDS)
        assert shown.weights_version(run_id) == f"{run_id}/0/0.4"
        assert progresses() == [0.4, 0.4, 0.4]


def test_a_run_that_is_stopped_again_before_a_report_has_another_version(
    make_service: MakeService, wait_until: WaitUntil
) -> None:
    steps = [threading.Event(), threading.Event()]

    def without_reports(
        config: TrainConfig, data: Dataset, runtime: Runtime, control: TrainingControl, *rest: Any
    ) -> Iterator[Event]:
        for event in fit(config, data, runtime, control, *rest):
            if not isinstance(event, BatchMetrics):
                yield event
            elif not all(step.is_set() for step in steps):
                next(step for step in steps if not step.is_set()).set()
                wait_until(control.should_stop)

    service = make_service(fit=without_reports)
    run_id = service.runs.start(CONFIG)
    versions = []
    for step in steps:
        assert step.wait(SECONDS)
        service.runs.pause(run_id)
        settled(service, run_id, wait_until)
        versions.append(service.predictions.weights_version(run_id))
        service.runs.resume(run_id)
    assert versions == [f"{run_id}/0/0.1", f"{run_id}/0/0.2"]


def test_pausing_lets_the_next_run_train(
    make_service: MakeService, tmp_path: Path, finish: Finish, wait_until: WaitUntil
) -> None:
    service, first = stopped_at(make_service, tmp_path / "runs", 3, "pause")
    second = service.runs.start(CONFIG)

    assert finish(service, second).state is RunState.DONE
    assert service.runs.snapshot(first).state is RunState.PAUSED


def test_a_run_that_never_began_is_forked_but_not_rewound(
    make_service: MakeService, finish: Finish
) -> None:
    halting = Halting(1)
    service = make_service(fit=halting)
    service.runs.start(CONFIG)
    waiting = service.runs.start(CONFIG)
    service.runs.stop(waiting)
    with pytest.raises(UnknownEpochError):
        service.runs.rewind(waiting, 0)
    assert service.runs.snapshot(waiting).state is RunState.STOPPED
    child = service.runs.fork(waiting, 0, {"epochs": 1})
    halting.go_on.set()
    assert finish(service, child).state is RunState.DONE


def test_what_a_run_cannot_do_is_told_with_what_to_do(trained_service: TrainingService) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None
    for wrong in (
        lambda: trained_service.runs.pause(run_id),
        lambda: trained_service.runs.resume(run_id),
        lambda: trained_service.runs.set_learning_rate(run_id, 0.1),
    ):
        with pytest.raises(WrongStateError, match="it is done") as caught:
            wrong()
        assert str(caught.value).endswith(".")


# A kill


def killed_at(make_service: MakeService, tmp_path: Path, steps: int) -> str:
    """Leaves in `tmp_path/"found"` what a kill after so many batches leaves; the run's id."""
    halting = Halting(steps)
    service = make_service(fit=halting, runs=tmp_path / "killed")
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    shutil.copytree(tmp_path / "killed", tmp_path / "found")
    return run_id


@pytest.mark.parametrize("steps", [1, 9, STEPS + 1, 2 * STEPS + 5])
def test_after_a_kill_a_run_is_interrupted_and_can_be_resumed(
    make_service: MakeService,
    tmp_path: Path,
    uninterrupted: list[tuple[Any, ...]],
    finish: Finish,
    steps: int,
) -> None:
    run_id = killed_at(make_service, tmp_path, steps)

    service = make_service(runs=tmp_path / "found")
    found = service.runs.snapshot(run_id)
    assert found.state is RunState.INTERRUPTED
    assert found.kept[-1] == (steps - 1) // STEPS
    assert service.predictions.weights_version(run_id) == f"{run_id}/0/{found.kept[-1]}"

    service.runs.resume(run_id)

    assert finish(service, run_id).state is RunState.DONE
    assert told(service, run_id) == uninterrupted


def test_a_run_that_waited_when_the_server_ended_can_be_resumed(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    halting = Halting(1)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    service.runs.start(CONFIG)
    waiting = service.runs.start(CONFIG)
    service.close()

    again = make_service(runs=tmp_path / "runs")

    assert again.runs.snapshot(waiting).state is RunState.INTERRUPTED
    again.runs.resume(waiting)
    assert finish(again, waiting).state is RunState.DONE


def test_stored_runs_are_there_with_all_they_had(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG, name="first")
    before = finish(service, run_id)
    events = service.runs.events_since(run_id, 0)
    shown = service.predictions.gallery(20, seed=3)
    said = service.predictions.predict({"strokes": DRAWING}).probabilities
    service.close()

    again = make_service(runs=tmp_path / "runs")

    assert again.runs.all() == [replace(before, seconds_left=None)]
    assert again.runs.events_since(run_id, 0) == events
    assert (again.predictions.gallery(20, seed=3).probabilities == shown.probabilities).all()
    assert again.predictions.predict({"strokes": DRAWING}).probabilities == said


# Going back and forking


def test_rewinding_and_training_on_gives_the_same_metrics(
    make_service: MakeService, uninterrupted: list[tuple[Any, ...]], finish: Finish
) -> None:
    service = make_service()
    run_id = service.runs.start(CONFIG)
    finish(service, run_id)

    for epoch in (3, 1, 0):
        before = service.runs.snapshot(run_id).revision
        found = service.runs.rewind(run_id, epoch)
        assert (found.state, found.progress) == (RunState.PAUSED, epoch)
        assert found.revision > before
        here = told(service, run_id)
        assert here == [event for event in uninterrupted if event[2] <= epoch]
        service.runs.resume(run_id)
        assert finish(service, run_id).kept == (0, 1, 2, 3, 4)
        assert told(service, run_id) == uninterrupted


def test_until_it_is_resumed_a_rewound_run_can_go_forward_again(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    finish(service, run_id)
    everything = told(service, run_id)

    service.runs.rewind(run_id, 1)
    assert service.predictions.gallery(5, 0).progress == 1
    service.close()
    again = make_service(runs=tmp_path / "runs")
    assert again.runs.snapshot(run_id).progress == 1
    assert len(told(again, run_id)) < len(everything)
    found = again.runs.rewind(run_id, 4)

    assert found.state is RunState.DONE
    assert told(again, run_id) == everything
    assert found.best_test_accuracy == max(event[6] for event in everything if len(event) == 10)


def test_a_snapshot_has_some_of_the_test_accuracies_the_first_and_the_last_included(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> None:
    run_id = service.runs.start(tiny_config.model_copy(update={"evaluations_per_epoch": 10}))
    found = finish(service, run_id).test_accuracies
    events, _ = service.runs.events_since(run_id, 0)
    every = [event.test_accuracy for event in events if isinstance(event, EpochMetrics)]
    assert len(every) == 20
    # Every 19/15th, rounded to whole places.
    places = (0, 1, 3, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 18, 19)
    assert found == tuple(every[place] for place in places)
    assert service.runs.rewind(run_id, 1).test_accuracies == tuple(every[:10])


def test_a_fork_shares_the_epochs_before_it_and_differs_after(
    make_service: MakeService, uninterrupted: list[tuple[Any, ...]], finish: Finish
) -> None:
    service = make_service()
    parent = service.runs.start(CONFIG)
    finish(service, parent)

    child = service.runs.fork(parent, 2, {"learning_rate": 1e-5})
    found = finish(service, child)

    shared = [event for event in uninterrupted if event[2] <= 2]
    assert told(service, child)[: len(shared)] == shared
    assert told(service, child)[len(shared) :] != uninterrupted[len(shared) :]
    assert len(told(service, child)) == len(uninterrupted)
    assert (found.parent, found.parent_epoch) == (parent, 2)
    assert found.config == {**CONFIG.model_dump(), "dataset": "synthetic", "learning_rate": 1e-5}
    assert found.kept == (0, 1, 2, 3, 4)
    assert told(service, parent) == uninterrupted


def test_a_fork_without_a_change_is_the_run_itself(
    make_service: MakeService, uninterrupted: list[tuple[Any, ...]], finish: Finish
) -> None:
    service = make_service()
    parent = service.runs.start(CONFIG)
    finish(service, parent)

    for epoch in (0, 3):
        child = service.runs.fork(parent, epoch, {})
        finish(service, child)
        assert told(service, child) == uninterrupted


def test_a_fork_of_a_run_with_more_epochs_trains_further(
    make_service: MakeService, finish: Finish
) -> None:
    service = make_service()
    parent = service.runs.start(CONFIG)
    finish(service, parent)

    child = service.runs.fork(parent, 4, {"epochs": 6})

    assert finish(service, child).progress == 6
    assert told(service, child)[: 4 * (STEPS + 1)] == told(service, parent)


def test_what_cannot_be_changed_in_a_fork_is_told_at_its_field(
    trained_service: TrainingService,
) -> None:
    parent = trained_service.runs.latest() or ""
    refused: list[tuple[dict[str, Any], str]] = [
        ({"epochs": 1}, "epochs"),
        ({"model": "simple_cnn"}, "model"),
        ({"seed": 5}, "seed"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"colour": "red"}, "colour"),
    ]
    for changes, field in refused:
        with pytest.raises(InvalidConfigError) as caught:
            trained_service.runs.fork(parent, 1, changes)
        assert list(caught.value.fields) == [field]
    assert len(trained_service.runs.all()) == 1


def test_a_place_that_is_not_there_is_told(trained_service: TrainingService) -> None:
    run_id = trained_service.runs.latest() or ""
    with pytest.raises(UnknownEpochError, match="There are: 0, 1, 2"):
        trained_service.runs.rewind(run_id, 7)
    with pytest.raises(UnknownEpochError):
        trained_service.runs.fork(run_id, 7, {"epochs": 10})
    with pytest.raises(UnknownRunError):
        trained_service.runs.rewind("nobody", 1)
    with pytest.raises(UnknownEpochError):
        trained_service.predictions.gallery(5, 0, run_id=run_id, epoch=9)


# The learning rate


def test_the_learning_rate_of_a_running_run_can_be_changed(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    halting = Halting(5)
    service = make_service(fit=halting)
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.set_learning_rate(run_id, 1e-5)
    halting.go_on.set()
    finish(service, run_id)

    events, _ = service.runs.events_since(run_id, 0)
    changes = [event for event in events if isinstance(event, LearningRateChange)]
    assert [(change.step, change.learning_rate) for change in changes] == [(5, 1e-5)]
    rates = [event[5] for event in told(service, run_id) if event[-1] == "batch"]
    assert rates == [3e-4] * 5 + [1e-5] * 35
    with pytest.raises(InvalidConfigError):
        service.runs.set_learning_rate(run_id, 0)

    # Gone back to before the change, the run trains without it; a fork may have a rate of its own.
    child = service.runs.fork(run_id, 2, {"learning_rate": 2e-4})
    finish(service, child)
    assert [event[5] for event in told(service, child)][-2] == 2e-4
    heir = service.runs.fork(run_id, 2, {"batch_size": 50})
    finish(service, heir)
    assert [event[5] for event in told(service, heir)][-2] == 1e-5
    service.runs.rewind(run_id, 0)
    service.runs.resume(run_id)
    finish(service, run_id)
    assert {event[5] for event in told(service, run_id) if event[-1] == "batch"} == {3e-4}


def test_a_learning_rate_that_is_set_while_the_digits_are_loaded_outlives_a_pause(
    make_service: MakeService,
    catalog: DataCatalog,
    wait_until: WaitUntil,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service()
    load, loading = catalog.load, threading.Event()

    def slow(name: str, should_stop: Callable[[], bool]) -> Dataset:
        if not loading.is_set():
            loading.set()
            wait_until(should_stop)
            raise CancelledError
        return load(name, should_stop)

    monkeypatch.setattr(catalog, "load", slow)
    run_id = service.runs.start(CONFIG)
    assert loading.wait(SECONDS)
    expect_rate_to_outlive_a_pause(service, run_id, wait_until, finish)


def test_a_learning_rate_that_is_set_before_the_first_batch_outlives_a_pause(
    make_service: MakeService, wait_until: WaitUntil, finish: Finish
) -> None:
    begun = threading.Event()

    def waiting_before_its_first_batch(
        config: TrainConfig, data: Dataset, runtime: Runtime, control: TrainingControl, *rest: Any
    ) -> Iterator[Event]:
        for event in fit(config, data, runtime, control, *rest):
            yield event
            if not begun.is_set():
                begun.set()
                wait_until(control.should_stop)

    service = make_service(fit=waiting_before_its_first_batch)
    run_id = service.runs.start(CONFIG)
    assert begun.wait(SECONDS)
    expect_rate_to_outlive_a_pause(service, run_id, wait_until, finish)


def expect_rate_to_outlive_a_pause(
    service: TrainingService, run_id: str, wait_until: WaitUntil, finish: Finish
) -> None:
    service.runs.set_learning_rate(run_id, 1e-5)
    service.runs.pause(run_id)
    settled(service, run_id, wait_until)
    service.runs.resume(run_id)
    finish(service, run_id)
    assert {event[5] for event in told(service, run_id) if event[-1] == "batch"} == {1e-5}


def test_a_learning_rate_that_no_batch_has_used_is_forgotten_by_a_rewind(
    make_service: MakeService, finish: Finish
) -> None:
    halting = Halting(40)
    service = make_service(fit=halting)
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.set_learning_rate(run_id, 1e-5)
    halting.go_on.set()
    finish(service, run_id)

    service.runs.rewind(run_id, 1)
    service.runs.resume(run_id)
    finish(service, run_id)
    assert {event[5] for event in told(service, run_id) if event[-1] == "batch"} == {3e-4}


# The queue


def test_a_run_that_waits_can_be_cancelled(make_service: MakeService, finish: Finish) -> None:
    halting = Halting(1)
    service = make_service(fit=halting)
    service.runs.start(CONFIG)
    second, third = service.runs.start(CONFIG), service.runs.start(CONFIG)

    assert service.runs.stop(second).state is RunState.STOPPED

    assert service.runs.snapshot(third).queue_place == 1
    halting.go_on.set()
    assert finish(service, third).state is RunState.DONE
    assert service.runs.events_since(second, 0) == ([], 0)


def test_a_failed_run_lets_the_next_one_train(make_service: MakeService, finish: Finish) -> None:
    def failing_once(*args: Any, **options: Any) -> Iterator[Event]:
        if args[0].seed == 0:
            raise RuntimeError("out of luck")
        return fit(*args, **options)

    service = make_service(fit=failing_once)
    first = service.runs.start(CONFIG)
    second = service.runs.start(CONFIG.model_copy(update={"seed": 1}))

    assert finish(service, second).state is RunState.DONE
    assert service.runs.snapshot(first).state is RunState.FAILED


def test_a_run_is_repeated_with_other_seeds(make_service: MakeService, finish: Finish) -> None:
    service = make_service()
    first = service.runs.start(TrainConfig(**{**CONFIG.model_dump(), "epochs": 1, "seed": 7}))
    finish(service, first)

    group = service.runs.repeat(first, seeds=3)

    members = [run for run in service.runs.all() if run.group == group]
    assert sorted(run.config["seed"] for run in members) == [7, 8, 9]
    for run in members:
        assert finish(service, run.run_id).state is RunState.DONE
    losses = {service.runs.snapshot(run.run_id).test_loss for run in members}
    assert len(losses) == 3


# Names, notes, deleting


def test_what_people_say_of_a_run_is_kept(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    finish(service, run_id)
    service.runs.update_metadata(run_id, name="High rate", note="Too high?", pinned=True)
    service.runs.update_metadata(run_id, note="Far too high")
    with pytest.raises(WrongStateError, match="locked"):
        service.runs.delete(run_id)
    service.close()

    (found,) = make_service(runs=tmp_path / "runs").runs.all()

    assert (found.name, found.note, found.pinned) == ("High rate", "Far too high", True)


def test_runs_of_one_millisecond_keep_their_order(
    make_service: MakeService, tmp_path: Path, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Standing(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Standing":
            return cls(2026, 1, 1, tzinfo=tz or timezone.utc)

    ends = ["a", "b", "c"]
    monkeypatch.setattr("core.runs.registry.datetime", Standing)
    monkeypatch.setattr("core.runs.registry.secrets.token_hex", lambda _: ends.pop())
    service = make_service(runs=tmp_path / "runs")
    begun = [service.runs.start(CONFIG) for _ in range(3)]
    finish(service, begun[-1])
    assert sorted(begun) == begun[::-1]

    service.runs.delete(begun[0])
    service.runs.restore(begun[0])
    assert [run.run_id for run in service.runs.all()] == begun[::-1]
    service.close()
    assert [run.run_id for run in make_service(runs=tmp_path / "runs").runs.all()] == begun[::-1]


def test_a_deleted_run_can_be_brought_back_until_the_next_start(
    make_service: MakeService, tmp_path: Path, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "runs")
    kept, gone = service.runs.start(CONFIG), service.runs.start(CONFIG)
    finish(service, gone)
    service.runs.delete(gone)
    with pytest.raises(UnknownRunError):
        service.runs.snapshot(gone)
    assert [run.run_id for run in service.runs.all()] == [kept]
    service.runs.restore(gone)
    assert [run.run_id for run in service.runs.all()] == [gone, kept]
    service.runs.delete(gone)
    service.close()

    again = make_service(runs=tmp_path / "runs")

    assert [run.run_id for run in again.runs.all()] == [kept]
    assert not (tmp_path / "runs" / gone).exists()
    with pytest.raises(UnknownRunError):
        again.runs.restore(gone)


def test_a_run_that_trains_is_not_deleted(make_service: MakeService) -> None:
    service = make_service(fit=Halting(1))
    run_id = service.runs.start(CONFIG)

    with pytest.raises(WrongStateError, match="Stop it first"):
        service.runs.delete(run_id)


# Damage


@pytest.fixture(scope="module")
def two_runs(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset, finish: Finish
) -> tuple[Path, str, str]:
    """A folder with two finished runs, and their ids: only to be read."""
    folder = tmp_path_factory.mktemp("two")
    catalog = DataCatalog(None, write_synthetic(tiny_dataset, folder / "cache"), prefer="synthetic")
    service = TrainingService(catalog, RunDatabase(folder / "runs"))
    first, second = service.runs.start(CONFIG), service.runs.start(CONFIG)
    finish(service, second)
    service.close()
    return folder / "runs", first, second


@pytest.fixture
def stored(two_runs: tuple[Path, str, str], tmp_path: Path) -> tuple[Path, str, str]:
    """A folder with two finished runs, which may be damaged, and their ids."""
    folder, first, second = two_runs
    shutil.copytree(folder, tmp_path / "runs")
    return tmp_path / "runs", first, second


def test_a_damaged_network_costs_that_epoch(
    make_service: MakeService, stored: tuple[Path, str, str], finish: Finish
) -> None:
    folder, first, second = stored
    (folder / first / "0003.safetensors").write_bytes(b"no network")
    (folder / first / "0004.state.safetensors").write_bytes(b"")

    service = make_service(runs=folder)

    with pytest.raises(DamagedFileError, match=r"0003\.safetensors cannot be read"):
        service.predictions.gallery(5, 0, run_id=first, epoch=3)
    with pytest.raises(DamagedFileError):
        service.runs.rewind(first, 4)
    assert service.predictions.gallery(5, 0, run_id=first, epoch=2).progress == 2
    assert service.predictions.gallery(5, 0, run_id=second, epoch=3).progress == 3
    assert finish(service, service.runs.fork(first, 2, {})).state is RunState.DONE


@pytest.mark.parametrize("damaged", ["before the restart", "while it waits"])
def test_a_damaged_resume_file_costs_that_run_and_not_the_queue(
    make_service: MakeService, stored: tuple[Path, str, str], finish: Finish, damaged: str
) -> None:
    folder, first, _ = stored
    service = make_service(runs=folder)
    service.runs.rewind(first, 2)
    if damaged == "before the restart":
        service.close()
    (folder / first / "0002.state.safetensors").write_bytes(b"")
    if damaged == "before the restart":
        service = make_service(runs=folder)
        assert service.runs.snapshot(first).progress == 2
        assert told(service, first)[-1][2] == 2

    service.runs.resume(first)
    following = service.runs.start(CONFIG)

    found = finish(service, first)
    assert found.state is RunState.FAILED
    assert "0002.state.safetensors cannot be read" in (found.error or "")
    assert finish(service, following).state is RunState.DONE
    service.runs.rewind(first, 1)
    service.runs.resume(first)
    assert finish(service, first).state is RunState.DONE
    assert told(service, first) == told(service, following)


def test_a_damaged_event_costs_that_runs_curves(
    make_service: MakeService, stored: tuple[Path, str, str]
) -> None:
    folder, first, second = stored
    with sqlite3.connect(folder / "runs.sqlite3") as connection:
        connection.execute(
            "UPDATE events SET event = '{' WHERE run_id = ? AND number = 3", (first,)
        )
    connection.close()

    service = make_service(runs=folder)

    assert service.runs.events_since(first, 0) == ([], 0)
    assert "cannot be read" in service.runs.snapshot(first).message
    assert len(told(service, second)) == 4 * (STEPS + 1)


def test_a_damaged_record_costs_that_run(
    make_service: MakeService, stored: tuple[Path, str, str]
) -> None:
    folder, first, second = stored
    with sqlite3.connect(folder / "runs.sqlite3") as connection:
        connection.execute("UPDATE runs SET snapshot = 'x' WHERE run_id = ?", (first,))
    connection.close()

    service = make_service(runs=folder)

    assert [run.run_id for run in service.runs.all()] == [second]
    assert first in service.problems[0]


@pytest.mark.parametrize("damage", ["replaced", "cut"])
def test_a_damaged_database_is_put_aside_and_weights_bring_their_runs_back(
    make_service: MakeService, stored: tuple[Path, str, str], finish: Finish, damage: str
) -> None:
    folder, first, second = stored
    database = folder / "runs.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(b"no database" * 999 if damage == "replaced" else whole[:5000])

    service = make_service(runs=folder)

    assert {run.run_id for run in service.runs.all()} == {first, second}
    assert "was damaged" in service.problems[0]
    assert list(folder.glob("runs.damaged-*.sqlite3"))
    assert service.predictions.gallery(5, 0, run_id=first).progress == 4
    assert finish(service, service.runs.start(CONFIG)).state is RunState.DONE


def test_two_programs_do_not_share_a_folder(make_service: MakeService, tmp_path: Path) -> None:
    make_service(runs=tmp_path / "runs")

    with pytest.raises(StorageError, match="another Digit Lab uses it"):
        RunDatabase(tmp_path / "runs")


def test_a_long_run_keeps_epochs_evenly_spaced(make_service: MakeService, finish: Finish) -> None:
    service = make_service()
    run_id = service.runs.start(CONFIG.model_copy(update={"epochs": 101, "train_images": 5}))

    kept = finish(service, run_id).kept

    assert kept == (*range(0, 101, 3), 101)
    assert torch.isfinite(
        torch.from_numpy(service.predictions.gallery(5, 0, run_id=run_id, epoch=99).probabilities)
    ).all()


def test_a_thousand_runs_are_listed_without_their_events(
    make_service: MakeService, tmp_path: Path
) -> None:
    store = RunDatabase(tmp_path / "runs")
    for number in range(1000):
        store.save(_done(f"run-{number:04d}"))
    store.close()

    service = make_service(runs=tmp_path / "runs")

    assert len(service.runs.all()) == 1000
    assert service.runs.latest() == "run-0999"


def _done(run_id: str) -> RunSnapshot:
    return RunSnapshot(
        run_id=run_id,
        state=RunState.DONE,
        config=CONFIG.model_dump(),
        dataset="synthetic",
        dataset_title="Synthetic digits",
        device="CPU",
        precision="fp32",
        epochs=4,
    )
