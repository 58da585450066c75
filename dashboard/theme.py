"""What all figures share: one template for both themes, made from the tokens of the style sheet.

A figure has the light theme's colours; `assets/css/charts.css` gives text, axes and the traces
that it knows by their `uid` the colours of the theme in use, so a change of theme paints nothing
anew. Give a figure its whole layout when it is made: each `update_...` takes Plotly several
milliseconds.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio

_STYLES = Path(__file__).resolve().parent.parent / "assets" / "css" / "tokens.css"
_LIGHT = _STYLES.read_text(encoding="utf-8").partition('[data-bs-theme="dark"]')[0]
TOKENS: dict[str, str] = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", _LIGHT))
"""The colours of the light theme by their names in `tokens.css`."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Ubuntu, 'DejaVu Sans Condensed', sans-serif"

HUES = 6
"""So many colours of runs there are: more would look alike to colour-blind people."""
_DASHES = ("solid", "7px,4px", "2px,3px", "8px,3px,2px,3px", "12px,4px", "5px,2px")
_SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "star", "hexagon2")
_GLYPHS = "●■▲◆✚★⬢"

LINE = 40
"""Characters of a sentence that fit across a figure on a phone."""
SLACK = 4
"""Characters by which a line may be longer than the others."""
_SPANS = (2, 4, 6, 10, 20, 50)
"""Percentage points below 100 % that an axis of accuracies may show."""

LEGEND_BELOW = dict(
    orientation="h", xref="container", x=0, yref="container", y=0, yanchor="bottom", itemwidth=30
)
"""A legend below the figure, for more curves than have room for labels."""
GRAPH: dict[str, Any] = {"displayModeBar": False}
"""`config` of every `dcc.Graph`: no toolbar."""

# "allow": to look for labels that overlap takes Plotly an eighth of the time of a drawing.
pio.templates["digitlab"] = go.layout.Template(
    layout=dict(
        font=dict(family=FONT, size=12, color=TOKENS["ink-3"]),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin=dict(l=46, r=74, t=10, b=28),
        showlegend=False,
        hoverlabel=dict(
            bgcolor=TOKENS["surface"],
            bordercolor=TOKENS["line"],
            font=dict(size=13, color=TOKENS["ink"]),
        ),
        xaxis=dict(
            showgrid=False,
            zeroline=False,
            showline=True,
            showspikes=False,
            linecolor=TOKENS["edge"],
            ticks="outside",
            ticklen=4,
            tickcolor=TOKENS["edge"],
            nticks=7,
            ticklabeloverflow="allow",
        ),
        yaxis=dict(
            gridcolor=TOKENS["line"],
            zeroline=False,
            nticks=7,
            ticklabelstandoff=4,
            ticklabeloverflow="allow",
        ),
    )
)
pio.templates.default = "digitlab"


@dataclass(frozen=True)
class RunStyle:
    """How a run looks in figures and tables.

    Attributes:
        token: the colour's name in the style sheet.
        colour: the colour in the light theme.
        dash, symbol: of its line and its markers, as Plotly names them.
        glyph: a character like the marker.
        uid: of its trace, by which the style sheet knows the colour.
    """

    token: str
    colour: str
    dash: str
    symbol: str
    glyph: str
    uid: str

    def trace(self, width: float = 2.25) -> dict[str, Any]:
        """Properties of a scatter trace."""
        return dict(
            uid=self.uid,
            line=dict(color=self.colour, dash=self.dash, width=width),
            marker=dict(
                color=self.colour,
                symbol=self.symbol,
                size=8,
                line=dict(color=TOKENS["page"], width=1.5),
            ),
        )


def run_style(index: int) -> RunStyle:
    """The style of a run: colour, dash and marker change together.

    From the seventh run on colours return with other dashes and markers. No two of the first 252
    look the same.
    """
    turn, hue = divmod(index, HUES)
    token = f"run-{hue + 1}"
    mark = (hue + turn) % len(_SYMBOLS)
    return RunStyle(
        token,
        TOKENS[token],
        _DASHES[(hue + turn) % len(_DASHES)],
        _SYMBOLS[mark],
        _GLYPHS[mark],
        f"{token}-{index}",
    )


def accuracy_range(percents: Sequence[float]) -> list[float]:
    """The part of an axis from 0 to 100 % that matters: all values lie in its upper four fifths."""
    missing = 100 - min(percents, default=0)
    return [100 - next((span for span in _SPANS if span >= 1.25 * missing), 100), 100]


def push_apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Moves labels so that each is `gap` away from the next, in their order.

    They stand halfway between where moving upwards alone and moving downwards alone would put them.
    None is below `low` or, where there is room for all, above `high`.
    """
    order = np.argsort(places, kind="stable")
    gaps = gap * np.arange(len(places))  # before each label
    wanted = np.asarray(places)[order] - gaps
    upwards, downwards = np.maximum.accumulate(wanted), np.minimum.accumulate(wanted[::-1])[::-1]
    moved = np.empty(len(places))
    moved[order] = np.clip((upwards + downwards) / 2, low, max(low, high - gaps[-1:].sum())) + gaps
    return moved.tolist()


def escape_markup(text: str) -> str:
    """Escapes text that people typed, such as a run's name: Plotly renders `<b>` and `<a>`."""
    return escape(text, quote=False)


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


def empty_state(sentence: str, height: int) -> go.Figure:
    """A figure that shows a sentence in place of data."""
    margin, hidden = dict(l=12, r=12, t=12, b=12), dict(visible=False, fixedrange=True)
    figure = go.Figure(layout=dict(height=height, margin=margin, xaxis=hidden, yaxis=hidden))
    add_message(figure, sentence)
    return figure
