"""The table of runs: its columns, and a row for each run."""

from typing import Any

import dash_ag_grid as dag
from typing_extensions import TypedDict

from core.config import PRESETS
from core.records.runs import RunSnapshot, RunState
from dashboard import ids
from dashboard.components.header import state_label
from dashboard.formatting import duration, epoch_number, model_title
from dashboard.theme import RunStyle, run_style

COLUMNS: list[dict[str, Any]] = [
    {
        "field": "name",
        "headerName": "Name",
        "cellRenderer": "RunName",
        "editable": True,
        "minWidth": 150,
        "flex": 3,
        "comparator": {"function": "byNumbersInText"},
        # An empty name becomes the default name.
        "valueParser": {"function": "runName(params)"},
        "tooltipField": "name",
    },
    {
        "field": "word",
        "headerName": "State",
        "cellRenderer": "RunState",
        "width": 128,
        "tooltipField": "said",
    },
    {
        "field": "best",
        "headerName": "Best test accuracy",
        "width": 132,
        "type": "rightAligned",
        "cellClass": "ag-right-aligned-cell run-best",
        "valueFormatter": {"function": "runPercent(params.value)"},
    },
    {
        "field": "curve",
        "headerName": "Curve",
        "headerTooltip": "Test accuracy: from 90 to 99 % is as high as from 99 to 99.9 %.",
        "cellRenderer": "RunCurve",
        "width": 76,
        "sortable": False,
        "getQuickFilterText": {"function": "''"},
    },
    {
        "field": "seconds",
        "headerName": "Time",
        "width": 92,
        "type": "rightAligned",
        "valueFormatter": {"function": "params.data.took"},
    },
    {"field": "preset", "headerName": "Preset", "width": 96},
    {"field": "dataset", "headerName": "Data set", "width": 112},
    {"field": "model", "headerName": "Model", "width": 104},
    {
        "field": "progress",
        "headerName": "Epochs",
        "width": 84,
        "valueFormatter": {"function": "params.data.epochs"},
    },
    {"field": "seed", "headerName": "Seed", "width": 72, "type": "rightAligned"},
    {
        "field": "created",
        "headerName": "Started",
        "width": 128,
        "sort": "desc",
        "comparator": {"function": "byStart"},
        # As text: the grid would recognise a date.
        "cellDataType": "text",
        "valueFormatter": {"function": "params.value.slice(0, 16)"},
        "tooltipField": "created",
    },
    {
        "field": "note",
        "headerName": "Note",
        "editable": True,
        "minWidth": 90,
        "flex": 3,
        "cellClass": "run-note",
        "tooltipField": "note",
    },
    {
        "field": "pinned",
        "headerName": "Lock",
        "headerTooltip": "Locked runs cannot be deleted.",
        "editable": True,
        "width": 66,
        "cellDataType": "boolean",
    },
]


class Row(TypedDict):
    """A selected row: the grid sends all of it."""

    run_id: str


_THEME = """themeQuartz.withParams({
    spacing: 6, fontSize: 'var(--t-2)', fontFamily: 'var(--font)', cellHorizontalPadding: 8,
    rowHeight: 37, headerHeight: 36, headerFontSize: 'var(--t-1)', headerFontWeight: 400,
    backgroundColor: 'var(--page)', foregroundColor: 'var(--ink)', borderColor: 'var(--line)',
    headerBackgroundColor: 'var(--page)', headerTextColor: 'var(--ink-2)',
    accentColor: 'var(--ink)', rowHoverColor: 'var(--sunken)',
    selectedRowBackgroundColor: 'var(--run-selected)',
    checkboxUncheckedBorderColor: 'var(--edge)', checkboxCheckedBackgroundColor: 'var(--ink)',
    checkboxCheckedBorderColor: 'var(--ink)', checkboxCheckedShapeColor: 'var(--surface)',
    checkboxUncheckedBackgroundColor: 'var(--surface)',
    wrapperBorder: false, wrapperBorderRadius: 0, headerColumnResizeHandleColor: 'transparent'
})"""


def grid() -> dag.AgGrid:
    return dag.AgGrid(
        id=ids.RUNS_GRID,
        columnDefs=COLUMNS,
        defaultColDef={
            "sortable": True,
            "filter": False,
            "resizable": True,
            "suppressHeaderMenuButton": True,
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
            "selectionColumnDef": {"width": 40},
            "cacheQuickFilter": True,
            "animateRows": False,
            "ensureDomOrder": True,  # for screen readers
            "enableBrowserTooltips": True,
            "stopEditingWhenCellsLoseFocus": True,
            "suppressNoRowsOverlay": True,  # the tab has its own words for it
        },
        style={"height": "var(--runs-height)"},
    )


def style(run: RunSnapshot) -> RunStyle:
    """The look of a run, whichever runs are shown with it."""
    return run_style(run.number - 1)


def colour(run: RunSnapshot) -> str:
    """The colour of a run, as a variable of the style sheet."""
    return f"var(--{style(run).token})"


def _actions(run: RunSnapshot) -> list[str]:
    """What can be done with a run in its state, besides showing it."""
    waits_or_trains = run.state in (RunState.RUNNING, RunState.QUEUED)
    known = not run.brought_in  # how it was trained
    possible = {
        "pause": waits_or_trains,
        "resume": known and run.state.at_rest and run.state is not RunState.DONE,
        "stop": waits_or_trains or run.state is RunState.PAUSED,
        "repeat": known and not run.parent_epoch and run.lesson is None,
        "continue": known and bool(run.kept),
        "rewind": known and run.state.at_rest,
        "delete": True,
        "weights": bool(run.kept),
        "metrics": known,
        "programs": known and run.lesson is None,
    }
    return [action for action, is_possible in possible.items() if is_possible]


def row(run: RunSnapshot) -> dict[str, Any]:
    """The row of a run."""
    return {
        "run_id": run.run_id,
        "mark": style(run).glyph,
        "colour": colour(run),
        "number": run.number,
        "name": run.title,
        "state": run.state.value,
        "word": _state_word(run),
        "said": run.error or run.message,
        "preset": _preset(run),
        "dataset": run.dataset_title,
        "model": model_title(run.config.get("model")),
        "progress": run.progress,
        "epochs": f"{epoch_number(run.progress)} of {run.epochs}" if run.epochs else "",
        "seed": run.config.get("seed"),
        "best": _percent(run.best_test_accuracy),
        # As text: the table compares values, and paints what has changed.
        "curve": " ".join(f"{share:.4f}" for share in run.test_accuracies),
        "seconds": round(run.seconds),
        "took": duration(run.seconds) if run.seconds else "",
        "created": run.created[:19].replace("T", " "),
        "note": run.note,
        "pinned": run.pinned,
        # Not shown, but used by scripts of the page:
        "can": _actions(run),
        "group": run.group,
        "pair": run.pair,
        "revision": run.revision,
    }


def _state_word(run: RunSnapshot) -> str:
    if run.queue_place is not None:
        return "next in line" if run.queue_place == 1 else f"place {run.queue_place} in line"
    return state_label(run.state).lower()


def _percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 4)


def _preset(run: RunSnapshot) -> str:
    if run.brought_in:
        return "imported"
    return PRESETS[run.preset].title if run.preset in PRESETS else "own settings"
