"""The tab CNN vs MLP: both trained with one click, and what each network bears.

`assets/tabs/compare.js` says with which settings both would be trained, and by a store which pairs
there are and when something of them has changed.
How images are distorted is in `core.analysis.robustness`.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, dcc, html, no_update

from core.config import CHOICE_TITLES, parse_config
from core.errors import DigitLabError, InvalidConfig, UnknownRun
from core.records.layers import Distortion, Examples, Pair, Robustness
from core.records.runs import EpochMetrics, RunSnapshot
from dashboard import guide_page, ids
from dashboard.components import config_form
from dashboard.components.comparison import Course
from dashboard.components.controls import select
from dashboard.components.presses import PRESS_ONCE, Presses, working
from dashboard.components.status_bar import NEWEST, chosen_run
from dashboard.tabs.compare import figures, text
from dashboard.theme import BARE_GRAPH, GRAPH

if TYPE_CHECKING:
    from core.service.service import TrainingService

EXPLANATION = (
    "One network looks through small windows (CNN), the other connects every pixel with everything "
    "(MLP). Same images, same settings, same seed: what do the windows bring?"
)
CNNS = ("simple_cnn", "speedrun_cnn", "accurate_cnn")
HEADINGS: dict[Distortion, str] = {"shift": "Shifted", "rotation": "Turned", "noise": "Noisy"}
DISTORTIONS: tuple[Distortion, ...] = get_args(Distortion)
WAIT = "How each network bears shifts, turns and noise is seen here when both have learnt. "
NO_NETWORK = "Neither network has learnt for an epoch. Train both anew. "
GRID = "pair-distorted"
CLOCK_MS = 500
SHOWN: dict[str, str] = {}
HIDDEN = {"display": "none"}
CONFIG: dict[str, Any] = {**GRAPH, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def layout() -> html.Div:
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "cnn-against-mlp"),
            _controls(),
            dbc.Alert(id=ids.COMPARE_ERROR, color="danger", is_open=False, dismissable=True),
            html.P(text.NOTHING_TRAINED, id=ids.COMPARE_SENTENCE, role="status"),
            html.Div(
                [
                    html.Div(
                        [
                            html.Section(
                                [
                                    html.H2("Test accuracy while they learn"),
                                    dcc.Graph(
                                        id=ids.COMPARE_CURVE,
                                        figure=figures.accuracy([]),
                                        config=CONFIG,
                                    ),
                                ],
                                className="panel",
                                **{"aria-label": "Accuracy of both"},
                            ),
                            html.Section(
                                [html.Div(id=ids.COMPARE_STATES), html.Div(id=ids.COMPARE_TABLE)],
                                className="panel",
                                **{"aria-label": "Both networks"},
                            ),
                        ],
                        className="two-columns",
                    ),
                    html.H2("The same test images, distorted"),
                    html.P(
                        [
                            html.Span(id=ids.COMPARE_CAPTION),
                            html.Span(id=ids.COMPARE_PROGRESS),
                        ],
                        className="small text-body-secondary mb-2",
                    ),
                    html.Div(
                        [_distorted(distortion) for distortion in DISTORTIONS],
                        id=ids.COMPARE_DISTORTED,
                        className=GRID,
                        style={"display": "none"},
                    ),
                ],
                id=ids.COMPARE_BODY,
                style={"display": "none"},
            ),
            dcc.Store(id=ids.COMPARE_PAIRS),
            dcc.Store(id=ids.COMPARE_VERSION),
            dcc.Interval(id=ids.COMPARE_CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def _controls() -> html.Div:
    networks = [{"value": name, "label": CHOICE_TITLES[name]} for name in CNNS]
    return html.Div(
        [
            select("MLP against", ids.COMPARE_CNN, networks, CNNS[0]),
            dbc.Button(
                "Train both",
                id=ids.COMPARE_TRAIN,
                color="primary",
                size="sm",
                className=PRESS_ONCE,
            ),
            html.Span(id="compare-settings", className="small text-body-secondary"),
            html.Div(
                select("Pair", ids.COMPARE_PICK, text.options([], None), NEWEST),
                id=ids.COMPARE_CHOICE,
                className="pair-choice",
                style={"display": "none"},
            ),
        ],
        className="controls",
    )


def _distorted(distortion: Distortion) -> html.Section:
    heading = HEADINGS[distortion]
    return html.Section(
        [
            html.H3(heading),
            html.Div(
                dcc.Graph(id=ids.distorted(distortion), config=CONFIG),
                role="region",
                **{"aria-label": heading},
            ),
            html.Div(
                dcc.Graph(
                    id=ids.distorted_examples(distortion), config={**BARE_GRAPH, "staticPlot": True}
                ),
                role="region",
                **{"aria-label": f"{heading} example"},
            ),
        ],
        className="panel",
    )


def register(app: Dash, service: "TrainingService") -> None:
    presses = Presses()

    @app.callback(
        output={
            "sentence": Output(ids.COMPARE_ERROR, "children"),
            "is_open": Output(ids.COMPARE_ERROR, "is_open"),
            "pair": Output(ids.COMPARE_PICK, "value"),
            "run": Output(ids.RUN_PICK, "value", allow_duplicate=True),
        },
        inputs={
            "_": Input(ids.COMPARE_TRAIN, "n_clicks"),
            "cnn": State(ids.COMPARE_CNN, "value"),
            "values": {name: State(ids.field(name), "value") for name in config_form.FIELDS},
        },
        running=[working(ids.COMPARE_TRAIN)],
        prevent_initial_call=True,
    )
    async def train(_: int, cnn: str, values: dict[str, Any]) -> dict[str, Any]:
        """Starts a pair, at which the page then looks; the status bar follows whichever trains."""
        try:
            config = parse_config({**values, "model": cnn})
            await presses.once(service.pairs.start, config)
        except InvalidConfig as error:
            sentence = f"Training did not start. On the Train tab: {config_form.complaint(error)}"
        except DigitLabError as error:
            sentence = str(error)
        else:
            return {"sentence": "", "is_open": False, "pair": NEWEST, "run": NEWEST}
        return {"sentence": sentence, "is_open": True, "pair": no_update, "run": no_update}

    @app.callback(
        output={
            "options": Output(ids.COMPARE_PICK, "options"),
            "choice": Output(ids.COMPARE_CHOICE, "style"),
            "sentence": Output(ids.COMPARE_SENTENCE, "children"),
            "body": Output(ids.COMPARE_BODY, "style"),
            "states": Output(ids.COMPARE_STATES, "children"),
            "curve": Output(ids.COMPARE_CURVE, "figure"),
            "version": Output(ids.COMPARE_VERSION, "data"),
        },
        inputs={
            "_": Input(ids.COMPARE_PAIRS, "data"),
            "chosen": Input(ids.COMPARE_PICK, "value"),
            "before": State(ids.COMPARE_VERSION, "data"),
        },
        prevent_initial_call=True,
    )
    async def show(_: Any, chosen: str | None, before: dict[str, Any] | None) -> dict[str, Any]:
        return await asyncio.to_thread(_overview, service, chosen_run(chosen), before)

    @app.callback(
        Output(ids.COMPARE_PROGRESS, "children"),
        Input(ids.COMPARE_CLOCK, "n_intervals"),
        Input(ids.COMPARE_CLOCK, "disabled"),
        State(ids.COMPARE_VERSION, "data"),
        prevent_initial_call=True,
    )
    async def progress(_: int, idle: bool, version: dict[str, Any] | None) -> str:
        return "" if idle else await asyncio.to_thread(_progress, service, version)

    @app.callback(
        Output(ids.COMPARE_TABLE, "children"),
        Input(ids.COMPARE_VERSION, "data"),
        prevent_initial_call=True,
    )
    async def compare(version: dict[str, Any] | None) -> Any:
        try:
            found = await asyncio.to_thread(_results, service, version)
        except DigitLabError as error:
            return html.P(str(error))
        return text.table(found) if found else None

    @app.callback(
        output={
            "caption": Output(ids.COMPARE_CAPTION, "children"),
            "style": Output(ids.COMPARE_DISTORTED, "style"),
            "curves": {one: Output(ids.distorted(one), "figure") for one in DISTORTIONS},
            "examples": {one: Output(ids.distorted_examples(one), "figure") for one in DISTORTIONS},
        },
        inputs={"version": Input(ids.COMPARE_VERSION, "data")},
        running=[
            # Curves of another pair do not pass for those of this one while it is measured.
            (Output(ids.COMPARE_DISTORTED, "className"), f"{GRID} old", GRID),
            (Output(ids.COMPARE_CLOCK, "disabled"), False, True),
        ],
        prevent_initial_call=True,
    )
    async def distort(version: dict[str, Any] | None) -> dict[str, Any]:
        pair = await asyncio.to_thread(_find, service, version)
        if pair is None or not pair.ended:
            return _nothing(WAIT)
        if not pair.comparable:
            return _nothing(NO_NETWORK)
        try:
            measure = service.pairs.robustness
            begun = [await asyncio.to_thread(measure, run.run_id) for run in pair.comparable]
            measured = await asyncio.gather(*map(asyncio.wrap_future, begun))
            shown = await asyncio.to_thread(service.pairs.examples, pair.comparable[0].run_id)
        except DigitLabError as error:
            return _nothing(str(error))
        return await asyncio.to_thread(_paint, measured, shown)


def caption(measured: Sequence[Robustness]) -> str:
    """On what the curves rest."""
    return (
        f"{measured[0].images:,} test images, the same ones for both, distorted in the same way. "
        "Differences of a percentage point or two may be chance. "
    )


def _overview(
    service: "TrainingService", chosen: str | None, before: dict[str, Any] | None
) -> dict[str, Any]:
    """Which pairs there are, and how the chosen one stands; by default the newest."""
    pairs = service.pairs.all()
    pair = next((pair for pair in pairs if pair.name == chosen), pairs[0] if pairs else None)
    courses = [Course(run, _evaluations(service, run.run_id)) for run in pair.runs] if pair else []
    version = None if pair is None else _version(service, pair)
    return {
        "options": text.options(pairs, chosen),
        "choice": SHOWN if len(pairs) > 1 else HIDDEN,
        "sentence": text.sentence(pair),
        "body": SHOWN if pair else HIDDEN,
        "states": text.states(pair),
        "curve": figures.accuracy(courses),
        "version": no_update if version == before else version,
    }


def _version(service: "TrainingService", pair: Pair) -> dict[str, Any]:
    """Changes when the table or the distorted images have to be worked out anew."""

    def look(run_id: str) -> str | None:
        try:
            return service.explorer.weights_version(run_id)
        except UnknownRun:  # deleted a moment ago
            return None

    return {
        "pair": pair.name,
        "ended": pair.ended,
        "networks": [look(run.run_id) for run in pair.comparable],
        "states": [run.state.value for run in pair.runs],
    }


def _evaluations(service: "TrainingService", run_id: str) -> list[EpochMetrics]:
    try:
        events, _ = service.events_since(run_id, 0)
    except UnknownRun:  # deleted a moment ago
        return []
    return [event for event in events if isinstance(event, EpochMetrics)]


def _find(service: "TrainingService", version: dict[str, Any] | None) -> Pair | None:
    """The pair that a version stands for."""
    wanted = (version or {}).get("pair")
    return next((pair for pair in service.pairs.all() if pair.name == wanted), None)


def _progress(service: "TrainingService", version: dict[str, Any] | None) -> str:
    """How far the measurements of a version's pair are; empty while none is under way."""
    pair = _find(service, version)
    if pair is None:
        return ""
    try:
        return text.progress(service.pairs.progress([run.run_id for run in pair.comparable]))
    except UnknownRun:  # deleted a moment ago
        return ""


def _results(service: "TrainingService", version: dict[str, Any] | None) -> list[text.Result]:
    """What each run of a version's pair has reached; nothing where there is no such pair."""
    pair = _find(service, version)
    if pair is None:
        return []
    return [_result(service, run, run in pair.comparable) for run in pair.runs]


def _result(service: "TrainingService", run: RunSnapshot, learnt: bool) -> text.Result:
    layers = service.layers(str(run.config["model"]))
    if not learnt:
        return text.Result(run, layers)
    answers = service.explorer.assessment(run.run_id).answers
    wrong = int((answers.predictions != answers.labels).sum())
    return text.Result(run, layers, len(answers.labels), wrong, answers.progress)


def _paint(measured: Sequence[Robustness], shown: Sequence[Examples]) -> dict[str, Any]:
    return {
        "caption": caption(measured),
        "style": {},
        "curves": {one: figures.robustness(measured, one) for one in DISTORTIONS},
        "examples": {one.distortion: figures.examples(one) for one in shown},
    }


def _nothing(sentence: str) -> dict[str, Any]:
    """The sentence, and no figures."""
    same = dict.fromkeys(DISTORTIONS, no_update)
    return {"caption": sentence, "style": {"display": "none"}, "curves": same, "examples": same}
