"""What CNN vs MLP draws when something of a pair has changed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from dash import no_update
from fastapi.testclient import TestClient

from core.config import TrainConfig
from core.records.comparisons import Pair
from dashboard.components.header import NEWEST
from dashboard.tabs.experiments.cnn_vs_mlp import figures, layout
from dashboard.tabs.experiments.cnn_vs_mlp.callbacks import overview
from tests.dashboard.conftest import LiveHarness, batch, evaluation, opened

CONFIG = TrainConfig(epochs=2, precision="fp32")


def accuracies(shown: dict[str, Any]) -> list[list[float]]:
    """The test accuracy in percent of each run of the pair that is shown."""
    traces = json.loads(shown["curve"].to_json())["data"]
    return [trace["y"] for trace in traces if trace["mode"] != "text"]


def start_pair(harness: LiveHarness) -> str:
    """Starts a pair, and waits until its first run has begun."""
    pair = harness.service.runs.start_pair(CONFIG)
    harness.follow()
    return pair


def look(harness: LiveHarness, chosen: str | None = None, before: Any = None) -> dict[str, Any]:
    return overview(harness.service, chosen, before)


def test_before_the_first_pair_the_tab_says_what_to_do(harness: LiveHarness) -> None:
    shown = look(harness)
    assert shown["sentence"].startswith("Press Train both")
    assert shown["version"] is no_update  # there was none before


def test_a_pair_is_shown_by_lines_and_curve(harness: LiveHarness) -> None:
    pair = start_pair(harness)
    harness.report(batch(1), evaluation(1), batch(2), evaluation(2))
    shown = look(harness)
    assert shown["axis"] == "axis starts at 50\u202f%"
    assert shown["sentence"] == "SimpleCNN learns. MLP waits for its turn."
    assert accuracies(shown) == [[75, 75], []]
    assert shown["version"]["pair"] == pair
    assert not shown["version"]["ended"]


def test_what_takes_long_is_worked_out_anew_only_when_a_network_or_a_state_changed(
    harness: LiveHarness,
) -> None:
    start_pair(harness)
    before = look(harness)["version"]
    harness.report(batch(1), evaluation(1))
    assert look(harness, before=before)["version"] is no_update
    harness.end()
    after = look(harness, before=before)["version"]
    assert after["states"] == ["stopped", "running"]


def test_the_newest_pair_is_shown_or_the_chosen_one_while_it_is_there(
    harness: LiveHarness,
) -> None:
    first = start_pair(harness)
    second = harness.service.runs.start_pair(CONFIG)
    for chosen, expected, pick in (
        (None, second, no_update),
        (first, first, no_update),
        ("gone", second, NEWEST),  # or else the list would show nothing
    ):
        shown = look(harness, chosen)
        assert shown["version"]["pair"] == expected
        assert shown["pick"] == pick
        assert [option["value"] for option in shown["options"]] == ["newest", second, first]


@pytest.fixture
def client(harness: LiveHarness) -> Iterator[TestClient]:
    yield from opened(harness.service)


def progress(client: TestClient, pair: str | None, idle: bool = False) -> str:
    """What the callback answers to a tick of the clock."""
    body = {
        "output": f"{layout.PROGRESS}.children",
        "outputs": {"id": layout.PROGRESS, "property": "children"},
        "inputs": [
            {"id": layout.CLOCK, "property": "n_intervals", "value": 1},
            {"id": layout.CLOCK, "property": "disabled", "value": idle},
        ],
        "state": [{"id": layout.VERSION, "property": "data", "value": {"pair": pair}}],
        "changedPropIds": [f"{layout.CLOCK}.n_intervals"],
    }
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200
    return str(answer.json()["response"][layout.PROGRESS]["children"])


def test_how_far_the_distorted_images_are_is_said_while_they_are_measured(
    client: TestClient, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = start_pair(harness)
    assert progress(client, pair) == ""
    monkeypatch.setattr(harness.service.comparisons, "progress", lambda runs: 0.25)
    assert progress(client, pair) == "Distorting test images: 25\u202f%"
    assert progress(client, pair, idle=True) == ""
    assert progress(client, None) == progress(client, "gone") == ""


@pytest.mark.parametrize("callback", ["show", "progress"])
def test_a_run_that_is_deleted_meanwhile_has_no_curve(
    client: TestClient,
    harness: LiveHarness,
    callback: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    start_pair(harness)
    (pair,) = harness.service.comparisons.all()
    gone = replace(pair.runs[0], run_id="gone", kept=(0, 1))
    monkeypatch.setattr(
        harness.service.comparisons, "all", lambda: [Pair("a", (gone, pair.runs[1]))]
    )
    if callback == "show":
        assert accuracies(look(harness)) == []
    else:
        assert progress(client, "a") == ""
    assert not caplog.records


def test_the_curve_has_its_room_before_plotly_is_there() -> None:
    rooms = [
        part
        for part in layout.layout()._traverse()
        if getattr(part, "style", None) == {"minHeight": figures.HEIGHT}
    ]
    (room,) = rooms
    assert room.children.id == layout.CURVE
    assert room.children.figure.layout.height == figures.HEIGHT
