"""Loss and accuracy: curves that grow without being redrawn, their styles, their empty state."""

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from dash import Patch
from plotly.utils import PlotlyJSONEncoder

from core.events import BatchMetrics, EpochMetrics, RateChange
from dashboard import curve_figures as figures
from dashboard.curve_figures import PLAIN, CurveStyle
from dashboard.series import Metric, Series, Smoother

RAW, SMOOTHED, EPOCH_MEANS, TEST, RATE_CHANGES, RATE = range(6)
STEPS = 5


def batch(step: int) -> BatchMetrics:
    """A point of the training curve, five of them an epoch, each value unlike any other."""
    return BatchMetrics(
        epoch=(step - 1) // STEPS + 1,
        step=step,
        progress=step / STEPS,
        loss=2.0 / step + 0.01 * (step % 3),
        accuracy=1 - 1 / (step + 1),
        learning_rate=1e-3 * step,
        images_per_second=1000.0,
        seconds=0.1 * step,
    )


def evaluation(progress: float) -> EpochMetrics:
    """A point of the test curve; an end of an epoch where `progress` is whole."""
    return EpochMetrics(
        epoch=int(-(-progress // 1)),
        step=round(progress * STEPS),
        progress=progress,
        train_loss=1 / progress,
        train_accuracy=0.5 + progress / 10,
        test_loss=2 / progress,
        test_accuracy=0.4 + progress / 10,
        images_per_second=1000.0,
        seconds=progress,
    )


def smooth(values: list[float], weight: float) -> list[float]:
    """All of a curve, smoothed at once."""
    smoother = Smoother(weight)
    smoother.extend(values)
    return smoother.values


def series(batches: int, evaluations: list[float]) -> Series:
    grown = Series("a run")
    grown.extend([batch(step) for step in range(1, batches + 1)])
    grown.extend([evaluation(progress) for progress in evaluations])
    return grown


def as_json(figure: go.Figure) -> dict[str, Any]:
    """The figure as the page gets it."""
    parsed: dict[str, Any] = json.loads(figure.to_json())
    return parsed


def patch_json(patch: Patch) -> str:
    """The patch as it is sent."""
    return json.dumps(patch.to_plotly_json(), cls=PlotlyJSONEncoder)


def apply(patch: Patch, figure: dict[str, Any]) -> None:
    """Does to a figure what the page does when a `Patch` arrives."""
    for operation in json.loads(patch_json(patch))["operations"]:
        *way, last = operation["location"]
        target: Any = figure
        for key in way:
            target = target[key]
        value = operation["params"]["value"]
        if operation["operation"] == "Extend":
            target[last].extend(value)
        else:
            assert operation["operation"] == "Assign"
            target[last] = value


def texts(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


# Smoothing


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.6, 0.98])
def test_smoothing_starts_at_the_first_value(weight: float) -> None:
    assert smooth([2.3, 9.0, 1.0], weight)[0] == pytest.approx(2.3)


@pytest.mark.parametrize("weight", [0.0, 0.6, 0.98])
def test_smoothing_keeps_a_constant_constant(weight: float) -> None:
    assert smooth([0.7] * 300, weight) == pytest.approx([0.7] * 300)


def test_smoothing_by_nothing_changes_nothing() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert smooth(values, 0.0) == values


def test_smoothing_averages_with_weights_that_fall_by_the_factor() -> None:
    # By hand: weights 1/4, 1/2, 1 of the three values, newest last, over their sum 7/4.
    assert smooth([8.0, 4.0, 1.0], 0.5)[2] == pytest.approx((8 / 4 + 4 / 2 + 1) / (7 / 4))


def test_smoothing_of_a_longer_series_leaves_the_earlier_values_as_they_were() -> None:
    values = [batch(step).loss for step in range(1, 40)]
    assert smooth(values, 0.6)[:20] == smooth(values[:20], 0.6)


def test_smoothing_evens_out_a_jagged_line() -> None:
    jagged = [1.0, 3.0] * 50
    assert np.ptp(smooth(jagged, 0.9)[20:]) < 0.2 < np.ptp(jagged)


# Curves


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_a_curve_shows_raw_smoothed_epoch_mean_and_test_values(metric: Metric) -> None:
    shown = series(10, [0.5, 1.0, 1.5, 2.0])
    data = as_json(figures.curve(shown, metric, CurveStyle(smoothing=0.6)))["data"]
    assert [trace["name"] for trace in data] == [
        "train, raw",
        "train, smoothed",
        "train, epoch mean",
        "test",
        "new learning rate",
    ]
    assert data[RATE_CHANGES]["x"] == []
    raw = [getattr(event, metric) for event in shown.batches]
    assert data[RAW]["x"] == data[SMOOTHED]["x"] == [step / STEPS for step in range(1, 11)]
    assert data[RAW]["y"] == raw
    assert data[SMOOTHED]["y"] == smooth(raw, 0.6) != raw
    assert data[EPOCH_MEANS]["x"] == [1.0, 2.0]
    assert data[EPOCH_MEANS]["y"] == [
        getattr(evaluation(1.0), f"train_{metric}"),
        getattr(evaluation(2.0), f"train_{metric}"),
    ]
    assert data[TEST]["x"] == [0.5, 1.0, 1.5, 2.0]
    assert data[TEST]["y"] == [getattr(event, f"test_{metric}") for event in shown.epochs]


def test_smoothing_a_curve_leaves_its_raw_values_alone() -> None:
    shown = series(10, [])
    rough = as_json(figures.curve(shown, "loss", CurveStyle(smoothing=0.0)))["data"]
    smooth = as_json(figures.curve(shown, "loss", CurveStyle(smoothing=0.98)))["data"]
    assert rough[RAW]["y"] == smooth[RAW]["y"]
    assert rough[SMOOTHED]["y"] != smooth[SMOOTHED]["y"]


@pytest.mark.parametrize(("log", "scale"), [(False, "linear"), (True, "log")])
def test_a_curve_has_the_scale_that_was_asked_for(log: bool, scale: str) -> None:
    shown = figures.curve(series(3, []), "loss", CurveStyle(log=log))
    assert shown.layout.yaxis.type == scale


def test_the_learning_rate_is_added_where_it_is_wanted_on_an_axis_of_its_own() -> None:
    shown = series(4, [])
    without = as_json(figures.curve(shown, "loss"))
    added = as_json(figures.curve(shown, "loss", CurveStyle(learning_rate=True)))
    assert len(without["data"]) == 5
    assert added["data"][RATE]["name"] == "learning rate"
    assert added["data"][RATE]["x"] == added["data"][RAW]["x"]
    assert added["data"][RATE]["y"] == [event.learning_rate for event in shown.batches]
    assert added["data"][RATE]["yaxis"] == "y2"
    assert added["layout"]["yaxis2"]["overlaying"] == "y"


def test_a_new_learning_rate_is_marked_on_the_curve_where_it_began() -> None:
    shown = series(4, [])
    before = as_json(figures.curve(shown, "loss"))
    shown.extend([RateChange(1, 3, 3 / STEPS, 1e-4, 1.0)])
    after = as_json(figures.curve(shown, "loss"))
    assert after["data"][RATE_CHANGES]["x"] == [3 / STEPS]
    assert after["data"][RATE_CHANGES]["y"] == [shown.batches[2].loss]
    apply(figures.extend_curve(shown, "loss", PLAIN, 4, 0, 0), before)
    assert before == after


def test_a_zoom_outlives_a_redraw_but_not_the_next_run() -> None:
    first, later = series(3, []), series(9, [1.0])
    another = Series("another run")
    another.extend([batch(1)])
    revision = figures.curve(first, "loss").layout.uirevision
    assert revision == figures.curve(later, "loss", CurveStyle(0.1, True)).layout.uirevision
    assert revision != figures.curve(another, "loss").layout.uirevision


def test_a_curve_without_points_says_what_to_do() -> None:
    empty, begun = figures.curve(Series(), "loss"), figures.curve(Series("a run"), "loss")
    assert [text.replace("<br>", " ") for text in texts(empty)] == [figures.NOTHING_TRAINED]
    assert [text.replace("<br>", " ") for text in texts(begun)] == [figures.NO_BATCHES]
    assert not empty.layout.xaxis.visible
    assert empty.layout.margin.l == empty.layout.margin.r  # it stands in the middle


def test_a_curve_with_points_says_nothing_across_them() -> None:
    shown = figures.curve(series(1, []), "loss")
    assert texts(shown) == []
    assert shown.layout.xaxis.visible is not False


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
@pytest.mark.parametrize(
    "style",
    [figures.PLAIN, CurveStyle(0.9, log=True, learning_rate=True)],
    ids=["plain", "full"],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, []), (2, [])),
        ((3, []), (9, [0.5, 1.0])),
        ((5, [0.5]), (5, [0.5, 1.0])),
        ((7, [0.5, 1.0]), (15, [0.5, 1.0, 1.5, 2.0, 3.0])),
    ],
    ids=["a batch", "the first evaluations", "no batch, an end of an epoch", "several epochs"],
)
def test_an_extended_curve_is_the_curve_drawn_afresh(
    metric: Metric,
    style: CurveStyle,
    before: tuple[int, list[float]],
    after: tuple[int, list[float]],
) -> None:
    figure = as_json(figures.curve(series(*before), metric, style))
    patch = figures.extend_curve(series(*after), metric, style, before[0], len(before[1]))
    apply(patch, figure)
    assert figure == as_json(figures.curve(series(*after), metric, style))


def test_extending_a_curve_by_nothing_sends_nothing() -> None:
    patch = figures.extend_curve(series(7, [1.0]), "loss", figures.PLAIN, 7, 1)
    assert patch.to_plotly_json()["operations"] == []


def test_extending_a_curve_sends_the_new_points_only() -> None:
    patch = figures.extend_curve(series(100, [1.0]), "loss", figures.PLAIN, 99, 1)
    values = [step["params"]["value"] for step in patch.to_plotly_json()["operations"]]
    assert len(values) == 4  # x and y of the raw and of the smoothed curve
    assert {len(value) for value in values} == {1}


@pytest.mark.parametrize("first", [CurveStyle(), CurveStyle(0.3, True, True)])
@pytest.mark.parametrize(
    "then", [CurveStyle(0.9), CurveStyle(log=True), CurveStyle(0.1, True, True)]
)
def test_a_restyled_curve_is_the_curve_in_that_style(first: CurveStyle, then: CurveStyle) -> None:
    shown = series(12, [1.0, 2.0])
    figure = as_json(figures.curve(shown, "loss", first))
    patch = figures.restyle_curve(shown, "loss", then, first)
    touched = {tuple(step["location"]) for step in json.loads(patch_json(patch))["operations"]}
    scale = {("layout", "yaxis")} if then.log != first.log else set()  # else its zoom would go
    assert touched == {("data",), ("layout", "margin")} | scale
    apply(patch, figure)
    assert figure == as_json(figures.curve(shown, "loss", then))
