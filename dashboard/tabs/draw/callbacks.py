"""The Draw tab: a canvas, the way from it to the network's input, and what the network says.

`assets/draw/canvas.js` takes the strokes and asks `POST /api/predict`, `assets/draw/upload.js`
opens pictures; nothing here runs while one draws. What the drawing's course and one's own
handwriting are is known elsewhere.
"""

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, State, dcc, html

from dashboard import ids
from dashboard.components.controls import choices
from dashboard.components.persistence import KEEP
from dashboard.components.probability_bars import bars
from dashboard.tabs.draw import collection, history

if TYPE_CHECKING:
    from core.service.service import TrainingService

CANVAS = 280
SEEN = 28
HINT = "With a mouse, a pen or a finger. Or drop a photo of a digit on the canvas, or paste one."


def layout() -> html.Div:
    return html.Div(
        [
            html.Section(
                [
                    html.H2("Draw a digit"),
                    _canvas(ids.DRAW_CANVAS, CANVAS, "Drawing area"),
                    html.Div(
                        [
                            dbc.Button(text, id=name, color="secondary", outline=True)
                            for text, name in (
                                ("Undo", ids.DRAW_UNDO),
                                ("Clear", ids.DRAW_CLEAR),
                                ("Open a picture…", ids.DRAW_OPEN),
                            )
                        ],
                        className="draw-buttons",
                    ),
                    html.P(HINT, id=ids.DRAW_HINT, className="draw-hint small", role="status"),
                    collection.buttons(),
                ],
                className="panel draw-here",
            ),
            html.Section(
                [
                    html.H2("What the network gets"),
                    choices(
                        "The network gets it",
                        ids.DRAW_FORM,
                        {"mnist": "as MNIST", "drawn": "as drawn"},
                        **KEEP,
                    ),
                    html.Div(
                        [
                            _figure(
                                _canvas(ids.DRAW_MARKED, CANVAS, "What is cut out"),
                                [
                                    html.Span("▢ what is cut out", className="draw-box"),
                                    html.Span("+ where its ink balances", className="draw-centre"),
                                ],
                            ),
                            html.Span("→", className="draw-arrow", **{"aria-hidden": "true"}),
                            _figure(
                                _canvas(ids.DRAW_INPUT, SEEN, "Network input"),
                                [html.Span("28 × 28 pixels, and no more")],
                            ),
                        ],
                        className="draw-way",
                    ),
                    html.P(
                        "MNIST's digits were cut out, scaled to 20 pixels and moved until their "
                        "ink balanced in the middle, and as MNIST so is yours; as drawn, the whole "
                        "canvas is only squeezed. Watch what that does to the answer.",
                        className="text-body-secondary small mb-0",
                    ),
                ],
                className="panel draw-sees",
            ),
            html.Section(
                [
                    html.H2("What it says"),
                    html.P("", id=ids.DRAW_ANSWER, className="draw-answer", role="status"),
                    bars(element_id=ids.DRAW_BARS),
                ],
                className="panel draw-says",
            ),
            history.layout(),
            collection.layout(),
            dcc.Store(id=ids.version(ids.TAB_DRAW)),
        ],
        className="draw-tab",
    )


def register(app: Dash, service: "TrainingService") -> None:
    history.register(app, service)
    collection.register(app, service)
    app.clientside_callback(
        ClientsideFunction("draw", "refreshPrediction"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.DRAW_FORM, "value"),
        State(ids.TABS, "active_tab"),
        prevent_initial_call=True,
    )


def _canvas(name: str, side: int, label: str) -> html.Canvas:
    return html.Canvas(id=name, width=side, height=side, role="img", **{"aria-label": label})


def _figure(canvas: html.Canvas, caption: list[html.Span]) -> html.Figure:
    return html.Figure([canvas, html.Figcaption(caption, className="small")])
