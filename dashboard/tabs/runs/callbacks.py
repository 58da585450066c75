"""Callbacks of the Runs tab: the comparison of the selected runs, and what a fork may change.

`assets/tabs/runs.js` fills the table, has what the buttons do, and uploads files with weights.
"""

import asyncio
from typing import Any, get_args

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, html, no_update

from core.config import CHOICE_TITLES, TrainConfig
from core.errors import UnknownRunError
from core.records.runs import RunSnapshot
from dashboard import ids
from dashboard.components.controls import HIDDEN, display
from dashboard.components.epoch_curves import EvaluatedRun, load_evaluations
from dashboard.components.runs_table import actions, selected_runs
from dashboard.service import TrainingService
from dashboard.tabs.runs import figures, layout
from dashboard.tabs.runs.differences import differences
from dashboard.tabs.runs.layout import FORKABLE
from dashboard.urls import url

MAX_COMPARED = 40
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


def register(app: Dash, service: TrainingService) -> None:
    def load(run_ids: list[str]) -> list[EvaluatedRun]:
        found = []
        for run_id in run_ids[:MAX_COMPARED]:
            try:
                found.append(load_evaluations(service, service.runs.snapshot(run_id)))
            except UnknownRunError:
                continue
        return found

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
            shown |= {"epochs": [], "epoch": None, "files": [], "title": ""}
            return {**shown, "one": HIDDEN, "menu": HIDDEN}
        run = runs[0].run
        epochs = [str(kept) for kept in run.kept]
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
        }

    # In the browser: an answer to a question from before somebody's choice must not undo it.
    app.clientside_callback(
        ClientsideFunction("runs", "keepEpoch"),
        Output(layout.EPOCH, "value"),
        Input(layout.EPOCH, "options"),
        State(layout.PROPOSED_EPOCH, "data"),
        State(layout.EPOCH, "value"),
    )

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
