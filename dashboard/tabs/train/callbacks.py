"""Callbacks of the Train tab."""

import asyncio
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from core.config import read_texts
from core.errors import DigitLabError, InvalidConfigError
from dashboard import ids
from dashboard.components import config_form
from dashboard.components.header import RESUMABLE, chosen_run
from dashboard.components.presses import Presses, working
from dashboard.tabs.train import layout, network

if TYPE_CHECKING:
    from core.service.service import TrainingService


def register(app: Dash, service: "TrainingService") -> None:
    presses = Presses()
    fields = [ids.field(name) for name in config_form.FIELDS]

    app.clientside_callback(
        ClientsideFunction("form", "fillPreset"),
        *[Output(field, "value") for field in fields],
        Input(config_form.PRESET, "value"),
        State(config_form.PRESET_VALUES, "data"),
        *[State(field, "value") for field in fields],
    )
    app.clientside_callback(
        ClientsideFunction("form", "matchPreset"),
        Input(config_form.PRESET, "value"),
        *[Input(field, "value") for field in fields],
        State(config_form.PRESET_VALUES, "data"),
        prevent_initial_call=False,
    )
    app.clientside_callback(
        ClientsideFunction("form", "showErrors"),
        Input(config_form.FORM_ERRORS, "data"),
        prevent_initial_call=False,
    )

    @app.callback(
        output=Output(config_form.FORM_ERRORS, "data"),
        inputs={"values": {name: Input(ids.field(name), "value") for name in config_form.FIELDS}},
        prevent_initial_call=False,
    )
    async def validate(values: dict[str, Any]) -> dict[str, str]:
        return config_form.errors(values)

    @app.callback(
        output={
            "sentence": Output(layout.ERROR, "children"),
            "is_open": Output(layout.ERROR, "is_open"),
            "run": Output(ids.RUN_PICK, "value", allow_duplicate=True),
        },
        inputs={
            "_": [
                Input(button, "n_clicks")
                for button in (layout.TRAIN, ids.PAUSE_BUTTON, ids.STOP_BUTTON, layout.RATE_BUTTON)
            ],
            "run": State(ids.RUN_PICK, "value"),
            "rate": State(layout.RATE_INPUT, "value"),
            "values": {name: State(ids.field(name), "value") for name in config_form.FIELDS},
        },
        running=[working(layout.TRAIN)],
    )
    async def act(
        _: list[int], run: str | None, rate: str | None, values: dict[str, Any]
    ) -> dict[str, Any]:
        """Does what the pressed button says. The page then shows a run that was started."""
        started: Any = no_update
        sentence = ""
        try:
            if ctx.triggered_id == layout.TRAIN:
                started = await presses.once(service.runs.start, config_form.parse(values))
            else:
                await asyncio.to_thread(_control, service, str(ctx.triggered_id), run, rate)
        except InvalidConfigError as error:
            pressed_train = ctx.triggered_id == layout.TRAIN
            what = "Training did not start" if pressed_train else "Nothing was changed"
            sentence = f"{what}. {config_form.validation_message(error)}"
        except DigitLabError as error:
            sentence = str(error)
        return {"sentence": sentence, "is_open": bool(sentence), "run": started}

    @app.callback(Input(ids.DATASET_RETRY, "n_clicks"))
    async def retry_dataset(_: int) -> None:
        await asyncio.to_thread(service.prepare_dataset)

    network.register(app, service)


def _control(service: "TrainingService", button: str, chosen: str | None, rate: str | None) -> None:
    """Does what a button other than Train says with the run that the page shows.

    Raises:
        DigitLabError: it cannot be done; the error says why.
    """
    run = service.runs.snapshot(chosen_run(chosen))
    if button == ids.STOP_BUTTON:
        service.runs.stop(run.run_id)
    elif button == layout.RATE_BUTTON:
        typed = read_texts({"learning_rate": rate})
        service.runs.set_learning_rate(run.run_id, **typed)
    elif run.state in RESUMABLE:
        service.runs.resume(run.run_id)
    else:
        service.runs.pause(run.run_id)
