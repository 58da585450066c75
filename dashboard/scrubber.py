"""The epoch scrubber: one slider over the epochs of the run, shared by every view of the network.

Its right end is the newest network, which moves on while the run trains; anywhere else the page
shows the network as it was then. It does not know which views there are.
"""

from typing import Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.events import RunSnapshot
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
        ],
        id=ids.EPOCH_BAR,
        className="epoch-bar",
        style={"display": "none"},
    )


def updates(run: RunSnapshot | None, epoch: int | None) -> list[tuple[str, dict[str, Any]]]:
    """The slider's properties for a run; it is out of sight where there is nothing to go through.

    The slider stays at the newest network as that moves on, and where it was put otherwise.
    """
    kept = run.kept if run is not None else ()
    last = kept[-1] if kept else 0
    at_end = epoch is None or epoch not in kept
    slider: dict[str, Any] = {"max": last}
    if at_end:  # elsewhere its place is the visitor's: a push would tear it out of their hand
        slider["value"] = last
    words = "newest" if at_end else f"{epoch} of {last}"
    return [
        (ids.EPOCH_SLIDER, slider),
        (ids.EPOCH_LIVE, {"children": words}),
        (ids.EPOCH_BAR, {"style": {} if len(kept) > 1 else {"display": "none"}}),
    ]


def register(app: Dash) -> None:
    app.clientside_callback(
        ClientsideFunction("digitlab", "play"),
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
        ClientsideFunction("digitlab", "goTo"),
        Output(ids.EPOCH_SLIDER, "value", allow_duplicate=True),
        Input(ids.CURVES_LOSS, "clickData"),
        Input(ids.CURVES_ACCURACY, "clickData"),
        Input(ids.COURSE_GRAPH, "clickData"),
        State(ids.EPOCH_SLIDER, "max"),
        prevent_initial_call=True,
    )
