"""Pure functions from records to Plotly figures, empty states included.

Text and grid take their colours from the style sheet, so that a figure need not be redrawn when
the theme changes. This module does not know when or where a figure is shown.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import Patch

from core.events import Gallery
from core.records import OwnScores
from dashboard import ids
from dashboard.frame import AXIS, LEGEND_BELOW, hide_axes, layout, say
from dashboard.series import Metric, Series

# Okabe and Ito's palette, which the colour-blind can tell apart.
TRAIN_COLOUR, TEST_COLOUR, RATE_COLOUR = "#0072B2", "#D55E00", "#009E73"
WRONG_COLOUR = TEST_COLOUR
OWN_COLOUR = "#CC79A7"
FEWEST_OWN = 5
"""Of fewer drawings a share says nothing."""
TITLES: dict[Metric, str] = {"loss": "Loss (cross-entropy)", "accuracy": "Accuracy"}

TILE, GAP = 28, 4
TITLE_PIXELS = 38
GAP_VALUE = 255


CURVES: tuple[tuple[str, Metric], ...] = (
    (ids.CURVES_LOSS, "loss"),
    (ids.CURVES_ACCURACY, "accuracy"),
)
"""The figures of the Curves tab."""


@dataclass(frozen=True)
class CurveStyle:
    """How a visitor wants to see a curve: smoothing from 0 to below 1, and what to add."""

    smoothing: float = 0.6
    log: bool = False
    learning_rate: bool = False


PLAIN = CurveStyle()


def curve(
    series: Series, metric: Metric, style: CurveStyle = PLAIN, height: int = 380
) -> go.Figure:
    """Loss or accuracy over epochs: raw and smoothed training values, epoch means, test values.

    Beside the test accuracy stands that on the visitor's own drawings, where there are a few.
    """
    figure = go.Figure(
        [
            go.Scatter(x=x, y=y, hovertemplate="epoch %{x:.2f}: %{y:.4g}", **look)
            for (x, y), look in zip(_columns(series, metric, style), _LOOKS, strict=False)
        ]
    )
    own = _own_traces(series.own) if metric == "accuracy" and series.batches else []
    figure.add_traces(own)
    figure.update_layout(
        layout(height, title=TITLES[metric]),
        uirevision=f"{series.run_id}",
        hovermode="x unified" if series.batches else False,
        legend=LEGEND_BELOW,
    )
    figure.update_xaxes(title=dict(text="epoch", standoff=5), rangemode="tozero", **AXIS)
    scale = "log" if style.log else "linear"
    figure.update_yaxes(type=scale, uirevision=f"{series.run_id}/{scale}", **AXIS)
    figure.update_layout(  # the learning rate's; without it, Plotly leaves the axis out
        yaxis2=dict(overlaying="y", side="right", rangemode="tozero", showgrid=False),
        margin_r=60 if style.learning_rate else 12,
    )
    if not series.batches:
        hide_axes(figure)
        say(figure, "The curve starts to move when you press Train.")
    return figure


def restyle_curve(series: Series, metric: Metric, style: CurveStyle, before: CurveStyle) -> Patch:
    """What turns `curve` in the style before into `curve` in another.

    A whole new figure would lose the visitor's zoom, though its `uirevision` is the same. A range
    in one scale means nothing in the other: a change of scale resets a zoom of that axis.
    """
    wanted = curve(series, metric, style).to_plotly_json()
    patch = Patch()
    patch["data"] = wanted["data"]
    patch["layout"]["margin"] = wanted["layout"]["margin"]
    if style.log != before.log:
        patch["layout"]["yaxis"] = wanted["layout"]["yaxis"]
    return patch


def extend_curve(
    series: Series, metric: Metric, style: CurveStyle, batches: int, epochs: int, rates: int = 0
) -> Patch:
    """What turns `curve` of the first so many batches, epochs and rates into `curve` of all."""
    patch = Patch()
    for trace, (x, y) in enumerate(_columns(series, metric, style, batches, epochs, rates)):
        if x:
            patch["data"][trace]["x"].extend(x)
            patch["data"][trace]["y"].extend(y)
    return patch


def _columns(
    series: Series,
    metric: Metric,
    style: CurveStyle,
    batch: int = 0,
    epoch: int = 0,
    rate: int = 0,
) -> list[tuple[list, list]]:
    """x and y of each trace, in the order of `_LOOKS`, from that batch, epoch and rate on."""
    batches, epochs = series.batches[batch:], series.epochs[epoch:]
    ends = [event for event in epochs if event.ends_epoch]
    x = [event.progress for event in batches]
    columns = [
        (x, [getattr(event, metric) for event in batches]),
        (x, series.smoothed(metric, style.smoothing)[batch:]),
        ([event.progress for event in ends], [getattr(event, f"train_{metric}") for event in ends]),
        (
            [event.progress for event in epochs],
            [getattr(event, f"test_{metric}") for event in epochs],
        ),
        _changes(series, metric, rate),
    ]
    if style.learning_rate:
        columns.append((x, [event.learning_rate for event in batches]))
    return columns


def _own_traces(own: OwnScores) -> list[go.Scatter]:
    """The last traces, so that no other changes its place when they come and go."""
    parts = (("your handwriting", own.fresh, "star"), ("taught drawings", own.taught, "star-open"))
    return [
        go.Scatter(
            x=[score.epoch for score in scores],
            y=[score.right / score.count for score in scores],
            name=f"{name} ({scores[0].count})",
            customdata=[[score.right, score.count] for score in scores],
            hovertemplate="epoch %{x}: %{customdata[0]} of %{customdata[1]} right",
            mode="lines+markers",
            line=dict(color=OWN_COLOUR, width=2, dash="dashdot"),
            marker=dict(color=OWN_COLOUR, symbol=symbol, size=11, line=dict(width=1)),
        )
        for name, scores, symbol in parts
        if scores and scores[0].count >= FEWEST_OWN
    ]


def _changes(series: Series, metric: Metric, first: int) -> tuple[list, list]:
    """Where somebody changed the learning rate, on the curve as it was then."""
    changes = series.rate_changes[first:]
    steps = [event.step for event in series.batches]
    heights = []
    for change in changes:
        place = max(bisect_right(steps, change.step) - 1, 0)
        heights.append(getattr(series.batches[place], metric) if steps else None)
    return [change.progress for change in changes], heights


_LOOKS: list[dict[str, Any]] = [
    dict(name="train, raw", mode="lines", line=dict(color=TRAIN_COLOUR, width=1), opacity=0.5),
    dict(name="train, smoothed", mode="lines", line=dict(color=TRAIN_COLOUR, width=2.5)),
    dict(
        name="train, epoch mean",
        mode="markers",
        marker=dict(color=TRAIN_COLOUR, symbol="square-open", size=9, line=dict(width=2)),
    ),
    dict(
        name="test",
        mode="lines+markers",
        line=dict(color=TEST_COLOUR, width=2, dash="dash"),
        marker=dict(color=TEST_COLOUR, symbol="diamond", size=9),
    ),
    dict(
        name="new learning rate",
        mode="markers",
        marker=dict(color=RATE_COLOUR, symbol="triangle-down", size=13),
    ),
    dict(
        name="learning rate",
        mode="lines",
        line=dict(color=RATE_COLOUR, width=2, dash="dot"),
        yaxis="y2",
    ),
]


@dataclass(frozen=True)
class Mosaic:
    """Where the images of a gallery stand: so many columns across so many pixels of the page.

    Coordinates are pixels of the images, from the top left; each image has its title above it.
    """

    columns: int
    width: int

    @property
    def scale(self) -> float:
        """Pixels of the page per pixel of an image."""
        return self.width / (self.columns * (TILE + GAP))

    @property
    def title(self) -> int:
        """The height of a title: two lines of text, however small the images are."""
        return math.ceil(TITLE_PIXELS / self.scale)

    def corner(self, place: int) -> tuple[int, int]:
        """Left and top of an image."""
        row, column = divmod(place, self.columns)
        return column * (TILE + GAP), row * (TILE + self.title) + self.title

    def size(self, count: int) -> tuple[int, int]:
        """Width and height of so many images."""
        return self.columns * (TILE + GAP), -(-count // self.columns) * (TILE + self.title)

    def place(self, x: float, y: float, count: int) -> int | None:
        """Which image, or the title of which, stands at a point; None outside of all."""
        column, row = int(x // (TILE + GAP)), int(y // (TILE + self.title))
        place = row * self.columns + column
        return place if 0 <= column < self.columns and 0 <= place < count else None


def gallery(shown: Gallery, mosaic: Mosaic) -> go.Figure:
    """Test images in one mosaic: a single heatmap is painted ten times faster than a hundred.

    Each has `True` and `Pred` above it; a wrong one also has a cross and a frame.
    """
    corners = [mosaic.corner(place) for place in range(len(shown.indices))]
    width, height = mosaic.size(len(shown.indices))
    pixels = np.full((height, width), GAP_VALUE, np.uint8)
    for (left, top), image in zip(corners, shown.images, strict=True):
        # 255 stands for "no image here"; nobody can tell white from almost white.
        pixels[top : top + TILE, left : left + TILE] = np.minimum(image, GAP_VALUE - 1)
    figure = go.Figure(
        go.Heatmap(
            z=pixels,
            zmin=0,
            zmax=GAP_VALUE,
            colorscale=_INK_ON_BLACK,
            showscale=False,
            hoverinfo="none",
        )
    )
    frame_x: list[float | None] = []
    frame_y: list[float | None] = []
    for place in np.flatnonzero(shown.predictions != shown.labels):
        left, top = corners[place]
        right, bottom = left + TILE, top + TILE
        frame_x += [left - 1, right, right, left - 1, left - 1, None]
        frame_y += [top - 1, top - 1, bottom, bottom, top - 1, None]
    figure.add_scatter(
        x=frame_x,
        y=frame_y,
        mode="lines",
        line=dict(color=WRONG_COLOUR, width=3),
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[left + (TILE - 1) / 2 for left, _ in corners],
        y=[top - 1.5 for _, top in corners],
        mode="text",
        text=[
            _tile_title(int(label), int(said))
            for label, said in zip(shown.labels, shown.predictions, strict=True)
        ],
        textposition="top center",
        textfont=dict(size=13 if mosaic.scale > 2.8 else 11),
        hoverinfo="skip",
        showlegend=False,
    )
    hidden = dict(visible=False, fixedrange=True)
    figure.layout = layout(
        round((height + GAP / 2) * mosaic.scale),
        margin=dict(l=0, r=0, t=0, b=0),
        dragmode=False,
        xaxis=dict(range=[-GAP / 2 - 0.5, width - GAP / 2 - 0.5], **hidden),
        yaxis=dict(range=[height + GAP / 2 - 0.5, -0.5], **hidden),
    )
    return figure


def no_gallery(sentence: str) -> go.Figure:
    """A gallery without images, and why."""
    figure = go.Figure()
    figure.update_layout(layout(300))
    hide_axes(figure)
    say(figure, sentence)
    return figure


def digit(image: np.ndarray, size: int) -> go.Figure:
    """One image (28, 28), 0..255, large, each pixel's value on hover."""
    figure = go.Figure(
        go.Heatmap(
            z=image.tolist(),
            zmin=0,
            zmax=255,
            colorscale="gray",
            showscale=False,
            hovertemplate="row %{y}, column %{x}: %{z}<extra></extra>",
        )
    )
    figure.update_layout(layout(size), width=size, margin=dict(l=0, r=0, t=0, b=0))
    hide_axes(figure)
    figure.update_yaxes(autorange="reversed")
    return figure


_INK_ON_BLACK = [
    [0.0, "rgb(0,0,0)"],
    [(GAP_VALUE - 1) / GAP_VALUE, "rgb(255,255,255)"],
    [(GAP_VALUE - 0.5) / GAP_VALUE, "rgba(0,0,0,0)"],
    [1.0, "rgba(0,0,0,0)"],
]


def _tile_title(label: int, predicted: int) -> str:
    title = f"True: {label}<br>Pred: {predicted}"
    return title if label == predicted else f"<b>True: {label}<br>✗ Pred: {predicted}</b>"
