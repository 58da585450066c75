"""Loss and accuracy: the traces that the page fills, and that both themes can colour them."""

import json
import re
from pathlib import Path

import pytest

from dashboard.components import live_curves as figures
from dashboard.components.epoch_curves import Metric

STYLES = Path(__file__).parents[3] / "assets" / "css" / "tokens.css"
TRACES = [
    "train, raw",
    "train, smoothed",
    "train, epoch mean",
    "test",
    "new learning rate",
    "learning rate",
]
OWN = ["own", "taught"]


def as_json(metric: Metric) -> str:
    """The figure as the page gets it."""
    _, graph = figures.live_curve("a-curve", metric, "A curve", 300).children
    properties = graph.to_plotly_json()["props"]
    assert (properties["id"], properties["data-metric"]) == ("a-curve", metric)
    return str(properties["data-figure"])


@pytest.mark.parametrize(("metric", "traces"), [("loss", TRACES), ("accuracy", TRACES + OWN)])
def test_a_curve_has_a_trace_for_all_that_it_can_show_and_no_point_yet(
    metric: Metric, traces: list[str]
) -> None:
    shown = json.loads(as_json(metric))
    assert [trace["meta"] for trace in shown["data"]] == traces
    assert [trace["name"] for trace in shown["data"]] == traces
    assert all(trace["x"] == trace["y"] == [] for trace in shown["data"])
    assert shown["layout"]["title"]["text"] == figures.TITLES[metric]
    assert shown["layout"]["height"] == 300


def test_the_learning_rate_has_an_axis_of_its_own() -> None:
    shown = json.loads(as_json("loss"))
    axes = {trace["meta"]: trace.get("yaxis") for trace in shown["data"]}
    assert [name for name, axis in axes.items() if axis] == ["learning rate"]
    assert axes["learning rate"] == "y2"
    assert shown["layout"]["yaxis2"]["overlaying"] == "y"


@pytest.mark.parametrize(("metric", "own"), [("loss", set()), ("accuracy", {"--own"})])
def test_a_figure_is_small_and_takes_its_colours_from_the_style_sheet(
    metric: Metric, own: set[str]
) -> None:
    text = as_json(metric)
    assert len(text) < 3000
    colours = re.findall(r'"color":"([^"]*)"', text)
    assert set(colours) == {f"var({name})" for name in {"--train", "--test", "--rate", *own}}
    for colour in colours:  # one for each theme
        assert len(re.findall(rf"{colour[4:-1]}: #", STYLES.read_text())) >= 2
    # What else has a colour suits both themes.
    assert not re.search(r"#[0-9a-fA-F]{3}|rgb\(", text)
    assert set(re.findall(r"rgba\([^)]*\)", text)) == {"rgba(0,0,0,0)", "rgba(128,128,128,0.25)"}


def test_a_sentence_stands_beside_a_curve_for_as_long_as_it_has_no_points() -> None:
    sentence, _ = figures.live_curve("a-curve", "loss", "A curve").children
    assert sentence.to_plotly_json()["props"]["data-live"] == "curve"
