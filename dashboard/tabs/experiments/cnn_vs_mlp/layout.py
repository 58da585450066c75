"""Layout of CNN vs MLP: train a pair, compare its curves, numbers and robustness."""

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import dcc, html

from core.config import CHOICE_TITLES
from core.records.comparisons import Distortion
from dashboard.components.controls import PRESS_ONCE, alert, panel, select, stores
from dashboard.components.header import NEWEST
from dashboard.components.help_link import help_link
from dashboard.tabs.experiments.cnn_vs_mlp import figures, text
from dashboard.tabs.experiments.cnn_vs_mlp.figures import DISTORTIONS
from dashboard.theme import GRAPH

CNN = "pair-cnn"
TRAIN = "pair-train"
ERROR = "pair-error"
PICK = "pair-pick"
SENTENCE = "pair-sentence"
SETTINGS = "pair-settings"
AXIS = "pair-axis"
PAIRS = "pair-pairs"
CLOCK = "pair-clock"
CURVE = "pair-curve"
VERSION = "pair-version"
TABLE = "pair-table"
CAPTION = "pair-caption"
PROGRESS = "pair-progress"
DISTORTED = "pair-distorted"

DISTORTED_CLASS = "pair-distorted"
CLOCK_MS = 500
WAIT = "You see it here when both have learned. "
CNNS = ("simple_cnn", "speedrun_cnn", "accurate_cnn")
QUESTION = (
    "One network looks through small windows (CNN), the other joins every pixel with everything "
    "(MLP). Same images, same settings, same seed. What do the windows bring?"
)
GUIDE = "What a convolution knows beforehand, and what the curves do not tell."


def layout() -> html.Section:
    accuracy = panel(
        "Accuracy of both",
        html.Div(
            [html.H3("Test accuracy"), html.Span(id=AXIS, className="small soft")],
            className="row-flex baseline",
        ),
        html.Div(  # the room of the curve, before Plotly is there
            dcc.Graph(id=CURVE, figure=figures.accuracy([]), config=GRAPH),
            style={"minHeight": figures.HEIGHT},
        ),
    )
    networks = panel("Both networks", html.Div(id=TABLE))
    return html.Section(
        [
            html.Div([_head(), _controls()], className="experiment-head"),
            alert(ERROR),
            html.P(text.NOTHING_TRAINED, id=SENTENCE, role="status"),
            html.Div([accuracy, networks], className="versus"),
            html.Div(
                [
                    html.H2("And when the digits are shifted, turned, noisy?"),
                    html.P(
                        [html.Span(WAIT, id=CAPTION), html.Span(id=PROGRESS)],
                        className="small soft",
                    ),
                    html.Div(id=DISTORTED, className=DISTORTED_CLASS),
                ],
                className="pair-robustness",
            ),
            help_link(GUIDE, "cnn-against-mlp"),
            *stores(PAIRS, VERSION),
            dcc.Interval(id=CLOCK, interval=CLOCK_MS, disabled=True),
        ],
        **{"aria-label": "CNN vs MLP"},
    )


def _head() -> html.Div:
    settings = html.P(
        [
            html.Span(id=SETTINGS),
            html.Button("Change them", className="btn-link pair-change"),
        ],
        className="small soft",
    )
    return html.Div([html.H2("CNN vs MLP"), html.P(QUESTION), settings], className="grow")


def _controls() -> html.Div:
    networks = [{"value": name, "label": CHOICE_TITLES[name].split(" (")[0]} for name in CNNS]
    play = html.I(className="glyph glyph-play")
    train = dbc.Button([play, "Train both"], id=TRAIN, color="primary", className=PRESS_ONCE)
    earlier = html.Div(
        select("Pair", PICK, text.pair_options([], None), NEWEST), className="pair-pick"
    )
    network = select("MLP against", CNN, networks, CNNS[0])
    return html.Div([html.Div([network, train], className="row-flex"), earlier])


def distorted(
    distortion: Distortion, curves: go.Figure, examples: list[html.Figure]
) -> html.Section:
    """The accuracies under a distortion, and distorted images."""
    heading, *_ = DISTORTIONS[distortion]
    graph = dcc.Graph(figure=curves, config=GRAPH)
    return html.Section(
        [
            html.H3(heading),
            html.Div(graph, role="region", **{"aria-label": heading}),
            html.Div(
                examples,
                className="pair-examples",
                role="region",
                **{"aria-label": f"{heading} example"},
            ),
        ],
        className="panel",
    )
