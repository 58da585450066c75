"""The history of a drawing's prediction as a figure."""

import plotly.graph_objects as go

from core.records.drawings import ProbabilityHistory
from dashboard.formatting import epoch_number
from dashboard.theme import TOKENS, figure_layout

HEIGHT = 220
_BLUES = [[0.0, "rgba(0,114,178,0)"], [1.0, "rgba(0,114,178,1)"]]


def history(course: ProbabilityHistory, shown: float | None = None) -> go.Figure:
    """A heatmap of probabilities: epochs across, digits down.

    Args:
        shown: the epoch of the network that the page shows, which gets a frame; None for the last.
    """
    # As categories all columns have the same width, whatever lies between the epochs.
    names = [epoch_number(epoch) for epoch in course.epochs]
    column = course.epochs.index(shown) if shown in course.epochs else len(names) - 1
    frame = dict(type="rect", x0=column - 0.5, x1=column + 0.5, y0=-0.5, y1=9.5)
    axis = dict(fixedrange=True, showgrid=False)
    return go.Figure(
        go.Heatmap(
            x=names,
            y=list(range(10)),
            z=(100 * course.probabilities.T).tolist(),
            zmin=0,
            zmax=100,
            xgap=1,
            ygap=1,
            colorscale=_BLUES,
            showscale=False,
            hovertemplate="after epoch %{x}: %{z:.1f}\u202f% for %{y}<extra></extra>",
        ),
        figure_layout(
            HEIGHT,
            margin=dict(l=28, r=8, t=8, b=42),
            dragmode=False,
            shapes=[dict(line=dict(color=TOKENS["wrong"], width=3), **frame)],
            xaxis=dict(
                type="category", title=dict(text="after epoch (0: untrained)", standoff=5), **axis
            ),
            yaxis=dict(range=[9.5, -0.5], tickvals=list(range(10)), zeroline=False, **axis),
        ),
    )
