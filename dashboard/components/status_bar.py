"""The status bar, and what it and the form say about the run that the page follows."""

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from core.records.datasets import DatasetStatus
from core.records.runs import RunSnapshot, RunState
from dashboard import ids
from dashboard.formatting import NOTHING, duration, epoch_number, epoch_progress, percent
from dashboard.urls import url

if TYPE_CHECKING:
    from core.service.service import TrainingService

STATE_COLOURS = {
    RunState.RUNNING: "primary",
    RunState.PAUSED: "info",
    RunState.QUEUED: "info",
    RunState.INTERRUPTED: "warning",
    RunState.STOPPING: "warning",
    RunState.DONE: "success",
    RunState.FAILED: "danger",
}
OPTIONS = 30
STATE = "status-state"
MESSAGES = {
    RunState.DONE: (
        "Done: the network reads {accuracy:.2%} of the test images right. "
        "Look at its mistakes in the Gallery, or Draw a digit for it to read."
    ),
    RunState.STOPPED: (
        "Stopped. The network keeps what it had learnt so far; Resume goes on from there."
    ),
    RunState.PAUSED: "Paused after {progress} of {epochs} epochs. Resume goes on from there.",
    RunState.INTERRUPTED: (
        "Interrupted when Digit Lab ended. Resume goes on from the last place that was kept."
    ),
    RunState.QUEUED: "Waiting for its turn: place {place} in the queue.",
}
TRAINING = "Training. The curve below is the loss: the lower, the better the network reads."
RESUMABLE = (RunState.PAUSED, RunState.STOPPED, RunState.INTERRUPTED)
NEWEST = "newest"
"""Value of the run selection: the run that trains, or else the newest run."""
NOTHING_TRAINED = "The curve starts to move when you press Train."
NO_BATCHES = "Nothing is known yet of how this run trained."


def layout() -> html.Div:
    pick = dbc.Select(
        id=ids.RUN_PICK, options=[{"value": NEWEST, "label": "Newest run"}], value=NEWEST, size="sm"
    )
    items = [
        (html.Label("Run", htmlFor=ids.RUN_PICK), pick),
        ("State", dbc.Badge("ready", id=STATE, color="secondary")),
        ("Epoch", _live("epoch")),
        ("Time left", _live("time")),
        ("Images/s", _live("speed")),
        ("Test accuracy", _live("accuracy")),
        ("Data set", _live("dataset")),
        ("Computes on", _live("device")),
    ]
    return html.Div(
        [
            html.Div(
                [
                    html.Div([html.Span(name, className="status-name"), value])
                    for name, value in items
                ],
                className="status-items",
            ),
            html.Div(
                html.Div(className="status-done", **{"data-live-width": "share"}),
                className="status-track",
            ),
        ],
        className="status-bar",
        role="region",
        **{"aria-label": "Run status"},
    )


def _live(name: str) -> html.Span:
    """An element that `assets/live/text.js` fills with one of the `texts`."""
    return html.Span(NOTHING, **{"data-live": name})


def describe(service: "TrainingService", run: RunSnapshot | None) -> dict[str, Any]:
    """What the live layer sends about a run, or about no run: `text` and `controls`."""
    dataset = service.dataset_status()
    problem = dataset.message if dataset.state == "unavailable" else dataset.note
    return {
        "text": texts(run, dataset, service.device_title() if run is None else ""),
        "controls": controls(run, problem, service.dataset_status("mnist").state == "unavailable"),
    }


def texts(run: RunSnapshot | None, dataset: DatasetStatus, device: str) -> dict[str, str]:
    """The values in the status bar, and the sentence shown while curves have no points.

    Args:
        device: where the next run would train; shown while there is no run.
    """
    if run is None:
        return {
            **dict.fromkeys(("epoch", "time", "speed", "accuracy"), NOTHING),
            "share": "0%",
            "dataset": _dataset_label(dataset),
            "device": device,
            "curve": NOTHING_TRAINED,
        }
    speed = run.images_per_second
    return {
        "epoch": epoch_progress(run),
        "share": f"{run.share:.1%}",
        "time": _time_left(run),
        "speed": NOTHING if speed is None else f"{speed:,.0f}",
        "accuracy": percent(run.test_accuracy),
        "dataset": run.dataset_title,
        "device": f"{run.device}, {run.precision}",
        "curve": NO_BATCHES,
    }


def controls(
    run: RunSnapshot | None, dataset_problem: str, retry: bool
) -> dict[str, dict[str, Any]]:
    """Properties of components that depend on the state of the run.

    Args:
        dataset_problem: why the data set, or the folder, is not the wanted one; else empty.
        retry: whether the visitor can look for MNIST again.
    """
    state = None if run is None else run.state
    busy = run is not None and not run.state.finished
    resumable = state in RESUMABLE
    csv = "" if run is None else url(f"/api/runs/{run.run_id}/metrics.csv")
    return {
        STATE: {
            "children": "ready" if state is None else state.value,
            "color": "secondary" if state is None else STATE_COLOURS.get(state, "secondary"),
        },
        ids.STOP_BUTTON: {"disabled": not busy or state is RunState.STOPPING},
        ids.PAUSE_BUTTON: {
            "children": "Resume" if resumable else "Pause",
            "disabled": not resumable and state not in (RunState.RUNNING, RunState.QUEUED),
        },
        ids.RATE: {"style": {} if state is RunState.RUNNING else {"display": "none"}},
        ids.RUN_MESSAGE: {"children": run_message(run), "color": _run_colour(run)},
        ids.DATASET_NOTICE: {"children": dataset_problem, "is_open": bool(dataset_problem)},
        ids.DATASET_RETRY: {"style": {} if dataset_problem and retry else {"display": "none"}},
        ids.CURVES_CSV: {"href": csv, "disabled": not csv},
    }


def chosen_run(value: Any) -> str | None:
    """The id of the selected run; None for the newest run."""
    return None if value in (None, "", NEWEST) else str(value)


def run_message(run: RunSnapshot | None) -> str:
    """A sentence about the state of a run."""
    if run is None:
        return "Press Train and watch the network learn to read digits."
    if run.error or run.message:
        return run.error or f"{run.message}."
    if run.state is RunState.STOPPED and not run.kept:
        return "Stopped before it began; Resume puts it back into the queue."
    return MESSAGES.get(run.state, TRAINING).format(
        accuracy=run.test_accuracy or 0,
        progress=epoch_number(run.progress),
        epochs=run.epochs,
        place=run.queue_place,
    )


def _run_colour(run: RunSnapshot | None) -> str:
    if run is None or not run.state.finished:
        return "info"
    return {RunState.DONE: "success", RunState.FAILED: "danger"}.get(run.state, "secondary")


def _dataset_label(dataset: DatasetStatus) -> str:
    if dataset.state == "preparing" and dataset.progress is not None:
        return f"{dataset.title}, {dataset.progress:.0%}"
    return dataset.title


def _time_left(run: RunSnapshot) -> str:
    """The time that a run still needs, or the time it took if it has ended."""
    if run.state.finished:
        return f"took {duration(run.seconds)}"
    if run.state is RunState.PAUSED or run.seconds_left is None:
        return NOTHING
    return duration(run.seconds_left)
