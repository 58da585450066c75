"""The Experiments tab: the list of experiments, and the one that is open.

Each has a card and a folder. A new one is an entry of `CARDS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dash import Dash, html

from dashboard.service import TrainingService
from dashboard.tabs.experiments.cnn_vs_mlp import (
    callbacks as cnn_vs_mlp,
    layout as cnn_vs_mlp_layout,
)


@dataclass(frozen=True)
class Card:
    """An experiment. `glyph`: its picture, a class of `assets/css/experiments.css`."""

    title: str
    question: str
    glyph: str
    layout: Callable[[], html.Section]
    register: Callable[[Dash, TrainingService], None]


CARDS = (
    Card(
        "CNN vs MLP",
        "Does it help to look through small windows?",
        "glyph-cnn-vs-mlp",
        cnn_vs_mlp_layout.layout,
        cnn_vs_mlp.register,
    ),
)


def layout(_: TrainingService) -> html.Div:
    (opened,) = CARDS  # with a second card, the list becomes a choice
    entries = html.Ul([_entry(opened)])
    return html.Div(
        [html.Nav(entries, className="cards", **{"aria-label": "Experiments"}), opened.layout()],
        className="experiments",
    )


def _entry(card: Card) -> html.Li:
    picture = html.Span(html.I(className=f"glyph {card.glyph}"), className="card-picture")
    words = html.Span([html.B(html.Span(card.title)), html.Span(card.question)])
    return html.Li([picture, words], className="experiment-card", **{"aria-current": "true"})


def register(app: Dash, service: TrainingService) -> None:
    for card in CARDS:
        card.register(app, service)
