"""Pure functions from what a network makes of the whole test set to Plotly figures.

Confusion and the embedding. Empty states are inside. This module does not know which network is
shown, or when.
"""

import zlib
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES, Confusion
from core.records.layers import Embedding
from dashboard.theme import empty_state, figure_layout

CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Ten that the colour-blind can tell apart (M. Petroff, Accessible Color Sequences for Data
Visualization, 2021). Each class is also named where its points lie."""
HEIGHT = 560
_RIGHT, _WRONG = "0,114,178", "213,94,0"


def confusion(shown: Confusion | None, size: int = 520) -> go.Figure:
    """True digits down, predicted ones across; each cell has its count, `customdata` its digits.

    Mistakes are orange on a logarithmic scale of their own: on one scale with the right answers,
    which are a hundred times as many, they could not be seen.
    """
    if shown is None:
        sentence = "Press Train first: here you will see which digits are taken for which."
        return empty_state(sentence, size)
    plain = dict(dtick=1, showgrid=False, zeroline=False, fixedrange=True)
    figure = go.Figure(
        layout=figure_layout(
            size,
            margin=dict(l=50, r=12, t=50, b=12),
            dragmode=False,
            xaxis=dict(title="predicted", side="top", **plain),
            yaxis=dict(title="true digit", autorange="reversed", **plain),
        )
    )
    digits = np.arange(CLASSES)
    support = np.maximum(shown.support, 1)
    figure.add_heatmap(
        z=_confusion_colours(shown.counts),
        zmin=-1,
        zmax=1,
        colorscale=[
            [0.0, f"rgba({_RIGHT},0.55)"],
            [0.4999, f"rgba({_RIGHT},0)"],
            [0.5, f"rgba({_WRONG},0)"],
            [1.0, f"rgba({_WRONG},0.75)"],
        ],
        showscale=False,
        xgap=2,
        ygap=2,
        text=np.where(shown.counts > 0, shown.counts.astype(str), ""),
        texttemplate="%{text}",
        textfont=dict(size=12),
        customdata=np.stack(
            [
                *np.meshgrid(digits, digits, indexing="ij"),
                shown.counts,
                np.round(100 * shown.counts / support[:, None], 2),
            ],
            axis=-1,
        ),
        hovertemplate="a %{customdata[0]} read as %{customdata[1]}: %{customdata[2]} images, "
        "%{customdata[3]} % of its class<extra></extra>",
    )
    return figure


def _confusion_colours(counts: np.ndarray) -> np.ndarray:
    """-1..0 for right answers by their share of the most, 0..1 for mistakes by their logarithm."""
    right = np.eye(CLASSES, dtype=bool)
    mistakes = np.where(right, 0, counts)
    colours = np.log1p(mistakes) / max(float(np.log1p(mistakes).max()), 1e-9)
    return np.where(right, -counts / max(int(counts.diagonal().max()), 1), colours)


def embedding(
    shown: Embedding | None,
    drawing: np.ndarray | None = None,
    chosen: Sequence[int] | None = None,
) -> go.Figure:
    """A point a test image, coloured by its class, a cross where it is misread.

    `customdata` is each point's place in the test set. A trace a class comes first, so that the
    legend can hide a class, then the names of the classes, then the drawing.

    Args:
        drawing: (2,), where it would stand; None without one.
        chosen: places in the test set of the images that a lasso chose; None without one.
    """
    if shown is None:
        sentence = "Press Train first: here test images will stand near those they resemble."
        return empty_state(sentence, HEIGHT)
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
            legend=dict(itemsizing="constant", orientation="h", y=0),
            xaxis=dict(visible=False),
            yaxis=dict(visible=False, scaleanchor="x"),
        )
    )
    for digit in range(CLASSES):
        here = np.flatnonzero(shown.labels == digit)
        # Those that are misread last: on top, and the legend shows the sign of the first.
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
            customdata=shown.indices[here].tolist(),  # packed, a click would not bring it
            selectedpoints=marked,
            text=[f"a {digit} read as {said}" for said in shown.predictions[here]],
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
    """Each digit where the middle of its points is."""
    there = [digit for digit in range(CLASSES) if (shown.labels == digit).any()]
    middles = np.array([np.median(shown.points[shown.labels == digit], 0) for digit in there])
    figure.add_scatter(
        x=middles[:, 0],
        y=middles[:, 1],
        mode="text",
        text=[f"<b>{digit}</b>" for digit in there],
        textfont=dict(size=22),
        hoverinfo="skip",
        showlegend=False,
    )
