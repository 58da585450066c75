"""Layout of the Train tab: buttons, settings, the live loss, and the layers of the model."""

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from dashboard import ids
from dashboard.components import config_form
from dashboard.components.controls import HIDDEN, alert, button, panel
from dashboard.components.help_link import help_link
from dashboard.components.live_curves import live_curve
from dashboard.components.presses import PRESS_ONCE
from dashboard.tabs.train import network, wall

if TYPE_CHECKING:
    from core.service.service import TrainingService

TRAIN = "train-button"
RATE_INPUT = "rate-input"
RATE_BUTTON = "rate-button"
ERROR = "train-error"
CURVE = "train-curve"

EXPLANATION = (
    "The network is shown a few images at a time, and then each of its weights takes a small step "
    "that makes this loss smaller."
)


def layout(_: "TrainingService") -> html.Div:
    return html.Div([_trial(), _old()])


def _trial() -> html.Div:
    rail: dict[str, Any] = {"gridArea": "rail"}
    read: dict[str, Any] = {"gridArea": "read"}
    return html.Div(
        [
            html.Div(_buttons(), style=rail),
            html.Div(wall.layout(), className="slot-wall"),
            html.Div(wall.number(), style=read),
            html.Div(network.layout(), style={"gridArea": "net", "minWidth": 0}),
        ],
        className="trial",
    )


def _old() -> html.Div:
    return html.Div(
        [
            panel("Start and stop", _rate(), alert(ERROR), class_name="train-go"),
            panel("Settings", config_form.layout(), class_name="train-settings"),
            html.Div(
                [
                    dbc.Alert(id=ids.RUN_MESSAGE, color="info", className="mb-2"),
                    html.Div(
                        [
                            dbc.Alert(id=ids.DATASET_NOTICE, color="warning", is_open=False),
                            button(
                                "Look for MNIST again",
                                ids.DATASET_RETRY,
                                "warning",
                                outline=False,
                                style=HIDDEN,
                            ),
                        ],
                        className="dataset-notice",
                    ),
                    live_curve(CURVE, "loss", "Live loss", height=280),
                    help_link(EXPLANATION, "train"),
                ],
                className="train-live",
            ),
        ],
        className="train-tab",
    )


def _buttons() -> html.Div:
    idle: dict[str, Any] = {"size": "lg", "disabled": True}
    return html.Div(
        [
            button("Train", TRAIN, "primary", size="lg", className=PRESS_ONCE),
            button("Pause", ids.PAUSE_BUTTON, className=PRESS_ONCE, **idle),
            button("Stop", ids.STOP_BUTTON, "danger", **idle),
        ],
        className="train-buttons",
    )


def _rate() -> html.Div:
    label = "Learning rate from now on"
    return html.Div(
        [
            dbc.Label(label, html_for=RATE_INPUT, size="sm", className="mb-0"),
            dbc.InputGroup(
                [
                    dbc.Input(id=RATE_INPUT, type="text", inputmode="decimal"),
                    button("Change", RATE_BUTTON, size=None),
                ],
                size="sm",
            ),
        ],
        id=ids.RATE,
        className="train-rate",
        style=HIDDEN,
    )
