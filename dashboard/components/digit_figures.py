"""Test images as Plotly figures: many in a mosaic, one large, and a sentence where there is none.

Pure functions from records to figures. This module does not know when or where one is shown.
"""

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.records.runs import Gallery
from dashboard.theme import HIDDEN_AXIS, NO_MARGIN, VERMILION, figure_layout

TILE, GAP = 28, 4
TITLE_PIXELS = 38
GAP_VALUE = 255


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
        line=dict(color=VERMILION, width=3),
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
    figure.layout = figure_layout(
        round((height + GAP / 2) * mosaic.scale),
        margin=NO_MARGIN,
        dragmode=False,
        xaxis=dict(range=[-GAP / 2 - 0.5, width - GAP / 2 - 0.5], **HIDDEN_AXIS),
        yaxis=dict(range=[height + GAP / 2 - 0.5, -0.5], **HIDDEN_AXIS),
    )
    return figure


def digit(image: np.ndarray, size: int) -> go.Figure:
    """One image (28, 28), 0..255, large, each pixel's value on hover."""
    return go.Figure(
        go.Heatmap(
            z=image.tolist(),
            zmin=0,
            zmax=255,
            colorscale="gray",
            showscale=False,
            hovertemplate="row %{y}, column %{x}: %{z}<extra></extra>",
        ),
        figure_layout(
            size,
            width=size,
            margin=NO_MARGIN,
            xaxis=HIDDEN_AXIS,
            yaxis=dict(autorange="reversed", **HIDDEN_AXIS),
        ),
    )


_INK_ON_BLACK = [
    [0.0, "rgb(0,0,0)"],
    [(GAP_VALUE - 1) / GAP_VALUE, "rgb(255,255,255)"],
    [(GAP_VALUE - 0.5) / GAP_VALUE, "rgba(0,0,0,0)"],
    [1.0, "rgba(0,0,0,0)"],
]


def _tile_title(label: int, predicted: int) -> str:
    title = f"True: {label}<br>Pred: {predicted}"
    return title if label == predicted else f"<b>True: {label}<br>✗ Pred: {predicted}</b>"
