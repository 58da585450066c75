"""The epoch scrubber: one slider over the epochs of the run, shared by every view of the network.

Its right end is the newest network, which moves on while the run trains; anywhere else the page
shows the network as it was then. The live layer says which networks there are, and the page itself
names the one to show: a move of the slider needs no answer of the server.
"""

import dash_bootstrap_components as dbc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboard import ids

PLAY_MS = 700


def layout() -> html.Div:
    return html.Div(
        [
            dbc.Button(
                "▶",
                id=ids.EPOCH_PLAY,
                size="sm",
                color="secondary",
                outline=True,
                title="Run through the epochs",
            ),
            html.Label("Network after epoch", htmlFor=ids.EPOCH_SLIDER, className="small"),
            dbc.Input(id=ids.EPOCH_SLIDER, type="range", min=0, max=0, step=1, value=0),
            html.Span("newest", id=ids.EPOCH_LIVE, className="small"),
            dcc.Interval(id=f"{ids.EPOCH_PLAY}-clock", interval=PLAY_MS, disabled=True),
            dcc.Store(id=ids.EPOCH_NETWORKS),
        ],
        id=ids.EPOCH_BAR,
        className="epoch-bar",
        style={"display": "none"},
    )


def register(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("scrubber", "scrub"),
        Output(ids.PAGE_VERSION, "data"),
        Output(ids.EPOCH_LIVE, "children"),
        Output(ids.EPOCH_BAR, "style"),
        Output(ids.version(ALL), "data"),
        Input(ids.EPOCH_NETWORKS, "data"),
        Input(ids.EPOCH_SLIDER, "value"),
        Input(ids.TABS, "active_tab"),
        State(ids.EPOCH_SLIDER, "max"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("scrubber", "play"),
        Output(f"{ids.EPOCH_PLAY}-clock", "disabled"),
        Output(ids.EPOCH_PLAY, "children"),
        Output(ids.EPOCH_SLIDER, "value", allow_duplicate=True),
        Input(ids.EPOCH_PLAY, "n_clicks"),
        Input(f"{ids.EPOCH_PLAY}-clock", "n_intervals"),
        State(f"{ids.EPOCH_PLAY}-clock", "disabled"),
        State(ids.EPOCH_SLIDER, "value"),
        State(ids.EPOCH_SLIDER, "max"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("scrubber", "goTo"),
        Output(ids.EPOCH_SLIDER, "value", allow_duplicate=True),
        Input(ids.COURSE_GRAPH, "clickData"),
        prevent_initial_call=True,
    )
