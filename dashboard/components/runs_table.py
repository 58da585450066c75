"""The table of runs: its columns, and a row for each run."""

from typing import Any

import dash_ag_grid as dag

from core.config import PRESETS
from core.records.runs import RunSnapshot
from dashboard import ids
from dashboard.formatting import duration, epoch_progress, model_title
from dashboard.theme import HUES, RunStyle, run_style

_COLOURS = [f"var(--run-{hue})" for hue in range(1, HUES + 1)]
_MARKS = [
    {"condition": f"params.data.colour === '{colour}'", "style": {"color": colour}}
    for colour in _COLOURS
]
# Filters of numbers keep rows with at least the given value.
_AT_LEAST = {
    "filter": "agNumberColumnFilter",
    "filterParams": {"filterOptions": ["greaterThanOrEqual"], "maxNumConditions": 1},
}

COLUMNS: list[dict[str, Any]] = [
    {
        "field": "mark",
        "headerName": "",
        "width": 28,
        "sortable": False,
        "filter": False,
        "resizable": False,
        "cellClass": "run-mark",
        "cellStyle": {"styleConditions": _MARKS},
    },
    {
        "field": "name",
        "headerName": "Name",
        "editable": True,
        "minWidth": 130,
        "flex": 3,
        "comparator": {"function": "byNumbersInText"},
        # An empty name becomes the default name.
        "valueParser": {"function": "runName(params)"},
        "tooltipField": "name",
    },
    {"field": "state", "headerName": "State", "width": 122, "tooltipField": "said"},
    {
        "field": "best",
        "headerName": "Best acc.",
        "headerTooltip": "The best accuracy on the test images so far, in percent",
        "width": 96,
        "type": "rightAligned",
        "valueFormatter": {
            "function": "params.value == null ? '' : d3.format('.2f')(params.value) + '\u202f%'"
        },
        "floatingFilterComponentParams": {"filterPlaceholder": "≥ %"},
        **_AT_LEAST,
    },
    {
        "field": "seconds",
        "headerName": "Time",
        "headerTooltip": "How long it has trained; the filter takes seconds",
        "width": 92,
        "type": "rightAligned",
        "valueFormatter": {"function": "params.data.took"},
        "floatingFilterComponentParams": {"filterPlaceholder": "≥ s"},
        **_AT_LEAST,
    },
    {"field": "preset", "headerName": "Preset", "width": 108},
    {"field": "dataset", "headerName": "Data set", "width": 126},
    {"field": "model", "headerName": "Model", "width": 114},
    {
        "field": "progress",
        "headerName": "Epochs",
        "width": 110,
        "valueFormatter": {"function": "params.data.epochs"},
        "floatingFilterComponentParams": {"filterPlaceholder": "≥"},
        **_AT_LEAST,
    },
    {
        "field": "created",
        "headerName": "Started",
        "width": 142,
        "sort": "desc",
        "comparator": {"function": "byStart"},
        # As text: the grid would recognise a date and filter it with a calendar.
        "cellDataType": "text",
        "valueFormatter": {"function": "params.value.slice(0, 16)"},
        "tooltipField": "created",
    },
    {
        "field": "note",
        "headerName": "Note",
        "editable": True,
        "minWidth": 120,
        "flex": 2,
        "tooltipField": "note",
    },
    {
        "field": "pinned",
        "headerName": "Keep",
        "headerTooltip": "What is kept cannot be deleted",
        "editable": True,
        "width": 64,
        "cellDataType": "boolean",
        "filter": False,
    },
]
EDITABLE = ("name", "note", "pinned")
_THEME = "themeQuartz.withParams({ spacing: 6, fontSize: 13, cellHorizontalPadding: 8 })"


def grid() -> dag.AgGrid:
    return dag.AgGrid(
        id=ids.RUNS_GRID,
        columnDefs=COLUMNS,
        defaultColDef={
            "sortable": True,
            "filter": "agTextColumnFilter",
            "resizable": True,
            "floatingFilter": True,
            "floatingFilterComponentParams": {"filterPlaceholder": "filter"},
            "suppressHeaderMenuButton": True,
            "suppressHeaderFilterButton": True,
            "suppressFloatingFilterButton": True,
        },
        rowData=[],
        getRowId="params.data.run_id",
        dashGridOptions={
            "theme": {"function": _THEME},
            "rowSelection": {
                "mode": "multiRow",
                "enableClickSelection": False,
                "selectAll": "filtered",
            },
            "selectionColumnDef": {"width": 36},
            "animateRows": False,
            "ensureDomOrder": True,  # for screen readers
            "enableBrowserTooltips": True,
            "stopEditingWhenCellsLoseFocus": True,
            "localeText": {"noRowsToShow": "No runs yet. Press Train on the Train tab."},
        },
        style={"height": "380px"},
    )


def selected_runs(rows: Any) -> list[str]:
    """The run ids in the grid's property `selectedRows`: a list of rows, or `{"ids": [...]}`."""
    if isinstance(rows, dict):
        return [str(run_id) for run_id in rows["ids"]]
    return [str(row["run_id"]) for row in rows or []]


def style(run: RunSnapshot) -> RunStyle:
    """The look of a run, whichever runs are shown with it."""
    return run_style(run.number - 1)


def colour(run: RunSnapshot) -> str:
    """The colour of a run, as a variable of the style sheet."""
    return f"var(--{style(run).token})"


def row(run: RunSnapshot) -> dict[str, Any]:
    """The row of a run."""
    return {
        "run_id": run.run_id,
        "mark": style(run).glyph,
        "colour": colour(run),
        "number": run.number,
        "name": run.title,
        "state": _state(run),
        "said": run.error or run.message,
        "preset": _preset(run),
        "dataset": run.dataset_title,
        "model": model_title(run.config.get("model")),
        "progress": run.progress,
        "epochs": f"{run.progress:.4g} of {run.epochs}" if run.epochs else "",
        "best": _percent(run.best_test_accuracy),
        "seconds": round(run.seconds),
        "took": duration(run.seconds),
        "created": run.created[:19].replace("T", " "),
        "note": run.note,
        "pinned": run.pinned,
        # Not shown, but used by scripts of the page:
        "pair": run.pair,
        "revision": run.revision,
        "share": f"{run.share:.1%}",
        "epoch": epoch_progress(run),
    }


def _state(run: RunSnapshot) -> str:
    if run.queue_place is not None:
        return f"{run.state.value}, place {run.queue_place}"
    return run.state.value


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 4)


def _preset(run: RunSnapshot) -> str:
    if run.brought_in:
        return "brought in"
    return PRESETS[run.preset].title if run.preset in PRESETS else "own settings"
