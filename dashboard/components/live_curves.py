"""The live curves of loss and accuracy, without points. `assets/live/curves.js` fills them in."""

from typing import Any

import plotly.graph_objects as go
from dash import html

from dashboard.components.controls import panel
from dashboard.components.epoch_curves import HEIGHT, Metric, epoch_layout
from dashboard.theme import AXIS

_HOVER = "epoch %{x:.2f}: %{y:.4g}"
TITLES: dict[Metric, str] = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}


def live_curve(name: str, metric: Metric, label: str, height: int = HEIGHT) -> html.Section:
    """A curve that grows while the page follows a run, and a sentence until its first point.

    Args:
        name: the id of the curve.
        label: its name for screen readers.
    """
    curve = html.Div(
        id=name,
        className="live-curve",
        style={"height": f"{height}px"},
        **{"data-metric": metric, "data-figure": empty_curve(metric, height).to_json()},
    )
    sentence = html.P(className="curve-empty", **{"data-live": "curve"})
    return panel(label, sentence, curve, class_name="curve")


def empty_curve(metric: Metric, height: int) -> go.Figure:
    """A figure without points. `meta` of a trace names what the script puts into it.

    Colours are variables of the style sheet, which the script replaces by the theme's colours.
    """
    return go.Figure(
        [
            go.Scatter({"x": [], "y": [], "name": trace["meta"], "hovertemplate": _HOVER} | trace)
            for trace in _TRACES
            if metric == "accuracy" or trace["meta"] not in ("own", "taught")
        ],
        epoch_layout(
            height,
            TITLES[metric],
            yaxis=dict(automargin=True, **AXIS),
            yaxis2=dict(
                overlaying="y",
                side="right",
                rangemode="tozero",
                showgrid=False,
                automargin=True,
                tickmode="auto",
                nticks=4,
            ),
            template="none",
        ),
    )


_TRAIN, _TEST, _RATE, _OWN = "var(--train)", "var(--test)", "var(--rate)", "var(--own)"


def _own(meta: str, symbol: str) -> dict[str, Any]:
    """The visitor's drawings. The script adds their number to the name."""
    return dict(
        meta=meta,
        hovertemplate="epoch %{x}: %{customdata[0]} of %{customdata[1]} right",
        mode="lines+markers",
        line=dict(color=_OWN, width=2, dash="dashdot"),
        marker=dict(color=_OWN, symbol=symbol, size=11, line=dict(width=1)),
    )


_TRACES: list[dict[str, Any]] = [
    dict(meta="train, raw", mode="lines", line=dict(color=_TRAIN, width=1), opacity=0.5),
    dict(meta="train, smoothed", mode="lines", line=dict(color=_TRAIN, width=2.5)),
    dict(
        meta="train, epoch mean",
        mode="markers",
        marker=dict(color=_TRAIN, symbol="square-open", size=9, line=dict(width=2)),
    ),
    dict(
        meta="test",
        mode="lines+markers",
        line=dict(color=_TEST, width=2, dash="dash"),
        marker=dict(color=_TEST, symbol="diamond", size=9),
    ),
    dict(
        meta="new learning rate",
        mode="markers",
        marker=dict(color=_RATE, symbol="triangle-down", size=13),
    ),
    dict(
        meta="learning rate", mode="lines", line=dict(color=_RATE, width=2, dash="dot"), yaxis="y2"
    ),
    _own("own", "star"),
    _own("taught", "star-open"),
]
