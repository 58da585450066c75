"""What all figures of loss or accuracy over epochs share.

The comparison of runs and CNN vs MLP draw evaluations with `evaluation_curve`. The live curves
(`live_curves.py`) get their points in the browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import plotly.graph_objects as go

from core.errors import UnknownRunError
from core.records.metrics import EpochMetrics
from core.records.runs import RunSnapshot
from dashboard.theme import AXIS, LEGEND_BELOW, figure_layout

if TYPE_CHECKING:
    from core.service.service import TrainingService

Metric = Literal["loss", "accuracy"]

HEIGHT = 380
VALUE: dict[Metric, str] = {"loss": "%{y:.4g}", "accuracy": "%{y:.2%}"}
"""A value on hover."""
TICKS: dict[Metric, str] = {"loss": "", "accuracy": ".1~%"}


@dataclass(frozen=True)
class EvaluatedRun:
    """A run and its evaluations."""

    run: RunSnapshot
    evaluations: Sequence[EpochMetrics]


def load_evaluations(service: "TrainingService", run: RunSnapshot) -> EvaluatedRun:
    """A run with its evaluations; without any if the run was deleted a moment ago."""
    try:
        events, _ = service.runs.events_since(run.run_id, 0)
    except UnknownRunError:
        events = []
    return EvaluatedRun(run, [event for event in events if isinstance(event, EpochMetrics)])


def epoch_layout(height: int, title: str = "", **more: Any) -> go.Layout:
    """Epochs across, one box for all values of an epoch on hover, the legend below."""
    x = dict(title=dict(text="epoch", standoff=5), rangemode="tozero", automargin=True, **AXIS)
    return figure_layout(
        height, title, hovermode="x unified", legend=LEGEND_BELOW, showlegend=True, xaxis=x, **more
    )


def epoch_figure(
    traces: Sequence[go.Scatter], metric: Metric, title: str = "", uirevision: str = ""
) -> go.Figure:
    """
    Args:
        uirevision: while it is the same, the figure keeps its zoom and hidden traces.
    """
    y = dict(tickformat=TICKS[metric], automargin=True, **AXIS)
    return go.Figure(traces, epoch_layout(HEIGHT, title, yaxis=y, uirevision=uirevision))


def evaluation_curve(evaluated: EvaluatedRun, metric: Metric, **style: Any) -> go.Scatter:
    """The test loss or accuracy of a run at each evaluation."""
    return go.Scatter(
        x=[event.progress for event in evaluated.evaluations],
        y=[getattr(event, f"test_{metric}") for event in evaluated.evaluations],
        mode="lines+markers",
        hovertemplate=VALUE[metric],
        **style,
    )
