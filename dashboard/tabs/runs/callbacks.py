"""The Runs tab: the table of all runs, and what can be done with those that are ticked.

`assets/tabs/runs.js` fills the table and sends files with weights. What is shown of ticked runs is
in `dashboard.tabs.runs.selected`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import (
    Dash,
    Input,
    State,
    ctx,
    dcc,
    html,
    set_props,
)

from core.errors import DigitLabError
from core.records.runs import RunSnapshot, RunState
from dashboard import guide_page, ids
from dashboard.components import runs_table
from dashboard.components.presses import PRESS_ONCE, Presses, working
from dashboard.tabs.runs import selected

if TYPE_CHECKING:
    from core.service.service import TrainingService

MAX_TEXT = 1000
MOST_BYTES_IN = 64 << 20
SEEDS = 5
EXPLANATION = "Every run is kept. Tick runs to compare them or to do something with them."
TICK_SOME = "Tick a run in the table first."


def layout(problems: Sequence[str]) -> html.Div:
    """
    Args:
        problems: a sentence for each thing that was found damaged at the start.
    """
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "runs"),
            dbc.Alert(
                " ".join(problems), color="warning", is_open=bool(problems), dismissable=True
            ),
            html.Section(
                [
                    html.Div(_buttons(), className="controls"),
                    dbc.Alert(id=ids.RUNS_SAY, is_open=False, dismissable=True),
                    dbc.Alert(
                        [
                            html.Span(id=ids.RUNS_DELETED_NAMES),
                            dbc.Button("Undo", id=ids.RUNS_UNDO, size="sm", color="link"),
                        ],
                        id=ids.RUNS_DELETED,
                        color="info",
                        is_open=False,
                        dismissable=True,
                    ),
                    runs_table.grid(),
                    html.P(
                        "Double-click a name or a note to change it. What is ticked under Keep "
                        "cannot be deleted.",
                        className="text-body-secondary small mt-2 mb-0",
                    ),
                ],
                className="panel",
                **{"aria-label": "All runs"},
            ),
            selected.layout(),
            dcc.Store(id=ids.RUNS_DELETED_IDS),
            dcc.Store(id=ids.version(ids.TAB_RUNS)),
        ]
    )


def _buttons() -> list[Any]:
    plain: dict[str, Any] = {"size": "sm", "color": "secondary", "outline": True}
    return [
        html.Div(
            [
                dbc.Button("Look at it", id=ids.RUNS_WATCH, size="sm", color="primary"),
                dbc.Button("Pause or resume", id=ids.RUNS_PAUSE, className=PRESS_ONCE, **plain),
                dbc.Button("Stop or cancel", id=ids.RUNS_STOP, **plain),
                dbc.Button(
                    f"Repeat with {SEEDS} seeds",
                    id=ids.RUNS_REPEAT,
                    className=PRESS_ONCE,
                    **plain,
                ),
                dbc.Button("Delete", id=ids.RUNS_DELETE, size="sm", color="danger", outline=True),
            ],
            className="runs-buttons",
            role="group",
            **{"aria-label": "Ticked runs"},
        ),
        html.Button(
            "Bring in weights …",
            id=ids.RUNS_UPLOAD,
            title="A .pth or .safetensors file with the weights of one of the models here, "
            f"of at most {MOST_BYTES_IN >> 20} MB",
            className="btn btn-outline-secondary btn-sm",
            **{"data-most-bytes": str(MOST_BYTES_IN)},
        ),
    ]


def register(app: Dash, service: "TrainingService") -> None:
    selected.register(app, service)
    presses = Presses()

    @app.callback(
        Input(ids.RUNS_WATCH, "n_clicks"),
        Input(ids.RUNS_PAUSE, "n_clicks"),
        Input(ids.RUNS_STOP, "n_clicks"),
        Input(ids.RUNS_REPEAT, "n_clicks"),
        Input(ids.RUNS_DELETE, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        running=[working(ids.RUNS_REPEAT)],
        prevent_initial_call=True,
    )
    async def act(*arguments: Any) -> None:
        chosen = runs_table.ticked(arguments[-1])
        button = str(ctx.triggered_id)
        if not chosen:
            _say([TICK_SOME])
        elif button == ids.RUNS_WATCH:
            set_props(ids.RUN_PICK, {"value": chosen[0]})
            set_props(ids.TABS, {"active_tab": ids.TAB_CURVES})
        else:
            call = presses.once if button == ids.RUNS_REPEAT else asyncio.to_thread
            done, problems = await call(_each, service, button, chosen)
            _say(problems, _news(button, done))
            if button == ids.RUNS_DELETE and done:
                _offer_undo(done)

    @app.callback(
        Input(ids.RUNS_UNDO, "n_clicks"),
        State(ids.RUNS_DELETED_IDS, "data"),
        prevent_initial_call=True,
    )
    async def undo(_: Any, deleted: list[str] | None) -> None:
        problems = await asyncio.to_thread(_restore, service, deleted or [])
        _say(problems)
        set_props(ids.RUNS_DELETED, {"is_open": False})

    @app.callback(Input(ids.RUNS_GRID, "cellValueChanged"), prevent_initial_call=True)
    async def edit(cells: list[dict[str, Any]] | None) -> None:
        try:
            for cell in cells or []:
                if cell["colId"] in runs_table.EDITABLE:
                    value = cell.get("value")
                    said: Any = str(value or "").strip()[:MAX_TEXT]
                    said = bool(value) if cell["colId"] == "pinned" else said
                    change = {cell["colId"]: said}
                    await asyncio.to_thread(service.describe, str(cell["rowId"]), **change)
        except DigitLabError as error:
            _say([str(error)])


def _say(problems: Iterable[str], news: str = "") -> None:
    """Shows what went wrong, or else the news; with neither, what was said before goes away."""
    text = " ".join(problems)
    color = "danger" if text else "info"
    said = text or news
    set_props(ids.RUNS_SAY, {"children": said, "color": color, "is_open": bool(said)})


def _offer_undo(deleted: list[RunSnapshot]) -> None:
    set_props(ids.RUNS_DELETED_IDS, {"data": [run.run_id for run in deleted]})
    set_props(ids.RUNS_DELETED_NAMES, {"children": f"Deleted: {runs_table.names(deleted)}. "})
    set_props(ids.RUNS_DELETED, {"is_open": True})


def _action(service: "TrainingService", button: str) -> Callable[[str], Any]:
    """What a button does with each run that is ticked."""

    def pause_or_resume(run_id: str) -> Any:
        busy = service.snapshot(run_id).state in (RunState.RUNNING, RunState.QUEUED)
        return service.pause(run_id) if busy else service.resume(run_id)

    return {
        ids.RUNS_PAUSE: pause_or_resume,
        ids.RUNS_STOP: service.stop,
        ids.RUNS_REPEAT: lambda run_id: service.repeat(run_id, SEEDS),
        ids.RUNS_DELETE: service.delete,
    }[button]


def _news(button: str, done: list[RunSnapshot]) -> str:
    if button != ids.RUNS_REPEAT or not done:
        return ""
    return (
        f"{runs_table.names(done)} will be trained with {SEEDS} seeds. Tick one of them, and tick "
        "all of its seeds below, to see their mean and spread."
    )


def _each(
    service: "TrainingService", button: str, run_ids: list[str]
) -> tuple[list[RunSnapshot], list[str]]:
    """Does with every run what the button does, whatever comes of the others: those it was done
    with, as they were before, and a sentence for each of the others."""
    act = _action(service, button)
    done, problems = [], []
    for run_id in run_ids:
        try:
            before = service.snapshot(run_id)
            act(run_id)
            done.append(before)
        except DigitLabError as error:
            problems.append(str(error))
    return done, problems


def _restore(service: "TrainingService", run_ids: list[str]) -> list[str]:
    problems = []
    for run_id in run_ids:
        try:
            service.restore(run_id)
        except DigitLabError as error:
            problems.append(str(error))
    return problems
