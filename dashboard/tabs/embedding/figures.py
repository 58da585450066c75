"""The embedding as a figure."""

import zlib
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES
from core.records.explanations import Embedding
from dashboard.theme import figure_layout

CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Colour-blind people can tell these apart (M. Petroff, Accessible Color Sequences for Data
Visualization, 2021)."""
HEIGHT = 560


def embedding(
    shown: Embedding, drawing: np.ndarray | None = None, chosen: Sequence[int] | None = None
) -> go.Figure:
    """One point for each test image, coloured by its class; a cross if it is misread.

    There is a trace for each class, so that the legend can hide it, then one for the names of the
    classes, then one for the drawing. `customdata` is the index of a point's test image.

    Args:
        drawing: (2,), the point of the visitor's drawing.
        chosen: indices of the test images that a lasso selected.
    """
    figure = go.Figure(
        layout=figure_layout(
            HEIGHT,
            margin=dict(l=12, r=12, t=12, b=12),
            dragmode="lasso",
            hovermode="closest",
            uirevision=shown.method,
            # The order of a trace's points depends on the predictions. A selection that was
            # cleared elsewhere must not stay marked.
            selectionrevision=f"{zlib.crc32(shown.predictions.tobytes())} {chosen is not None}",
            showlegend=True,
            legend=dict(itemsizing="constant", orientation="h", y=0),
            xaxis=dict(visible=False),
            yaxis=dict(visible=False, scaleanchor="x"),
        )
    )
    for digit in range(CLASSES):
        here = np.flatnonzero(shown.labels == digit)
        # Misread ones last: they are drawn on top, and the legend shows the first one's symbol.
        here = here[np.argsort(shown.predictions[here] != digit, kind="stable")]
        misread = shown.predictions[here] != digit
        marked = None
        if chosen is not None:
            marked = np.flatnonzero(np.isin(shown.indices[here], chosen)).tolist()
        figure.add_scatter(
            x=shown.points[here, 0],
            y=shown.points[here, 1],
            mode="markers",
            name=str(digit),
            customdata=shown.indices[here].tolist(),  # in an array, clickData would lack it
            selectedpoints=marked,
            text=[f"a {digit} read as {predicted}" for predicted in shown.predictions[here]],
            marker=dict(
                color=CLASS_COLOURS[digit],
                size=np.where(misread, 9, 5),
                symbol=np.where(misread, "x", "circle"),
                opacity=0.75,
                line=dict(width=0),
            ),
            hovertemplate="test image %{customdata}: %{text}<extra></extra>",
        )
    _add_class_names(figure, shown)
    if drawing is not None:
        figure.add_scatter(
            x=[drawing[0]],
            y=[drawing[1]],
            mode="markers",
            name="your drawing",
            marker=dict(
                symbol="star", size=20, color="#F0E442", line=dict(color="#000000", width=2)
            ),
            hovertemplate="your drawing<extra></extra>",
        )
    return figure


def _add_class_names(figure: go.Figure, shown: Embedding) -> None:
    """Writes each digit at the median of its points."""
    present = [digit for digit in range(CLASSES) if (shown.labels == digit).any()]
    middles = np.array([np.median(shown.points[shown.labels == digit], 0) for digit in present])
    figure.add_scatter(
        x=middles[:, 0],
        y=middles[:, 1],
        mode="text",
        text=[f"<b>{digit}</b>" for digit in present],
        textfont=dict(size=22),
        hoverinfo="skip",
        showlegend=False,
    )
