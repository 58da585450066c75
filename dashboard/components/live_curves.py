"""The live curves of loss and accuracy, without points. `assets/live/curves.js` fills them in."""

from typing import Any

import plotly.graph_objects as go
from dash import html

from dashboard.components.controls import panel
from dashboard.components.epoch_curves import VALUE, Metric, epoch_layout, value_axis
from dashboard.theme import TOKENS

HEIGHT = 372
_COMPACT = 200
"""A lower curve is a small one: narrow margins, a short head, a link to the table."""
_HEADS: dict[Metric, tuple[str, str, str]] = {  # name, what it is, the same for a small curve
    "loss": ("Loss", "how bad its answers are", "lower is better"),
    "accuracy": ("Accuracy", "how many it reads right", "read right, by epoch"),
}
_GUESSING = {"loss": 2.303, "accuracy": 10.0}
_EMPTY_TICKS: dict[Metric, tuple[float, list[str]]] = {  # the axis's end, its labels
    "loss": (2.45, ["0", "1", "2"]),
    "accuracy": (100, ["0", "50", "100"]),
}
_KEYS = (
    ". Arrow keys move along the evaluations, Enter shows the network of that epoch in all views."
)


def live_curve(name: str, metric: Metric, label: str, height: int = HEIGHT) -> html.Section:
    """A curve that grows while the page follows a run, and empty axes until its first point.

    Args:
        name: the id of the curve.
        label: its name for screen readers.
        height: pixels of the figure; below 200 it is a small one.
    """
    compact = height < _COMPACT
    curve = html.Div(
        id=name,
        className="live-curve",
        role="application",
        tabIndex="0",
        **{
            "aria-label": label + _KEYS,
            "data-metric": metric,
            "data-figure": empty_curve(metric, compact).to_json(remove_uids=False),
        },
    )
    figure = html.Div(
        [_empty_axes(metric), _empty_note(metric, compact), curve],
        className="curve-figure",
        style={"--height": f"{height}px"},
    )
    readout = html.P(className="curve-readout sr-only", **{"aria-live": "polite"})
    class_name = "curve compact" if compact else "curve"
    return panel(label, _head(metric, compact), figure, readout, class_name=class_name)


def _head(metric: Metric, compact: bool) -> html.Div:
    name, what, brief = _HEADS[metric]
    reset = html.Button("Reset zoom", type="button", className="btn btn-quiet curve-reset")
    if compact:
        numbers = html.Button("Table", type="button", className="btn btn-quiet curve-table")
        parts = [html.H3(name), html.Span(brief, className="tiny muted")]
        return html.Div([*parts, html.Span([reset, numbers])], className="curve-head")
    keys = []
    if metric == "accuracy":  # once is enough
        keys = [
            html.Span("images it learns from", className="key train"),
            html.Span("test images", className="key test"),
        ]
    parts = [html.H2(name), html.Span(what, className="soft"), html.Span([reset, *keys])]
    return html.Div(parts, className="curve-head")


def _empty_note(metric: Metric, compact: bool) -> html.Div:
    """Why there are no points, and, once on a page, the way to some."""
    parts: list[Any] = [html.P(**{"data-live": "curve"})]
    if metric == "loss" and not compact:
        parts.append(html.Button("Train a network", type="button", className="btn curve-train"))
    return html.Div(parts, className="curve-empty")


def _empty_axes(metric: Metric) -> html.Div:
    """Axes and the line of pure guessing, in plain HTML: Plotly waits for the first point."""
    end, labels = _EMPTY_TICKS[metric]
    levels = [
        html.Span(label, className="level", style={"--at": f"{float(label) / end:.3f}"})
        for label in labels
    ]
    epochs = [
        html.Span(label, className="epoch", style={"--at": label})
        for label in ("0", "0.25", "0.5", "0.75", "1")
    ]
    at = {"--at": f"{_GUESSING[metric] / end:.3f}"}
    guessing = html.Span("guessing", className="level guessing", style=at)
    return html.Div([*levels, guessing, *epochs], className="empty-axes")


def empty_curve(metric: Metric, compact: bool = False) -> go.Figure:
    """A figure without points. The `uid` of a trace names what the script puts into it.

    Its shapes mark the epoch whose network is shown. Colours are the light theme's.
    """
    margin = dict(l=42, r=96, t=8, b=24) if compact else dict(l=46, r=74, t=10, b=28)
    rate = dict(domain=[0, 0.2], rangemode="tozero", nticks=3, tickformat="~r", fixedrange=True)
    own = ("own", "taught") if metric == "accuracy" and not compact else ()
    small = {"marker_size": 7} if compact else {}
    rates = () if compact else ("mean", "change", "rate", "rate-label")
    return go.Figure(
        [
            go.Scatter({"x": [], "y": [], "hovertemplate": VALUE[metric]} | trace | small)
            for trace in _TRACES
            if trace["uid"] in ("raw", "train", "test", *own, *rates, "labels")
        ],
        epoch_layout(
            None,
            margin=margin,
            **({"annotations": []} if compact else {"shapes": _MARK}),
            xaxis=dict(nticks=5 if compact else 7),
            yaxis=value_axis(metric, nticks=4 if compact else 7),
            yaxis2=rate,
        ),
    )


_TRAIN, _TEST, _RATE, _OWN = (TOKENS[name] for name in ("train", "test", "ink-2", "run-4"))
_HALO = dict(color=TOKENS["page"], width=1.5)

_PLACE = dict(xref="x", xsizemode="pixel", yref="paper", y0=0, y1=1, layer="below")
_FILL = dict(fillcolor=TOKENS["accent"], opacity=0.55, line=dict(width=0))
_MARK = [
    dict(type="rect", x0=-7, x1=7, **_PLACE, **_FILL),
    dict(type="line", x0=0, x1=0, **_PLACE, line=dict(width=1.5, color=TOKENS["ink"])),
]


def _own(uid: str, symbol: str) -> dict[str, Any]:
    """The visitor's drawings. The script adds their number to the name."""
    return dict(
        uid=uid,
        hovertemplate="%{customdata[0]} of %{customdata[1]} right",
        mode="lines+markers",
        line=dict(color=_OWN, width=2, dash="dashdot"),
        marker=dict(color=_OWN, symbol=symbol, size=11, line=dict(width=1, color=_OWN)),
    )


def _labels(uid: str, colour: str | list[str], **more: Any) -> dict[str, Any]:
    """Texts at the ends of lines."""
    return dict(
        uid=uid,
        mode="text",
        textposition="middle right",
        textfont=dict(color=colour, weight=600),
        cliponaxis=False,
        hoverinfo="skip",
        hovertemplate=None,
        **more,
    )


_TRACES: list[dict[str, Any]] = [
    dict(
        uid="raw", name="train, raw", mode="lines", line=dict(color=_TRAIN, width=1), opacity=0.38
    ),
    dict(uid="train", name="train", mode="lines", line=dict(color=_TRAIN, width=2.25)),
    dict(
        uid="mean",
        name="train, epoch mean",
        mode="markers",
        marker=dict(color=_TRAIN, symbol="square-open", size=7, line=dict(width=1.5, color=_TRAIN)),
        cliponaxis=False,
    ),
    dict(
        uid="test",
        name="test",
        mode="lines+markers",
        line=dict(color=_TEST, width=2, dash="5px,4px"),
        marker=dict(color=_TEST, symbol="diamond", size=9, line=_HALO),
        cliponaxis=False,
    ),
    dict(
        uid="change",
        name="new learning rate",
        mode="markers",
        hovertemplate="%{customdata}",
        marker=dict(color=_RATE, symbol="triangle-down", size=11, line=_HALO),
    ),
    dict(
        uid="rate",
        name="learning rate",
        mode="lines",
        hovertemplate="%{y:~r}",
        line=dict(color=_RATE, width=2, dash="dot"),
        yaxis="y2",
    ),
    _own("own", "star"),
    _own("taught", "star-open"),
    _labels("labels", [_TRAIN, _TEST]),
    _labels("rate-label", _RATE, yaxis="y2"),
]
