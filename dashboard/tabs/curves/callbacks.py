"""The Curves tab: loss and accuracy as they grow, a table of epochs, a CSV file."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, html

from dashboard import guide_page, ids
from dashboard.components.controls import labelled
from dashboard.components.live_curves import live_curve
from dashboard.components.persistence import KEEP

EXPLANATION = (
    "How bad its answers are (loss), and how many are right (accuracy). Blue: images that it "
    "learns from. Orange: test images, which it never learns from. Click a point to see the "
    "network as it was then."
)
NO_ROWS = "A row appears here after each epoch."


def layout() -> html.Div:
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "curves"),
            html.Div(
                [
                    labelled(
                        "Smoothing",
                        dbc.Input(
                            id=ids.CURVES_SMOOTHING,
                            type="range",
                            min=0,
                            max=0.98,
                            step=0.02,
                            value=0.6,
                            **KEEP,
                        ),
                    ),
                    *[
                        dbc.Switch(
                            id=switch,
                            label=label,
                            value=False,
                            **KEEP,
                        )
                        for switch, label in (
                            (ids.CURVES_LOG, "Logarithmic scale"),
                            (ids.CURVES_RATE, "Learning rate"),
                        )
                    ],
                    dbc.Button(
                        "Download CSV",
                        id=ids.CURVES_CSV,
                        color="secondary",
                        outline=True,
                        size="sm",
                        external_link=True,
                        download="",
                        disabled=True,
                    ),
                    dbc.ButtonGroup(
                        [
                            dbc.Button(name, id=button, color="secondary", outline=True)
                            for name, button in (("PNG", ids.CURVES_PNG), ("SVG", ids.CURVES_SVG))
                        ],
                        size="sm",
                    ),
                ],
                className="controls",
            ),
            html.Div(
                [
                    live_curve(ids.CURVES_LOSS, "loss", "Loss curve"),
                    live_curve(ids.CURVES_ACCURACY, "accuracy", "Accuracy curve"),
                ],
                className="two-columns",
            ),
            html.P(
                "Thin line: the mean of a few batches each. Thick line: the same, smoothed. "
                "Squares: means over a whole epoch. Diamonds: images that the network never "
                "trains on. Stars: drawings that you kept on the Draw tab. Drag to zoom, "
                "double-click to see all.",
                className="text-body-secondary small",
            ),
            html.Section(
                [
                    html.H2("Epoch by epoch"),
                    html.Div(_epoch_table(), className="epochs"),
                ],
                className="panel",
            ),
        ]
    )


def _epoch_table() -> list[Any]:
    """One row for each evaluation, the newest first; `assets/tabs/curves.js` fills it."""
    heads = ["Epoch", "Train loss", "Train acc.", "Test loss", "Test acc.", "Images/s", "Time"]
    return [
        dbc.Table(
            [
                html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
                html.Tbody(id=ids.CURVES_TABLE),
            ],
            size="sm",
            hover=True,
            responsive=True,
        ),
        html.P(NO_ROWS, id=f"{ids.CURVES_TABLE}-note", className="text-body-secondary"),
    ]


def register(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("curves", "style"),
        Input(ids.CURVES_SMOOTHING, "value"),
        Input(ids.CURVES_LOG, "value"),
        Input(ids.CURVES_RATE, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("curves", "updateOwnScores"),
        Input(ids.HAND_CHANGED, "data"),
        Input(ids.HAND_OWNER, "data"),
    )
    # The browser itself turns a curve into a picture, as it is shown there.
    for button, picture in ((ids.CURVES_PNG, "png"), (ids.CURVES_SVG, "svg")):
        app.clientside_callback(
            ClientsideFunction("curves", picture),
            Input(button, "n_clicks"),
            prevent_initial_call=True,
        )
