"""A kill between any two writes: what is then on disk opens, tells the truth, and goes on."""

import shutil
from pathlib import Path

import pytest
import torch

from core.errors import WrongState
from core.events import RunState
from tests.conftest import Finish, MakeService
from tests.core.disk import Disk
from tests.core.test_full_disk import CONFIG, small_network
from tests.core.test_runs import told

__all__ = ["small_network"]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "runs", monkeypatch)


@pytest.mark.parametrize(
    "killed_at", ["INSERT INTO runs", "write_bytes mlp.pth", "replace mlp.pth"]
)
def test_a_run_that_was_killed_after_its_last_epoch_is_done(
    make_service: MakeService, tmp_path: Path, disk: Disk, finish: Finish, killed_at: str
) -> None:
    files = ["0002.state.safetensors", killed_at]

    def copy(write: str) -> None:
        if files and files[0] in write and not write.startswith("write 0002"):
            files.pop(0)
            if not files:
                shutil.copytree(tmp_path / "runs", tmp_path / "found")

    service = make_service(runs=tmp_path / "runs")
    disk.before = copy
    run_id = service.start(CONFIG)
    whole = finish(service, run_id)

    again = make_service(runs=tmp_path / "found")

    found = again.snapshot(run_id)
    assert found.state is RunState.DONE
    assert found.kept == (0, 1, 2)
    assert (found.progress, found.test_accuracy) == (2, whole.test_accuracy)
    assert told(again, run_id) == told(service, run_id)
    assert found.weights_file == str(tmp_path / "found" / run_id / "mlp.pth")
    assert torch.load(found.weights_file, weights_only=True).keys() == {"fc.weight", "fc.bias"}
    with pytest.raises(WrongState, match="it is done"):
        again.resume(run_id)
    assert finish(again, again.fork(run_id, 2, {"epochs": 3})).state is RunState.DONE
