"""The Curves tab: loss and accuracy as they grow, a table of epochs, a CSV file.

The curves and the table are painted by `dashboard.stream`, which reads the controls laid out here.
"""

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, dcc, html

from dashboard import curve_figures, guide, ids, status
from dashboard.controls import labelled
from dashboard.kept import KEEP
from dashboard.series import Series

EXPLANATION = (
    "How bad its answers are (loss), and how many are right (accuracy). Blue: images that it "
    "learns from. Orange: test images, which it never learns from. Click a point to see the "
    "network as it was then."
)


def layout() -> html.Div:
    return html.Div(
        [
            guide.explanation(EXPLANATION, "curves"),
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
                    html.Section(
                        dcc.Graph(
                            id=graph,
                            figure=curve_figures.curve(Series(), metric),
                            config={"displaylogo": False, "scrollZoom": False},
                        ),
                        className="panel",
                        **{"aria-label": f"{metric.title()} curve"},
                    )
                    for graph, metric in curve_figures.CURVES
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
                    html.Div(status.epoch_table([]), id=ids.CURVES_TABLE, className="epochs"),
                ],
                className="panel",
            ),
        ]
    )


def register(app: Dash) -> None:
    """The browser itself turns a figure into a picture, as it is shown there."""
    for button, picture in ((ids.CURVES_PNG, "png"), (ids.CURVES_SVG, "svg")):
        app.clientside_callback(
            ClientsideFunction("digitlab", picture),
            Input(button, "n_clicks"),
            prevent_initial_call=True,
        )
