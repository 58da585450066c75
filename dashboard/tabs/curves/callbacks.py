"""Callbacks of the Curves tab. All of them run in the browser (`assets/tabs/curves.js`)."""

from dash import ClientsideFunction, Dash, Input

from dashboard.service import TrainingService
from dashboard.tabs.curves import layout


def register(app: Dash, _: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("curves", "style"),
        Input(layout.SMOOTHING, "value"),
        Input(layout.LOG, "value"),
        Input(layout.RATE, "value"),
        Input(layout.ACROSS, "value"),
    )
    for name, picture in ((layout.PNG, "png"), (layout.SVG, "svg")):
        app.clientside_callback(ClientsideFunction("curves", picture), Input(name, "n_clicks"))
