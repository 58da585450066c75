"""Pure functions from a CNN, an MLP and their results to Plotly figures.

Each of the two has one look in all figures, and the looks can be told apart without colour. This
module does not know which networks are shown, or when.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES
from core.records.layers import Distortion, Examples, Robustness
from dashboard.components.comparison import Course
from dashboard.formatting import model_title
from dashboard.theme import (
    AXIS,
    BLUE,
    HIDDEN_AXIS,
    LEGEND_BELOW,
    NO_MARGIN,
    VERMILION,
    empty_state,
    figure_layout,
)

_CNN_LOOK, _MLP_LOOK = (BLUE, "solid", "circle"), (VERMILION, "dash", "diamond")
_STRENGTHS: dict[Distortion, tuple[str, str, str]] = {  # title of the axis, in the hover, unit
    "shift": ("shifted by, pixels", "shifted by %{x} pixels", " px"),
    "rotation": ("turned by, degrees", "turned by %{x}°", "°"),
    "noise": ("noise, standard deviation (ink is 1)", "noise %{x}", ""),
}
_PIXELS, _GAP, _TITLE = 28, 5, 9
_BLACK_TO_WHITE = [[0.0, "#000"], [1.0, "#fff"]]


def accuracy(courses: Sequence[Course], height: int = 380) -> go.Figure:
    """How often each network is right on the test images, at every evaluation so far."""
    if not any(course.evaluations for course in courses):
        sentence = "A point comes whenever a network has been tried on the test images."
        return empty_state(sentence, height)
    figure = go.Figure()
    figure.update_layout(
        figure_layout(height),
        uirevision="/".join(course.run.run_id for course in courses),
        hovermode="x unified",
        legend=LEGEND_BELOW,
        showlegend=True,
    )
    for course in courses:
        figure.add_scatter(
            x=[event.progress for event in course.evaluations],
            y=[event.test_accuracy for event in course.evaluations],
            hovertemplate="%{y:.2%}",
            **_look(course.run.config["model"]),
        )
    figure.update_xaxes(title=dict(text="epoch", standoff=5), rangemode="tozero", **AXIS)
    figure.update_yaxes(tickformat=".1~%", **AXIS)
    return figure


def robustness(
    measured: Sequence[Robustness], distortion: Distortion, height: int = 300
) -> go.Figure:
    """Accuracy of networks as their test images are distorted more and more."""
    figure = go.Figure()
    axis, hover, _ = _STRENGTHS[distortion]
    figure.update_layout(
        figure_layout(height),
        hovermode="closest",
        legend=LEGEND_BELOW,
        showlegend=True,
    )
    for result in measured:
        curve = next(curve for curve in result.curves if curve.distortion == distortion)
        figure.add_scatter(
            x=curve.strengths,
            y=curve.accuracies,
            hovertemplate=f"{hover}: %{{y:.1%}} right",
            **_look(result.model),
        )
    figure.add_hline(
        y=1 / CLASSES,
        line=dict(color="rgba(128,128,128,0.8)", dash="dot", width=1),
        annotation=dict(text="guessing", x=0, xanchor="left"),
    )
    figure.update_xaxes(title=dict(text=axis, standoff=5), **AXIS)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", **AXIS)
    return figure


def examples(shown: Examples, height: int = 104) -> go.Figure:
    """An image at some strengths in a row, each with its strength above it."""
    count = len(shown.images)
    pixels = np.full((_PIXELS, count * (_PIXELS + _GAP) - _GAP), np.nan, np.float32)
    for place, image in enumerate(shown.images):
        left = place * (_PIXELS + _GAP)
        pixels[:, left : left + _PIXELS] = image
    unit = _STRENGTHS[shown.distortion][2]
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
        figure_layout(
            height,
            margin=NO_MARGIN,
            annotations=[
                dict(
                    text=f"{strength:g}{unit}",
                    x=place * (_PIXELS + _GAP) + (_PIXELS - 1) / 2,
                    y=-1,
                    yanchor="bottom",
                    showarrow=False,
                    font_size=12,
                )
                for place, strength in enumerate(shown.strengths)
            ],
            xaxis=dict(range=[-0.5, pixels.shape[1] - 0.5], **hidden),
            yaxis=dict(range=[_PIXELS - 0.5, -_TITLE], scaleanchor="x", **hidden),
        ),
    )


def colour(model: str) -> str:
    return (_MLP_LOOK if model == "mlp" else _CNN_LOOK)[0]


def _look(model: str) -> dict[str, Any]:
    """How the curve of a network is drawn."""
    _, dash, symbol = _MLP_LOOK if model == "mlp" else _CNN_LOOK
    return dict(
        name=model_title(model),
        mode="lines+markers",
        line=dict(color=colour(model), dash=dash, width=2),
        marker=dict(symbol=symbol, size=9),
    )
