"""Sentences, options and the table of CNN vs MLP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dash import html

from core.records.comparisons import Examples, Pair
from core.records.layers import InnerLayer
from core.records.runs import RunSnapshot, RunState
from dashboard.components.controls import table
from dashboard.components.header import NEWEST, OPTIONS
from dashboard.components.png import data_url
from dashboard.formatting import (
    NOTHING,
    PERCENT,
    after_epochs,
    duration,
    epoch_number,
    model_title,
    percent,
)
from dashboard.tabs.experiments.cnn_vs_mlp import figures

NOTHING_TRAINED = (
    "Press Train both: a CNN and an MLP learn from the same images, one after the other, and you "
    "see which of them reads better."
)
BOTH_DONE = "Both are done: they have seen the same images with the same settings and seed."
DELETED = (
    "The other run of this pair was deleted. Undo on the Runs tab brings it back until Digit Lab "
    "is started again; or train both anew."
)


@dataclass(frozen=True)
class Result:
    """A run, the layers of its network, and its mistakes on the test set.

    `images`, `wrong` and `progress` (in epochs) are None if the network has not trained yet.
    """

    run: RunSnapshot
    layers: Sequence[InnerLayer]
    images: int | None = None
    wrong: int | None = None
    progress: float | None = None

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def accuracy(self) -> float | None:
        return None if self.wrong is None or not self.images else 1 - self.wrong / self.images

    @property
    def in_convolutions(self) -> int:
        return sum(layer.parameters for layer in self.layers if layer.is_convolution)


def name(run: RunSnapshot) -> str:
    return model_title(run.config.get("model"))


def pair_options(pairs: Sequence[Pair], chosen: str | None) -> list[dict[str, str]]:
    """The newest pairs, and the chosen one."""
    shown = [pair for i, pair in enumerate(pairs) if i < OPTIONS or pair.name == chosen]
    return [{"value": NEWEST, "label": "Newest pair"}] + [
        {"value": pair.name, "label": _label(pair)} for pair in shown
    ]


def status(pair: Pair | None) -> str:
    """The state of both runs, and what follows for the comparison."""
    if pair is None:
        return NOTHING_TRAINED
    if all(run.state is RunState.DONE for run in pair.runs):
        sentences = [BOTH_DONE] if len(pair.runs) > 1 else []
    else:
        sentences = [_run_status(run, run in pair.comparable) for run in pair.runs]
    if len({run.dataset for run in pair.runs if run.state is RunState.DONE}) > 1:
        sentences.append("Mind that they learned from different data sets.")
    if len(pair.runs) < 2:
        sentences.append(DELETED)
    return " ".join(filter(None, sentences))


def axis_start(limits: Sequence[float] | None) -> str:
    """Where an axis of accuracies starts, unless at 0; `limits` in percent."""
    return f"axis starts at {limits[0]:g}{PERCENT}" if limits and limits[0] else ""


def result_table(results: Sequence[Result]) -> html.Div:
    """What the difference is, what each network has, and how well it reads."""
    heads = [[_mark(one.run), name(one.run), _which(one)] for one in results]
    test_images = next((one.images for one in results if one.images), None)
    among = f" of {test_images:,}" if test_images else ""
    rows = [
        ["Test accuracy", *[html.B(percent(one.accuracy)) for one in results]],
        [f"Misread{among}", *map(_misread, results)],
        ["Weights", *[f"{one.parameters:,}" for one in results]],
        ["of these in convolutions", *map(_convolutions, results)],
        ["Accuracy per 100,000 weights", *map(_points_per_parameter, results)],
        ["Training time", *[duration(one.run.seconds) for one in results]],
    ]
    return html.Div(
        [
            html.P(verdict(results), className="verdict"),
            table(
                [html.Span("Value", className="sr-only"), *heads],
                rows,
                class_name="pair-table numbers",
            ),
        ]
    )


def verdict(results: Sequence[Result]) -> list[Any]:
    """Which network misreads more digits, the finding marked; empty while one has not trained."""
    wrong = [(one.wrong, name(one.run)) for one in results if one.wrong is not None]
    if len(wrong) < 2:
        return []
    (fewer, better), (more, worse) = sorted(wrong)
    if fewer == more:
        return [f"{better} and {worse} misread ", html.Mark("as many"), " digits."]
    if fewer == 0:
        return [f"{better} misreads ", html.Mark("none"), f", {worse} {more:,}."]
    times = html.Mark(f"{more / fewer:.2g} times as many")
    return [f"{worse} misreads ", times, f" digits as {better}."]


def progress(share: float | None) -> str:
    """How much of the distorted images is measured; empty for None."""
    return "" if share is None else f"Distorting test images: {percent(share, 0)}"


def robustness_caption(images: int) -> str:
    return (
        f"{images:,} test images, the same ones for both, distorted in the same way. "
        "Differences of a percentage point or two may be chance. "
    )


def examples(shown: Examples) -> list[html.Figure]:
    """An image at some strengths of a distortion, each below its strength."""
    _, words, unit = figures.DISTORTIONS[shown.distortion]
    found = []
    for strength, image in zip(shown.strengths, shown.images, strict=True):
        label = f"{strength:g}{unit}"
        address = data_url(image.round().astype(np.uint8))
        picture = html.Img(src=address, alt=f"A test digit, {words} {label}")
        found.append(html.Figure([html.Figcaption(label), picture]))
    return found


def _label(pair: Pair) -> str:
    first = pair.runs[0]
    networks = " and ".join(f"{name(run)} ({run.title})" for run in pair.runs)
    return f"{networks}, {first.dataset_title}, seed {first.config['seed']}"


def _run_status(run: RunSnapshot, comparable: bool) -> str:
    who = name(run)
    if run.state is RunState.DONE:
        return ""
    if run.state is RunState.QUEUED:
        return f"{who} waits for its turn."
    if run.state in (RunState.RUNNING, RunState.STOPPING):
        return f"{who} learns."
    if run.state is RunState.FAILED:
        sentence = f"{who} failed: {run.error}"
    else:
        epochs = f"{epoch_number(run.progress)} of {run.epochs} epochs"
        sentence = f"{who} was {run.state.value} after {epochs}."
    if comparable:
        return f"{sentence} It is compared as it was after its last whole epoch."
    return f"{sentence} It had not learned for an epoch: there is nothing to compare."


def _mark(run: RunSnapshot) -> html.Span:
    style = figures.run_style_of(run.config.get("model"))
    colour = {"color": f"var(--{style.token})"}
    return html.Span(f"{style.glyph} ", style=colour, **{"aria-hidden": "true"})


def _which(one: Result) -> html.Small:
    """The run, and the epoch of the compared network, unless it is the run's last one."""
    is_last = one.progress is None or one.progress == one.run.epochs
    when = "" if is_last or one.progress is None else f" {after_epochs(one.progress)}"
    return html.Small(f" {one.run.title}{when}")


def _misread(one: Result) -> str:
    return NOTHING if one.wrong is None else f"{one.wrong:,}"


def _convolutions(one: Result) -> str:
    if not one.in_convolutions:
        return "none"
    return f"{one.in_convolutions:,} ({percent(one.in_convolutions / one.parameters, 1)})"


def _points_per_parameter(one: Result) -> str:
    if one.accuracy is None:
        return NOTHING
    return f"{100 * one.accuracy / one.parameters * 100_000:.2f} points"
