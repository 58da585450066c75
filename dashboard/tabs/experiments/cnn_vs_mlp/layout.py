"""Layout of the tab CNN vs MLP: train a pair, compare its curves, numbers and robustness."""

from typing import TYPE_CHECKING, Any, get_args

from dash import dcc, html

from core.config import CHOICE_TITLES
from core.records.comparisons import Distortion
from dashboard.components.controls import HIDDEN, alert, button, panel, select, stores
from dashboard.components.header import NEWEST
from dashboard.components.help_link import help_link
from dashboard.components.presses import PRESS_ONCE
from dashboard.tabs.experiments.cnn_vs_mlp import figures, text
from dashboard.theme import GRAPH

if TYPE_CHECKING:
    from core.service.service import TrainingService

CNN = "compare-cnn"
TRAIN = "compare-train"
ERROR = "compare-error"
PICK = "compare-pick"
CHOICE = "compare-choice"
SENTENCE = "compare-sentence"
BODY = "compare-body"
STATES = "compare-states"
PAIRS = "compare-pairs"
CLOCK = "compare-clock"
CURVE = "compare-curve"
VERSION = "compare-version"
TABLE = "compare-table"
CAPTION = "compare-caption"
PROGRESS = "compare-progress"
DISTORTED = "compare-distorted"

DISTORTED_CLASS = "pair-distorted"
CLOCK_MS = 500
CNNS = ("simple_cnn", "speedrun_cnn", "accurate_cnn")
HEADINGS: dict[Distortion, str] = {"shift": "Shifted", "rotation": "Turned", "noise": "Noisy"}
DISTORTIONS: tuple[Distortion, ...] = get_args(Distortion)
EXPLANATION = (
    "One network looks through small windows (CNN), the other connects every pixel with everything "
    "(MLP). Same images, same settings, same seed: what do the windows bring?"
)
_CONFIG: dict[str, Any] = {**GRAPH, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def distorted(distortion: Distortion) -> str:
    """The graph of accuracies under a distortion."""
    return f"compare-{distortion}"


def distorted_examples(distortion: Distortion) -> str:
    """The graph of distorted images."""
    return f"compare-{distortion}-examples"


def layout(_: "TrainingService") -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "cnn-against-mlp"),
            _controls(),
            alert(ERROR),
            html.P(text.NOTHING_TRAINED, id=SENTENCE, role="status"),
            html.Div(
                [
                    html.Div(
                        [
                            panel(
                                "Accuracy of both",
                                html.H2("Test accuracy while they learn"),
                                dcc.Graph(id=CURVE, figure=figures.accuracy([]), config=_CONFIG),
                            ),
                            panel("Both networks", html.Div(id=STATES), html.Div(id=TABLE)),
                        ],
                        className="two-columns",
                    ),
                    html.H2("The same test images, distorted"),
                    html.P(
                        [html.Span(id=CAPTION), html.Span(id=PROGRESS)],
                        className="small text-body-secondary mb-2",
                    ),
                    html.Div(
                        [_distorted(distortion) for distortion in DISTORTIONS],
                        id=DISTORTED,
                        className=DISTORTED_CLASS,
                        style=HIDDEN,
                    ),
                ],
                id=BODY,
                style=HIDDEN,
            ),
            *stores(PAIRS, VERSION),
            dcc.Interval(id=CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def _controls() -> html.Div:
    networks = [{"value": name, "label": CHOICE_TITLES[name]} for name in CNNS]
    return html.Div(
        [
            select("MLP against", CNN, networks, CNNS[0]),
            button("Train both", TRAIN, "primary", className=PRESS_ONCE),
            html.Span(id="compare-settings", className="small text-body-secondary"),
            html.Div(
                select("Pair", PICK, text.pair_options([], None), NEWEST),
                id=CHOICE,
                className="pair-choice",
                style=HIDDEN,
            ),
        ],
        className="controls",
    )


def _distorted(distortion: Distortion) -> html.Section:
    heading = HEADINGS[distortion]
    curves = dcc.Graph(id=distorted(distortion), config=_CONFIG)
    examples = dcc.Graph(id=distorted_examples(distortion), config={**GRAPH, "staticPlot": True})
    return html.Section(
        [
            html.H3(heading),
            html.Div(curves, role="region", **{"aria-label": heading}),
            html.Div(examples, role="region", **{"aria-label": f"{heading} example"}),
        ],
        className="panel",
    )
