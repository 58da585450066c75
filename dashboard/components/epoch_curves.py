"""What all figures of loss or accuracy over epochs share.

The comparison of runs and CNN vs MLP draw evaluations with `evaluation_curve`. The live curves
(`live_curves.py`) get their points in the browser. Accuracies are in percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any, Literal

import plotly.graph_objects as go

from core.errors import UnknownRunError
from core.records.metrics import EpochMetrics
from core.records.runs import RunSnapshot
from dashboard.formatting import PERCENT
from dashboard.service import TrainingService
from dashboard.theme import LEGEND_BELOW, accuracy_range, escape_markup, push_apart

Metric = Literal["loss", "accuracy"]

HEIGHT = 380
VALUE: dict[Metric, str] = {"loss": "%{y:.4g}", "accuracy": f"%{{y:.2f}}{PERCENT}"}
"""A value on hover."""
SCALE: dict[Metric, float] = {"loss": 1, "accuracy": 100}
_TOP, _BOTTOM = 10, 28
_LABEL_GAP = 16
_CHARACTER = 7.5
_LONGEST = 18
"""Characters of a label."""
_MOST_LABELS = 8


@dataclass(frozen=True)
class EvaluatedRun:
    """A run and its evaluations."""

    run: RunSnapshot
    evaluations: Sequence[EpochMetrics]


def load_evaluations(service: TrainingService, run: RunSnapshot) -> EvaluatedRun:
    """A run with its evaluations; without any if the run was deleted a moment ago."""
    try:
        events, _ = service.runs.events_since(run.run_id, 0)
    except UnknownRunError:
        events = []
    return EvaluatedRun(run, [event for event in events if isinstance(event, EpochMetrics)])


def value_axis(metric: Metric, **more: Any) -> dict[str, Any]:
    """The axis of losses or of accuracies in percent."""
    return {"ticksuffix": PERCENT if metric == "accuracy" else "", **more}


def epoch_layout(height: int | None, **more: Any) -> go.Layout:
    """Epochs across, one box for all values of an epoch on hover."""
    unit = dict(text="epoch", showarrow=False, xref="paper", yref="paper")
    unit |= dict(x=1, xanchor="right", y=0, yanchor="bottom")
    title = {"unifiedhovertitle": {"text": "epoch %{x:.2~f}"}}
    shared = {"hovermode": "x unified", "annotations": [unit], "height": height}
    return go.Layout({**shared, **more, "xaxis": {**title, **more.get("xaxis", {})}})


def epoch_figure(
    curves: Sequence[go.Scatter], metric: Metric, uirevision: str = "", height: int = HEIGHT
) -> go.Figure:
    """Curves with their names at their ends; a legend if they are too many for that.

    Args:
        uirevision: while it is the same, the figure keeps its zoom and hidden traces.
    """
    shown = [value for curve in curves for value in curve.y]
    low, high = accuracy_range(shown) if metric == "accuracy" else _loss_range(shown)
    last = max((epoch for curve in curves for epoch in curve.x), default=1)
    named = [curve for curve in curves if curve.name and len(curve.x)]
    right = 20
    extra: dict[str, Any] = {"legend": LEGEND_BELOW, "showlegend": True}
    labels: list[go.Scatter] = []
    if len(named) <= _MOST_LABELS:
        extra = {}
        labels = _labels(named, low, high, (high - low) / (height - _TOP - _BOTTOM))
        longest = max((min(len(unescape(curve.name)), _LONGEST) for curve in named), default=0)
        right = round(20 + _CHARACTER * longest)
    margin = dict(l=46, r=right, t=_TOP, b=_BOTTOM + (24 if extra else 0))
    layout = epoch_layout(
        height,
        margin=margin,
        xaxis=dict(range=[0, last]),
        yaxis=value_axis(metric, range=[low, high]),
        uirevision=uirevision,
        **extra,
    )
    return go.Figure([*curves, *labels], layout)


def _loss_range(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0), max(values, default=1)
    room = 0.05 * (high - low) or 0.1
    return [max(0, low - room), high + room]


def _labels(
    curves: Sequence[go.Scatter], low: float, high: float, pixel: float
) -> list[go.Scatter]:
    """The name of each curve beside its last point. `pixel`: what a pixel is on the y axis."""
    places = push_apart([curve.y[-1] for curve in curves], _LABEL_GAP * pixel, low, high)
    return [
        go.Scatter(
            x=[curve.x[-1]],
            y=[place],
            uid=f"{curve.uid}-label",
            mode="text",
            text=[f"  {_short(curve.name)}"],
            textposition="middle right",
            textfont=dict(color=curve.line.color, size=13, weight=600),
            cliponaxis=False,
            hoverinfo="skip",
            showlegend=False,
        )
        for curve, place in zip(curves, places, strict=True)
    ]


def _short(name: str) -> str:
    """The beginning of a name; it comes and goes with its markup escaped."""
    plain = unescape(name)
    return name if len(plain) <= _LONGEST else escape_markup(f"{plain[: _LONGEST - 1]}…")


def evaluation_curve(evaluated: EvaluatedRun, metric: Metric, **style: Any) -> go.Scatter:
    """The test loss or accuracy (in percent) of a run at each evaluation."""
    return go.Scatter(
        x=[event.progress for event in evaluated.evaluations],
        y=[SCALE[metric] * getattr(event, f"test_{metric}") for event in evaluated.evaluations],
        mode="lines+markers",
        hovertemplate=VALUE[metric],
        cliponaxis=False,
        **style,
    )
