"""What a page is told: everything once, then what changed, and a sentence where that fails."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from core.config import TrainConfig
from core.errors import UnknownRunError
from core.records.preview import PreviewFrame
from dashboard.live.protocol import Place
from dashboard.live.updates import has_news, update
from tests.dashboard.conftest import LiveHarness, batch, evaluation, network
from tests.dashboard.live.conftest import Page

CONFIG = TrainConfig(epochs=2, precision="fp32")
OF_A_RUN = {"run", "text", "network", "problem"}
EVENTS = {"from", "events"}


def test_the_first_message_before_any_run_says_that_there_is_none(harness: LiveHarness) -> None:
    told = Page().look(harness.changes)
    assert told.keys() == OF_A_RUN
    assert told["run"] is None
    assert told["network"] == {"newest": None, "kept": []}
    assert told["text"]["state"] == "Ready"
    assert told["problem"] == ""


def test_the_first_message_of_a_run_has_everything(harness: LiveHarness) -> None:
    run_id = harness.start()
    harness.report(batch(1), evaluation(1))
    told = Page().look(harness.changes)
    assert told.keys() == OF_A_RUN | EVENTS | {"runs"}
    assert told["run"] == json.loads(json.dumps(harness.service.runs.snapshot(run_id).to_json()))
    assert told["events"] == [asdict(batch(1)), asdict(evaluation(1))]
    assert told["network"] == {"newest": f"{run_id}/0/0", "kept": [0]}
    assert told["text"]["accuracy"] == "75.00\u202f%"
    assert told["text"]["state"] == "Training"
    assert [row["run_id"] for row in told["runs"]] == [run_id]


@pytest.mark.parametrize("runs", [False, True], ids=["no run", "a run"])
def test_the_second_message_has_nothing_when_nothing_happened(
    harness: LiveHarness, runs: bool
) -> None:
    if runs:
        harness.start()
        harness.report(batch(1), batch(2))
    page = Page()
    page.look(harness.changes)
    assert page.look(harness.changes) == {}
    assert not has_news(update(harness.changes, page.place), page.place)


def test_only_what_changed_is_sent(harness: LiveHarness) -> None:
    run_id = harness.start()
    harness.report(batch(1))
    page = Page()
    page.look(harness.changes)
    harness.report(batch(2))
    told = page.look(harness.changes)
    assert told.keys() == EVENTS | {"runs", "run", "text"}
    assert (told["from"], told["events"]) == (1, [asdict(batch(2))])
    assert told["text"]["speed"] == "1,002"

    harness.report(network(0.25))
    told = page.look(harness.changes)
    assert told.keys() == {"runs", "network"}
    assert told["network"]["newest"] == told["runs"][0]["network"] == f"{run_id}/0/0.25"

    harness.end()
    told = page.look(harness.changes)
    assert {"run", "text", "runs"} <= told.keys()
    assert not told.keys() & EVENTS
    assert told["run"]["state"] == "stopped"


def test_a_page_of_the_newest_run_begins_anew_with_each_run(harness: LiveHarness) -> None:
    first = harness.start()
    harness.report(batch(1))
    harness.end()
    newest, chosen = Page(), Page(first)
    newest.look(harness.changes)
    chosen.look(harness.changes)
    second = harness.start()
    harness.report(batch(1), batch(2), batch(3))
    told = newest.look(harness.changes)
    assert told.keys() == OF_A_RUN | EVENTS | {"runs"}
    assert (newest.place.shown, told["from"], len(told["events"])) == (second, 0, 3)
    assert chosen.look(harness.changes).keys() == {"runs"}
    assert chosen.place.shown == first


def test_a_run_that_was_started_a_moment_ago_can_be_followed(harness: LiveHarness) -> None:
    harness.start()
    waiting = harness.service.runs.start(CONFIG)
    message = update(harness.changes, Place(run=waiting))
    assert message.shown == waiting
    assert message.network is not None
    assert (message.network.newest or "").startswith(waiting)


def test_a_run_that_was_rewound_is_told_from_its_beginning(harness: LiveHarness) -> None:
    run_id = harness.start()
    harness.report(batch(1), batch(2))
    harness.end()
    page = Page()
    page.look(harness.changes)
    harness.service.runs.rewind(run_id, 0)
    told = page.look(harness.changes)
    assert (told["from"], told["events"], page.place.revision) == (0, [], 1)

    harness.service.runs.resume(run_id)
    harness.report(batch(1))
    assert page.look(harness.changes)["from"] == 0
    assert page.events == [asdict(batch(1))]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"server": "another"}, OF_A_RUN | EVENTS | {"runs"}),
        ({"version": -1}, OF_A_RUN | EVENTS | {"runs"}),
        ({"shown": "another"}, OF_A_RUN | EVENTS),
        ({"shown": None}, OF_A_RUN | EVENTS),
        ({"revision": 7}, EVENTS),
        ({"cursor": 10**30}, EVENTS),
        ({"run": "gone"}, set()),
    ],
)
def test_a_place_that_does_not_fit_starts_at_0(
    harness: LiveHarness, change: dict[str, Any], parts: set[str]
) -> None:
    harness.start()
    harness.report(batch(1), batch(2))
    page = Page()
    page.look(harness.changes)
    page.place = page.place.model_copy(update=change)
    told = page.look(harness.changes)
    assert told.keys() == parts
    if parts:
        assert (told["from"], page.place.cursor, len(told["events"])) == (0, 2, 2)


def test_a_run_that_is_deleted_gives_way_to_the_latest_until_it_is_restored(
    harness: LiveHarness,
) -> None:
    first = harness.start()
    harness.report(batch(1))
    harness.end()
    second = harness.start()
    page, away = Page(first), Page(first)
    page.look(harness.changes)
    away.look(harness.changes)

    harness.service.runs.delete(first)
    told = page.look(harness.changes)
    assert told["removed"] == [first]
    assert (page.place.shown, told["from"], told["events"]) == (second, 0, [])
    assert list(page.rows) == [second]
    assert "removed" not in page.look(harness.changes)

    harness.service.runs.restore(first)
    told = page.look(harness.changes)
    assert [row["run_id"] for row in told["runs"]] == [first]
    assert (page.place.shown, page.events) == (first, [asdict(batch(1))])
    assert "removed" not in away.look(harness.changes)  # it was away meanwhile
    assert away.rows == page.rows


@pytest.mark.parametrize(
    "asked",
    ["snapshot", "events_since", "weights_version"],
)
def test_a_run_that_is_deleted_while_a_message_is_made_is_left_out_of_it(
    harness: LiveHarness, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = harness.start()
    harness.end()
    harness.changes.refresh()
    service = harness.service
    owner = service.predictions if asked == "weights_version" else service.runs

    def is_gone(*_: Any) -> None:
        raise UnknownRunError("There is no such run.")

    monkeypatch.setattr(owner, asked, is_gone)
    for _ in range(2):
        message = update(harness.changes, Place(run=run_id))
        assert message.shown is None
        assert message.model_fields_set.isdisjoint(OF_A_RUN | EVENTS)


def test_a_page_whose_last_run_is_gone_is_told_that_there_is_none(
    harness: LiveHarness,
) -> None:
    Page().look(harness.changes)
    page = Page(harness.start())
    harness.end()
    harness.changes.refresh()
    harness.service.runs.delete(str(page.place.run))
    page.take(json.loads(update(harness.changes, page.place).to_text()))
    assert page.look(harness.changes).keys() >= OF_A_RUN


def test_rows_of_runs_that_wait_change_with_their_places(harness: LiveHarness) -> None:
    harness.start()
    waiting = [harness.service.runs.start(CONFIG) for _ in range(3)]
    page = Page()
    page.look(harness.changes)
    places = ["next in line", "place 2 in line", "place 3 in line"]
    assert [page.rows[run_id]["word"] for run_id in waiting] == places
    harness.service.runs.stop(waiting[1])
    changed = page.look(harness.changes)["runs"]
    assert {row["run_id"] for row in changed} == {waiting[1], waiting[2]}
    assert [page.rows[run_id]["word"] for run_id in waiting[1:]] == ["stopped", places[1]]


def test_a_run_without_a_network_is_named_as_the_one_to_look_at(harness: LiveHarness) -> None:
    harness.start()
    waiting = harness.service.runs.start(CONFIG)
    page = Page(waiting)
    told = page.look(harness.changes)["network"]
    assert told == {"newest": f"{waiting}/0/queued", "kept": []}
    harness.service.runs.stop(waiting)
    told = page.look(harness.changes)["network"]
    assert told == {"newest": f"{waiting}/0/stopped", "kept": []}


def test_nothing_of_a_visitor_is_sent(harness: LiveHarness) -> None:
    harness.start()
    page, owner = Page(), "a1" * 16
    page.look(harness.changes)
    harness.service.drawings.save(owner, 7, np.eye(28, dtype=np.float32))
    assert page.look(harness.changes) == {}
    assert owner not in update(harness.changes, Place()).to_text()


# Something that cannot be read

WHAT = [
    "snapshot",
    "_describe",
    "events_since",
    "weights_version",
    "_row",
]


@pytest.fixture
def broken(
    harness: LiveHarness, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Callable[[], None]]:
    """`mend = broken(run_id)`: what is asked of that run raises, until it is mended."""
    name: str = request.param
    owners = (harness.service.runs, harness.service.predictions, harness.changes)
    owner = next(owner for owner in owners if hasattr(owner, name))
    real = getattr(owner, name)

    def break_(run_id: str) -> Callable[[], None]:
        def raises(asked: Any, *more: Any) -> Any:
            if run_id in (asked, getattr(asked, "run_id", None)):
                raise OSError("The disk is gone")
            return real(asked, *more)

        monkeypatch.setattr(owner, name, raises)
        return lambda: monkeypatch.setattr(owner, name, real)

    return break_


@pytest.mark.parametrize("broken", WHAT, indirect=True)
def test_what_cannot_be_read_is_said_and_the_rest_goes_on(
    harness: LiveHarness, broken: Callable[[str], Callable[[], None]]
) -> None:
    bad = harness.start()
    harness.report(batch(1))
    harness.end()
    mend = broken(bad)
    harness.service.runs.update_metadata(bad, note="x")  # its row is made anew
    good = harness.start()
    harness.report(batch(1))
    page, other = Page(bad), Page(good)
    assert "The disk is gone. Choose another run" in page.look(harness.changes)["problem"]
    told = other.look(harness.changes)
    assert told.keys() == OF_A_RUN | EVENTS | {"runs"}
    assert told["problem"] == ""
    assert good in page.rows

    harness.report(batch(2))
    assert other.look(harness.changes)["events"] == [asdict(batch(2))]
    assert page.look(harness.changes).keys() == {"runs"}

    mend()
    assert page.look(harness.changes)["problem"] == ""
    assert page.rows[bad]["note"] == "x"
    assert page.events == [asdict(batch(1))]


@pytest.mark.parametrize("broken", WHAT, indirect=True)
def test_what_cannot_be_read_is_logged_once(
    harness: LiveHarness,
    broken: Callable[[str], Callable[[], None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_id = harness.start()
    page = Page()
    page.look(harness.changes)
    broken(run_id)
    for step in range(1, 4):
        harness.service.runs.update_metadata(run_id, note=str(step))
        page.look(harness.changes)
        Page().look(harness.changes)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert run_id in caplog.text


# The preview, which only those get who ask for it

FRAME = PreviewFrame(3, 0.3, 1.5, "0" * 60, 0.75)


def test_a_preview_comes_to_those_who_want_it(harness: LiveHarness) -> None:
    harness.start()
    watching, other = Page(wants={"preview"}), Page()
    watching.look(harness.changes)
    other.look(harness.changes)
    harness.report(FRAME)
    assert watching.look(harness.changes)["preview"] == asdict(FRAME)
    assert "preview" not in other.look(harness.changes)
    assert "preview" not in watching.look(harness.changes), "it is told once"


def test_the_last_frame_is_told_after_the_end_of_the_run(harness: LiveHarness) -> None:
    harness.start()
    harness.report(FRAME)
    harness.end()
    assert Page(wants={"preview"}).look(harness.changes)["preview"] == asdict(FRAME)
