"""Layout of the Runs tab: the table of runs, their comparison, and actions on a single run."""

from collections.abc import Sequence
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from core.config import FIXED_IN_A_FORK, TrainConfig
from dashboard.components import runs_table
from dashboard.components.controls import (
    PRESS_ONCE,
    alert,
    button,
    choices,
    labelled,
    panel,
    select,
)
from dashboard.components.help_link import help_link
from dashboard.service import TrainingService
from dashboard.tabs.runs import figures
from dashboard.theme import GRAPH
from dashboard.urls import url

FIND = "runs-find"
VALUE = "runs-value"
CHOICES = "runs-choices"
METRIC = "runs-metric"
CHANGED = "runs-changed"
"""The store that changes when the selected runs have."""
CURVES = "runs-curves"
DIFFERENCES = "runs-differences"

EXPLANATION = (
    "Every run is kept. Double-click a name or a note to change it. Locked runs cannot be deleted."
)
SELECT_SOME = "Select runs to compare them."
FORKABLE = [
    name for name in TrainConfig.model_fields if name not in (*FIXED_IN_A_FORK, "precision")
]

FILES = {
    "weights": {
        "Weights (.pth)": "weights?format=pth",
        "Weights (.safetensors)": "weights?format=safetensors",
        "Weights (.onnx)": "weights?format=onnx",
    },
    "metrics": {
        "Metrics (.csv)": "metrics.csv",
        "Metrics (.json)": "metrics.json",
        "TensorBoard (.zip)": "tensorboard.zip",
    },
    "programs": {"Notebook (.ipynb)": "notebook.ipynb", "Script (.py)": "script.py"},
}
"""The files of a run, by what must be possible with it: see `runs_table`."""


def layout(service: TrainingService) -> html.Div:
    return html.Div(
        [
            _problems(service.problems),
            panel(
                "All runs",
                _tools(service.imports.MAX_BYTES),
                dbc.Alert(id="runs-say", is_open=False, dismissable=True),
                alert(
                    "runs-deleted",
                    html.Span(id="runs-deleted-names"),
                    dbc.Button(
                        "Undo", id="runs-undo", size="sm", color="link", class_name=PRESS_ONCE
                    ),
                    color="info",
                ),
                html.Div([runs_table.grid(), _no_rows()], className="runs-table"),
                help_link(EXPLANATION, "runs"),
            ),
            html.Div([_comparison(), _details()], className="runs-split"),
            dcc.Store(id=CHANGED),
        ]
    )


def _problems(problems: Sequence[str]) -> dbc.Alert:
    """What was found damaged when Digit Lab started."""
    return dbc.Alert(
        " ".join(problems),
        id="runs-problems",
        color="warning",
        is_open=bool(problems),
        dismissable=True,
    )


def _tools(max_upload: int) -> html.Div:
    """The find field, and what can be done with the selected runs, or without any.

    A file of weights may have `max_upload` bytes.
    """
    find = html.Div(
        [
            html.Label("Find runs", htmlFor=FIND, className="sr-only"),
            html.I(className="glyph glyph-find"),
            dbc.Input(
                id=FIND,
                type="search",
                placeholder="Find by name, note, model…",
                autocomplete="off",
            ),
        ],
        className="runs-find",
    )
    escape = html.Kbd("Esc", className="not-phone", **{"aria-hidden": "true"})
    bulk = html.Div(
        [
            html.B(className="runs-count", role="status"),
            button("Show", "runs-show"),
            button("Pause", "runs-pause", className=PRESS_ONCE),
            button("Stop", "runs-stop", className=PRESS_ONCE),
            button("Repeat with 5 seeds", "runs-repeat", className=PRESS_ONCE),
            html.Div(_downloads(), id="runs-files", hidden=True),
            button("Delete", "runs-delete", className=PRESS_ONCE),
            html.Button(
                ["Clear selection ", escape],
                className="btn push runs-clear",
            ),
        ],
        id="runs-bulk",
        role="toolbar",
        hidden=True,
        className="bulk",
        **{"aria-label": "Selected runs"},
    )
    upload = html.Button(
        "Import weights…",
        id="runs-upload",
        className="btn push",
        title=(
            "A .pth, .safetensors or .onnx file with the weights of one of the models here, "
            f"of at most {max_upload >> 20} MB"
        ),
        **{"data-most-bytes": str(max_upload)},
    )
    idle = html.Div([html.Span(SELECT_SOME, className="soft"), upload], className="runs-idle")
    return html.Div([find, bulk, idle], className="tools runs-tools")


def _downloads() -> dbc.DropdownMenu:
    """Links to the files of a run. The script puts its id in, and hides those that it lacks."""
    items = [
        dbc.DropdownMenuItem(
            title,
            href=url(f"/api/runs/RUN/{path}"),
            external_link=True,
            class_name=f"file of-{kind}",
        )
        for kind, files in FILES.items()
        for title, path in files.items()
    ]
    return dbc.DropdownMenu(items, label="Download", size="sm")


def _no_rows() -> html.Div:
    """What the table says while it is empty; the script shows it."""
    return html.Div(
        [
            html.P(["No runs yet. ", html.Button("Train a network", className="btn runs-train")]),
            html.P(["No run matches. ", html.Button("Show all", className="btn runs-show-all")]),
        ],
        className="runs-none",
        hidden=True,
    )


def _comparison() -> html.Section:
    metrics = choices("Compare", METRIC, {"accuracy": "Test accuracy", "loss": "Test loss"})
    return panel(
        "Compared",
        html.Div(
            [html.H2("Compared"), html.Div(metrics, className="segments")], className="row-flex"
        ),
        dcc.Graph(id=CURVES, figure=figures.comparison([], "accuracy"), config=GRAPH),
    )


def _details() -> html.Section:
    return panel(
        "What differs",
        html.H2("What differs"),
        html.Div(id=DIFFERENCES),
        html.P(
            [
                html.Span(id="runs-group-size"),
                dbc.Button("Select all of them", id="runs-group", size="sm", color="link"),
            ],
            id="runs-group-line",
            className="mb-0 small",
            hidden=True,
        ),
        html.Div(_single_run(), id="runs-one", hidden=True),
    )


def _single_run() -> list[Any]:
    settings = [
        {"value": name, "label": TrainConfig.model_fields[name].title or name} for name in FORKABLE
    ]
    epoch = html.Select(id="runs-epoch", className="form-select form-select-sm")
    value = dbc.Input(id=VALUE, size="sm", list=CHOICES, autocomplete="off")
    return [
        html.H2("Continue", id="runs-one-title"),
        html.Div(
            [
                labelled("from epoch", epoch),
                select("with", "runs-field", settings, "learning_rate"),
                labelled(["=", html.Span(" value", className="sr-only")], value),
                html.Datalist(id=CHOICES),
                button("Fork", "runs-fork", className=PRESS_ONCE),
                button("Rewind", "runs-rewind", className=PRESS_ONCE),
            ],
            className="controls",
        ),
        dbc.Alert(id="runs-one-say", is_open=False, dismissable=True, className="small"),
        html.P(
            "A fork is a new run that shares the epochs before. Rewinding takes the run itself "
            "back; its later epochs go when you resume it.",
            className="small soft",
        ),
    ]
