"""Colours and layout that all figures share. They suit the light and the dark theme.

Backgrounds are transparent, and `assets/css/layout.css` sets the colour of text.
"""

import textwrap
from html import escape
from typing import Any

import plotly.graph_objects as go

# The palette of Okabe and Ito, which colour-blind people can tell apart, without its black and
# without its yellow, which is hard to see on white.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
PURPLE, SKY, VERMILION = "#CC79A7", "#56B4E9", "#D55E00"

LINE = 40
"""Characters of a sentence that fit across a figure on a phone."""
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
"""A legend below the figure. On a phone, a legend above would cover the title."""
AXIS = dict(gridcolor="rgba(128,128,128,0.25)", zeroline=False)
HIDDEN_AXIS = dict(visible=False, fixedrange=True)
NO_MARGIN = dict(l=0, r=0, t=0, b=0)
GRAPH: dict[str, Any] = {"displaylogo": False, "showSendToCloud": False}
"""`config` of every `dcc.Graph`: no button uploads the chart to Plotly's cloud."""
BARE_GRAPH: dict[str, Any] = {**GRAPH, "displayModeBar": False}
CLICK_GRAPH: dict[str, Any] = {**BARE_GRAPH, "doubleClick": False, "doubleClickDelay": 1}
"""For graphs whose points are clicked: Plotly would report two quick clicks on different points
as one double click."""


def escape_markup(text: str) -> str:
    """Escapes text that people typed, such as a run's name: Plotly renders `<b>` and `<a>`."""
    return escape(text, quote=False)


def figure_layout(height: int, title: str = "", **more: Any) -> go.Layout:
    """The layout of a figure; `more` overrides and extends it.

    Pass everything here where a figure is made often, for instance while the epoch slider moves:
    each `update_...` of an existing figure takes Plotly several milliseconds.
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


def add_message(figure: go.Figure, sentence: str) -> None:
    """Writes a sentence in the middle of a figure, in lines that fit a phone."""
    fewest = len(textwrap.wrap(sentence, LINE))
    even = -(-len(sentence) // fewest) + SLACK  # avoids a single word in the last line
    lines = textwrap.wrap(sentence, min(even, LINE))
    figure.add_annotation(
        text="<br>".join(map(escape_markup, lines)),
        showarrow=False,
        x=0.5,
        y=0.5,
        xref="paper",
        yref="paper",
        font_size=15,
    )


def empty_state(sentence: str, height: int, title: str = "") -> go.Figure:
    """A figure that shows a sentence in place of data."""
    margin = dict(l=12, r=12, t=36, b=44)  # without axes, the middle is that of the whole figure
    figure = go.Figure(
        layout=figure_layout(height, title, margin=margin, xaxis=HIDDEN_AXIS, yaxis=HIDDEN_AXIS)
    )
    add_message(figure, sentence)
    return figure
