"""Whatever happens to a run, and whenever: a stop or a pause at any event, a kill between any two
writes, any single write that fails. The run is done, or goes on to the same metrics."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.data.dataset import Dataset
from core.errors import StorageError, WrongStateError
from core.records.preview import PreviewFrame
from core.records.runs import RunState
from core.runs.checkpoints import CheckpointFiles
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.training.loop import Event, fit
from core.training.state import Checkpoint
from tests.core.disk import Disk
from tests.core.service.test_full_disk import CONFIG, small_network
from tests.core.service.test_run_manager import settled, timeless, told
from tests.support import Finish, MakeService, WaitUntil

__all__ = ["small_network"]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "runs", monkeypatch)


def test_a_run_that_was_killed_after_its_last_epoch_is_done(
    make_service: MakeService, tmp_path: Path, disk: Disk, finish: Finish
) -> None:
    files = ["0002.state.safetensors", "commit"]

    def copy(write: str) -> None:
        if files and files[0] in write and not write.startswith("write 0002"):
            files.pop(0)
            if not files:
                shutil.copytree(tmp_path / "runs", tmp_path / "found")

    service = make_service(runs=tmp_path / "runs")
    disk.before = copy
    run_id = service.runs.start(CONFIG)
    whole = finish(service, run_id)

    again = make_service(runs=tmp_path / "found")

    found = again.runs.snapshot(run_id)
    assert found.state is RunState.DONE
    assert found.kept == (0, 1, 2)
    assert (found.progress, found.test_accuracy) == (2, whole.test_accuracy)
    assert told(again, run_id) == told(service, run_id)
    assert again.predictions.checkpoint(run_id).state_dict.keys() == {"fc.weight", "fc.bias"}
    with pytest.raises(WrongStateError, match="it is done"):
        again.runs.resume(run_id)
    assert finish(again, again.runs.fork(run_id, 2, {"epochs": 3})).state is RunState.DONE


# A stop or a pause at any event

SHORT = CONFIG.model_copy(
    update={
        "batch_size": 5,
        "evaluations_per_epoch": 2,
        "schedule": "onecycle",
        "augmentation": "affine",
        "weight_averaging": True,
    }
)
"""Two epochs of four batches: 8 batches, 4 evaluations, and a checkpoint for each of these."""
EVENTS = 17


@pytest.fixture
def whole(tiny_dataset: Dataset) -> list[tuple[Any, ...]]:
    """The metrics of `SHORT`, trained in one go."""
    events = list(fit(SHORT, tiny_dataset))
    assert len(events) == EVENTS
    return timeless([event for event in events if not isinstance(event, Checkpoint | PreviewFrame)])


class Acting:
    """A `fit` that trains really, and does something once after so many events."""

    def __init__(self) -> None:
        self.after = -1
        self.act: Callable[[], object] = lambda: None

    def __call__(self, *given: Any, **asked: Any) -> Iterator[Event]:
        for number, event in enumerate(fit(*given, **asked)):
            yield event
            if number == self.after:
                self.after = -1
                self.act()


@pytest.mark.parametrize("how", ["pause", "stop"])
def test_a_run_that_is_put_down_at_any_event_is_done_or_goes_on_to_the_same_metrics(
    make_service: MakeService, whole: list[tuple[Any, ...]], wait_until: WaitUntil, how: str
) -> None:
    acting = Acting()
    service = make_service(fit=acting)
    acting.act = lambda: getattr(service.runs, how)(service.runs.latest())
    ended = []
    for after in range(EVENTS):
        acting.after = after
        run_id = service.runs.start(SHORT)
        found = settled(service, run_id, wait_until)
        ended.append(found.state)
        if found.state is not RunState.DONE:
            assert told(service, run_id) == whole[: len(told(service, run_id))]
            service.runs.resume(run_id)
            found = settled(service, run_id, wait_until)
        assert (found.state, found.kept) == (RunState.DONE, (0, 1, 2)), after
        assert told(service, run_id) == whole, after
    put_down = RunState.PAUSED if how == "pause" else RunState.STOPPED
    assert ended == [put_down] * (EVENTS - 2) + [RunState.DONE] * 2


# A kill between any two writes


class Copies:
    """Copies of a folder before each write, each as a kill at that moment would leave it."""

    def __init__(self, disk: Disk, into: Path) -> None:
        self._root, self._into = disk.root, into
        self._last: set[tuple[Path, int, int]] = set()
        self.made: list[tuple[Path, str]] = []
        disk.before = self.copy

    def copy(self, write: str) -> None:
        found = [path for path in self._root.rglob("*") if path.suffix != ".part"]
        now = {(path, path.stat().st_size, path.stat().st_mtime_ns) for path in found}
        if now != self._last:
            self._last = now
            target = self._into / f"{len(self.made)}"
            shutil.copytree(self._root, target)
            self.made.append((target, write))


LIVES: dict[str, list[tuple[str, int]]] = {
    "paused": [("start", 1), ("resume", -1)],
    "gone back in": [("rewind", -1), ("resume", 0), ("resume", 0), ("resume", -1)],
    "forked": [("fork", 1), ("resume", -1)],
}
"""What is done, beginning with a run that is done; and after which event the run is paused."""


@pytest.fixture
def stored(
    make_service: MakeService, tmp_path: Path, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, str]:
    """A folder with a run of `CONFIG` that is done, and its id. Events are written at once."""
    monkeypatch.setattr("core.runs.run.WRITE_SECONDS", 0.0)
    service = make_service(runs=tmp_path / "stored")
    run_id = service.runs.start(CONFIG)
    finish(service, run_id)
    service.close()
    return tmp_path / "stored", run_id


def pausing(make_service: MakeService, folder: Path) -> tuple[TrainingService, Acting]:
    """A service whose runs are paused after the event that one sets."""
    acting = Acting()
    service = make_service(fit=acting, runs=folder)
    acting.act = lambda: service.runs.pause(service.runs.latest() or "")
    return service, acting


def do(service: TrainingService, what: str, run_id: str) -> str:
    """One step of a life; the run that comes of it."""
    # An epoch whose network could not be written is not kept.
    epoch = 1 if 1 in service.runs.snapshot(run_id).kept else 0
    if what == "start":
        return service.runs.start(CONFIG)
    if what == "fork":
        return service.runs.fork(run_id, epoch, {})
    if what == "rewind":
        return service.runs.rewind(run_id, epoch).run_id
    return service.runs.resume(run_id).run_id


@pytest.mark.parametrize("life", LIVES)
def test_a_kill_between_any_two_writes_leaves_runs_that_go_on_to_the_same_metrics(
    make_service: MakeService,
    tmp_path: Path,
    disk: Disk,
    stored: tuple[Path, str],
    wait_until: WaitUntil,
    life: str,
) -> None:
    folder, run_id = stored
    shutil.copytree(folder, disk.root)
    service, acting = pausing(make_service, disk.root)
    metrics = told(service, run_id)
    copies = Copies(disk, tmp_path / "copies")
    for what, acting.after in LIVES[life]:
        run_id = do(service, what, run_id)
        assert settled(service, run_id, wait_until).error is None
    copies.copy("the end")
    disk.free()

    tried = set()
    for copy, write in copies.made:
        check_every_kept_epoch_has_its_events(copy)
        again = make_service(runs=copy)
        assert again.problems == []
        for run in again.runs.all():
            files = {(path.name, path.stat().st_mtime_ns) for path in copy.glob("*/*.s*")}
            state = (repr(run), len(told(again, run.run_id)), frozenset(files))
            if state in tried:
                continue
            tried.add(state)
            check_it_tells_the_truth(again, run.run_id, metrics)
            if run.state is not RunState.DONE:
                again.runs.resume(run.run_id)
                run = settled(again, run.run_id, wait_until)
            assert (run.state, run.error) == (RunState.DONE, None), write
            assert told(again, run.run_id) == metrics, write
        again.close()
    assert len(tried) > 10


def check_every_kept_epoch_has_its_events(folder: Path) -> None:
    store = RunDatabase(folder)
    for run in store.runs():
        files = CheckpointFiles(folder / run.run_id, CONFIG.model)
        for epoch in files.epochs():
            assert files.resume_state(epoch)[1] <= len(store.events(run.run_id))
    store.close()


def check_it_tells_the_truth(
    service: TrainingService, run_id: str, expected: list[tuple[Any, ...]]
) -> None:
    found = service.runs.snapshot(run_id)
    events = told(service, run_id)
    assert events == expected[: len(events)]
    assert found.state in (RunState.PAUSED, RunState.INTERRUPTED, RunState.DONE)
    assert found.progress == (events[-1][2] if events else 0)
    assert (found.state is RunState.DONE) == (events == expected and 2 in found.kept)
    for epoch in found.kept:
        assert service.predictions.checkpoint(run_id, epoch).progress == epoch


# A write that fails


@pytest.mark.parametrize("life", LIVES)
def test_any_single_write_may_fail(
    make_service: MakeService,
    disk: Disk,
    stored: tuple[Path, str],
    finish: Finish,
    wait_until: WaitUntil,
    life: str,
) -> None:
    """What is refused, and what fails, is done again; then all is as if nothing had happened."""
    folder, other = stored
    for writes in range(1000):
        shutil.copytree(folder, disk.root)
        service, acting = pausing(make_service, disk.root)
        metrics = told(service, other)
        failed = disk.fail_once(after=writes)
        sentences: set[str] = set()
        run_id = other
        for what, acting.after in LIVES[life]:
            try:
                run_id = do(service, what, run_id)
            except StorageError as error:
                sentences.add(str(error))
                run_id = do(service, what, run_id)
            run = settled(service, run_id, wait_until)
            if run.state is RunState.FAILED:
                sentences.add(run.error or "")
                service.runs.resume(run_id)
                run = settled(service, run_id, wait_until)
            sentences |= {run.message} - {""}
        if not failed:
            assert not sentences
            break
        assert len(sentences) == 1, failed
        assert "could not be written to disk" in sentences.pop()
        following = service.runs.start(CONFIG.model_copy(update={"epochs": 1}))
        assert finish(service, following).state is RunState.DONE
        for _ in range(2):
            for found in (run_id, other):
                assert service.runs.snapshot(found).state is RunState.DONE, failed
                assert told(service, found) == metrics, failed
            service.close()
            service = make_service(runs=disk.root)  # a restart changes nothing
        service.close()
        disk.free()
        shutil.rmtree(disk.root)
    assert writes > 10
