"""The Draw tab: a canvas, what the network sees of it, and what it says.

`assets/draw.js` takes the strokes and asks `POST /api/predict`; nothing here runs while one draws.
"""

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, html

from dashboard import ids
from dashboard.bars import bars

CANVAS = 280
SEEN = 28


def layout() -> html.Div:
    return html.Div(
        [
            html.Section(
                [
                    html.H2("Draw a digit"),
                    html.Canvas(
                        id=ids.DRAW_CANVAS,
                        width=CANVAS,
                        height=CANVAS,
                        role="img",
                        **{"aria-label": "Drawing area"},
                    ),
                    html.Div(
                        [
                            dbc.Button("Undo", id=ids.DRAW_UNDO, color="secondary", outline=True),
                            dbc.Button("Clear", id=ids.DRAW_CLEAR, color="secondary", outline=True),
                        ],
                        className="draw-buttons",
                    ),
                    html.P(
                        "With a mouse, a pen or a finger.", className="text-body-secondary small"
                    ),
                ],
                className="panel",
            ),
            html.Section(
                [
                    html.H2("What the network sees"),
                    html.Canvas(
                        id=ids.DRAW_INPUT,
                        width=SEEN,
                        height=SEEN,
                        role="img",
                        **{"aria-label": "Network input"},
                    ),
                    html.P(
                        "Your strokes, redrawn as MNIST's digits were: 20 pixels tall or wide, "
                        "their centre of mass in the middle of 28 × 28.",
                        className="text-body-secondary small",
                    ),
                ],
                className="panel",
            ),
            html.Section(
                [
                    html.H2("What it says"),
                    html.P("", id=ids.DRAW_ANSWER, className="draw-answer", role="status"),
                    bars(element_id=ids.DRAW_BARS),
                ],
                className="panel draw-says",
            ),
        ],
        className="draw-tab",
    )


def register(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("digitlab", "reread"),
        Input(ids.PAGE_VERSION, "data"),
        Input(ids.TABS, "active_tab"),
    )
