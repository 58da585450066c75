"""What is shown of the runs that are ticked in the table: their curves and what differs.

Of a single one also the ways on from it: back to an epoch, a fork, its files. It does not know
what else can be done with ticked runs.
"""

import asyncio
from typing import TYPE_CHECKING, Any, get_args

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update, set_props

from core.config import CHOICE_TITLES, TrainConfig
from core.errors import DigitLabError, InvalidConfig, UnknownRun
from core.records.runs import EpochMetrics, RunSnapshot
from dashboard import ids
from dashboard.components import comparison, runs_table
from dashboard.components.controls import labelled, select
from dashboard.components.presses import PRESS_ONCE, Presses, working
from dashboard.theme import GRAPH
from dashboard.urls import url

if TYPE_CHECKING:
    from core.service.service import TrainingService

MOST_COMPARED = 40
TICK_ONE = "Tick exactly one run to go back in it, to fork it or to take it away."
FORKABLE = [
    name
    for name in TrainConfig.model_fields
    if name not in ("model", "dataset", "seed", "train_images", "precision")
]
FILES = (
    ("Weights (.pth)", "weights?format=pth"),
    ("safetensors", "weights?format=safetensors"),
    ("ONNX", "weights?format=onnx"),
    ("Metrics CSV", "metrics.csv"),
    ("JSON", "metrics.json"),
    ("TensorBoard", "tensorboard.zip"),
    ("Notebook (.ipynb)", "notebook.ipynb"),
    ("Script (.py)", "script.py"),
)


def layout() -> html.Div:
    return html.Div([_comparison(), _details()], className="two-columns")


def _comparison() -> html.Section:
    options = [
        {"value": "accuracy", "label": "Test accuracy"},
        {"value": "loss", "label": "Test loss"},
    ]
    return html.Section(
        [
            select("Compare", ids.RUNS_METRIC, options, "accuracy"),
            dcc.Graph(
                id=ids.RUNS_CURVES,
                figure=comparison.curves([], "accuracy"),
                # More buttons than these would hide the title on a phone.
                config={**GRAPH, "modeBarButtons": [["toImage", "resetScale2d"]]},
            ),
        ],
        className="panel",
        **{"aria-label": "Comparison"},
    )


def _details() -> html.Section:
    return html.Section(
        [
            html.H2("What differs"),
            html.Div(id=ids.RUNS_DIFFERENCES),
            html.P(
                [
                    html.Span(id=ids.RUNS_GROUP_SIZE),
                    dbc.Button("Tick all of its seeds", id=ids.RUNS_GROUP, size="sm", color="link"),
                ],
                id=ids.RUNS_GROUP_LINE,
                className="mb-0 small",
                style={"display": "none"},
            ),
            html.Div(_one_run(), id=ids.RUNS_ONE, style={"display": "none"}),
        ],
        className="panel",
        **{"aria-label": "Details"},
    )


def _one_run() -> list[Any]:
    """What can be done with a single run."""
    settings = [
        {"value": name, "label": TrainConfig.model_fields[name].title or name} for name in FORKABLE
    ]
    return [
        html.H2("Go back or fork", className="mt-3"),
        html.Div(
            [
                select("After epoch", ids.RUNS_EPOCH, []),
                dbc.Button(
                    "Rewind", id=ids.RUNS_REWIND, size="sm", color="secondary", outline=True
                ),
            ],
            className="control small",
        ),
        html.Div(
            [
                select("and change", ids.RUNS_FIELD, settings, "learning_rate"),
                labelled(
                    "to",
                    dbc.Input(
                        id=ids.RUNS_VALUE,
                        size="sm",
                        list=ids.RUNS_CHOICES,
                        autocomplete="off",
                        className="w-auto",
                    ),
                ),
                html.Datalist(id=ids.RUNS_CHOICES),
                dbc.Button(
                    "Fork",
                    id=ids.RUNS_FORK,
                    size="sm",
                    color="primary",
                    outline=True,
                    className=PRESS_ONCE,
                ),
            ],
            className="control small mt-2 flex-wrap",
        ),
        dbc.Alert(
            id=ids.RUNS_ONE_SAY, is_open=False, dismissable=True, className="mt-2 mb-0 small"
        ),
        html.P(
            "Rewinding takes the run itself back; later epochs are dropped once it is resumed. "
            "A fork is a new run that shares the epochs before.",
            className="field-help mt-1",
        ),
        html.H2("Take away", className="mt-3"),
        html.Div(id=ids.RUNS_FILES, className="runs-files"),
    ]


def register(app: Dash, service: "TrainingService") -> None:
    presses = Presses()

    def courses(run_ids: list[str]) -> list[comparison.Course]:
        found = []
        for run_id in run_ids[:MOST_COMPARED]:
            try:
                events, _ = service.events_since(run_id, 0)
                run = service.snapshot(run_id)
            except UnknownRun:
                continue
            evaluations = [event for event in events if isinstance(event, EpochMetrics)]
            found.append(comparison.Course(run, evaluations))
        return found

    def seeds(run: RunSnapshot) -> list[str]:
        """The runs of its group."""
        return [other.run_id for other in service.runs() if run.group and other.group == run.group]

    @app.callback(
        Output(ids.RUNS_CURVES, "figure"),
        Output(ids.RUNS_DIFFERENCES, "children"),
        Output(ids.RUNS_ONE, "style"),
        Output(ids.RUNS_EPOCH, "options"),
        Output(ids.RUNS_EPOCH, "value"),
        Output(ids.RUNS_FILES, "children"),
        Output(ids.RUNS_GROUP_LINE, "style"),
        Output(ids.RUNS_GROUP_SIZE, "children"),
        Input(ids.RUNS_GRID, "selectedRows"),
        Input(ids.RUNS_METRIC, "value"),
        Input(ids.version(ids.TAB_RUNS), "data"),
        State(ids.TABS, "active_tab"),
        State(ids.RUNS_EPOCH, "value"),
        prevent_initial_call=True,
    )
    async def compare(
        rows: Any, metric: str, _: str | None, tab: str, epoch: str | None
    ) -> tuple[Any, ...]:
        if tab != ids.TAB_RUNS:
            return (no_update,) * 8
        chosen = await asyncio.to_thread(courses, runs_table.ticked(rows))
        figure = comparison.curves(chosen, "loss" if metric == "loss" else "accuracy")
        table = comparison.differences(chosen)
        hidden = {"display": "none"}
        if len(chosen) != 1:
            hint = html.P(TICK_ONE, className="text-body-secondary small")
            return figure, [table, hint], hidden, [], None, [], hidden, ""
        run = chosen[0].run
        options = [{"value": str(kept), "label": _epoch_words(kept)} for kept in run.kept]
        known = {option["value"] for option in options}
        value = epoch if epoch in known else str(run.kept[-1]) if run.kept else None
        others = len(await asyncio.to_thread(seeds, run))
        size = f"One of {others} runs that differ in their seeds."
        return figure, table, {}, options, value, _links(run), {} if others else hidden, size

    @app.callback(
        Output(ids.RUNS_GRID, "selectedRows"),
        Input(ids.RUNS_GROUP, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        prevent_initial_call=True,
    )
    async def tick_group(_: Any, rows: Any) -> Any:
        try:
            run = await asyncio.to_thread(service.snapshot, runs_table.ticked(rows)[0])
        except (IndexError, UnknownRun):
            return no_update
        return {"ids": await asyncio.to_thread(seeds, run)}

    @app.callback(
        Output(ids.RUNS_VALUE, "placeholder"),
        Output(ids.RUNS_CHOICES, "children"),
        Output(ids.RUNS_VALUE, "value"),
        Input(ids.RUNS_FIELD, "value"),
        Input(ids.RUNS_GRID, "selectedRows"),
    )
    async def suggest(field: str, rows: Any) -> tuple[Any, ...]:
        chosen = runs_table.ticked(rows)
        try:
            run = await asyncio.to_thread(service.snapshot, chosen[0])
        except (IndexError, UnknownRun):
            return no_update, no_update, no_update
        typed = "" if ctx.triggered_id == ids.RUNS_FIELD else no_update
        return f"now {run.config.get(field)}", _choices(field), typed

    @app.callback(
        Input(ids.RUNS_REWIND, "n_clicks"),
        Input(ids.RUNS_FORK, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        State(ids.RUNS_EPOCH, "value"),
        State(ids.RUNS_FIELD, "value"),
        State(ids.RUNS_VALUE, "value"),
        running=[working(ids.RUNS_FORK)],
        prevent_initial_call=True,
    )
    async def go(
        _: Any, __: Any, rows: Any, epoch: str | None, field: str, value: str | None
    ) -> None:
        chosen = runs_table.ticked(rows)
        if len(chosen) != 1 or epoch is None:
            _say(TICK_ONE, "danger")
            return
        try:
            if ctx.triggered_id == ids.RUNS_REWIND:
                run = await asyncio.to_thread(service.rewind, chosen[0], int(epoch))
                _say(f"{run.title} is back after epoch {epoch}. Resume it to go on from there.")
                return
            changes = {field: value} if value not in (None, "") else {}
            child = await presses.once(service.fork, chosen[0], int(epoch), changes)
        except InvalidConfig as error:
            _say(
                " ".join(f"{_title(name)}: {said}" for name, said in error.fields.items()), "danger"
            )
        except DigitLabError as error:
            _say(str(error), "danger")
        else:
            set_props(ids.RUN_PICK, {"value": child})
            title = (await asyncio.to_thread(service.snapshot, child)).title
            _say(f"{title} goes on from there. Tick both to see where they part.")


def _say(sentence: str, color: str = "info") -> None:
    set_props(ids.RUNS_ONE_SAY, {"children": sentence, "color": color, "is_open": True})


def _links(run: RunSnapshot) -> list[Any]:
    """In a page of their own: there, a file that cannot be had says why."""
    if not run.kept:
        return [html.Span("There is nothing yet.", className="text-body-secondary small")]
    return [
        html.A(title, href=url(f"/api/runs/{run.run_id}/{path}"), target="_blank")
        for title, path in FILES
    ]


def _choices(field: str) -> list[html.Option]:
    """What a setting can be, where that can be listed."""
    kind = TrainConfig.model_fields[field].annotation
    values = ("true", "false") if kind is bool else get_args(kind)
    return [html.Option(value=value, label=CHOICE_TITLES.get(value, value)) for value in values]


def _title(field: str) -> str:
    return (TrainConfig.model_fields[field].title or field) if field in FORKABLE else field


def _epoch_words(epoch: int) -> str:
    return str(epoch) if epoch else "0 (untrained)"
