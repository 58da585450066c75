"""The header: the shown run, its state, the tape, and what all of them say about the run."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html

from core.records.datasets import DatasetStatus
from core.records.runs import RunSnapshot, RunState
from dashboard import ids
from dashboard.components import shortcuts
from dashboard.components.controls import icon_button
from dashboard.components.help_link import GUIDE
from dashboard.formatting import duration, epoch_number, percent
from dashboard.service import TrainingService
from dashboard.urls import url

STATE_LABELS = {RunState.RUNNING: "Training", RunState.QUEUED: "Waiting"}
"""The other states are called as their values."""
READY = "Ready"
OPTIONS = 30
STATE = "run-state"
NEWEST = "newest"
"""Value of the run selection: the run that trains, or else the newest run."""
NOTHING_TRAINED = "The curve starts to move when you press Train."
BEGINNING = "The points come in a moment."
NO_BATCHES = "Nothing is known of how this run trained."


def layout(tabs: Any) -> html.Header:
    """The header above the tabs' panels, with the list of tabs."""
    return html.Header(
        [
            html.Div(
                [_brand(), _run_picker(), _state(), _facts(), _accuracy(), _icons()],
                className="head-bar",
                role="region",
                **{"aria-label": "Run status"},
            ),
            html.Div([tabs, _epoch_slider()], className="head-nav"),
        ],
        className="head",
    )


def needs(name: str) -> dict[str, str]:
    """Attributes of an element that is hidden while the live text of this name is empty."""
    return {"data-needs": name, "data-unknown": ""}


def state_label(state: RunState | None) -> str:
    return READY if state is None else STATE_LABELS.get(state, state.value.capitalize())


def state_class(state: RunState | None) -> str:
    """The classes of a state: its dot differs in form and colour."""
    return f"state state-{'ready' if state is None else state.value}"


def _brand() -> html.H1:
    mark = html.Img(src=url("/assets/icons/mark.svg"), alt="", width=24, height=24)
    return html.H1([mark, html.Span("Digit Lab")], className="brand")


def _run_picker() -> html.Div:
    pick = dbc.Select(
        id=ids.RUN_PICK,
        options=[{"value": NEWEST, "label": "Newest run"}],
        value=NEWEST,
        class_name="run-pick",
    )
    return html.Div([html.Label("Run shown", htmlFor=ids.RUN_PICK, className="sr-only"), pick])


def _state() -> html.Div:
    mark = [html.I(className="dot"), html.Span(READY, **{"data-live": "state"})]
    return html.Div(html.Span(mark, id=STATE, className=state_class(None)), role="status")


def _facts() -> html.Div:
    return html.Div(
        [
            html.Span(["epoch ", _live("epoch")], **needs("epoch")),
            html.Span(_live("time"), **needs("time")),
            html.Span([_live("speed"), " images/s"], className="optional", **needs("speed")),
            html.Span(_live("device"), className="optional", **needs("device")),
            html.Span(_live("dataset"), className="optional", **needs("dataset")),
        ],
        className="facts",
    )


def _accuracy() -> html.Div:
    parts = [_live("accuracy"), html.Span("test accuracy")]
    return html.Div(parts, className="head-accuracy", **needs("accuracy"))


def _icons() -> html.Div:
    guide = html.A(
        html.I(className="glyph glyph-guide"),
        href=url(GUIDE),
        className="icon",
        title="Guide",
        **{"aria-label": "Guide"},
    )
    theme = icon_button("Light or dark", "theme", id="theme")
    return html.Div([guide, *shortcuts.layout(), theme], className="icons")


def _epoch_slider() -> html.Div:
    """Progress of the run and epoch slider in one (`assets/live/epoch_slider.js`)."""
    return html.Div(
        [
            icon_button("Play through the epochs", "play", "play", id="epoch-play", disabled=True),
            html.Div(id="epoch-reel", className="reel"),
            html.Span(id="epoch-live", className="where"),
            html.Button("Latest", id="epoch-latest", className="latest", hidden=True),
        ],
        id="epoch-bar",
        className="tape off",
    )


def _live(name: str) -> html.B:
    """An element that `assets/live/text.js` fills with one of the `texts`."""
    return html.B(**{"data-live": name})


def describe(service: TrainingService, run: RunSnapshot | None) -> dict[str, str]:
    """The live texts about a run, or about no run, and about the data set."""
    dataset = service.dataset_status()
    problem = dataset.message if dataset.state == "unavailable" else dataset.note
    may_retry = problem and service.dataset_status("mnist").state == "unavailable"
    return {
        **texts(run, dataset, service.device_title() if run is None else ""),
        "dataset-problem": problem,
        "dataset-retry": "yes" if may_retry else "",
    }


def texts(run: RunSnapshot | None, dataset: DatasetStatus, device: str) -> dict[str, str]:
    """The values in the header, and the sentence shown while curves have no points.

    `device`, where the next run would train, is shown while there is no run.
    """
    if run is None:
        return {
            **dict.fromkeys(("epoch", "time", "speed", "accuracy"), ""),
            "state": state_label(None),
            "progress": "0",
            "dataset": _dataset_label(dataset),
            "device": device,
            "curve": NOTHING_TRAINED,
        }
    speed = run.images_per_second
    return {
        "state": state_label(run.state),
        "progress": epoch_number(run.progress),
        "epoch": f"{run.epoch} of {run.epochs}",
        "time": _time_left(run),
        "speed": "" if speed is None else f"{speed:,.0f}",
        "accuracy": "" if run.test_accuracy is None else percent(run.test_accuracy),
        "dataset": run.dataset_title,
        "device": f"{run.device}, {run.precision}",
        "curve": NO_BATCHES if run.state.finished else BEGINNING,
    }


def chosen_run(value: Any) -> str | None:
    """The id of the selected run; None for the newest run."""
    return None if value in (None, "", NEWEST) else str(value)


def _dataset_label(dataset: DatasetStatus) -> str:
    if dataset.state == "preparing" and dataset.progress is not None:
        return f"{dataset.title}, {percent(dataset.progress, 0)}"
    return dataset.title


def _time_left(run: RunSnapshot) -> str:
    """The time that a run still needs, or the time it took if it has ended."""
    if run.state.finished:
        return f"took {duration(run.seconds)}" if run.seconds else ""
    if run.state is RunState.PAUSED or run.seconds_left is None:
        return ""
    return f"{duration(run.seconds_left, 0)} left"
