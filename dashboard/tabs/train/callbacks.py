"""Callbacks of the Train tab."""

import asyncio
import time
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from core.config import TrainConfig, parse_config, read_texts
from core.errors import DigitLabError, InvalidConfigError
from dashboard import ids
from dashboard.components import config_form, lazy
from dashboard.components.header import chosen_run
from dashboard.service import TrainingService
from dashboard.tabs.train import layout, network, text
from dashboard.values import Count

FAILED = {
    layout.PAUSE: "The run was not paused",
    layout.RESUME: "The run was not resumed",
    layout.STOP: "The run was not stopped",
}
"""What failed, by button. The other buttons start a run."""
QUEUED = "Queued. It trains when its turn comes."
NEWS_MS = 5000
"""So long good news stays: it lies over the way to the shown run's settings."""


def register(app: Dash, service: TrainingService) -> None:
    config_form.register(app)
    lazy.register(app, lazy.body(layout.RUN_SETTINGS), layout.run_settings)

    app.clientside_callback(
        ClientsideFunction("train", "answered"),
        Input(layout.ANSWERED, "data"),
        State(layout.ANSWER, "is_open"),
    )

    @app.callback(
        output={
            "children": Output(layout.ANSWER, "children"),
            "color": Output(layout.ANSWER, "color"),
            "is_open": Output(layout.ANSWER, "is_open"),
            "duration": Output(layout.ANSWER, "duration"),
            "run": Output(ids.RUN_PICK, "value", allow_duplicate=True),
            "answered": Output(layout.ANSWERED, "data"),
        },
        inputs={
            "_": [
                Input(button, "n_clicks")
                for button in (layout.TRAIN, layout.QUEUE, layout.RETRY, *FAILED)
            ],
            "run": State(ids.RUN_PICK, "value"),
            "settings": State(config_form.SETTINGS, "data"),
        },
    )
    async def act(
        _: list[Count | None], run: str | None, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """Does what the pressed button says. The page shows a run that Train started."""
        button = str(ctx.triggered_id)
        started: Any = no_update
        answered: Any = time.time()
        sentence, color = "", "info"
        try:
            if button in FAILED:
                await asyncio.to_thread(_control, service, button, run)
            elif button == layout.RETRY:
                config = await asyncio.to_thread(_slower, service, run)
                started = answered = await asyncio.to_thread(service.runs.start, config)
            else:
                config = config_form.parse(settings)
                answered = await asyncio.to_thread(service.runs.start, config)
                if button == layout.TRAIN:
                    started = answered
                else:
                    sentence = QUEUED
        except DigitLabError as error:
            reason = str(error)
            if isinstance(error, InvalidConfigError):
                reason = config_form.validation_message(error)
            color, sentence = "danger", f"{FAILED.get(button, 'Training did not start')}. {reason}"
        return {
            "children": sentence,
            "color": color,
            "is_open": bool(sentence),
            "duration": NEWS_MS if color == "info" else None,
            "run": started,
            "answered": answered,
        }

    @app.callback(
        Output(layout.RATE_ANSWER, "children"),
        Input(layout.RATE_BUTTON, "n_clicks"),
        State(layout.RATE_INPUT, "value"),
        State(ids.RUN_PICK, "value"),
    )
    async def set_rate(_: Count | None, rate: str | None, run: str | None) -> str:
        try:
            return await asyncio.to_thread(_set_rate, service, run, rate)
        except InvalidConfigError as error:
            return f"Nothing was changed. {' '.join(error.fields.values())}"
        except DigitLabError as error:
            return f"Nothing was changed. {error}"

    @app.callback(Input(layout.DATASET_RETRY, "n_clicks"))
    async def retry_dataset(_: Count | None) -> None:
        await asyncio.to_thread(service.prepare_dataset)

    network.register(app, service)


def _control(service: TrainingService, button: str, chosen: str | None) -> None:
    """Pauses, resumes or stops the run that the page shows.

    Raises:
        DigitLabError: it cannot be done; the error says why.
    """
    acts = {
        layout.PAUSE: service.runs.pause,
        layout.RESUME: service.runs.resume,
        layout.STOP: service.runs.stop,
    }
    acts[button](service.runs.snapshot(chosen_run(chosen)).run_id)


def _slower(service: TrainingService, chosen: str | None) -> TrainConfig:
    """The settings of the run that the page shows, with a learning rate that should work."""
    run = service.runs.snapshot(chosen_run(chosen))
    return parse_config({**run.config, "learning_rate": text.retry_rate(run)})


def _set_rate(service: TrainingService, chosen: str | None, rate: str | None) -> str:
    """
    Raises:
        DigitLabError: the run that the page shows cannot get this learning rate.
    """
    run = service.runs.snapshot(chosen_run(chosen))
    typed = read_texts({"learning_rate": rate})
    service.runs.set_learning_rate(run.run_id, **typed)
    return f"From now on {run.title} learns with {rate}."
