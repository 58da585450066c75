"""The words of a run: the status bar, the buttons and notices, the table of epochs."""

from typing import Any

import dash_bootstrap_components as dbc
import pytest
from dash import html
from dash.development.base_component import Component

from core.config import TrainConfig
from core.datasets import DataCatalog
from core.events import DatasetStatus, EpochMetrics, RunSnapshot, RunState
from core.service import TrainingService
from dashboard import ids, status

BAR_IDS = (
    ids.STATUS_STATE,
    ids.STATUS_EPOCH,
    ids.STATUS_PROGRESS,
    ids.STATUS_TIME,
    ids.STATUS_SPEED,
    ids.STATUS_ACCURACY,
    ids.STATUS_DATASET,
    ids.STATUS_DEVICE,
)


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


def evaluation(number: int) -> EpochMetrics:
    return EpochMetrics(
        epoch=number,
        step=10 * number,
        progress=float(number),
        train_loss=0.5 / number,
        train_accuracy=0.9,
        test_loss=0.25,
        test_accuracy=0.9312,
        images_per_second=1234.5,
        seconds=61.0 * number,
    )


def shown(updates: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    by_id: dict[str, dict[str, Any]] = {}
    for component, properties in updates:
        by_id.setdefault(component, {}).update(properties)
    return by_id


def words(component: Any) -> str:
    """All text within a component, in order."""
    if isinstance(component, (list, tuple)):
        return " ".join(words(part) for part in component)
    if isinstance(component, Component):
        return words(getattr(component, "children", None) or "")
    return str(component)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61.0, "1 min 1 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7500.0, "2 h 5 min"),
    ],
)
def test_a_duration_is_given_in_the_units_one_would_say(seconds: float, text: str) -> None:
    assert status.duration(seconds) == text


@pytest.mark.parametrize(
    ("epoch", "progress", "text"),
    [(0, 0.0, "0 of 4"), (1, 0.25, "1 of 4 (25%)"), (3, 2.5, "3 of 4 (50%)"), (4, 4.0, "4 of 4")],
)
def test_the_epoch_counts_up_to_the_last_and_says_how_far_it_is(
    epoch: int, progress: float, text: str
) -> None:
    assert status.epoch_words(run(epoch=epoch, progress=progress)).startswith(text)


def test_time_is_unknown_then_left_then_taken() -> None:
    assert status.time_words(run()) == status.NOTHING
    assert status.time_words(run(seconds=10.0, seconds_left=42.0)) == "42 s"
    assert status.time_words(done()) == "took 1 min 15 s"


def test_the_bar_shows_all_of_a_run(service: TrainingService) -> None:
    bar = shown(status.status_bar(service, done()))
    assert bar[ids.STATUS_STATE] == {"children": "done", "color": "success"}
    assert bar[ids.STATUS_EPOCH]["children"].startswith("4 of 4")
    assert bar[ids.STATUS_PROGRESS]["style"]["width"] == "100.0%"
    assert bar[ids.STATUS_TIME]["children"] == "took 1 min 15 s"
    assert bar[ids.STATUS_SPEED]["children"] == "4,321"
    assert bar[ids.STATUS_ACCURACY]["children"] == "98.76%"
    assert bar[ids.STATUS_DATASET]["children"] == "MNIST"
    assert bar[ids.STATUS_DEVICE]["children"] == "A processor, fp32"


def test_the_bar_leaves_open_what_is_not_known_yet(service: TrainingService) -> None:
    bar = shown(status.status_bar(service, run()))
    assert bar[ids.STATUS_STATE]["children"] == "running"
    assert bar[ids.STATUS_PROGRESS]["style"]["width"] == "0.0%"
    for item in (ids.STATUS_TIME, ids.STATUS_SPEED, ids.STATUS_ACCURACY):
        assert bar[item]["children"] == status.NOTHING


def test_the_bar_is_ready_before_the_first_run(service: TrainingService) -> None:
    bar = shown(status.status_bar(service, None))
    assert bar[ids.STATUS_STATE]["children"] == "ready"
    assert bar[ids.STATUS_DATASET]["children"] == "Synthetic digits"
    assert bar[ids.STATUS_DEVICE]["children"] == service.device_title()


@pytest.mark.parametrize("snapshot", [None, run(), done()], ids=["no run", "running", "done"])
def test_every_item_of_the_bar_is_told_so_that_none_shows_an_earlier_run(
    service: TrainingService, snapshot: RunSnapshot | None
) -> None:
    # A page outlives the server: after a restart there is no run, and the page shows the old one.
    assert set(shown(status.status_bar(service, snapshot))) == set(BAR_IDS)


@pytest.mark.parametrize("state", RunState)
def test_each_state_is_called_by_its_name_in_the_bar(
    service: TrainingService, state: RunState
) -> None:
    bar = shown(status.status_bar(service, run(state=state)))
    assert bar[ids.STATUS_STATE]["children"] == state.value


def test_the_layout_has_a_place_for_every_item() -> None:
    found = {getattr(part, "id", None) for part in status.layout()._traverse()}
    assert set(BAR_IDS) <= found


@pytest.mark.parametrize(
    ("snapshot", "can_stop", "other"),
    [
        (None, False, None),
        (run(), True, "Pause"),
        (run(state=RunState.QUEUED), True, "Pause"),
        (run(state=RunState.PAUSED), True, "Resume"),
        (run(state=RunState.STOPPING), False, None),
        (run(state=RunState.STOPPED), False, "Resume"),
        (run(state=RunState.INTERRUPTED), False, "Resume"),
        (done(), False, None),
        (run(state=RunState.FAILED, error="It broke."), False, None),
    ],
)
def test_buttons_can_be_pressed_when_they_make_sense(
    service: TrainingService, snapshot: RunSnapshot | None, can_stop: bool, other: str | None
) -> None:
    told = shown(status.notices(service, snapshot))
    assert bool(told[ids.STOP_BUTTON]["disabled"]) is not can_stop
    assert bool(told[ids.PAUSE_BUTTON]["disabled"]) is (other is None)
    assert told[ids.PAUSE_BUTTON]["children"] == (other or "Pause")
    running = snapshot is not None and snapshot.state is RunState.RUNNING
    assert (told[ids.RATE]["style"] == {}) is running


@pytest.mark.parametrize(
    ("snapshot", "sentence", "colour"),
    [
        (None, "Press Train", "info"),
        (run(), "Training", "info"),
        (run(message="Downloading MNIST: 40%"), "Downloading MNIST: 40%.", "info"),
        (done(), "98.76%", "success"),
        (run(state=RunState.STOPPED), "Stopped before it began", "secondary"),
        (run(state=RunState.STOPPED, kept=(0, 1)), "keeps what it had learnt", "secondary"),
        (
            run(state=RunState.FAILED, error="The loss became nan."),
            "The loss became nan.",
            "danger",
        ),
    ],
    ids=["no run", "running", "waiting", "done", "never begun", "stopped", "failed"],
)
def test_the_message_says_how_the_run_goes(
    service: TrainingService, snapshot: RunSnapshot | None, sentence: str, colour: str
) -> None:
    message = shown(status.notices(service, snapshot))[ids.RUN_MESSAGE]
    assert sentence in message["children"]
    assert message["color"] == colour


class _Offline(DataCatalog):
    """A catalog on a computer that has no MNIST and no way to it."""

    missing = True

    def status(self, name: str = "auto") -> DatasetStatus:
        if not self.missing:
            return DatasetStatus(name, "MNIST", "ready")
        if name == "mnist":
            return DatasetStatus("mnist", "MNIST", "unavailable", "MNIST is not here.")
        return DatasetStatus("synthetic", "Synthetic digits", "ready", "MNIST is not here. So.")


def test_when_mnist_cannot_be_had_the_page_says_so_and_offers_another_look(
    make_service: Any, synthetic_folder: Any
) -> None:
    catalog = _Offline(None, synthetic_folder)
    service = make_service(catalog=catalog)
    told = shown(status.notices(service, None))
    assert told[ids.DATASET_NOTICE] == {"children": "MNIST is not here. So.", "is_open": True}
    assert told[ids.DATASET_RETRY]["style"] == {}

    catalog.missing = False
    told = shown(status.notices(service, None))
    assert told[ids.DATASET_NOTICE]["is_open"] is False
    assert told[ids.DATASET_RETRY]["style"] == {"display": "none"}


def test_a_data_set_on_its_way_shows_how_far_it_is() -> None:
    coming = DatasetStatus("mnist", "MNIST", "preparing", "Downloading MNIST", 0.425)
    assert status.dataset_words(coming) == "MNIST, 42%"
    assert status.dataset_words(DatasetStatus("mnist", "MNIST", "ready")) == "MNIST"


# The table of epochs


def rows_of(table: Any) -> list[list[str]]:
    body = next(part for part in table._traverse() if isinstance(part, html.Tbody))
    return [[cell.children for cell in row.children] for row in body.children]


def test_the_table_has_a_row_for_each_evaluation_the_newest_first() -> None:
    rows = rows_of(status.epoch_table([evaluation(1), evaluation(2), evaluation(3)]))
    assert [row[0] for row in rows] == ["3", "2", "1"]
    assert rows[1][1:6] == ["0.2500", "90.00%", "0.2500", "93.12%", "1,234"]
    assert rows[1][6] == "2 min 2 s"


def test_the_table_has_a_heading_for_each_cell() -> None:
    table = status.epoch_table([evaluation(1)])
    heads = [part for part in table._traverse() if isinstance(part, html.Th)]
    assert len(heads) == len(rows_of(table)[0])
    assert all(head.children for head in heads)


def test_an_empty_table_says_when_rows_come() -> None:
    assert "after each epoch" in words(status.epoch_table([]))


def test_a_very_long_table_shows_its_last_rows_and_says_where_the_others_are() -> None:
    many = [evaluation(number) for number in range(1, status.TABLE_ROWS + 51)]
    table, note = status.epoch_table(many)
    assert isinstance(table, dbc.Table)
    rows = rows_of(table)
    assert len(rows) == status.TABLE_ROWS
    assert (rows[0][0], rows[-1][0]) == (str(status.TABLE_ROWS + 50), "51")
    assert str(status.TABLE_ROWS + 50) in words(note)
    assert "CSV" in words(note)


def test_the_csv_can_be_fetched_once_there_is_a_run() -> None:
    assert status.csv_link(None)["disabled"]
    link = status.csv_link("a-run")
    assert link == {"href": "/api/runs/a-run/metrics.csv", "disabled": False}
