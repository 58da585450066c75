"""The Runs tab: the table of all runs, what can be done with those that are ticked, their curves.

The table's rows are painted by `dashboard.stream`.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dash_ag_grid as dag
import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update

from core.config import TrainConfig
from core.events import DigitLabError, EpochMetrics, RunState, UnknownRun
from dashboard import comparison, ids, runs_table

if TYPE_CHECKING:
    from core.service import TrainingService

MOST_COMPARED = 40
MAX_TEXT = 1000
TICK_SOME = "Tick a run in the table first."
TICK_ONE = "Tick exactly one run to go back in it or to fork it."
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
)


def layout() -> html.Div:
    return html.Div(
        [
            dbc.Alert(id=ids.RUNS_PROBLEMS, color="warning", is_open=False, dismissable=True),
            html.Section(
                [
                    html.Div(_buttons(), className="controls"),
                    dbc.Alert(id=ids.RUNS_SAY, color="danger", is_open=False, dismissable=True),
                    dbc.Alert(
                        [
                            html.Span("Deleted. "),
                            dbc.Button("Undo", id=ids.RUNS_UNDO, size="sm", color="link"),
                        ],
                        id=ids.RUNS_DELETED,
                        color="info",
                        is_open=False,
                        dismissable=True,
                    ),
                    dag.AgGrid(
                        id=ids.RUNS_GRID,
                        columnDefs=runs_table.COLUMNS,
                        defaultColDef={
                            "sortable": True,
                            "filter": True,
                            "resizable": True,
                            "floatingFilter": True,
                            "suppressHeaderFilterButton": True,
                            "suppressFloatingFilterButton": True,
                        },
                        rowData=[],
                        getRowId="params.data.run_id",
                        dashGridOptions={
                            "rowSelection": {"mode": "multiRow", "enableClickSelection": False},
                            "animateRows": False,
                            "singleClickEdit": False,
                            "stopEditingWhenCellsLoseFocus": True,
                            "localeText": {
                                "noRowsToShow": "No runs yet. Press Train on the Train tab."
                            },
                        },
                        style={"height": "380px"},
                    ),
                    html.P(
                        "Double-click a name or a note to change it. What is kept (tick) is not "
                        "deleted. A run that waits shows its place in the queue.",
                        className="text-body-secondary small mt-2 mb-0",
                    ),
                ],
                className="panel",
                **{"aria-label": "All runs"},
            ),
            html.Div(
                [
                    html.Section(
                        [
                            html.Div(
                                [
                                    dbc.Label(
                                        "Compare",
                                        html_for=ids.RUNS_METRIC,
                                        size="sm",
                                        className="mb-0",
                                    ),
                                    dbc.Select(
                                        id=ids.RUNS_METRIC,
                                        options=[
                                            {"value": "accuracy", "label": "Test accuracy"},
                                            {"value": "loss", "label": "Test loss"},
                                        ],
                                        value="accuracy",
                                        size="sm",
                                    ),
                                ],
                                className="control",
                            ),
                            dcc.Graph(
                                id=ids.RUNS_CURVES,
                                figure=comparison.curves([], "accuracy"),
                                config={"displaylogo": False},
                            ),
                        ],
                        className="panel",
                        **{"aria-label": "Comparison"},
                    ),
                    html.Section(
                        [
                            html.H2("What differs"),
                            html.Div(id=ids.RUNS_DIFFERENCES),
                            html.Div(_one_run(), id=ids.RUNS_ONE, style={"display": "none"}),
                        ],
                        className="panel",
                        **{"aria-label": "Details"},
                    ),
                ],
                className="two-columns",
            ),
            dcc.Store(id=f"{ids.RUNS_DELETED}-ids"),
        ]
    )


def _buttons() -> list[Any]:
    plain: dict[str, Any] = {"size": "sm", "color": "secondary", "outline": True}
    return [
        dbc.ButtonGroup(
            [
                dbc.Button("Look at it", id=ids.RUNS_WATCH, size="sm", color="primary"),
                dbc.Button("Pause or resume", id=ids.RUNS_PAUSE, **plain),
                dbc.Button("Stop or cancel", id=ids.RUNS_STOP, **plain),
                dbc.Button("Repeat with 5 seeds", id=ids.RUNS_REPEAT, **plain),
                dbc.Button("Delete", id=ids.RUNS_DELETE, size="sm", color="danger", outline=True),
            ],
            className="runs-buttons",
        ),
        dcc.Upload(
            dbc.Button("Bring in weights …", **plain),
            id=ids.RUNS_UPLOAD,
            accept=".pth,.pt,.safetensors",
            max_size=64 << 20,
        ),
    ]


def _one_run() -> list[Any]:
    """What can be done with a single run."""
    settings = [
        {"value": name, "label": TrainConfig.model_fields[name].title or name} for name in FORKABLE
    ]
    return [
        html.H2("Go back or fork", className="mt-3"),
        html.Div(
            [
                dbc.Label("After epoch", html_for=ids.RUNS_EPOCH, size="sm", className="mb-0"),
                dbc.Select(id=ids.RUNS_EPOCH, size="sm"),
                dbc.Button(
                    "Rewind", id=ids.RUNS_REWIND, size="sm", color="secondary", outline=True
                ),
            ],
            className="control",
        ),
        html.Div(
            [
                dbc.Label("and change", html_for=ids.RUNS_FIELD, size="sm", className="mb-0"),
                dbc.Select(id=ids.RUNS_FIELD, options=settings, value="learning_rate", size="sm"),
                dbc.Label("to", html_for=ids.RUNS_VALUE, size="sm", className="mb-0"),
                dbc.Input(
                    id=ids.RUNS_VALUE, size="sm", placeholder="no change", className="w-auto"
                ),
                dbc.Button("Fork", id=ids.RUNS_FORK, size="sm", color="primary", outline=True),
            ],
            className="control mt-2 flex-wrap",
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
    def ticked(rows: list[dict[str, Any]] | None) -> list[str]:
        return [str(row["run_id"]) for row in rows or []][:MOST_COMPARED]

    def courses(run_ids: list[str]) -> list[comparison.Course]:
        found = []
        for run_id in run_ids:
            try:
                events, _ = service.events_since(run_id, 0)
                run = service.snapshot(run_id)
            except UnknownRun:
                continue
            evaluations = [event for event in events if isinstance(event, EpochMetrics)]
            found.append(comparison.Course(run, evaluations))
        return found

    @app.callback(
        Output(ids.RUNS_CURVES, "figure"),
        Output(ids.RUNS_DIFFERENCES, "children"),
        Output(ids.RUNS_ONE, "style"),
        Output(ids.RUNS_EPOCH, "options"),
        Output(ids.RUNS_EPOCH, "value"),
        Output(ids.RUNS_FILES, "children"),
        Input(ids.RUNS_GRID, "selectedRows"),
        Input(ids.RUNS_METRIC, "value"),
        Input(ids.EPOCH_NETWORKS, "data"),
        State(ids.RUNS_EPOCH, "value"),
    )
    async def compare(
        rows: list[dict[str, Any]] | None, metric: str, _: str | None, epoch: str | None
    ) -> tuple[Any, ...]:
        chosen = await asyncio.to_thread(courses, ticked(rows))
        figure = comparison.curves(chosen, "loss" if metric == "loss" else "accuracy")
        table = comparison.differences(chosen)
        if len(chosen) != 1:
            hint = html.P(TICK_ONE, className="text-body-secondary small")
            return figure, [table, hint], {"display": "none"}, [], None, []
        run = chosen[0].run
        options = [{"value": str(kept), "label": _epoch_words(kept)} for kept in run.kept]
        known = {option["value"] for option in options}
        value = epoch if epoch in known else str(run.kept[-1]) if run.kept else None
        links = [
            html.A(title, href=f"/api/runs/{run.run_id}/{path}", download="")
            for title, path in FILES
        ]
        return figure, table, {}, options, value, links

    @app.callback(
        Output(ids.RUNS_SAY, "children"),
        Output(ids.RUNS_SAY, "is_open"),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Output(ids.TABS, "active_tab", allow_duplicate=True),
        Output(ids.RUNS_DELETED, "is_open"),
        Output(f"{ids.RUNS_DELETED}-ids", "data"),
        Input(ids.RUNS_WATCH, "n_clicks"),
        Input(ids.RUNS_PAUSE, "n_clicks"),
        Input(ids.RUNS_STOP, "n_clicks"),
        Input(ids.RUNS_REPEAT, "n_clicks"),
        Input(ids.RUNS_DELETE, "n_clicks"),
        Input(ids.RUNS_UNDO, "n_clicks"),
        Input(ids.RUNS_REWIND, "n_clicks"),
        Input(ids.RUNS_FORK, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        State(f"{ids.RUNS_DELETED}-ids", "data"),
        State(ids.RUNS_EPOCH, "value"),
        State(ids.RUNS_FIELD, "value"),
        State(ids.RUNS_VALUE, "value"),
        prevent_initial_call=True,
    )
    async def act(*arguments: Any) -> tuple[Any, ...]:
        rows, deleted, epoch, field, value = arguments[8:]
        chosen = ticked(rows)
        button = ctx.triggered_id
        silent = "", False, no_update, no_update, no_update, no_update
        try:
            if button == ids.RUNS_UNDO:
                await asyncio.to_thread(_each, service.restore, deleted or [])
                return "", False, no_update, no_update, False, None
            if not chosen:
                return TICK_SOME, True, no_update, no_update, no_update, no_update
            if button == ids.RUNS_WATCH:
                return "", False, chosen[0], ids.TAB_CURVES, no_update, no_update
            if button == ids.RUNS_DELETE:
                await asyncio.to_thread(_each, service.delete, chosen)
                return "", False, no_update, no_update, True, chosen
            if button in (ids.RUNS_REWIND, ids.RUNS_FORK):
                if len(chosen) != 1 or epoch is None:
                    return TICK_ONE, True, no_update, no_update, no_update, no_update
                if button == ids.RUNS_REWIND:
                    await asyncio.to_thread(service.rewind, chosen[0], int(epoch))
                    return silent
                changes = {field: value} if value not in (None, "") else {}
                child = await asyncio.to_thread(service.fork, chosen[0], int(epoch), changes)
                return "", False, child, no_update, no_update, no_update
            await asyncio.to_thread(_each, _action(service, str(button)), chosen)
        except DigitLabError as error:
            return str(error), True, no_update, no_update, no_update, no_update
        return silent

    @app.callback(
        Output(ids.RUNS_SAY, "children", allow_duplicate=True),
        Output(ids.RUNS_SAY, "is_open", allow_duplicate=True),
        Input(ids.RUNS_GRID, "cellValueChanged"),
        prevent_initial_call=True,
    )
    async def edit(cells: list[dict[str, Any]] | None) -> tuple[str, bool]:
        try:
            for cell in cells or []:
                if cell["colId"] in runs_table.EDITABLE:
                    value = cell.get("value")
                    said: Any = str(value or "").strip()[:MAX_TEXT]
                    said = bool(value) if cell["colId"] == "pinned" else said
                    change = {cell["colId"]: said}
                    await asyncio.to_thread(service.describe, str(cell["rowId"]), **change)
        except DigitLabError as error:
            return str(error), True
        return "", False

    @app.callback(
        Output(ids.RUNS_SAY, "children", allow_duplicate=True),
        Output(ids.RUNS_SAY, "is_open", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Input(ids.RUNS_UPLOAD, "contents"),
        State(ids.RUNS_UPLOAD, "filename"),
        prevent_initial_call=True,
    )
    async def bring_in(contents: str | None, name: str | None) -> tuple[str, bool, Any]:
        if not contents:
            return "", False, no_update
        try:
            content = base64.b64decode(contents.partition(",")[2], validate=True)
            run_id = await asyncio.to_thread(service.bring_in, content, name or "")
        except (DigitLabError, binascii.Error) as error:
            return str(error), True, no_update
        return "", False, run_id

    @app.callback(
        Output(ids.RUNS_PROBLEMS, "children"),
        Output(ids.RUNS_PROBLEMS, "is_open"),
        Input(ids.TABS, "active_tab"),
    )
    async def problems(tab: str) -> tuple[Any, Any]:
        if tab != ids.TAB_RUNS or not service.problems:
            return no_update, no_update
        return " ".join(service.problems), True


def _action(service: "TrainingService", button: str) -> Callable[[str], Any]:
    """What a button does with each run that is ticked."""

    def pause_or_resume(run_id: str) -> Any:
        busy = service.snapshot(run_id).state in (RunState.RUNNING, RunState.QUEUED)
        return service.pause(run_id) if busy else service.resume(run_id)

    return {
        ids.RUNS_PAUSE: pause_or_resume,
        ids.RUNS_STOP: service.stop,
        ids.RUNS_REPEAT: service.repeat,
    }[button]


def _each(act: Callable[[str], Any], run_ids: list[str]) -> None:
    for run_id in run_ids:
        act(run_id)


def _epoch_words(epoch: int) -> str:
    return str(epoch) if epoch else "0 (untrained)"
