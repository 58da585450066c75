"""The words of a pair of runs: which there are, what state they are in, what came out.

Pure functions from records to component properties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
from dash import html

from core.records.layers import Pair
from core.records.runs import LayerInfo, RunSnapshot, RunState
from dashboard.components.status_bar import (
    NEWEST,
    OPTIONS,
    STATE_COLOURS,
)
from dashboard.formatting import (
    NOTHING,
    after_epochs,
    duration,
    epoch_number,
    epoch_progress,
    model_title,
    percent,
)
from dashboard.tabs.compare import figures

NOTHING_TRAINED = (
    "Press Train both: a CNN and an MLP learn from the same images, one after the other, and here "
    "you will see which reads better, and which bears more."
)
BOTH_DONE = "Both are done: they have seen the same images with the same settings and seed."
DELETED = (
    "The other run of this pair was deleted. Undo on the Runs tab brings it back until Digit Lab "
    "is started again; or train both anew."
)


@dataclass(frozen=True)
class Result:
    """A run whose network is compared, its layers, and how it reads the whole test set.

    `progress` is how far it had come then, in epochs; it and `wrong`, of `images`, are None where
    it has learnt nothing yet.
    """

    run: RunSnapshot
    layers: Sequence[LayerInfo]
    images: int | None = None
    wrong: int | None = None
    progress: float | None = None

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def in_convolutions(self) -> int:
        return sum(layer.parameters for layer in self.layers if layer.kind == "Conv2d")


def name(run: RunSnapshot) -> str:
    """The network's name."""
    return model_title(run.config.get("model"))


def options(pairs: Sequence[Pair], chosen: str | None) -> list[dict[str, str]]:
    """The pairs among which one chooses: the newest ones, and the chosen one."""
    shown = [pair for at, pair in enumerate(pairs) if at < OPTIONS or pair.name == chosen]
    return [{"value": NEWEST, "label": "Newest pair"}] + [
        {"value": pair.name, "label": _label(pair)} for pair in shown
    ]


def sentence(pair: Pair | None) -> str:
    """Where a pair stands, and what that means for what is shown."""
    if pair is None:
        return NOTHING_TRAINED
    if all(run.state is RunState.DONE for run in pair.runs):
        said = [BOTH_DONE] if len(pair.runs) > 1 else []
    else:
        said = [text for run in pair.runs if (text := _said_of(run, run in pair.comparable))]
    if len({run.dataset for run in pair.runs if run.state is RunState.DONE}) > 1:
        said.append("Mind that they learnt from different data sets.")
    if len(pair.runs) < 2:
        said.append(DELETED)
    return " ".join(said)


def states(pair: Pair | None) -> html.Div:
    """A line for each run: its state, how far it is, what it reads right so far."""
    return html.Div([_state(run) for run in pair.runs] if pair else [], className="pair-states")


def table(results: Sequence[Result]) -> html.Div:
    """What each network has, and what it makes of it."""
    heads = [html.Th([_mark(one.run), name(one.run), _when(one)], scope="col") for one in results]
    test_images = next((one.images for one in results if one.images), None)
    among = f" of {test_images:,}" if test_images else ""
    rows = [
        ("Parameters", [f"{one.parameters:,}" for one in results]),
        ("of these in convolutions", [_share_in_convolutions(one) for one in results]),
        ("Test accuracy", [percent(_accuracy(one)) for one in results]),
        (f"Mistakes{among}", [_count(one) for one in results]),
        ("Accuracy per 100,000 parameters", [_per_parameter(one) for one in results]),
        ("Training time", [duration(one.run.seconds) for one in results]),
    ]
    body = [
        html.Tr([html.Th(title, scope="row"), *[html.Td(value) for value in values]])
        for title, values in rows
    ]
    return html.Div(
        [
            dbc.Table(
                [html.Thead(html.Tr([html.Td(), *heads])), html.Tbody(body)],
                size="sm",
                class_name="pair-table",
            ),
            html.P(verdict(results), className="mb-0 mt-2"),
        ]
    )


def verdict(results: Sequence[Result]) -> str:
    """Who makes how many times as many mistakes; nothing while that cannot be said."""
    wrong = [(one.wrong, name(one.run)) for one in results if one.wrong is not None]
    if len(wrong) < 2:
        return ""
    (fewer, better), (more, worse) = sorted(wrong)
    if fewer == more:
        return f"{better} and {worse} make as many mistakes."
    if fewer == 0:
        return f"{better} makes none, {worse} makes {more:,}."
    return f"{worse} makes {more / fewer:.2g} times as many mistakes as {better}."


def progress(share: float | None) -> str:
    """How far the distorted images are; nothing where none are being read."""
    return "" if share is None else f"Distorting test images: {share:.0%}"


def _label(pair: Pair) -> str:
    first = pair.runs[0]
    networks = " and ".join(f"{name(run)} ({run.title})" for run in pair.runs)
    return f"{networks}, {first.dataset_title}, seed {first.config['seed']}"


def _said_of(run: RunSnapshot, comparable: bool) -> str:
    who = name(run)
    if run.state is RunState.DONE:
        return ""
    if run.state is RunState.QUEUED:
        return f"{who} waits for its turn."
    if run.state in (RunState.RUNNING, RunState.STOPPING):
        return f"{who} learns."
    if run.state is RunState.FAILED:
        said = f"{who} failed: {run.error}"
    else:
        put_down = "paused" if run.state is RunState.PAUSED else run.state.value
        said = f"{who} was {put_down} after {epoch_number(run.progress)} of {run.epochs} epochs."
    if comparable:
        return f"{said} It is compared as it was after its last whole epoch."
    return f"{said} It had not learnt for an epoch: there is nothing to compare."


def _state(run: RunSnapshot) -> html.Div:
    facts = []
    if run.train_accuracy is not None:
        facts.append(f"{run.train_accuracy:.1%} of its training images right")
    if run.test_accuracy is not None:
        facts.append(f"{run.test_accuracy:.2%} of the test images")
    return html.Div(
        [
            html.Div(
                [
                    _mark(run),
                    html.Strong(name(run)),
                    f" {run.title} ",
                    dbc.Badge(run.state.value, color=STATE_COLOURS.get(run.state, "secondary")),
                ]
            ),
            html.Div(
                _live(run, "share", className="status-done", style={"width": f"{run.share:.1%}"}),
                className="status-track",
            ),
            html.Div(
                [
                    "epoch ",
                    _live(run, "epoch", epoch_progress(run)),
                    *[f", {fact}" for fact in facts],
                ],
                className="small text-body-secondary",
            ),
        ],
        className="pair-state",
    )


def _live(run: RunSnapshot, field: str, text: str = "", **properties: Any) -> html.Span:
    """An element that `assets/live/runs.js` keeps up to date with a field of the run's row."""
    return html.Span(text, **properties, **{"data-run": run.run_id, "data-row": field})


def _mark(run: RunSnapshot) -> html.Span:
    colour = figures.colour(str(run.config.get("model")))
    return html.Span("● ", style={"color": colour}, **{"aria-hidden": "true"})


def _when(one: Result) -> Any:
    """Which network is meant, where it is not that of the run's end."""
    if one.progress is None or one.progress == one.run.epochs:
        return ""
    return html.Small(f" {after_epochs(one.progress)}", className="text-body-secondary")


def _share_in_convolutions(one: Result) -> str:
    if not one.in_convolutions:
        return "none"
    return f"{one.in_convolutions:,} ({one.in_convolutions / one.parameters:.1%})"


def _accuracy(one: Result) -> float | None:
    if one.wrong is None or not one.images:
        return None
    return 1 - one.wrong / one.images


def _count(one: Result) -> str:
    return NOTHING if one.wrong is None else f"{one.wrong:,}"


def _per_parameter(one: Result) -> str:
    accuracy = _accuracy(one)
    if accuracy is None:
        return NOTHING
    return f"{100 * accuracy / one.parameters * 100_000:.2f} points"
