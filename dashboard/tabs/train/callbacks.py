"""The Train tab: settings, the two buttons, a small live curve, and the model's layers."""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update

from core.config import parse_config
from core.errors import DigitLabError, InvalidConfig
from core.records.runs import LayerInfo
from dashboard import guide_page, ids
from dashboard.components import config_form
from dashboard.components.live_curves import live_curve
from dashboard.components.presses import PRESS_ONCE, Presses, working
from dashboard.components.status_bar import RESUMABLE, chosen_run

if TYPE_CHECKING:
    from core.service.service import TrainingService

EXPLANATION = (
    "The network is shown a few images at a time, and then each of its weights takes a small step "
    "that makes this loss smaller."
)


def layout() -> html.Div:
    return html.Div(
        [
            html.Section(
                [
                    html.Div(
                        [
                            dbc.Button(
                                "Train",
                                id=ids.TRAIN_BUTTON,
                                color="primary",
                                size="lg",
                                className=PRESS_ONCE,
                            ),
                            dbc.Button(
                                "Pause",
                                id=ids.PAUSE_BUTTON,
                                color="secondary",
                                outline=True,
                                size="lg",
                                disabled=True,
                                className=PRESS_ONCE,
                            ),
                            dbc.Button(
                                "Stop",
                                id=ids.STOP_BUTTON,
                                color="danger",
                                outline=True,
                                size="lg",
                                disabled=True,
                            ),
                        ],
                        className="train-buttons",
                    ),
                    html.Div(
                        [
                            dbc.Label(
                                "Learning rate from now on",
                                html_for=ids.RATE_INPUT,
                                size="sm",
                                className="mb-0",
                            ),
                            dbc.InputGroup(
                                [
                                    dbc.Input(id=ids.RATE_INPUT, type="text", inputmode="decimal"),
                                    dbc.Button(
                                        "Change",
                                        id=ids.RATE_BUTTON,
                                        color="secondary",
                                        outline=True,
                                    ),
                                ],
                                size="sm",
                            ),
                        ],
                        id=ids.RATE,
                        className="train-rate",
                        style={"display": "none"},
                    ),
                    dbc.Alert(id=ids.TRAIN_ERROR, color="danger", is_open=False, dismissable=True),
                ],
                className="panel train-go",
                **{"aria-label": "Start and stop"},
            ),
            html.Section(
                config_form.layout(), className="panel train-settings", **{"aria-label": "Settings"}
            ),
            html.Div(
                [
                    dbc.Alert(id=ids.RUN_MESSAGE, color="info", className="mb-2"),
                    html.Div(
                        [
                            dbc.Alert(id=ids.DATASET_NOTICE, color="warning", is_open=False),
                            dbc.Button(
                                "Look for MNIST again",
                                id=ids.DATASET_RETRY,
                                color="warning",
                                size="sm",
                                style={"display": "none"},
                            ),
                        ],
                        className="dataset-notice",
                    ),
                    live_curve(ids.TRAIN_CURVE, "loss", "Live loss", height=280),
                    guide_page.explanation(EXPLANATION, "train"),
                ],
                className="train-live",
            ),
            html.Section(
                [html.H2("The network, layer by layer"), html.Div(id=ids.LAYERS)],
                className="panel train-layers",
            ),
        ],
        className="train-tab",
    )


def register(app: Dash, service: "TrainingService") -> None:
    presses = Presses()

    app.clientside_callback(
        ClientsideFunction("form", "fillPreset"),
        *[Output(ids.field(name), "value") for name in config_form.FIELDS],
        Input(ids.PRESET, "value"),
        State(ids.PRESETS, "data"),
        *[State(ids.field(name), "value") for name in config_form.FIELDS],
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("form", "matchPreset"),
        Input(ids.PRESET, "value"),
        *[Input(ids.field(name), "value") for name in config_form.FIELDS],
        State(ids.PRESETS, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("form", "showErrors"), Input(ids.FORM_ERRORS, "data")
    )

    @app.callback(
        output=Output(ids.FORM_ERRORS, "data"),
        inputs={"values": {name: Input(ids.field(name), "value") for name in config_form.FIELDS}},
    )
    async def check(values: dict[str, Any]) -> dict[str, str]:
        return config_form.errors(values)

    @app.callback(
        output={
            "sentence": Output(ids.TRAIN_ERROR, "children"),
            "is_open": Output(ids.TRAIN_ERROR, "is_open"),
            "run": Output(ids.RUN_PICK, "value", allow_duplicate=True),
        },
        inputs={
            "clicks": [
                Input(button, "n_clicks")
                for button in (
                    ids.TRAIN_BUTTON,
                    ids.PAUSE_BUTTON,
                    ids.STOP_BUTTON,
                    ids.RATE_BUTTON,
                )
            ],
            "run": State(ids.RUN_PICK, "value"),
            "rate": State(ids.RATE_INPUT, "value"),
            "values": {name: State(ids.field(name), "value") for name in config_form.FIELDS},
        },
        running=[working(ids.TRAIN_BUTTON)],
        prevent_initial_call=True,
    )
    async def act(
        clicks: list[int], run: str | None, rate: str | None, values: dict[str, Any]
    ) -> dict[str, Any]:
        """The buttons; a run that is started is the one that this page then looks at."""
        started: Any = no_update
        sentence = ""
        try:
            if ctx.triggered_id == ids.TRAIN_BUTTON:
                started = await presses.once(service.start, parse_config(values))
            else:
                await asyncio.to_thread(_control, service, str(ctx.triggered_id), run, rate)
        except InvalidConfig as error:
            pressed = ctx.triggered_id == ids.TRAIN_BUTTON
            what = "Training did not start" if pressed else "Nothing was changed"
            sentence = f"{what}. {config_form.complaint(error)}"
        except DigitLabError as error:
            sentence = str(error)
        return {"sentence": sentence, "is_open": bool(sentence), "run": started}

    @app.callback(Input(ids.DATASET_RETRY, "n_clicks"), prevent_initial_call=True)
    async def retry(_: int) -> None:
        await asyncio.to_thread(service.prepare_dataset)

    @app.callback(Output(ids.LAYERS, "children"), Input(ids.field("model"), "value"))
    async def layers(model: str) -> dbc.Table:
        return layer_table(await asyncio.to_thread(service.layers, model))


def _control(service: "TrainingService", button: str, chosen: str | None, rate: str | None) -> None:
    """What a button other than Train does with the run that the page looks at.

    Raises:
        DigitLabError: a sentence why it cannot be done.
    """
    run = service.snapshot(chosen_run(chosen))
    if button == ids.STOP_BUTTON:
        service.stop(run.run_id)
    elif button == ids.RATE_BUTTON:
        service.set_learning_rate(run.run_id, rate)
    elif run.state in RESUMABLE:
        service.resume(run.run_id)
    else:
        service.pause(run.run_id)


def layer_table(layers: list[LayerInfo]) -> dbc.Table:
    """The layers in the order of the data's way, with their share of the parameters."""
    total = sum(layer.parameters for layer in layers)
    heads = ["Layer", "Kind", "Output", "Parameters"]
    rows = [
        html.Tr(
            [
                html.Td(layer.name),
                html.Td(layer.kind),
                html.Td(" × ".join(str(size) for size in layer.output_shape)),
                html.Td(f"{layer.parameters:,}" if layer.parameters else "–"),
            ]
        )
        for layer in layers
    ]
    sum_row = html.Tr([html.Th("Together", colSpan=3, scope="row"), html.Th(f"{total:,}")])
    return dbc.Table(
        [
            html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
            html.Tbody(rows),
            html.Tfoot(sum_row),
        ],
        size="sm",
        responsive=True,
    )
