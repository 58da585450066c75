"""Loss and accuracy as Plotly figures that grow: whole, in another style, or only what is new.

Pure functions from records to figures. This module does not know when or where one is shown.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from dash import Patch

from core.records import OwnScores
from dashboard import ids
from dashboard.frame import AXIS, LEGEND_BELOW, hide_axes, layout, say
from dashboard.palette import BLUE, GREEN, PURPLE, VERMILION
from dashboard.series import Metric, Series

TRAIN_COLOUR, TEST_COLOUR, RATE_COLOUR = BLUE, VERMILION, GREEN
OWN_COLOUR = PURPLE
FEWEST_OWN = 5
"""Of fewer drawings a share says nothing."""
NOTHING_TRAINED = "The curve starts to move when you press Train."
NO_BATCHES = "Nothing is known yet of how this run trained."
TITLES: dict[Metric, str] = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}

CURVES: tuple[tuple[str, Metric], ...] = (
    (ids.CURVES_LOSS, "loss"),
    (ids.CURVES_ACCURACY, "accuracy"),
)
"""The figures of the Curves tab."""


@dataclass(frozen=True)
class CurveStyle:
    """How a visitor wants to see a curve: smoothing from 0 to below 1, and what to add."""

    smoothing: float = 0.6
    log: bool = False
    learning_rate: bool = False


PLAIN = CurveStyle()


def curve(
    series: Series, metric: Metric, style: CurveStyle = PLAIN, height: int = 380
) -> go.Figure:
    """Loss or accuracy over epochs: raw and smoothed training values, epoch means, test values.

    Beside the test accuracy stands that on the visitor's own drawings, where there are a few.
    """
    figure = go.Figure(
        [
            go.Scatter(x=x, y=y, hovertemplate="epoch %{x:.2f}: %{y:.4g}", **look)
            for (x, y), look in zip(_columns(series, metric, style), _LOOKS, strict=False)
        ]
    )
    own = _own_traces(series.own) if metric == "accuracy" and series.batches else []
    figure.add_traces(own)
    figure.update_layout(
        layout(height, title=TITLES[metric]),
        uirevision=f"{series.run_id}",
        hovermode="x unified" if series.batches else False,
        legend=LEGEND_BELOW,
    )
    figure.update_xaxes(title=dict(text="epoch", standoff=5), rangemode="tozero", **AXIS)
    scale = "log" if style.log else "linear"
    figure.update_yaxes(type=scale, uirevision=f"{series.run_id}/{scale}", **AXIS)
    figure.update_layout(  # the learning rate's; without it, Plotly leaves the axis out
        yaxis2=dict(overlaying="y", side="right", rangemode="tozero", showgrid=False),
        margin_r=60 if style.learning_rate else 12,
    )
    if not series.batches:
        hide_axes(figure)
        say(figure, NOTHING_TRAINED if series.run_id is None else NO_BATCHES)
    return figure


def restyle_curve(series: Series, metric: Metric, style: CurveStyle, before: CurveStyle) -> Patch:
    """What turns `curve` in the style before into `curve` in another.

    A whole new figure would lose the visitor's zoom, though its `uirevision` is the same. A range
    in one scale means nothing in the other: a change of scale resets a zoom of that axis.
    """
    wanted = curve(series, metric, style).to_plotly_json()
    patch = Patch()
    patch["data"] = wanted["data"]
    patch["layout"]["margin"] = wanted["layout"]["margin"]
    if style.log != before.log:
        patch["layout"]["yaxis"] = wanted["layout"]["yaxis"]
    return patch


def extend_curve(
    series: Series, metric: Metric, style: CurveStyle, batches: int, epochs: int, rates: int = 0
) -> Patch:
    """What turns `curve` of the first so many batches, epochs and rates into `curve` of all."""
    patch = Patch()
    for trace, (x, y) in enumerate(_columns(series, metric, style, batches, epochs, rates)):
        if x:
            patch["data"][trace]["x"].extend(x)
            patch["data"][trace]["y"].extend(y)
    return patch


def _columns(
    series: Series,
    metric: Metric,
    style: CurveStyle,
    batch: int = 0,
    epoch: int = 0,
    rate: int = 0,
) -> list[tuple[list, list]]:
    """x and y of each trace, in the order of `_LOOKS`, from that batch, epoch and rate on."""
    batches, epochs = series.batches[batch:], series.epochs[epoch:]
    ends = [event for event in epochs if event.ends_epoch]
    x = [event.progress for event in batches]
    columns = [
        (x, [getattr(event, metric) for event in batches]),
        (x, series.smoothed(metric, style.smoothing)[batch:]),
        ([event.progress for event in ends], [getattr(event, f"train_{metric}") for event in ends]),
        (
            [event.progress for event in epochs],
            [getattr(event, f"test_{metric}") for event in epochs],
        ),
        _changes(series, metric, rate),
    ]
    if style.learning_rate:
        columns.append((x, [event.learning_rate for event in batches]))
    return columns


def _own_traces(own: OwnScores) -> list[go.Scatter]:
    """The last traces, so that no other changes its place when they come and go."""
    parts = (("your handwriting", own.fresh, "star"), ("taught drawings", own.taught, "star-open"))
    return [
        go.Scatter(
            x=[score.epoch for score in scores],
            y=[score.right / score.count for score in scores],
            name=f"{name} ({scores[0].count})",
            customdata=[[score.right, score.count] for score in scores],
            hovertemplate="epoch %{x}: %{customdata[0]} of %{customdata[1]} right",
            mode="lines+markers",
            line=dict(color=OWN_COLOUR, width=2, dash="dashdot"),
            marker=dict(color=OWN_COLOUR, symbol=symbol, size=11, line=dict(width=1)),
        )
        for name, scores, symbol in parts
        if scores and scores[0].count >= FEWEST_OWN
    ]


def _changes(series: Series, metric: Metric, first: int) -> tuple[list, list]:
    """Where somebody changed the learning rate, on the curve as it was then."""
    changes = series.rate_changes[first:]
    steps = [event.step for event in series.batches]
    heights = []
    for change in changes:
        place = max(bisect_right(steps, change.step) - 1, 0)
        heights.append(getattr(series.batches[place], metric) if steps else None)
    return [change.progress for change in changes], heights


_LOOKS: list[dict[str, Any]] = [
    dict(name="train, raw", mode="lines", line=dict(color=TRAIN_COLOUR, width=1), opacity=0.5),
    dict(name="train, smoothed", mode="lines", line=dict(color=TRAIN_COLOUR, width=2.5)),
    dict(
        name="train, epoch mean",
        mode="markers",
        marker=dict(color=TRAIN_COLOUR, symbol="square-open", size=9, line=dict(width=2)),
    ),
    dict(
        name="test",
        mode="lines+markers",
        line=dict(color=TEST_COLOUR, width=2, dash="dash"),
        marker=dict(color=TEST_COLOUR, symbol="diamond", size=9),
    ),
    dict(
        name="new learning rate",
        mode="markers",
        marker=dict(color=RATE_COLOUR, symbol="triangle-down", size=13),
    ),
    dict(
        name="learning rate",
        mode="lines",
        line=dict(color=RATE_COLOUR, width=2, dash="dot"),
        yaxis="y2",
    ),
]
