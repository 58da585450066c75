"""`kill -9` in the middle of an epoch, and a fork: what a run promises, with the real server."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.test_run import check_quiet_end
from tools.server import Server, get, post, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no kill -9")

# All that has a state of its own to lose: moments, place in the cycle, generators, averages.
SETTINGS: dict[str, Any] = {
    "model": "speedrun_cnn",
    "epochs": 4,
    "batch_size": 2,
    "precision": "fp32",
    "schedule": "onecycle",
    "augmentation": "affine",
    "weight_averaging": True,
    "evaluations_per_epoch": 2,
    "seed": 11,
}
CLOCK = ("seconds", "images_per_second")


@pytest.fixture
def server(tmp_path: Path, mnist_folder: Path) -> Iterator[Server]:
    data = ("--dataset", "mnist", "--data-dir", str(mnist_folder))
    with Server(*data, runs=tmp_path / "runs", said=tmp_path / "said.txt") as server:
        yield server


def begin(server: Server, settings: dict[str, Any]) -> str:
    return str(post(f"{server.url}/api/runs", settings)["run_id"])


def look(server: Server, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = get(f"{server.url}/api/runs/{run_id}")
    return found


def told(server: Server, run_id: str) -> list[dict[str, Any]]:
    """All events of a run, without what the clock says."""
    events = get(f"{server.url}/api/runs/{run_id}/events")["events"]
    return [{key: event[key] for key in event if key not in CLOCK} for event in events]


def evaluations(events: list[dict[str, Any]]) -> dict[float, dict[str, Any]]:
    """What was measured on the test images, by the place in the run."""
    return {event["progress"]: event for event in events if event["kind"] == "epoch"}


def test_a_run_that_was_killed_in_mid_epoch_ends_as_if_nothing_had_been_and_can_be_forked(
    server: Server, tmp_path: Path
) -> None:
    """The server that does all this ends at last on SIGTERM, as Ctrl+C ends it: `test_run.py`."""
    killed = begin(server, SETTINGS)
    until(lambda: look(server, killed)["progress"] > 1, seconds=120, pause=0.01)
    server.kill()
    (tmp_path / "said.txt").unlink()

    server.start()

    found = look(server, killed)
    assert found["state"] == "interrupted"
    whole_epochs = len(found["kept"]) - 1
    assert found["kept"] == list(range(whole_epochs + 1))
    assert 1 <= whole_epochs < SETTINGS["epochs"], "it was killed within an epoch"
    post(f"{server.url}/api/runs/{killed}/resume", {})
    whole = begin(server, SETTINGS)
    until(lambda: look(server, whole)["state"] == "done", seconds=120, pause=0.05)
    assert look(server, killed)["state"] == "done"
    expected = told(server, whole)
    assert list(evaluations(expected)) == [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert told(server, killed) == expected

    change = {"epoch": 2, "learning_rate": 1e-4}
    fork = post(f"{server.url}/api/runs/{killed}/fork", change)["run_id"]
    until(lambda: 3 in evaluations(told(server, fork)), seconds=120, pause=0.05)
    forked = told(server, fork)
    shared = [event for event in expected if event["progress"] <= 2]
    assert forked[: len(shared)] == shared
    for place in (2.5, 3):
        assert evaluations(forked)[place]["test_loss"] != evaluations(expected)[place]["test_loss"]

    endless = begin(server, SETTINGS | {"epochs": 2000})
    until(lambda: look(server, endless)["progress"] > 0, seconds=120, pause=0.02)
    code = server.end(signal.SIGTERM)

    said = (tmp_path / "said.txt").read_text()
    assert code in (0, 143, -signal.SIGTERM), said
    check_quiet_end(said)
    assert (server.runs / endless / "latest.state.safetensors").exists()
