"""Figures of a CNN and an MLP. Each has one style, which is recognisable without colour."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES
from core.records.comparisons import Distortion, Examples, Robustness
from dashboard.components.epoch_curves import (
    EvaluatedRun,
    epoch_figure,
    evaluation_curve,
    value_axis,
)
from dashboard.formatting import PERCENT, model_title
from dashboard.theme import (
    HIDDEN_AXIS,
    NO_MARGIN,
    TOKENS,
    RunStyle,
    add_message,
    run_style,
)

NOT_EVALUATED = "A point comes whenever a network has been tried on the test images."
HEIGHT = 264
ROBUSTNESS_HEIGHT = 160
_STRENGTHS: dict[Distortion, tuple[str, str]] = {  # hover, unit
    "shift": ("shifted by %{x}", " px"),
    "rotation": ("turned by %{x}", "°"),
    "noise": ("noise %{x}", ""),
}
MOST_EXAMPLES = 5
"""So many fit side by side: where there are fewer, they are as large as the others."""
_PIXELS, _GAP, _TITLE = 28, 5, 9
_BLACK_TO_WHITE = [[0.0, "#000"], [1.0, "#fff"]]


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
    hover, unit = _STRENGTHS[distortion]
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
            hovertemplate=f"{hover}: %{{y:.1f}}{PERCENT} right",
            **_style(result.model),
        )
    figure.add_hline(
        y=100 / CLASSES,
        line=dict(color=TOKENS["edge"], dash="dot", width=1.5),
        annotation=dict(text="guessing", x=0, xanchor="left"),
    )
    return figure


def examples(shown: Examples) -> go.Figure:
    """An image at some strengths side by side, each with its strength above it."""
    step = _PIXELS + _GAP
    pixels = np.full((_PIXELS, len(shown.images) * step - _GAP), np.nan, np.float32)
    for number, image in enumerate(shown.images):
        pixels[:, number * step : number * step + _PIXELS] = image
    unit = _STRENGTHS[shown.distortion][1]
    hidden = dict(constrain="domain", **HIDDEN_AXIS)
    return go.Figure(
        go.Heatmap(
            z=pixels,
            zmin=0,
            zmax=255,
            colorscale=_BLACK_TO_WHITE,
            showscale=False,
            hoverinfo="skip",
        ),
        dict(
            height=104,
            margin=NO_MARGIN,
            annotations=[
                dict(
                    text=f"{strength:g}{unit}",
                    x=number * step + (_PIXELS - 1) / 2,
                    y=-1,
                    yanchor="bottom",
                    showarrow=False,
                    font_size=12,
                )
                for number, strength in enumerate(shown.strengths)
            ],
            xaxis=dict(range=[-0.5, MOST_EXAMPLES * step - _GAP - 0.5], **hidden),
            yaxis=dict(range=[_PIXELS - 0.5, -_TITLE], scaleanchor="x", **hidden),
        ),
    )


def run_style_of(model: object) -> RunStyle:
    return run_style(1 if model == "mlp" else 0)


def _style(model: str) -> dict[str, Any]:
    """Name, line and markers of a network's curve."""
    return dict(name=model_title(model), **run_style_of(model).trace())
