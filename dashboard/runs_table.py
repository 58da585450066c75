"""The table of runs: its columns, a row for each run, and what changes between two looks.

It does not know how rows reach the page, or what is done with those that are ticked.
"""

from typing import Any

from core.config import CHOICE_TITLES, PRESETS
from core.events import RunSnapshot
from dashboard.status import duration

# Okabe and Ito's palette without black and the yellow that white paper swallows; the order keeps
# neighbours far apart for the colour-blind.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F")
DASHES = ("solid", "dash", "dot", "dashdot")

_MARKS = [
    {"condition": f"params.data.colour === '{colour}'", "style": {"color": colour}}
    for colour in COLOURS
]
_PERCENT = {"function": "params.value == null ? '' : d3.format('.2%')(params.value)"}
_NUMBER: dict[str, Any] = {"filter": "agNumberColumnFilter", "type": "rightAligned"}

COLUMNS: list[dict[str, Any]] = [
    {
        "field": "mark",
        "headerName": "",
        "width": 30,
        "sortable": False,
        "filter": False,
        "resizable": False,
        "cellClass": "run-mark",
        "cellStyle": {"styleConditions": _MARKS},
    },
    {"field": "name", "headerName": "Name", "editable": True, "minWidth": 130, "flex": 2},
    {"field": "state", "headerName": "State", "width": 110},
    {"field": "preset", "headerName": "Preset", "width": 110},
    {"field": "dataset", "headerName": "Data set", "width": 120},
    {"field": "model", "headerName": "Model", "width": 125},
    {"field": "epochs", "headerName": "Epochs", "width": 95},
    {
        "field": "best",
        "headerName": "Best acc.",
        "width": 110,
        "valueFormatter": _PERCENT,
        **_NUMBER,
    },
    {
        "field": "seconds",
        "headerName": "Time",
        "width": 100,
        "valueFormatter": {"function": "params.data.took"},
        **_NUMBER,
    },
    {"field": "created", "headerName": "Started", "width": 165, "sort": "desc"},
    {"field": "note", "headerName": "Note", "editable": True, "minWidth": 120, "flex": 2},
    {
        "field": "pinned",
        "headerName": "Keep",
        "editable": True,
        "width": 80,
        "cellDataType": "boolean",
        "filter": False,
    },
]
EDITABLE = ("name", "note", "pinned")


def colour(run: RunSnapshot) -> str:
    """A run's own colour, the same whichever others are shown with it."""
    return COLOURS[run.number % len(COLOURS)]


def dash(run: RunSnapshot) -> str:
    """Tells runs of one colour apart."""
    return DASHES[run.number // len(COLOURS) % len(DASHES)]


def row(run: RunSnapshot) -> dict[str, Any]:
    """A run as the grid shows it."""
    return {
        "run_id": run.run_id,
        "mark": "●",
        "colour": colour(run),
        "name": run.title,
        "state": state_words(run),
        "preset": PRESETS[run.preset].title if run.preset in PRESETS else "own settings",
        "dataset": run.dataset_title,
        "model": model_title(run.config.get("model")),
        "epochs": f"{run.progress:.3g} of {run.epochs}",
        "best": run.best_test_accuracy,
        "seconds": round(run.seconds),
        "took": duration(run.seconds),
        "created": run.created[:19].replace("T", " "),
        "note": run.note,
        "pinned": run.pinned,
    }


def model_title(model: Any) -> str:
    """A network's name alone, without what it is for."""
    return CHOICE_TITLES.get(str(model), "").split(" (")[0]


def state_words(run: RunSnapshot) -> str:
    if run.queue_place is not None:
        return f"{run.state.value}, {run.queue_place}."
    return run.state.value


def transaction(before: dict[str, RunSnapshot], after: dict[str, RunSnapshot]) -> dict[str, Any]:
    """What the grid must do to show the runs after instead of those before; empty for nothing."""
    added = [row(run) for run_id, run in after.items() if run_id not in before]
    removed = [{"run_id": run_id} for run_id in before if run_id not in after]
    # A snapshot is replaced when it changes; a row may still say the same.
    changed = [
        row(run)
        for run_id, run in after.items()
        if run_id in before and run is not before[run_id] and row(run) != row(before[run_id])
    ]
    change: dict[str, Any] = {"add": added, "addIndex": 0, "remove": removed, "update": changed}
    return change if added or removed or changed else {}
