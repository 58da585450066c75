"""Callbacks of the Runs tab: actions on the selected runs, their comparison, rewind and fork.

`assets/tabs/runs.js` fills the table and uploads files with weights.
"""

import asyncio
import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_args

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update, set_props
from typing_extensions import Required, TypedDict

from core.config import CHOICE_TITLES, TrainConfig, read_texts
from core.errors import DigitLabError, InvalidConfigError, UnknownRunError
from core.names import enumeration
from core.records.runs import RunSnapshot
from dashboard import ids
from dashboard.components.controls import HIDDEN, display, working
from dashboard.components.epoch_curves import EvaluatedRun, load_evaluations
from dashboard.components.runs_table import EDITABLE, actions, selected_runs
from dashboard.service import TrainingService
from dashboard.tabs.runs import figures, layout
from dashboard.tabs.runs.differences import differences
from dashboard.tabs.runs.layout import FORKABLE, SEEDS
from dashboard.urls import url
from dashboard.values import Count

MAX_TEXT = 1000
MAX_COMPARED = 40
SELECT_FIRST = "Select a run first."
WEIGHTS = (
    ("Weights (.pth)", "weights?format=pth"),
    ("Weights (.safetensors)", "weights?format=safetensors"),
    ("Weights (.onnx)", "weights?format=onnx"),
)
METRICS = (
    ("Metrics (.csv)", "metrics.csv"),
    ("Metrics (.json)", "metrics.json"),
    ("TensorBoard (.zip)", "tensorboard.zip"),
)
PROGRAMS = (("Notebook (.ipynb)", "notebook.ipynb"), ("Script (.py)", "script.py"))


BUTTONS = {
    layout.PAUSE: ("pause", "resume"),
    layout.STOP: ("stop",),
    layout.REPEAT: ("repeat",),
    layout.DELETE: ("delete",),
}
"""What each button does: the first that can be done with any of the selected runs."""

Item = TypeVar("Item")


class Cell(TypedDict, total=False):
    """A cell of the table that was edited."""

    rowId: Required[str]
    colId: Required[str]
    value: str | bool | None


def register(app: Dash, service: TrainingService) -> None:
    _register_table(app, service)
    _register_comparison(app, service)
    _register_single_run(app, service)


def _register_table(app: Dash, service: TrainingService) -> None:
    @app.callback(
        Input(layout.SHOW, "n_clicks"),
        Input(layout.PAUSE, "n_clicks"),
        Input(layout.STOP, "n_clicks"),
        Input(layout.REPEAT, "n_clicks"),
        Input(layout.DELETE, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        running=[working(layout.REPEAT)],
    )
    async def act(*arguments: Any) -> None:
        run_ids, button = selected_runs(arguments[-1]), str(ctx.triggered_id)
        if not run_ids:
            _show_message(layout.SAY, SELECT_FIRST, "danger")
        elif button == layout.SHOW:
            set_props(ids.RUN_PICK, {"value": run_ids[0]})
            set_props(ids.OPEN_TAB, {"data": ids.TAB_CURVES})
        else:
            done, problems = await asyncio.to_thread(_act_on_each, service, button, run_ids)
            _show_result(problems, _repeated(done) if button == layout.REPEAT else "")
            if button == layout.DELETE and done:
                _offer_undo(done)

    @app.callback(Input(layout.UNDO, "n_clicks"), State(layout.DELETED_IDS, "data"))
    async def undo(_: Any, run_ids: list[str] | None) -> None:
        _, problems = await asyncio.to_thread(_try_each, service.runs.restore, run_ids or [])
        _show_result(problems)
        set_props(layout.DELETED, {"is_open": False})

    @app.callback(Input(ids.RUNS_GRID, "cellValueChanged"))
    async def edit(cells: list[Cell] | None) -> None:
        try:
            for cell in cells or []:
                column, value = cell["colId"], cell.get("value")
                if column in EDITABLE:
                    text = str(value or "").strip()[:MAX_TEXT]
                    change: dict[str, Any] = {column: bool(value) if column == "pinned" else text}
                    await asyncio.to_thread(service.runs.update_metadata, cell["rowId"], **change)
        except DigitLabError as error:
            _show_message(layout.SAY, str(error), "danger")


def _register_comparison(app: Dash, service: TrainingService) -> None:
    def load(run_ids: list[str]) -> list[EvaluatedRun]:
        found = []
        for run_id in run_ids[:MAX_COMPARED]:
            try:
                found.append(load_evaluations(service, service.runs.snapshot(run_id)))
            except UnknownRunError:
                continue
        return found

    def seeds(run: RunSnapshot) -> list[str]:
        """The runs of its group."""
        return [
            other.run_id for other in service.runs.all() if run.group and other.group == run.group
        ]

    @app.callback(
        output={
            "figure": Output(layout.CURVES, "figure"),
            "table": Output(layout.DIFFERENCES, "children"),
            "one": Output(layout.ONE, "style"),
            "title": Output(layout.ONE_TITLE, "children"),
            "epochs": Output(layout.EPOCH, "options"),
            "epoch": Output(layout.PROPOSED_EPOCH, "data"),
            "files": Output(layout.FILES, "children"),
            "menu": Output(layout.FILES, "style"),
            "seeds": Output(layout.GROUP_LINE, "style"),
            "seed_count": Output(layout.GROUP_SIZE, "children"),
        },
        inputs={
            "rows": Input(ids.RUNS_GRID, "selectedRows"),
            "metric": Input(layout.METRIC, "value"),
            "_": Input(layout.CHANGED, "data"),
        },
    )
    async def compare(rows: Any, metric: str | None, _: object) -> dict[str, Any]:
        runs = await asyncio.to_thread(load, selected_runs(rows))
        shown: dict[str, Any] = {
            "figure": figures.comparison(runs, "loss" if metric == "loss" else "accuracy"),
            "table": differences([one.run for one in runs]),
        }
        if len(runs) != 1:
            shown |= {"epochs": [], "epoch": None, "files": [], "seed_count": "", "title": ""}
            return {**shown, "one": HIDDEN, "menu": HIDDEN, "seeds": HIDDEN}
        run = runs[0].run
        epochs = [str(kept) for kept in run.kept]
        count = len(await asyncio.to_thread(seeds, run))
        return {
            **shown,
            "one": display("continue" in actions(run)),
            "title": f"Continue {run.title}",
            "epochs": [
                {"value": one, "label": "0 (untrained)" if one == "0" else one} for one in epochs
            ],
            "epoch": _last_to_continue(run),
            "files": _links(run),
            "menu": display(run.kept),
            "seeds": display(count),
            "seed_count": f"One of {count} runs that differ only in their seeds.",
        }

    # In the browser: an answer to a question from before somebody's choice must not undo it.
    app.clientside_callback(
        ClientsideFunction("runs", "keepEpoch"),
        Output(layout.EPOCH, "value"),
        Input(layout.EPOCH, "options"),
        State(layout.PROPOSED_EPOCH, "data"),
        State(layout.EPOCH, "value"),
    )

    @app.callback(
        Output(ids.RUNS_GRID, "selectedRows"),
        Input(layout.GROUP, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
    )
    async def select_group(_: Any, rows: Any) -> Any:
        try:
            run = await asyncio.to_thread(service.runs.snapshot, selected_runs(rows)[0])
        except (IndexError, UnknownRunError):
            return no_update
        return {"ids": await asyncio.to_thread(seeds, run)}


def _register_single_run(app: Dash, service: TrainingService) -> None:
    # In the browser: what somebody types before the answer below has come must stay.
    app.clientside_callback(
        ClientsideFunction("runs", "clearValue"),
        Output(layout.VALUE, "value"),
        Input(layout.FIELD, "value"),
    )

    @app.callback(
        Output(layout.VALUE, "placeholder"),
        Output(layout.CHOICES, "children"),
        Input(layout.FIELD, "value"),
        Input(ids.RUNS_GRID, "selectedRows"),
    )
    async def suggest(field: str | None, rows: Any) -> tuple[Any, ...]:
        try:
            run = await asyncio.to_thread(service.runs.snapshot, selected_runs(rows)[0])
        except (IndexError, UnknownRunError):
            run = None
        if run is None or field not in FORKABLE:
            return no_update, no_update
        return f"now {run.config.get(field)}", _choices(field)

    @app.callback(
        Input(layout.REWIND, "n_clicks"),
        Input(layout.FORK, "n_clicks"),
        State(ids.RUNS_GRID, "selectedRows"),
        State(layout.EPOCH, "value"),
        State(layout.FIELD, "value"),
        State(layout.VALUE, "value"),
        running=[working(layout.FORK)],
    )
    async def rewind_or_fork(
        _: Any, __: Any, rows: Any, epoch: Count | None, field: str, value: str | None
    ) -> None:
        run_ids = selected_runs(rows)
        if len(run_ids) != 1 or epoch is None:
            _show_message(layout.ONE_SAY, SELECT_FIRST, "danger")
            return
        try:
            if ctx.triggered_id == layout.REWIND:
                run = await asyncio.to_thread(service.runs.rewind, run_ids[0], epoch)
                sentence = (
                    f"{run.title} is back after epoch {epoch}. Resume it to go on from there."
                )
            else:
                changes = read_texts({field: value}) if value not in (None, "") else {}
                child = await asyncio.to_thread(service.runs.fork, run_ids[0], epoch, changes)
                set_props(ids.RUN_PICK, {"value": child})
                title = (await asyncio.to_thread(service.runs.snapshot, child)).title
                sentence = f"{title} goes on from there. Select both to see where they part."
        except InvalidConfigError as error:
            problems = [f"{_title(name)}: {problem}" for name, problem in error.fields.items()]
            _show_message(layout.ONE_SAY, " ".join(problems), "danger")
        except DigitLabError as error:
            _show_message(layout.ONE_SAY, str(error), "danger")
        else:
            _show_message(layout.ONE_SAY, sentence, "info")


def _show_message(alert: str, sentence: str, color: str) -> None:
    """Opens an alert, or closes it if there is nothing to show."""
    set_props(alert, {"children": sentence, "color": color, "is_open": bool(sentence)})


def _show_result(problems: Iterable[str], news: str = "") -> None:
    """Shows the problems, or else the news."""
    text = " ".join(problems)
    _show_message(layout.SAY, text or news, "danger" if text else "info")


def _offer_undo(deleted: list[RunSnapshot]) -> None:
    set_props(layout.DELETED_IDS, {"data": [run.run_id for run in deleted]})
    set_props(layout.DELETED_NAMES, {"children": f"Deleted: {_titles(deleted)}. "})
    set_props(layout.DELETED, {"is_open": True})


def _titles(runs: list[RunSnapshot]) -> str:
    return enumeration([run.title for run in runs])


def _repeated(runs: list[RunSnapshot]) -> str:
    if not runs:
        return ""
    return (
        f"{_titles(runs)} will be trained with {SEEDS} seeds. Select all of them below to see "
        "their mean and spread."
    )


def _act_on_each(
    service: TrainingService, button: str, run_ids: list[str]
) -> tuple[list[RunSnapshot], list[str]]:
    """What a button does with each selected run with which it can be done.

    Returns:
        The runs it was done with, as they were before, and a sentence for each of the others.
    """
    calls: dict[str, Callable[[str], Any]] = {
        "pause": service.runs.pause,
        "resume": service.runs.resume,
        "stop": service.runs.stop,
        "repeat": lambda run_id: service.runs.repeat(run_id, SEEDS),
        "delete": service.runs.delete,
    }
    selected = [run for run in service.runs.all() if run.run_id in run_ids]
    for action in BUTTONS[button]:
        able = [run for run in selected if action == "delete" or action in actions(run)]
        if able:
            return _try_each(functools.partial(_act, calls[action]), able)
    return [], []


def _act(call: Callable[[str], Any], run: RunSnapshot) -> RunSnapshot:
    call(run.run_id)
    return run


def _try_each(
    act: Callable[[Item], RunSnapshot], items: Iterable[Item]
) -> tuple[list[RunSnapshot], list[str]]:
    """Calls `act` with each item: its results, and a sentence for each error."""
    done, problems = [], []
    for item in items:
        try:
            done.append(act(item))
        except DigitLabError as error:
            problems.append(str(error))
    return done, problems


def _last_to_continue(run: RunSnapshot) -> str | None:
    """The last epoch that is kept and is not the run's end."""
    epochs = [epoch for epoch in run.kept if epoch < run.epochs]
    return str(epochs[-1]) if epochs else None


def _links(run: RunSnapshot) -> list[dbc.DropdownMenuItem]:
    """Links to the files that there are of a run; `assets/tabs/runs.js` downloads them."""
    files = [*WEIGHTS]
    if not run.brought_in:  # of those nothing is known but the weights
        files += METRICS if run.lesson else METRICS + PROGRAMS
    return [
        dbc.DropdownMenuItem(
            title, href=url(f"/api/runs/{run.run_id}/{path}"), external_link=True, class_name="file"
        )
        for title, path in files
    ]


def _choices(field: str) -> list[html.Option]:
    """The values of a setting, if it has a list of them."""
    kind = TrainConfig.model_fields[field].annotation
    values = ("true", "false") if kind is bool else get_args(kind)
    return [html.Option(value=value, label=CHOICE_TITLES.get(value, value)) for value in values]


def _title(field: str) -> str:
    return (TrainConfig.model_fields[field].title or field) if field in FORKABLE else field
