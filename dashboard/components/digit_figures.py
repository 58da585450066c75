"""Test images as figures: many in a mosaic, or a single one."""

import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.records.predictions import Gallery
from dashboard.theme import HIDDEN_AXIS, NO_MARGIN, TOKENS, figure_layout

TILE, GAP = 28, 4
TITLE_PIXELS = 38
GAP_VALUE = 255
_INK_ON_BLACK = [
    [0.0, "rgb(0,0,0)"],
    [(GAP_VALUE - 1) / GAP_VALUE, "rgb(255,255,255)"],
    [(GAP_VALUE - 0.5) / GAP_VALUE, "rgba(0,0,0,0)"],
    [1.0, "rgba(0,0,0,0)"],
]


@dataclass(frozen=True)
class Mosaic:
    """Positions of images in rows of so many columns, across `width` pixels of the page.

    Coordinates are pixels of the images, from the top left. Each image has its title above it.
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

    def corner(self, number: int) -> tuple[int, int]:
        """Left and top of an image."""
        row, column = divmod(number, self.columns)
        return column * (TILE + GAP), row * (TILE + self.title) + self.title

    def size(self, count: int) -> tuple[int, int]:
        """Width and height of so many images."""
        return self.columns * (TILE + GAP), -(-count // self.columns) * (TILE + self.title)

    def image_at(self, x: float, y: float, count: int) -> int | None:
        """The number of the image at a point, its title included; None outside of all."""
        column, row = int(x // (TILE + GAP)), int(y // (TILE + self.title))
        number = row * self.columns + column
        return number if 0 <= column < self.columns and 0 <= number < count else None


def mosaic(images: Gallery, where: Mosaic) -> go.Figure:
    """Test images with `True` and `Pred` above them; a wrong one also has a cross and a frame.

    All are one heatmap: Plotly draws it ten times as fast as a hundred heatmaps.
    """
    corners = [where.corner(number) for number in range(len(images.indices))]
    width, height = where.size(len(images.indices))
    pixels = np.full((height, width), GAP_VALUE, np.uint8)
    for (left, top), image in zip(corners, images.images, strict=True):
        # 255 is reserved for gaps. White and almost white look the same.
        pixels[top : top + TILE, left : left + TILE] = np.minimum(image, GAP_VALUE - 1)
    frame_x: list[float | None] = []
    frame_y: list[float | None] = []
    for number in np.flatnonzero(images.predictions != images.labels):
        left, top = corners[number]
        right, bottom = left + TILE, top + TILE
        frame_x += [left - 1, right, right, left - 1, left - 1, None]
        frame_y += [top - 1, top - 1, bottom, bottom, top - 1, None]
    return go.Figure(
        [
            go.Heatmap(
                z=pixels,
                zmin=0,
                zmax=GAP_VALUE,
                colorscale=_INK_ON_BLACK,
                showscale=False,
                hoverinfo="none",
            ),
            go.Scatter(
                x=frame_x,
                y=frame_y,
                mode="lines",
                uid="wrong",
                line=dict(color=TOKENS["wrong"], width=3),
                hoverinfo="skip",
                showlegend=False,
            ),
            go.Scatter(
                x=[left + (TILE - 1) / 2 for left, _ in corners],
                y=[top - 1.5 for _, top in corners],
                mode="text",
                text=list(map(_title, images.labels, images.predictions)),
                textposition="top center",
                textfont=dict(size=13 if where.scale > 2.8 else 11),
                hoverinfo="skip",
                showlegend=False,
            ),
        ],
        figure_layout(
            round((height + GAP / 2) * where.scale),
            margin=NO_MARGIN,
            dragmode=False,
            xaxis=dict(range=[-GAP / 2 - 0.5, width - GAP / 2 - 0.5], **HIDDEN_AXIS),
            yaxis=dict(range=[height + GAP / 2 - 0.5, -0.5], **HIDDEN_AXIS),
        ),
    )


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


def _title(label: int, predicted: int) -> str:
    title = f"True: {label}<br>Pred: {predicted}"
    return title if label == predicted else f"<b>True: {label}<br>✗ Pred: {predicted}</b>"
