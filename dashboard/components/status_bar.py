"""The status bar, and the words for a run in it and above the form."""

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from core.records.runs import DatasetStatus, RunSnapshot, RunState
from dashboard import ids
from dashboard.components.checkpoint_ref import epoch_number
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
RESUMABLE = (RunState.PAUSED, RunState.STOPPED, RunState.INTERRUPTED)
NEWEST = "newest"
"""Stands for whichever run trains, or else is the newest."""
NOTHING = "–"
NOTHING_TRAINED = "The curve starts to move when you press Train."
NO_BATCHES = "Nothing is known yet of how this run trained."


def layout() -> html.Div:
    """The bar that is always there."""
    pick = dbc.Select(
        id=ids.RUN_PICK, options=[{"value": NEWEST, "label": "Newest run"}], value=NEWEST, size="sm"
    )
    items = [
        (html.Label("Run", htmlFor=ids.RUN_PICK), pick),
        ("State", dbc.Badge("ready", id=ids.STATUS_STATE, color="secondary")),
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
    """An element in which `assets/live/text.js` shows one of the `texts`."""
    return html.Span(NOTHING, **{"data-live": name})


def describe(service: "TrainingService", run: RunSnapshot | None) -> dict[str, Any]:
    """What the live layer shows of a run, or while there is none: `text` and `controls`."""
    dataset = service.dataset_status()
    retry = (
        dataset.name == "synthetic"
        and bool(dataset.message)
        and service.dataset_status("mnist").state == "unavailable"
    )
    return {
        "text": texts(run, dataset, service.device_title() if run is None else ""),
        "controls": controls(run, dataset.message if retry else ""),
    }


def texts(run: RunSnapshot | None, dataset: DatasetStatus, device: str) -> dict[str, str]:
    """The status bar's figures, and the sentence in place of curves without points.

    Args:
        device: what would be trained on; a run says itself what it was trained on.
    """
    if run is None:
        return {
            **dict.fromkeys(("epoch", "time", "speed", "accuracy"), NOTHING),
            "share": "0%",
            "dataset": dataset_words(dataset),
            "device": device,
            "curve": NOTHING_TRAINED,
        }
    speed, accuracy = run.images_per_second, run.test_accuracy
    return {
        "epoch": epoch_words(run),
        "share": f"{run.share:.1%}",
        "time": time_words(run),
        "speed": NOTHING if speed is None else f"{speed:,.0f}",
        "accuracy": NOTHING if accuracy is None else f"{accuracy:.2%}",
        "dataset": run.dataset_title,
        "device": f"{run.device}, {run.precision}",
        "curve": NO_BATCHES,
    }


def controls(run: RunSnapshot | None, dataset_problem: str) -> dict[str, dict[str, Any]]:
    """Properties of components, which change with a run's state.

    Args:
        dataset_problem: why MNIST is missing, where the visitor can try again.
    """
    state = None if run is None else run.state
    busy = run is not None and not run.state.finished
    resumable = state in RESUMABLE
    csv = "" if run is None else url(f"/api/runs/{run.run_id}/metrics.csv")
    return {
        ids.STATUS_STATE: {
            "children": "ready" if state is None else state.value,
            "color": "secondary" if state is None else STATE_COLOURS.get(state, "secondary"),
        },
        ids.STOP_BUTTON: {"disabled": not busy or state is RunState.STOPPING},
        ids.PAUSE_BUTTON: {
            "children": "Resume" if resumable else "Pause",
            "disabled": not resumable and state not in (RunState.RUNNING, RunState.QUEUED),
        },
        ids.RATE: {"style": {} if state is RunState.RUNNING else {"display": "none"}},
        ids.RUN_MESSAGE: {"children": run_words(run), "color": run_colour(run)},
        ids.DATASET_NOTICE: {"children": dataset_problem, "is_open": bool(dataset_problem)},
        ids.DATASET_RETRY: {"style": {} if dataset_problem else {"display": "none"}},
        ids.CURVES_CSV: {"href": csv, "disabled": not csv},
    }


def chosen_run(value: Any) -> str | None:
    """The run that the choice stands for; None for whichever is the newest."""
    return None if value in (None, "", NEWEST) else str(value)


def run_words(run: RunSnapshot | None) -> str:
    """What a run has to say beyond its figures."""
    if run is None:
        return "Press Train and watch the network learn to read digits."
    if run.error:
        return run.error
    if run.message:
        return f"{run.message}."
    if run.state is RunState.DONE:
        return (
            f"Done: the network reads {run.test_accuracy or 0:.2%} of the test images right. "
            "Look at its mistakes in the Gallery, or Draw a digit for it to read."
        )
    if run.state is RunState.STOPPED and not run.kept:
        return "Stopped before it began; Resume puts it back into the queue."
    if run.state is RunState.STOPPED:
        return "Stopped. The network keeps what it had learnt so far; Resume goes on from there."
    if run.state is RunState.PAUSED:
        place = f"{epoch_number(run.progress)} of {run.epochs} epochs"
        return f"Paused after {place}. Resume goes on from there."
    if run.state is RunState.INTERRUPTED:
        return "Interrupted when Digit Lab ended. Resume goes on from the last place that was kept."
    if run.state is RunState.QUEUED:
        return f"Waiting for its turn: place {run.queue_place} in the queue."
    return "Training. The curve below is the loss: the lower, the better the network reads."


def run_colour(run: RunSnapshot | None) -> str:
    if run is None or not run.state.finished:
        return "info"
    return {RunState.DONE: "success", RunState.FAILED: "danger"}.get(run.state, "secondary")


def dataset_words(dataset: DatasetStatus) -> str:
    """A data set in the width of the status bar."""
    if dataset.state == "preparing" and dataset.progress is not None:
        return f"{dataset.title}, {dataset.progress:.0%}"
    return dataset.title


def epoch_words(run: RunSnapshot) -> str:
    within = run.progress - (run.epoch - 1) if run.epoch else 0.0
    return f"{run.epoch} of {run.epochs} ({within:.0%})" if run.epoch else f"0 of {run.epochs}"


def time_words(run: RunSnapshot) -> str:
    """How long a run still takes; how long it took, once it has ended."""
    if run.state.finished:
        return f"took {duration(run.seconds)}"
    return NOTHING if run.seconds_left is None else duration(run.seconds_left)


def duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
