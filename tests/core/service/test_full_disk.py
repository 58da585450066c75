"""A full disk: what is refused changes nothing, what trains goes on, and the queue lives."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from core import models
from core.config import TrainConfig, parse_config
from core.data.dataset import Dataset
from core.device import Runtime
from core.errors import StorageError
from core.records.runs import RunState
from core.service.service import TrainingService
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from core.weight_files.matching import expected_shapes
from tests.core.disk import Disk
from tests.core.service.test_run_manager import told
from tests.support import SECONDS, Finish, MakeService, WaitUntil

CONFIG = parse_config(
    {"epochs": 2, "batch_size": 10, "train_images": 20, "model": "mlp", "precision": "fp32"}
)
MINE = "0" * 32
SEVEN = np.zeros((28, 28))
SEVEN[4:24, 13:15] = 1


class Small(nn.Module):
    """One layer: its files are written in no time."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(28 * 28, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.flatten(1))


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(models.MODELS, "mlp", Small)
    expected_shapes.cache_clear()  # by the network's name
    yield
    expected_shapes.cache_clear()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "runs", monkeypatch)


def everything(service: TrainingService, root: Path) -> tuple[Any, ...]:
    """All that anybody can see of runs and drawings, and all files."""
    runs = service.runs.all()
    events = [service.runs.events_since(run.run_id, 0) for run in runs]
    drawings = [drawing.drawing_id for drawing in service.drawings.all(MINE)]
    return runs, events, drawings, sorted(root.rglob("*"))


def refusal(call: Callable[[], object]) -> str | None:
    """The sentence in which a call is refused for want of space; None if it is not."""
    try:
        call()
    except StorageError as error:
        return str(error)
    return None


Call = Callable[[TrainingService, dict[str, str]], object]

CALLS: dict[str, Call] = {
    "start": lambda service, _: service.runs.start(CONFIG),
    "pair": lambda service, _: service.runs.start_pair(CONFIG),
    "fork": lambda service, runs: service.runs.fork(runs["done"], 1, {}),
    "fork from the beginning": lambda service, runs: service.runs.fork(runs["done"], 0, {}),
    "repeat": lambda service, runs: service.runs.repeat(runs["done"], 3),
    "resume": lambda service, runs: service.runs.resume(runs["paused"]),
    "rewind": lambda service, runs: service.runs.rewind(runs["done"], 1),
    "stop": lambda service, runs: service.runs.stop(runs["waiting"]),
    "stop what is paused": lambda service, runs: service.runs.stop(runs["paused"]),
    "pause": lambda service, runs: service.runs.pause(runs["waiting"]),
    "describe": lambda service, runs: service.runs.update_metadata(
        runs["done"], note="Mine", pinned=True
    ),
    "delete": lambda service, runs: service.runs.delete(runs["done"]),
    "delete what waits": lambda service, runs: service.runs.delete(runs["waiting"]),
    "restore": lambda service, runs: service.runs.restore(runs["deleted"]),
    "keep a drawing": lambda service, _: service.drawings.save(MINE, 7, SEVEN.T),
    "delete a drawing": lambda service, runs: service.drawings.delete(MINE, runs["drawing"]),
    "teach": lambda service, runs: service.finetuning.start(MINE, runs["done"]),
    "import": lambda service, runs: service.imports.import_weights(
        service.exports.weights(runs["done"], None, "pth").content
    ),
}


class Held:
    """A `fit` that trains really; a run of seed 9 waits after its first event."""

    def __init__(self) -> None:
        self.reached, self.let_go = threading.Event(), threading.Event()

    def __call__(
        self,
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *options: Any,
    ) -> Iterator[Event]:
        for event in fit(config, data, runtime, control, *options):
            yield event
            if config.seed == 9:
                self.reached.set()
                while not (self.let_go.wait(0.01) or control.should_stop()):
                    pass


def in_all_states(
    make_service: MakeService, tmp_path: Path, finish: Finish, wait_until: WaitUntil
) -> tuple[TrainingService, dict[str, str], Held]:
    """A service with a run in every state; the one that trains waits in the middle."""
    held = Held()
    service = make_service(fit=held, runs=tmp_path / "runs")
    runs = {"done": service.runs.start(CONFIG)}
    finish(service, runs["done"])
    runs["trains"] = service.runs.start(CONFIG.model_copy(update={"seed": 9}))
    for state in ("deleted", "waiting", "paused"):
        runs[state] = service.runs.start(CONFIG)
    assert held.reached.wait(SECONDS)
    wait_until(lambda: service.runs.snapshot(runs["trains"]).kept)
    service.runs.pause(runs["paused"])
    service.runs.delete(runs["deleted"])
    runs["drawing"] = service.drawings.save(MINE, 7, SEVEN).drawing_id
    return service, runs, held


@pytest.mark.parametrize("name", CALLS)
def test_what_is_refused_for_want_of_space_changes_nothing(
    make_service: MakeService,
    tmp_path: Path,
    disk: Disk,
    finish: Finish,
    wait_until: WaitUntil,
    name: str,
) -> None:
    """Wherever in the call the space runs out: at its first write, its second, and so on."""
    service, runs, held = in_all_states(make_service, tmp_path, finish, wait_until)
    before = everything(service, tmp_path / "runs")
    for writes in range(100):
        disk.fill(after=writes)
        sentence = refusal(lambda: CALLS[name](service, runs))
        disk.free()
        if sentence is None:
            break
        assert "could not be written to disk" in sentence
        assert everything(service, tmp_path / "runs") == before
    assert writes, "nothing was written"

    newest = service.runs.snapshot(service.runs.start(CONFIG))
    assert newest.number == 1 + service.runs.all()[1].number
    held.let_go.set()
    assert finish(service, newest.run_id).state is RunState.DONE


def test_a_disk_that_fills_up_at_launch_does_not_stop_the_queue(
    make_service: MakeService, tmp_path: Path, disk: Disk, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "runs")
    disk.fill(after=1)  # the row of the run that waits
    first = service.runs.start(CONFIG)
    found = finish(service, first)
    assert found.state is RunState.DONE
    assert "disk is full" in found.message
    assert service.predictions.gallery(5, 0, run_id=first).progress == 2, "it is still in memory"
    with pytest.raises(StorageError):
        service.runs.start(CONFIG)
    disk.free()

    second = service.runs.start(CONFIG)

    assert finish(service, second).state is RunState.DONE
    assert service.runs.snapshot(second).message == ""
    service.close()
    again = make_service(runs=tmp_path / "runs")
    assert again.runs.snapshot(second).state is RunState.DONE
    # The last epochs of the first are gone, so it is not done.
    assert again.runs.snapshot(first).state is RunState.INTERRUPTED
    again.runs.resume(first)
    assert finish(again, first).state is RunState.DONE
    assert told(again, first) == told(again, second)


def test_a_service_ends_on_a_full_disk(
    make_service: MakeService, tmp_path: Path, disk: Disk, finish: Finish, wait_until: WaitUntil
) -> None:
    service, runs, _ = in_all_states(make_service, tmp_path, finish, wait_until)
    disk.fill()

    service.close()

    disk.free()
    again = make_service(runs=tmp_path / "runs")
    for name in ("trains", "waiting"):
        assert again.runs.snapshot(runs[name]).state is RunState.INTERRUPTED
    assert again.runs.snapshot(runs["paused"]).state is RunState.PAUSED
