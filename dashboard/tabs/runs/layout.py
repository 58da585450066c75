"""Layout of the Runs tab: the table of runs, their comparison, and actions on a single run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from core.config import TrainConfig
from dashboard.components import runs_table
from dashboard.components.controls import (
    HIDDEN,
    alert,
    button,
    labelled,
    muted,
    panel,
    select,
    stores,
)
from dashboard.components.help_link import help_link
from dashboard.components.presses import PRESS_ONCE
from dashboard.tabs.runs import figures
from dashboard.theme import GRAPH

if TYPE_CHECKING:
    from core.service.service import TrainingService

PROBLEMS = "runs-problems"
WATCH = "runs-watch"
PAUSE = "runs-pause"
STOP = "runs-stop"
REPEAT = "runs-repeat"
DELETE = "runs-delete"
DELETED = "runs-deleted"
DELETED_NAMES = "runs-deleted-names"
DELETED_IDS = "runs-deleted-ids"
UNDO = "runs-undo"
SAY = "runs-say"
ONE = "runs-one"
ONE_SAY = "runs-one-say"
EPOCH = "runs-epoch"
REWIND = "runs-rewind"
FIELD = "runs-field"
VALUE = "runs-value"
CHOICES = "runs-choices"
FORK = "runs-fork"
FILES = "runs-files"
UPLOAD = "runs-upload"
METRIC = "runs-metric"
CURVES = "runs-curves"
DIFFERENCES = "runs-differences"
GROUP = "runs-group"
GROUP_LINE = "runs-group-line"
GROUP_SIZE = "runs-group-size"

SEEDS = 5
EXPLANATION = "Every run is kept. Tick runs to compare them or to do something with them."
FORKABLE = [
    name
    for name in TrainConfig.model_fields
    if name not in ("model", "dataset", "seed", "train_images", "precision")
]


def layout(service: "TrainingService") -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "runs"),
            _problems(service.problems),
            panel(
                "All runs",
                html.Div(_buttons(service.imports.MAX_BYTES), className="controls"),
                dbc.Alert(id=SAY, is_open=False, dismissable=True),
                alert(
                    DELETED,
                    html.Span(id=DELETED_NAMES),
                    dbc.Button("Undo", id=UNDO, size="sm", color="link"),
                    color="info",
                ),
                runs_table.grid(),
                muted(
                    "Double-click a name or a note to change it. What is ticked under Keep "
                    "cannot be deleted.",
                    "mt-2 mb-0",
                ),
            ),
            html.Div([_comparison(), _details()], className="two-columns"),
            *stores(DELETED_IDS),
        ]
    )


def _problems(problems: Sequence[str]) -> dbc.Alert:
    """What was found damaged when Digit Lab started."""
    return dbc.Alert(
        " ".join(problems),
        id=PROBLEMS,
        color="warning",
        is_open=bool(problems),
        dismissable=True,
    )


def _buttons(max_upload: int) -> list[Any]:
    """
    Args:
        max_upload: bytes that a file of weights may have.
    """
    return [
        html.Div(
            [
                button("Look at it", WATCH, "primary"),
                button("Pause or resume", PAUSE, className=PRESS_ONCE),
                button("Stop or cancel", STOP),
                button(f"Repeat with {SEEDS} seeds", REPEAT, className=PRESS_ONCE),
                button("Delete", DELETE, "danger"),
            ],
            className="runs-buttons",
            role="group",
            **{"aria-label": "Ticked runs"},
        ),
        html.Button(
            "Import weights…",
            id=UPLOAD,
            className="btn",
            title=(
                "A .pth, .safetensors or .onnx file with the weights of one of the models here, "
                f"of at most {max_upload >> 20} MB"
            ),
            **{"data-most-bytes": str(max_upload)},
        ),
    ]


def _comparison() -> html.Section:
    options = [
        {"value": "accuracy", "label": "Test accuracy"},
        {"value": "loss", "label": "Test loss"},
    ]
    return panel(
        "Comparison",
        select("Compare", METRIC, options, "accuracy"),
        dcc.Graph(
            id=CURVES,
            figure=figures.comparison([], "accuracy"),
            # More buttons would cover the title on a phone.
            config={**GRAPH, "modeBarButtons": [["toImage", "resetScale2d"]]},
        ),
    )


def _details() -> html.Section:
    return panel(
        "Details",
        html.H2("What differs"),
        html.Div(id=DIFFERENCES),
        html.P(
            [
                html.Span(id=GROUP_SIZE),
                dbc.Button("Tick all of its seeds", id=GROUP, size="sm", color="link"),
            ],
            id=GROUP_LINE,
            className="mb-0 small",
            style=HIDDEN,
        ),
        html.Div(_single_run(), id=ONE, style=HIDDEN),
    )


def _single_run() -> list[Any]:
    settings = [
        {"value": name, "label": TrainConfig.model_fields[name].title or name} for name in FORKABLE
    ]
    value = dbc.Input(id=VALUE, size="sm", list=CHOICES, autocomplete="off", className="w-auto")
    return [
        html.H2("Go back or fork", className="mt-3"),
        html.Div(
            [select("After epoch", EPOCH, []), button("Rewind", REWIND)], className="control small"
        ),
        html.Div(
            [
                select("and change", FIELD, settings, "learning_rate"),
                labelled("to", value),
                html.Datalist(id=CHOICES),
                button("Fork", FORK, "primary", outline=True, className=PRESS_ONCE),
            ],
            className="control small mt-2 flex-wrap",
        ),
        dbc.Alert(id=ONE_SAY, is_open=False, dismissable=True, className="mt-2 mb-0 small"),
        html.P(
            "Rewinding takes the run itself back; later epochs are dropped once it is resumed. "
            "A fork is a new run that shares the epochs before.",
            className="field-help mt-1",
        ),
        html.H2("Take away", className="mt-3"),
        html.Div(id=FILES, className="runs-files"),
    ]
