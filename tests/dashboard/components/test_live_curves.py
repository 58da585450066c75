"""Loss and accuracy: the traces that the page fills, and that both themes can colour them."""

import json
import re
from pathlib import Path

import pytest

from dashboard.components import live_curves as figures
from dashboard.components.epoch_curves import Metric
from dashboard.theme import TOKENS

STYLES = Path(__file__).parents[3] / "assets" / "css"
LINES = ["raw", "train", "mean", "test"]
RATE = ["change", "rate"]
LABELS = ["labels"]


def parts(metric: Metric, height: int = 300) -> dict[str, object]:
    """The properties of the curve's element."""
    _, figure, _ = figures.live_curve("a-curve", metric, "A curve", height).children
    found: dict[str, object] = figure.children[-1].to_plotly_json()["props"]
    return found


def as_json(metric: Metric, height: int = 300) -> str:
    """The figure as the page gets it."""
    properties = parts(metric, height)
    assert (properties["id"], properties["data-metric"]) == ("a-curve", metric)
    return str(properties["data-figure"])


@pytest.mark.parametrize(
    ("metric", "height", "traces"),
    [
        ("loss", 372, [*LINES, *RATE, *LABELS, "rate-label"]),
        ("accuracy", 372, [*LINES, *RATE, "own", "taught", *LABELS, "rate-label"]),
        ("accuracy", 114, ["raw", "train", "test", *LABELS]),
    ],
)
def test_a_curve_has_a_trace_for_all_that_it_can_show_and_no_point_yet(
    metric: Metric, height: int, traces: list[str]
) -> None:
    shown = json.loads(as_json(metric, height))
    assert [trace["uid"] for trace in shown["data"]] == traces
    assert all(trace["x"] == trace["y"] == [] for trace in shown["data"])
    assert "title" not in shown["layout"]


def test_train_and_test_are_told_apart_without_colour() -> None:
    traces = {trace["uid"]: trace for trace in json.loads(as_json("loss"))["data"]}
    assert "dash" not in traces["train"]["line"]
    assert "px" in traces["test"]["line"]["dash"]
    assert traces["test"]["marker"]["symbol"] == "diamond"
    assert traces["raw"]["line"]["width"] < traces["train"]["line"]["width"]


def test_the_learning_rate_has_a_strip_of_its_own() -> None:
    shown = json.loads(as_json("loss"))
    axes = {trace["uid"]: trace.get("yaxis") for trace in shown["data"]}
    assert [name for name, axis in axes.items() if axis] == ["rate", "rate-label"]
    assert "overlaying" not in shown["layout"]["yaxis2"]
    assert shown["layout"]["yaxis2"]["domain"][1] < 0.3


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_a_figure_is_small_and_takes_its_colours_from_the_style_sheet(metric: Metric) -> None:
    text = as_json(metric)
    assert len(text) < 4000
    colours = set(re.findall(r"#[0-9a-fA-F]+|rgba?\([^)]*\)", text))
    assert {TOKENS["train"], TOKENS["test"], TOKENS["accent"], TOKENS["ink"]} <= colours
    assert colours <= {*TOKENS.values(), "rgba(0,0,0,0)"}


def test_the_style_sheet_colours_each_trace_that_a_theme_changes() -> None:
    charts = (STYLES / "charts.css").read_text(encoding="utf-8")
    for trace in json.loads(as_json("accuracy"))["data"]:
        role = re.search(rf"\.trace{trace['uid']}\b[^{{}}]*{{ --role: var\(--([\w-]+)\)", charts)
        assert role
        assert TOKENS[role[1]] in json.dumps(trace)


def test_a_curve_can_be_reached_with_the_keyboard_and_says_what_keys_do() -> None:
    properties = parts("loss")
    assert properties["tabIndex"] == "0"
    assert "Arrow keys" in str(properties["aria-label"])


def test_axes_with_the_line_of_guessing_and_a_sentence_wait_for_points() -> None:
    _, figure, _ = figures.live_curve("a-curve", "accuracy", "A curve").children
    axes, note, _ = figure.children
    guessing = next(part for part in axes.children if part.children == "guessing")
    assert guessing.style == {"--at": "0.100"}
    assert note.children[0].to_plotly_json()["props"]["data-live"] == "curve"
