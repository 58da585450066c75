"""Layout of the Curves tab: loss and accuracy over epochs, and a table of epochs."""

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from dashboard import ids
from dashboard.components.controls import PERSIST, button, labelled, muted
from dashboard.components.help_link import help_link
from dashboard.components.live_curves import live_curve

if TYPE_CHECKING:
    from core.service.service import TrainingService

LOSS = "curves-loss"
ACCURACY = "curves-accuracy"
SMOOTHING = "curves-smoothing"
LOG = "curves-log"
RATE = "curves-rate"
TABLE = "curves-table"
PNG = "curves-png"
SVG = "curves-svg"

EXPLANATION = (
    "How bad its answers are (loss), and how many are right (accuracy). Blue: images that it "
    "learns from. Orange: test images, which it never learns from. Click a point to see the "
    "network as it was then."
)
LEGEND = (
    "Thin line: the mean of a few batches each. Thick line: the same, smoothed. "
    "Squares: means over a whole epoch. Diamonds: images that the network never "
    "trains on. Stars: drawings that you kept on the Draw tab. Drag to zoom, "
    "double-click to see all."
)
NO_ROWS = "A row appears here after each epoch."


def layout(_: "TrainingService") -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "curves"),
            _controls(),
            html.Div(
                [
                    live_curve(LOSS, "loss", "Loss curve"),
                    live_curve(ACCURACY, "accuracy", "Accuracy curve"),
                ],
                className="two-columns",
            ),
            muted(LEGEND),
            html.Section(
                [html.H2("Epoch by epoch"), html.Div(_epoch_table(), className="epochs")],
                className="panel",
            ),
        ]
    )


def _controls() -> html.Div:
    smoothing = dbc.Input(
        id=SMOOTHING, type="range", min=0, max=0.98, step=0.02, value=0.6, **PERSIST
    )
    return html.Div(
        [
            labelled("Smoothing", smoothing),
            dbc.Switch(id=LOG, label="Logarithmic scale", value=False, **PERSIST),
            dbc.Switch(id=RATE, label="Learning rate", value=False, **PERSIST),
            button("Download CSV", ids.CURVES_CSV, external_link=True, download="", disabled=True),
            dbc.ButtonGroup([button("PNG", PNG), button("SVG", SVG)], size="sm"),
        ],
        className="controls",
    )


def _epoch_table() -> list[Any]:
    """A table with a row for each evaluation, which `assets/tabs/curves.js` fills."""
    heads = ["Epoch", "Train loss", "Train acc.", "Test loss", "Test acc.", "Images/s", "Time"]
    return [
        dbc.Table(
            [
                html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
                html.Tbody(id=TABLE),
            ],
            size="sm",
            hover=True,
            responsive=True,
        ),
        html.P(NO_ROWS, id=f"{TABLE}-note", className="text-body-secondary"),
    ]
