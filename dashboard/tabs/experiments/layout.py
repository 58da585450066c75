"""Layout of the Experiments tab: the list of experiments, and the one that is open."""

from dash import html

from dashboard.service import TrainingService
from dashboard.tabs.experiments.cards import CARDS, Card


def layout(service: TrainingService) -> html.Div:
    (opened,) = CARDS  # with a second card, the list becomes a choice
    entries = html.Ul([_entry(card, card is opened) for card in CARDS])
    return html.Div(
        [
            html.Nav(entries, className="cards", **{"aria-label": "Experiments"}),
            opened.layout(service),
        ],
        className="experiments",
    )


def _entry(card: Card, is_open: bool) -> html.Li:
    picture = html.Span(html.I(className=f"glyph {card.glyph}"), className="card-picture")
    words = html.Span([html.B(html.Span(card.title)), html.Span(card.question)])
    current = {"aria-current": "true"} if is_open else {}
    return html.Li([picture, words], className="experiment-card", **current)
