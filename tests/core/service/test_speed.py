"""What the presets promise: measured once for each device, and never beside a run."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import PRESETS, TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.device import Runtime, choose_runtime
from core.errors import CancelledError
from core.records.server import Promise, Promises
from core.service.service import TrainingService
from core.service.speed import WATCHED_SPEED
from core.training.loop import Event
from tests.support import SECONDS, Finish, MakeService, WaitUntil

WATCHED = WATCHED_SPEED if choose_runtime().device.type == "cpu" else 1


def measured(service: TrainingService, wait_until: WaitUntil) -> Promises:
    wait_until(lambda: service.speed.promises().state == "measured")
    return service.speed.promises()


class Probe:
    """A probe that says 1,000 images a second, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[TrainConfig] = []

    def __call__(self, config: TrainConfig, _: Runtime, __: Callable[[], bool]) -> float:
        self.asked.append(config)
        return 1000.0


def test_each_preset_is_measured_when_somebody_first_asks_and_then_remembered(
    make_service: MakeService, wait_until: WaitUntil, tmp_path: Path
) -> None:
    probe = Probe()
    service = make_service(runs=tmp_path / "runs", probe=probe)
    assert probe.asked == []
    first = service.speed.promises()
    assert first.state == "measuring"
    assert first.presets["fast"].seconds is None
    promises = measured(service, wait_until)
    # 60,000 images, and nine evaluations of 10,000 that cost a third.
    assert promises.presets["fast"].seconds == pytest.approx((3 * 60 + 9 * 10 / 3) / WATCHED)
    assert promises.presets["speedrun"].seconds == pytest.approx((60 + 10 / 3) / WATCHED)
    assert probe.asked == [preset.config for preset in PRESETS.values()]
    service.close()

    again = make_service(runs=tmp_path / "runs", probe=probe)
    assert again.speed.promises() == promises
    assert len(probe.asked) == len(PRESETS)


def test_another_device_is_measured_anew(
    make_service: MakeService,
    wait_until: WaitUntil,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probe = Probe()
    folder, moved = tmp_path / "a", tmp_path / "b"
    measured(make_service(runs=folder, probe=probe), wait_until)
    (here,) = {name.split(":")[0] for name in json.loads((folder / "speed.json").read_text())}
    monkeypatch.setattr("platform.node", lambda: f"not {here}")
    moved.mkdir()
    (moved / "speed.json").write_text((folder / "speed.json").read_text())
    other = make_service(runs=moved, probe=probe)
    assert other.speed.promises().state == "measuring"
    measured(other, wait_until)
    assert len(probe.asked) == 2 * len(PRESETS)
    names = json.loads((moved / "speed.json").read_text())
    assert {name.split(":")[0] for name in names} == {here, f"not {here}"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 3}', '{"x": {"fast": "quick"}}'])
def test_a_damaged_file_is_measured_again(
    make_service: MakeService, wait_until: WaitUntil, tmp_path: Path, text: str
) -> None:
    (tmp_path / "speed.json").write_text(text)
    assert measured(make_service(runs=tmp_path), wait_until).presets["fast"].seconds


def test_nothing_is_measured_while_a_run_trains(
    make_service: MakeService, finish: Finish, wait_until: WaitUntil
) -> None:
    ends, begun = threading.Event(), threading.Event()

    def until_told(*_: Any) -> Iterator[Event]:
        begun.set()
        assert ends.wait(SECONDS)
        yield from ()

    probe = Probe()
    service = make_service(fit=until_told, probe=probe)
    service.runs.start(TrainConfig())
    assert begun.wait(SECONDS)
    promises = service.speed.promises()
    assert promises.state == "unknown"
    assert promises.presets["fast"] == Promise(None, None)
    assert probe.asked == []
    ends.set()
    finish(service)
    wait_until(lambda: service.speed.promises().state != "unknown")


def test_a_measurement_ends_when_a_run_starts_and_is_made_later(
    make_service: MakeService, finish: Finish, wait_until: WaitUntil, tiny_config: TrainConfig
) -> None:
    begun = threading.Event()

    def probe(_: TrainConfig, __: Runtime, should_stop: Callable[[], bool]) -> float:
        if not begun.is_set():
            begun.set()
            wait_until(should_stop)
            raise CancelledError
        return 500.0

    service = make_service(probe=probe)
    service.speed.promises()
    assert begun.wait(SECONDS)
    service.runs.start(tiny_config)
    finish(service)
    assert measured(service, wait_until).presets["speedrun"].seconds


def test_a_run_that_is_done_counts_more_than_what_was_measured(
    make_service: MakeService, finish: Finish, wait_until: WaitUntil
) -> None:
    service = make_service()
    before = measured(service, wait_until)
    run_id = service.runs.start(parse_config({"preset": "speedrun", "seed": 3}))
    done = finish(service, run_id)
    assert done.images_per_second is not None
    promised = service.speed.promises().presets
    # The catalog has loaded the tiny data set meanwhile.
    assert promised["speedrun"].seconds == pytest.approx((300 + 120 / 3) / done.images_per_second)
    assert promised["notebook"].seconds == pytest.approx(5 * (300 + 120 / 3) / 1000 / WATCHED)
    assert promised["notebook"] != before.presets["notebook"]


def test_accuracies_are_promised_for_mnist_alone(
    make_service: MakeService, tmp_path: Path, mnist_folder: Path
) -> None:
    synthetic = make_service(DataCatalog(None, tmp_path / "a", "synthetic"), runs=tmp_path / "b")
    assert {promise.accuracy for promise in synthetic.speed.promises().presets.values()} == {None}
    mnist = make_service(DataCatalog(None, tmp_path / "a", "mnist"), runs=tmp_path / "c")
    promised = {name: p.accuracy for name, p in mnist.speed.promises().presets.items()}
    assert promised == {name: preset.accuracy for name, preset in PRESETS.items()}
    own = DataCatalog(mnist_folder, tmp_path / "a", "mnist")
    own.load("mnist")
    mine = make_service(own, runs=tmp_path / "d")
    assert {promise.accuracy for promise in mine.speed.promises().presets.values()} == {None}


def test_a_full_disk_does_not_hide_what_was_measured(
    make_service: MakeService, wait_until: WaitUntil, tmp_path: Path
) -> None:
    service = make_service(runs=tmp_path)
    (tmp_path / "speed.json.part").mkdir()  # it cannot be written
    assert measured(service, wait_until).presets["accurate"].seconds


def test_the_promised_accuracies_are_those_of_the_documentation() -> None:
    text = Path("docs/performance.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line[:1] == "|"}
    for name, preset in PRESETS.items():
        row = "the notebook's loop, five epochs" if name == "notebook" else f"preset {preset.title}"
        documented = float(rows[row].split("|")[5].split("%")[0])
        assert preset.accuracy == pytest.approx(documented / 100, abs=5e-4)
