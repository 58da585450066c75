"""The words of a run: the status bar, the notices above the form, the table of epochs.

Pure functions from records to component properties. This module does not know how they reach the
page.
"""

from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import html

from core.events import DatasetStatus, EpochMetrics, RunSnapshot, RunState
from dashboard import ids
from dashboard.shown import epoch_number

if TYPE_CHECKING:
    from core.service import TrainingService

STATE_COLOURS = {
    RunState.RUNNING: "primary",
    RunState.PAUSED: "info",
    RunState.QUEUED: "info",
    RunState.INTERRUPTED: "warning",
    RunState.STOPPING: "warning",
    RunState.DONE: "success",
    RunState.FAILED: "danger",
}
TABLE_ROWS = 200
OPTIONS = 30
RESUMABLE = (RunState.PAUSED, RunState.STOPPED, RunState.INTERRUPTED)
NEWEST = "newest"
"""Stands for whichever run trains, or else is the newest."""
NOTHING = "–"


def layout() -> html.Div:
    """The bar that is always there."""
    pick = dbc.Select(
        id=ids.RUN_PICK,
        options=run_options([], None),
        value=NEWEST,
        size="sm",
    )
    items = [
        (html.Label("Run", htmlFor=ids.RUN_PICK), pick),
        ("State", dbc.Badge("ready", id=ids.STATUS_STATE, color="secondary")),
        ("Epoch", html.Span(NOTHING, id=ids.STATUS_EPOCH)),
        ("Time left", html.Span(NOTHING, id=ids.STATUS_TIME)),
        ("Images/s", html.Span(NOTHING, id=ids.STATUS_SPEED)),
        ("Test accuracy", html.Span(NOTHING, id=ids.STATUS_ACCURACY)),
        ("Data set", html.Span(NOTHING, id=ids.STATUS_DATASET)),
        ("Computes on", html.Span(NOTHING, id=ids.STATUS_DEVICE)),
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
                html.Div(id=ids.STATUS_PROGRESS, className="status-done", style={"width": "0%"}),
                className="status-track",
            ),
        ],
        className="status-bar",
        role="region",
        **{"aria-label": "Run status"},
    )


def status_bar(
    service: "TrainingService", run: RunSnapshot | None
) -> list[tuple[str, dict[str, Any]]]:
    """The properties of the bar for a run, or for none yet.

    All of them in either case: a page that outlived its server still shows the old one's run.
    """
    if run is None:
        dataset = service.dataset_status()
        return [
            (ids.STATUS_STATE, {"children": "ready", "color": "secondary"}),
            (ids.STATUS_EPOCH, {"children": NOTHING}),
            (ids.STATUS_PROGRESS, {"style": {"width": "0%"}}),
            (ids.STATUS_TIME, {"children": NOTHING}),
            (ids.STATUS_SPEED, {"children": NOTHING}),
            (ids.STATUS_ACCURACY, {"children": NOTHING}),
            (ids.STATUS_DATASET, {"children": dataset_words(dataset)}),
            (ids.STATUS_DEVICE, {"children": service.device_title()}),
        ]
    accuracy = NOTHING if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
    speed = NOTHING if run.images_per_second is None else f"{run.images_per_second:,.0f}"
    return [
        (
            ids.STATUS_STATE,
            {
                "children": run.state.value,
                "color": STATE_COLOURS.get(run.state, "secondary"),
            },
        ),
        (ids.STATUS_EPOCH, {"children": epoch_words(run)}),
        (ids.STATUS_PROGRESS, {"style": {"width": f"{run.share:.1%}"}}),
        (ids.STATUS_TIME, {"children": time_words(run)}),
        (ids.STATUS_SPEED, {"children": speed}),
        (ids.STATUS_ACCURACY, {"children": accuracy}),
        (ids.STATUS_DATASET, {"children": run.dataset_title}),
        (ids.STATUS_DEVICE, {"children": f"{run.device}, {run.precision}"}),
    ]


def run_options(runs: list[RunSnapshot], chosen: str | None) -> list[dict[str, str]]:
    """The runs among which one chooses what to look at: the newest ones, and the chosen one."""
    shown = [run for place, run in enumerate(runs) if place < OPTIONS or run.run_id == chosen]
    options = [{"value": NEWEST, "label": "Newest run"}]
    return options + [
        {"value": run.run_id, "label": f"{run.title}, {run.state.value}"} for run in shown
    ]


def chosen_run(value: Any) -> str | None:
    """The run that the choice stands for; None for whichever is the newest."""
    return None if value in (None, "", NEWEST) else str(value)


def notices(
    service: "TrainingService", run: RunSnapshot | None
) -> list[tuple[str, dict[str, Any]]]:
    """The buttons, and what there is to say beside them."""
    state = None if run is None else run.state
    busy = run is not None and not run.state.finished and state is not RunState.PAUSED
    resumable = state in RESUMABLE
    dataset = service.dataset_status()
    fallback = dataset.name == "synthetic" and bool(dataset.message) and _mnist_missing(service)
    running = state is RunState.RUNNING
    return [
        (
            ids.STOP_BUTTON,
            {"disabled": not (busy or state is RunState.PAUSED) or state is RunState.STOPPING},
        ),
        (
            ids.PAUSE_BUTTON,
            {
                "children": "Resume" if resumable else "Pause",
                "disabled": not resumable and state not in (RunState.RUNNING, RunState.QUEUED),
            },
        ),
        (ids.RATE, {"style": {} if running else {"display": "none"}}),
        (ids.RUN_MESSAGE, {"children": run_words(run), "color": run_colour(run)}),
        (
            ids.DATASET_NOTICE,
            {"children": dataset.message if fallback else "", "is_open": fallback},
        ),
        (ids.DATASET_RETRY, {"style": {} if fallback else {"display": "none"}}),
    ]


def _mnist_missing(service: "TrainingService") -> bool:
    return service.dataset_status("mnist").state == "unavailable"


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


def epoch_table(epochs: list[EpochMetrics]) -> Any:
    """One row per evaluation, the newest first."""
    if not epochs:
        return html.P("A row appears here after each epoch.", className="text-body-secondary")
    heads = ["Epoch", "Train loss", "Train acc.", "Test loss", "Test acc.", "Images/s", "Time"]
    rows = [
        html.Tr(
            [
                html.Td(text)
                for text in (
                    epoch_number(event.progress),
                    f"{event.train_loss:.4f}",
                    f"{event.train_accuracy:.2%}",
                    f"{event.test_loss:.4f}",
                    f"{event.test_accuracy:.2%}",
                    f"{event.images_per_second:,.0f}",
                    duration(event.seconds),
                )
            ]
        )
        for event in reversed(epochs[-TABLE_ROWS:])
    ]
    table = dbc.Table(
        [html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])), html.Tbody(rows)],
        size="sm",
        hover=True,
        responsive=True,
    )
    if len(epochs) <= TABLE_ROWS:
        return table
    note = f"The last {TABLE_ROWS} of {len(epochs)} rows; the CSV file has them all."
    return [table, html.P(note, className="text-body-secondary")]


def csv_link(run_id: str | None) -> dict[str, Any]:
    """The properties of the download button."""
    if run_id is None:
        return {"href": "", "disabled": True}
    return {"href": f"/api/runs/{run_id}/metrics.csv", "disabled": False}
