"""Callbacks of CNN vs MLP.

`assets/tabs/cnn_vs_mlp.js` writes the store `layout.PAIRS` whenever a run of a pair changes.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, State, html, no_update
from dash.exceptions import PreventUpdate

from core.errors import DigitLabError, InvalidConfigError, UnknownRunError
from core.records.comparisons import Examples, Pair, Robustness
from core.records.runs import RunSnapshot
from dashboard import ids
from dashboard.components import config_form
from dashboard.components.controls import working
from dashboard.components.epoch_curves import load_evaluations
from dashboard.components.header import NEWEST, chosen_run
from dashboard.service import TrainingService
from dashboard.tabs.experiments.cnn_vs_mlp import figures, layout, text
from dashboard.values import Count

NO_NETWORK = "Neither network has learned for an epoch. Train both anew. "


def register(app: Dash, service: TrainingService) -> None:
    @app.callback(
        output={
            "sentence": Output(layout.ERROR, "children"),
            "is_open": Output(layout.ERROR, "is_open"),
            "pair": Output(layout.PICK, "value", allow_duplicate=True),
            "run": Output(ids.RUN_PICK, "value", allow_duplicate=True),
        },
        inputs={
            "clicks": Input(layout.TRAIN, "n_clicks"),
            "cnn": State(layout.CNN, "value"),
            "settings": State(config_form.SETTINGS, "data"),
        },
        running=[working(layout.TRAIN)],
    )
    async def train(clicks: Count | None, cnn: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Starts a pair, which the page then shows; the header shows the run that trains."""
        if not clicks:
            raise PreventUpdate  # Dash calls it when the tab is built
        sentence = ""
        try:
            config = config_form.parse({**settings, "model": cnn})
            await asyncio.to_thread(service.runs.start_pair, config)
        except InvalidConfigError as error:
            message = config_form.validation_message(error)
            sentence = f"Training did not start. On the Train tab: {message}"
        except DigitLabError as error:
            sentence = str(error)
        shown = no_update if sentence else NEWEST
        return {"sentence": sentence, "is_open": bool(sentence), "pair": shown, "run": shown}

    @app.callback(
        output={
            "options": Output(layout.PICK, "options"),
            "pick": Output(layout.PICK, "value"),
            "sentence": Output(layout.SENTENCE, "children"),
            "curve": Output(layout.CURVE, "figure"),
            "axis": Output(layout.AXIS, "children"),
            "version": Output(layout.VERSION, "data"),
        },
        inputs={
            "_": Input(layout.PAIRS, "data"),
            "chosen": Input(layout.PICK, "value"),
            "before": State(layout.VERSION, "data"),
        },
    )
    async def show_pair(
        _: Any, chosen: str | None, before: dict[str, Any] | None
    ) -> dict[str, Any]:
        return await asyncio.to_thread(overview, service, chosen_run(chosen), before)

    @app.callback(
        Output(layout.PROGRESS, "children"),
        Input(layout.CLOCK, "n_intervals"),
        Input(layout.CLOCK, "disabled"),
        State(layout.VERSION, "data"),
    )
    async def show_progress(_: Count | None, idle: bool, version: dict[str, Any] | None) -> str:
        return "" if idle else await asyncio.to_thread(_progress, service, version)

    @app.callback(Output(layout.TABLE, "children"), Input(layout.VERSION, "data"))
    async def show_table(version: dict[str, Any] | None) -> Any:
        try:
            results = await asyncio.to_thread(_results, service, version)
        except DigitLabError as error:
            return html.P(str(error))
        return text.result_table(results) if results else None

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.DISTORTED, "children"),
        Input(layout.VERSION, "data"),
        running=[
            # While a pair is measured, the curves of the pair before are greyed out.
            (
                Output(layout.DISTORTED, "className"),
                f"{layout.DISTORTED_CLASS} old",
                layout.DISTORTED_CLASS,
            ),
            (Output(layout.CLOCK, "disabled"), False, True),
        ],
    )
    async def show_robustness(
        version: dict[str, Any] | None,
    ) -> tuple[str, list[html.Section] | None]:
        pair = await asyncio.to_thread(_find, service, version)
        if pair is None or not pair.ended:
            return layout.WAIT, None
        if not pair.comparable:
            return NO_NETWORK, None
        try:
            measure = service.comparisons.robustness
            futures = [await asyncio.to_thread(measure, run.run_id) for run in pair.comparable]
            measured = await asyncio.gather(*map(asyncio.wrap_future, futures))
            examples = await asyncio.to_thread(
                service.comparisons.examples, pair.comparable[0].run_id
            )
        except DigitLabError as error:
            return str(error), None
        return await asyncio.to_thread(_robustness, measured, examples)


def overview(
    service: TrainingService, chosen: str | None, before: dict[str, Any] | None
) -> dict[str, Any]:
    """All pairs as options, and the state of the chosen one; by default the newest."""
    pairs = service.comparisons.all()
    found = next((pair for pair in pairs if pair.name == chosen), None)
    pair = found or next(iter(pairs), None)
    runs = [load_evaluations(service, run) for run in pair.runs] if pair else []
    version = None if pair is None else _version(service, pair)
    curve = figures.accuracy(runs)
    return {
        "options": text.pair_options(pairs, chosen),
        "pick": NEWEST if chosen and not found else no_update,
        "sentence": text.status(pair),
        "curve": curve,
        "axis": text.axis_start(curve.layout.yaxis.range),
        "version": no_update if version == before else version,
    }


def _version(service: TrainingService, pair: Pair) -> dict[str, Any]:
    """Changes when the table and the distorted images have to be computed again."""

    def weights_version(run_id: str) -> str | None:
        try:
            return service.predictions.weights_version(run_id)
        except UnknownRunError:  # deleted a moment ago
            return None

    return {
        "pair": pair.name,
        "ended": pair.ended,
        "networks": [weights_version(run.run_id) for run in pair.comparable],
        "states": [run.state.value for run in pair.runs],
    }


def _find(service: TrainingService, version: dict[str, Any] | None) -> Pair | None:
    name = (version or {}).get("pair")
    return next((pair for pair in service.comparisons.all() if pair.name == name), None)


def _progress(service: TrainingService, version: dict[str, Any] | None) -> str:
    """How much of a pair is measured; empty while nothing is measured."""
    pair = _find(service, version)
    if pair is None:
        return ""
    try:
        return text.progress(service.comparisons.progress([run.run_id for run in pair.comparable]))
    except UnknownRunError:  # deleted a moment ago
        return ""


def _results(service: TrainingService, version: dict[str, Any] | None) -> list[text.Result]:
    pair = _find(service, version)
    return [_result(service, run, run in pair.comparable) for run in pair.runs] if pair else []


def _result(service: TrainingService, run: RunSnapshot, trained: bool) -> text.Result:
    layers = service.inspection.layers(str(run.config["model"]))
    if not trained:
        return text.Result(run, layers)
    answers = service.predictions.test_set_report(run.run_id).answers
    wrong = int((answers.predictions != answers.labels).sum())
    return text.Result(run, layers, len(answers.labels), wrong, answers.progress)


def _robustness(
    measured: Sequence[Robustness], examples: Sequence[Examples]
) -> tuple[str, list[html.Section]]:
    parts = [
        layout.distorted(
            one.distortion, figures.robustness(measured, one.distortion), text.examples(one)
        )
        for one in examples
    ]
    return text.robustness_caption(measured[0].images), parts
