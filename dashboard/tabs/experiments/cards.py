"""The Experiments tab: the list of experiments, and the one that is open.

Each has a folder. There is one: with a second one, the list becomes a choice.
"""

from dash import html

from dashboard.service import TrainingService
from dashboard.tabs.experiments.cnn_vs_mlp import callbacks, layout as cnn_vs_mlp

register = callbacks.register


def layout(_: TrainingService) -> html.Div:
    picture = html.Span(html.I(className="glyph glyph-cnn-vs-mlp"), className="card-picture")
    question = "Does it help to look through small windows?"
    words = html.Span([html.B(html.Span("CNN vs MLP")), html.Span(question)])
    card = html.Li([picture, words], className="experiment-card", **{"aria-current": "true"})
    cards = html.Nav(html.Ul([card]), className="cards", **{"aria-label": "Experiments"})
    return html.Div([cards, cnn_vs_mlp.layout()], className="experiments")
