"""What all figures have in common: a frame that suits both themes, text, no axes, a `config`.

Backgrounds are transparent, and text takes its colour from the style sheet. This module does not
know what a figure shows.
"""

import textwrap
from html import escape
from typing import Any

import plotly.graph_objects as go

LINE = 40
"""Characters of a sentence that are as wide as a figure on a phone."""
SLACK = 4
"""Characters by which a line may be longer than the others."""
LEGEND_BELOW = dict(
    orientation="h",
    xref="container",
    x=0,
    yref="container",
    y=0,
    yanchor="bottom",
    itemwidth=30,
    font_size=12,
)
"""Below everything, in as many lines as it needs: above, it grows into the title on a phone."""
AXIS = dict(gridcolor="rgba(128,128,128,0.25)", zeroline=False)
GRAPH: dict[str, Any] = {"displaylogo": False, "showSendToCloud": False}
"""What every `dcc.Graph` has in its `config`: no button uploads the chart to Plotly's cloud."""
BARE_GRAPH: dict[str, Any] = {**GRAPH, "displayModeBar": False}


def plain(text: str) -> str:
    """Text from a person, such as a run's name, for a figure. Plotly renders `<b>` or `<a>`."""
    return escape(text, quote=False)


def layout(height: int, title: str = "", **more: Any) -> go.Layout:
    """A figure's frame; `more` goes into the layout as it is.

    Where a figure is made at every move of a slider, all belongs in here: each `update_` of a
    figure that exists takes Plotly several milliseconds.
    """
    return go.Layout(
        {
            "title": dict(text=title, x=0, xref="paper", y=0.98, yanchor="top", font=dict(size=16)),
            "height": height,
            "margin": dict(l=50, r=12, t=36, b=44),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": dict(family="system-ui, sans-serif", size=13),
            **more,
        }
    )


def hide_axes(figure: go.Figure) -> None:
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)


def say(figure: go.Figure, sentence: str) -> None:
    """Writes a sentence across the middle, in lines that fit a phone.

    An axis that is not shown needs no room: with it, the middle would lie to the right.
    """
    figure.update_layout(margin_l=figure.layout.margin.r)
    least = len(textwrap.wrap(sentence, LINE))
    even = -(-len(sentence) // least) + SLACK  # no single word in the last line
    lines = textwrap.wrap(sentence, min(even, LINE))
    figure.add_annotation(
        text="<br>".join(map(plain, lines)),
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font_size=15,
    )
