"""Training takes the service's lock now and then, so nobody may hold it while reading from disk."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import Runtime
from core.errors import CancelledError, UnknownEpochError
from core.records.runs import RunState
from core.runs import registry
from core.runs.checkpoints import CheckpointFiles
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from tests.core.service.test_run_manager import CONFIG, STEPS, Halting, settled, stopped_at, told
from tests.support import SECONDS, Finish, MakeService, WaitUntil

ASK: dict[str, Callable[[TrainingService, str], Any]] = {
    "events": lambda service, run_id: service.runs.events_since(run_id, 0),
    "csv": lambda service, run_id: service.exports.metrics_csv(run_id),
    "script": lambda service, run_id: service.exports.script(run_id),
    "lesson": lambda service, run_id: service.finetuning.report(run_id),
    "fork": lambda service, run_id: service.runs.fork(run_id, 1, {"epochs": 3}),
    "rewind": lambda service, run_id: service.runs.rewind(run_id, 1),
}


@pytest.mark.parametrize("what", ASK)
def test_a_run_trains_to_its_end_while_the_events_of_another_are_read(
    make_service: MakeService,
    tmp_path: Path,
    tiny_config: TrainConfig,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    service = make_service(runs=tmp_path / "runs")
    stored = service.runs.start(tiny_config)
    finish(service)
    service.close()
    halting = Halting(1)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    trains = service.runs.start(tiny_config)
    assert halting.reached.wait(SECONDS)
    reading, read_on = threading.Event(), threading.Event()
    in_time: list[bool] = []
    read = RunDatabase.events

    def slow(store: RunDatabase, run_id: str) -> Any:
        if run_id == stored:
            reading.set()
            in_time.append(read_on.wait(10))  # seconds, in case that training waits for us
        return read(store, run_id)

    monkeypatch.setattr(RunDatabase, "events", slow)
    answers: list[Any] = []
    reader = threading.Thread(target=lambda: answers.append(ASK[what](service, stored)))
    reader.start()
    assert reading.wait(SECONDS)

    halting.go_on.set()
    found = finish(service, trains)
    read_on.set()
    reader.join(SECONDS)

    assert found.state is RunState.DONE
    assert in_time == [True]
    assert len(answers) == 1


def test_pages_are_answered_while_a_run_reads_where_it_goes_on(
    make_service: MakeService,
    tmp_path: Path,
    wait_until: WaitUntil,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, run_id = stopped_at(make_service, tmp_path, STEPS + 3, "pause")
    settled(service, run_id, wait_until)
    service.close()
    service = make_service(runs=tmp_path)
    answered: list[bool] = []
    reads = (
        (RunDatabase, "events"),
        (CheckpointFiles, "resume_state"),
        (CheckpointFiles, "checkpoint"),
    )
    for owner, name in reads:
        read = getattr(owner, name)

        def slow(*arguments: Any, read: Any = read, **options: Any) -> Any:
            reader = threading.Thread(target=service.runs.all)
            reader.start()
            reader.join(10)
            answered.append(not reader.is_alive())
            return read(*arguments, **options)

        monkeypatch.setattr(owner, name, slow)
    service.runs.resume(run_id)
    assert finish(service, run_id).state is RunState.DONE
    assert answered == [True, True, True]


def test_what_changes_while_a_rewind_reads_is_read_again(
    make_service: MakeService,
    tmp_path: Path,
    wait_until: WaitUntil,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, run_id = stopped_at(make_service, tmp_path, STEPS + 3, "pause")
    settled(service, run_id, wait_until)
    read = RunDatabase.events
    ended: list[RunState] = []

    def late(store: RunDatabase, wanted: str) -> Any:
        found = read(store, wanted)
        if threading.current_thread() is threading.main_thread() and not ended:
            service.runs.resume(run_id)
            ended.append(finish(service, run_id).state)
        return found

    monkeypatch.setattr(RunDatabase, "events", late)
    service.runs.rewind(run_id, 1)
    assert ended == [RunState.DONE]
    whole = service.runs.start(CONFIG)
    finish(service, whole)
    service.runs.rewind(run_id, CONFIG.epochs)  # the later epochs are still there
    assert told(service, run_id) == told(service, whole)


def test_a_fork_from_an_epoch_that_is_given_up_meanwhile_is_refused(
    trained_service: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = trained_service.runs.all()
    folder = trained_service._database.root / before.run_id
    read = RunDatabase.events

    def late(store: RunDatabase, run_id: str) -> Any:
        for path in folder.glob("0001.*"):  # as a run of more than 50 epochs does
            path.unlink()
        return read(store, run_id)

    monkeypatch.setattr(RunDatabase, "events", late)
    with pytest.raises(UnknownEpochError, match="Epoch 1 of this run is not kept"):
        trained_service.runs.fork(before.run_id, 1, {})
    assert [run.run_id for run in trained_service.runs.all()] == [before.run_id]


def test_a_batch_takes_no_lock(make_service: MakeService, tiny_config: TrainConfig) -> None:
    begun, locked, asked = threading.Event(), threading.Event(), threading.Event()

    def asking(
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *options: Any,
    ) -> Iterator[Event]:
        begun.set()
        assert locked.wait(SECONDS)
        control.should_stop()
        control.should_publish()
        control.new_learning_rate()
        asked.set()
        yield from fit(config, data, runtime, control, *options)

    service = make_service(fit=asking)
    service.runs.start(tiny_config)
    assert begun.wait(SECONDS)
    with service.runs._lock:
        locked.set()
        assert asked.wait(10)


def test_nothing_is_read_to_name_weights(
    make_service: MakeService,
    tmp_path: Path,
    tiny_config: TrainConfig,
    finish: Finish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = service.runs.start(tiny_config)
    finish(service)
    service.close()
    service = make_service(runs=tmp_path / "runs")
    monkeypatch.setattr(RunDatabase, "events", None)
    assert service.exports.weights(run_id, None, "pth").name == "Run-1-epoch-2.pth"


def read_from_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows with the run's id whenever events are read from disk."""
    read, ids = RunDatabase.events, []

    def log(store: RunDatabase, run_id: str) -> Any:
        ids.append(run_id)
        return read(store, run_id)

    monkeypatch.setattr(RunDatabase, "events", log)
    return ids


def test_nothing_is_read_for_a_run_that_is_stopped_before_it_trains_on(
    make_service: MakeService,
    tmp_path: Path,
    catalog: DataCatalog,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, run_id = stopped_at(make_service, tmp_path, STEPS + 3, "pause")
    settled(service, run_id, wait_until)
    events = told(service, run_id)
    service.close()
    service = make_service(runs=tmp_path)
    loading = threading.Event()

    def never(name: str, should_stop: Callable[[], bool]) -> Dataset:
        loading.set()
        wait_until(should_stop)
        raise CancelledError

    monkeypatch.setattr(catalog, "load", never)
    from_disk = read_from_disk(monkeypatch)
    service.runs.resume(run_id)
    assert loading.wait(SECONDS)
    service.runs.pause(run_id)
    wait_until(lambda: service._worker.is_idle)
    assert service.runs.snapshot(run_id).state is RunState.PAUSED
    assert from_disk == []
    assert told(service, run_id) == events


# What stays in memory


def test_the_events_of_the_runs_that_were_read_last_stay_in_memory(
    make_service: MakeService, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = CONFIG.model_copy(update={"epochs": 1})
    monkeypatch.setattr(registry, "MAX_EVENTS_IN_MEMORY", 2 * (STEPS + 1))
    service = make_service()
    first = service.runs.start(short)
    service.runs.repeat(first, 4)
    ids = [run.run_id for run in reversed(service.runs.all())]
    for run_id in ids:
        finish(service, run_id)
    events = {run_id: told(service, run_id) for run_id in ids}
    assert all(len(found) == STEPS + 1 for found in events.values())
    from_disk = read_from_disk(monkeypatch)

    for run_id in (ids[2], ids[3], ids[0], ids[3], ids[0]):
        assert told(service, run_id) == events[run_id]
    assert from_disk == ids[:1]
    told(service, ids[2])
    assert from_disk == [ids[0], ids[2]]

    service.runs.fork(first, 1, {"epochs": 2})
    assert finish(service).state is RunState.DONE
    assert {run_id: told(service, run_id) for run_id in ids} == events


def test_events_are_told_though_others_were_read_meanwhile(
    make_service: MakeService, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MAX_EVENTS_IN_MEMORY", 0)
    service = make_service()
    short = CONFIG.model_copy(update={"epochs": 1})
    one, other = service.runs.start(short), service.runs.start(short)
    finish(service, other)
    expected = told(service, one)
    told(service, other)
    read, tries = RunDatabase.events, 0

    def read_meanwhile(database: RunDatabase, run_id: str) -> Any:
        nonlocal tries
        stored = read(database, run_id)
        if run_id == one:
            tries += 1
            assert tries < 3, "read again and again"
            told(service, other)
        return stored

    monkeypatch.setattr(RunDatabase, "events", read_meanwhile)
    assert told(service, one) == expected


def test_a_run_goes_on_whose_events_had_left_the_memory(
    make_service: MakeService,
    tmp_path: Path,
    finish: Finish,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "MAX_EVENTS_IN_MEMORY", 0)
    halting = Halting(STEPS + 3)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.pause(run_id)
    settled(service, run_id, wait_until)
    before = told(service, run_id)
    other = service.runs.start(CONFIG.model_copy(update={"epochs": 1}))
    finish(service, other)
    told(service, other)

    service.runs.resume(run_id)
    finish(service, run_id)

    assert told(service, run_id)[: len(before)] == before
    whole = service.runs.start(CONFIG)
    finish(service, whole)
    assert told(service, run_id) == told(service, whole)
