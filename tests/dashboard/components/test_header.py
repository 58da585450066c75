"""The words of a run: the status bar, the buttons and notices."""

from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig
from core.data import mnist_download
from core.data.catalog import FALLBACK, DataCatalog
from core.errors import DatasetUnavailableError
from core.records.datasets import DatasetStatus
from core.records.runs import RunSnapshot, RunState
from core.service.service import TrainingService
from dashboard.components import header
from tests.support import MakeService

UNKNOWN = ("time", "speed", "accuracy")
HERE = DatasetStatus("synthetic", "Synthetic digits", "ready")


def run(**changes: Any) -> RunSnapshot:
    """A run that just began, with some changes."""
    values: dict[str, Any] = {
        "run_id": "a run",
        "state": RunState.RUNNING,
        "config": TrainConfig(epochs=4).model_dump(),
        "dataset": "mnist",
        "dataset_title": "MNIST",
        "device": "A processor",
        "precision": "fp32",
        "epochs": 4,
    }
    return RunSnapshot(**(values | changes))


def done(**changes: Any) -> RunSnapshot:
    return run(
        state=RunState.DONE,
        epoch=4,
        progress=4.0,
        seconds=75.2,
        seconds_left=0.0,
        images_per_second=4321.0,
        test_accuracy=0.9876,
        **changes,
    )


def texts(run: RunSnapshot | None, dataset: DatasetStatus = HERE) -> dict[str, str]:
    return header.texts(run, dataset, "The device")


def test_time_is_unknown_then_left_then_taken() -> None:
    assert texts(run())["time"] == ""
    assert texts(run(seconds=10.0, seconds_left=42.0))["time"] == "42 s left"
    assert texts(run(state=RunState.PAUSED, seconds_left=42.0))["time"] == ""
    assert texts(done())["time"] == "took 1 min 15 s"


def test_the_header_shows_all_of_a_run() -> None:
    assert texts(done()) == {
        "state": "Done",
        "epoch": "4 of 4",
        "progress": "4",
        "time": "took 1 min 15 s",
        "speed": "4,321",
        "accuracy": "98.76\u202f%",
        "dataset": "MNIST",
        "device": "A processor, fp32",
        "curve": header.NO_BATCHES,
    }


def test_of_an_ended_run_without_points_it_is_said_that_nothing_is_known() -> None:
    assert texts(run())["curve"] == header.BEGINNING
    assert texts(run(state=RunState.FAILED))["curve"] == header.NO_BATCHES
    assert texts(done(brought_in=True))["curve"] == header.NO_BATCHES


def test_the_header_leaves_open_what_is_not_known_yet() -> None:
    begun = texts(run())
    assert [begun[item] for item in UNKNOWN] == [""] * 3
    assert (begun["epoch"], begun["progress"]) == ("0 of 4", "0")


def test_before_the_first_run_the_header_tells_what_it_would_train_on() -> None:
    ready = texts(None)
    assert [ready[item] for item in ("epoch", *UNKNOWN)] == [""] * 4
    assert (ready["dataset"], ready["device"]) == ("Synthetic digits", "The device")
    assert (ready["progress"], ready["curve"]) == ("0", header.NOTHING_TRAINED)


def test_everything_is_told_of_every_run_so_that_nothing_shows_an_earlier_one() -> None:
    assert texts(None).keys() == texts(run()).keys() == texts(done()).keys()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (None, "Ready"),
        (RunState.QUEUED, "Waiting"),
        (RunState.RUNNING, "Training"),
        (RunState.PAUSED, "Paused"),
        (RunState.STOPPING, "Stopping"),
        (RunState.DONE, "Done"),
        (RunState.STOPPED, "Stopped"),
        (RunState.FAILED, "Failed"),
        (RunState.INTERRUPTED, "Interrupted"),
    ],
)
def test_each_state_has_a_word_and_a_class(state: RunState | None, word: str) -> None:
    snapshot = None if state is None else run(state=state)
    label, classes = texts(snapshot)["state"], header.state_class(state)
    assert label == word
    assert classes == f"state state-{'ready' if state is None else state.value}"


@pytest.mark.parametrize("prefer", ["auto", "mnist", "synthetic"])
def test_another_look_for_mnist_is_offered_where_it_is_wanted_and_cannot_be_had(
    make_service: MakeService, synthetic_folder: Path, prefer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_download, "mirrors", list)
    catalog = DataCatalog(synthetic_folder, synthetic_folder / "none", prefer)
    with pytest.raises(DatasetUnavailableError) as caught:
        catalog.load("mnist")

    told = header.describe(make_service(catalog=catalog), None)

    texts = {"auto": f"{caught.value} {FALLBACK}", "mnist": str(caught.value), "synthetic": ""}
    assert told["dataset-problem"] == texts[prefer]
    assert bool(told["dataset-retry"]) is bool(texts[prefer])
    assert str(synthetic_folder) in str(caught.value)


def test_a_folder_that_was_passed_over_is_named(
    make_service: MakeService, mnist_folder: Path, tmp_path: Path
) -> None:
    catalog = DataCatalog(tmp_path / "empty", mnist_folder)
    catalog.load("mnist")

    told = header.describe(make_service(catalog=catalog), None)

    assert f"There is no folder {tmp_path / 'empty'}. " in told["dataset-problem"]
    assert not told["dataset-retry"]


def test_a_run_is_described_by_its_texts(service: TrainingService) -> None:
    dataset, device = service.dataset_status(), service.device_title()
    assert not dataset.message
    for snapshot in (None, run(), done()):
        of_dataset = {"dataset-problem": "", "dataset-retry": ""}
        told = header.texts(snapshot, dataset, device)
        assert header.describe(service, snapshot) == told | of_dataset


def test_a_data_set_on_its_way_shows_how_far_it_is() -> None:
    coming = DatasetStatus("mnist", "MNIST", "preparing", "Downloading MNIST", 0.425)
    assert texts(None, coming)["dataset"] == "MNIST, 42\u202f%"
    assert texts(None, DatasetStatus("mnist", "MNIST", "ready"))["dataset"] == "MNIST"
