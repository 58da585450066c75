"""Figures of a CNN and an MLP. Each has one style, which is recognisable without colour."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES
from core.records.comparisons import Distortion, Robustness
from dashboard.components.epoch_curves import (
    EvaluatedRun,
    epoch_figure,
    evaluation_curve,
    value_axis,
)
from dashboard.formatting import PERCENT, model_title
from dashboard.theme import TOKENS, RunStyle, add_message, run_style

NOT_EVALUATED = "A point comes whenever a network has been tried on the test images."
HEIGHT = 264
ROBUSTNESS_HEIGHT = 160
DISTORTIONS: dict[Distortion, tuple[str, str, str]] = {
    "shift": ("Shifted, by pixels", "shifted by", " px"),
    "rotation": ("Turned, by degrees", "turned by", "°"),
    "noise": ("Noisy", "noise", ""),
}
"""The heading of each distortion, and what stands before and after its strength."""


def accuracy(runs: Sequence[EvaluatedRun]) -> go.Figure:
    """The test accuracy of each network at every evaluation so far."""
    if not any(run.evaluations for run in runs):
        figure = epoch_figure([], "accuracy", height=HEIGHT)
        add_message(figure, NOT_EVALUATED)
        return figure
    curves = [evaluation_curve(run, "accuracy", **_style(run.run.config["model"])) for run in runs]
    shown = "/".join(run.run.run_id for run in runs)
    return epoch_figure(curves, "accuracy", uirevision=shown, height=HEIGHT)


def robustness(measured: Sequence[Robustness], distortion: Distortion) -> go.Figure:
    """Accuracy of networks on test images that are distorted more and more."""
    _, words, unit = DISTORTIONS[distortion]
    figure = go.Figure(
        layout=dict(
            height=ROBUSTNESS_HEIGHT,
            hovermode="closest",
            margin=dict(l=46, r=12, t=10, b=28),
            xaxis=dict(ticksuffix=unit),
            yaxis=value_axis("accuracy", range=[0, 102], tickvals=[0, 50, 100]),
        )
    )
    for result in measured:
        curve = next(curve for curve in result.curves if curve.distortion == distortion)
        figure.add_scatter(
            x=curve.strengths,
            y=[100 * accuracy for accuracy in curve.accuracies],
            mode="lines+markers",
            cliponaxis=False,
            hovertemplate=f"{words} %{{x}}: %{{y:.1f}}{PERCENT} right",
            **_style(result.model),
        )
    figure.add_hline(
        y=100 / CLASSES,
        line=dict(color=TOKENS["edge"], dash="dot", width=1.5),
        annotation=dict(text="guessing", x=0, xanchor="left"),
    )
    return figure


def run_style_of(model: object) -> RunStyle:
    return run_style(1 if model == "mlp" else 0)


def _style(model: str) -> dict[str, Any]:
    """Name, line and markers of a network's curve."""
    return dict(name=model_title(model), **run_style_of(model).trace())
