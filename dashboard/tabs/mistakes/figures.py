"""The confusion matrix as a figure."""

import numpy as np
import plotly.graph_objects as go

from core.analysis.mistakes import CLASSES, Confusion
from dashboard.theme import figure_layout

HEIGHT = 520
"""`assets/tabs/mistakes.js` makes it less on a narrow page."""
_RIGHT, _WRONG = "0,114,178", "213,94,0"


def confusion(shown: Confusion) -> go.Figure:
    """Rows: true digit. Columns: prediction. `customdata`: both digits, count, percentage.

    Mistakes have a logarithmic colour scale of their own, in orange: there are a hundred times as
    many right answers, and on one scale mistakes would be invisible.
    """
    axis = dict(dtick=1, showgrid=False, zeroline=False, fixedrange=True)
    digits = np.arange(CLASSES)
    support = np.maximum(shown.support, 1)
    heatmap = go.Heatmap(
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
    return go.Figure(
        heatmap,
        figure_layout(
            HEIGHT,
            margin=dict(l=50, r=12, t=50, b=12),
            dragmode=False,
            xaxis=dict(title="predicted", side="top", **axis),
            yaxis=dict(title="true digit", autorange="reversed", **axis),
        ),
    )


def _confusion_colours(counts: np.ndarray) -> np.ndarray:
    """-1..0 for right answers by their share of the most, 0..1 for mistakes by their logarithm."""
    right = np.eye(CLASSES, dtype=bool)
    mistakes = np.where(right, 0, counts)
    colours = np.log1p(mistakes) / max(float(np.log1p(mistakes).max()), 1e-9)
    return np.where(right, -counts / max(int(counts.diagonal().max()), 1), colours)
