"""Figures of the inside of a network: feature maps, filters, the sum of a pixel, attributions.

Many small pictures are one heatmap, which Plotly draws fastest. `Tiles` finds the picture and the
pixel at a point of the heatmap.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.records.explanations import Attribution
from core.records.layers import Area, FeatureMaps, Filters, InnerLayer, PixelStep
from dashboard.theme import HIDDEN_AXIS, NO_MARGIN, add_message, figure_layout

SIGNED = [
    [0.0, "rgba(213,94,0,0.75)"],
    [0.5, "rgba(128,128,128,0.12)"],
    [1.0, "rgba(0,114,178,0.75)"],
]
"""Orange for negative, blue for positive, over the background of the page, so that numbers in the
cells can be read in both themes."""
_OVERLAY = [
    [0.0, "rgba(230,159,0,0.9)"],
    [0.5, "rgba(230,159,0,0)"],
    [0.5, "rgba(86,180,233,0)"],
    [1.0, "rgba(86,180,233,0.9)"],
]
_DIMMED = 2.0  # halves the brightness of a digit under an overlay
MAX_TILES = 128
STEP_CHANNELS = 8
_STEP_MARGIN, _STEP_TOP = 76, 22  # pixels of the page for labels
_MAX_TILE, _MIN_CELL, _MAX_CELL = 96, 8, 28  # pixels of the page
_MAX_NUMBERS = 90  # more numbers in cells would be too small to read


@dataclass(frozen=True)
class Tiles:
    """Positions of pictures of one size in rows of `columns`.

    Coordinates are cells of the heatmap, from the top left. Pictures of one pixel have no gap.
    """

    count: int
    height: int
    width: int
    columns: int

    @property
    def gap(self) -> int:
        return 0 if self.height == self.width == 1 else 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the mosaic in cells."""
        rows = -(-self.count // self.columns)
        return (
            self.columns * (self.width + self.gap) - self.gap,
            rows * (self.height + self.gap) - self.gap,
        )

    def corner(self, tile: int) -> tuple[int, int]:
        """Left and top of a picture."""
        row, column = divmod(tile, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap)

    def locate(self, x: float, y: float) -> tuple[int, int, int] | None:
        """Picture, row and column at a point; None in a gap or outside."""
        across, column = divmod(round(x), self.width + self.gap)
        down, row = divmod(round(y), self.height + self.gap)
        tile = down * self.columns + across
        inside = 0 <= across < self.columns and column < self.width and row < self.height
        return (tile, row, column) if inside and 0 <= tile < self.count else None


def tiles_of(count: int, height: int, width: int) -> Tiles:
    """About as many columns as rows, the last row full if possible; up to ten tiles in one row."""
    columns = math.isqrt(count - 1) + 1
    columns = next(n for n in range(columns, count + 1) if count % n == 0 or n >= 2 * columns)
    return Tiles(count, height, width, count if count <= 10 else columns)


def map_tiles(layer: InnerLayer) -> Tiles:
    """Positions of the maps of a layer in `feature_maps`."""
    return tiles_of(*layer.shape)


def feature_maps(maps: FeatureMaps, width: int) -> go.Figure:
    """All maps of a layer on one colour scale: a map without activation is dark.

    Args:
        width: available pixels of the page.
    """
    values = maps.values
    low, high = float(values.min()), float(values.max())
    signed = not maps.layer.is_map and low < 0
    limit = max(-low, high)
    return _mosaic(
        values,
        map_tiles(maps.layer),
        width,
        colorscale=SIGNED if signed else "gray",
        zmin=-limit if signed else min(low, 0.0),
        zmax=limit if signed else high,
        hovertemplate="%{z:.3g}<extra></extra>",
    )


def filter_tiles(shown: Filters) -> Tiles:
    """Positions of the kernels of a layer in `filters`."""
    out, channels, height, width = shown.weights.shape
    return tiles_of(min(out if channels == 1 else channels, MAX_TILES), height, width)


def filters(shown: Filters, width: int, channel: int = 0) -> go.Figure:
    """The kernels of output channel `channel`; of all of them if there is one input channel.

    Shows the first `MAX_TILES` kernels.
    """
    tiles = filter_tiles(shown)
    single_input = shown.weights.shape[1] == 1
    kernels = (shown.weights[:, 0] if single_input else shown.weights[channel])[: tiles.count]
    limit = float(np.abs(kernels).max())
    return _mosaic(
        kernels,
        tiles,
        width,
        colorscale=SIGNED,
        zmin=-limit,
        zmax=limit,
        hovertemplate="%{z:.3g}<extra></extra>",
    )


def step(shown: PixelStep, width: int) -> go.Figure:
    """Rows of patch, kernel and their products; a column for each of the channels that weigh most.

    Each row has its own colour scale. Numbers show on hover, and in the cells if there is room.
    """
    order = np.argsort(-np.abs(shown.sums), kind="stable")[:STEP_CHANNELS]
    patches, kernels = shown.patch[order], shown.kernel[order]
    rows = (patches, kernels, patches * kernels)
    count, height, across = patches.shape
    tiles = Tiles(3 * count, height, across, count)
    scaled = [values / (np.abs(values).max() or 1.0) for values in rows]
    figure = _mosaic(
        np.concatenate(scaled),
        tiles,
        width - _STEP_MARGIN,
        colorscale=SIGNED,
        zmin=-1,
        zmax=1,
        hovertemplate="%{text}<extra></extra>",
    )
    figure.data[0].text = _spread(np.concatenate(rows), tiles, "{:.2f}")
    if 3 * patches.size <= _MAX_NUMBERS:
        figure.data[0].texttemplate = "%{text}"
    corners = [tiles.corner(place) for place in range(3 * count)]
    figure.update_layout(
        margin=dict(l=_STEP_MARGIN, t=_STEP_TOP),
        width=figure.layout.width + _STEP_MARGIN,
        height=figure.layout.height + _STEP_TOP,
    )
    labels = dict(visible=True, showgrid=False, zeroline=False, ticklen=0)
    figure.update_xaxes(
        side="top",
        tickvals=[left + (across - 1) / 2 for left, _ in corners[:count]],
        ticktext=[str(channel) for channel in order] if len(shown.sums) > 1 else [""],
        **labels,
    )
    figure.update_yaxes(
        tickvals=[top + (height - 1) / 2 for _, top in corners[::count]],
        ticktext=["patch", "× kernel", "= product"],
        **labels,
    )
    return figure


def outline(maps: Tiles, area: Area, tile: int | None = None) -> str:
    """An SVG path around an area in each picture of a mosaic, or in picture `tile`.

    If the area is a whole picture, the path is one frame around the mosaic.
    """
    top, bottom = max(area.top, 0), min(area.top + area.height, maps.height)
    left, right = max(area.left, 0), min(area.left + area.width, maps.width)
    if tile is None and (bottom - top, right - left) == (maps.height, maps.width):
        columns, rows = maps.size
        return _frame(0, 0, columns, rows)
    path = []
    for one in range(maps.count) if tile is None else [tile]:
        across, down = maps.corner(one)
        path.append(_frame(across + left, down + top, right - left, bottom - top))
    return "".join(path)


def _frame(left: int, top: int, width: int, height: int) -> str:
    """Around so many cells. A cell reaches half a unit to each side of its coordinate."""
    west, north = left - 0.5, top - 0.5
    return f"M{west},{north}H{west + width}V{north + height}H{west}Z"


def outlines(shown: PixelStep, layers: Sequence[InnerLayer]) -> list[str]:
    """For each layer, a path around the inputs of the number; in its own layer, around itself.

    Args:
        layers: all layers of the network; the first is the image.
    """
    before = [
        outline(map_tiles(layer), area) for layer, area in zip(layers, shown.areas, strict=False)
    ]
    here = Area(shown.row, shown.column, 1, 1)
    return [*before, outline(map_tiles(shown.layer), here, shown.channel)]


def attribution(image: np.ndarray, found: Attribution, size: int) -> go.Figure:
    """A digit (28, 28), 0..1, under an overlay: blue speaks for the answer, orange against."""
    figure = go.Figure(
        [
            go.Heatmap(
                z=image, zmin=0, zmax=_DIMMED, colorscale="gray", showscale=False, hoverinfo="skip"
            ),
            go.Heatmap(
                z=found.values,
                zmin=-1,
                zmax=1,
                colorscale=_OVERLAY,
                showscale=False,
                hovertemplate="row %{y}, column %{x}: %{z:.2f}<extra></extra>",
            ),
        ],
        figure_layout(
            size,
            width=size,
            margin=NO_MARGIN,
            xaxis=HIDDEN_AXIS,
            yaxis=dict(autorange="reversed", **HIDDEN_AXIS),
        ),
    )
    if found.largest == 0:
        add_message(figure, "Nothing speaks for it here.")
    return figure


def _mosaic(values: np.ndarray, tiles: Tiles, width: int, **style: object) -> go.Figure:
    """Pictures (n, height, width) as one heatmap with square cells."""
    columns, rows = tiles.size
    largest = min(max(_MAX_TILE // tiles.height, _MIN_CELL), _MAX_CELL)
    scale = min(width / columns, largest)
    apart = {} if tiles.gap else dict(xgap=1, ygap=1)
    heatmap = go.Heatmap(
        z=_spread(values, tiles), showscale=False, hoverongaps=False, **apart, **style
    )
    return go.Figure(
        heatmap,
        figure_layout(
            max(1, round(rows * scale)),
            width=max(1, round(columns * scale)),
            margin=NO_MARGIN,
            dragmode=False,
            xaxis=dict(range=[-0.5, columns - 0.5], **HIDDEN_AXIS),
            yaxis=dict(range=[rows - 0.5, -0.5], **HIDDEN_AXIS),
        ),
    )


def _spread(values: np.ndarray, tiles: Tiles, form: str = "") -> np.ndarray:
    """Puts pictures into a mosaic: numbers, with NaN in gaps, or texts in the format `form`."""
    columns, rows = tiles.size
    texts = np.vectorize(form.format, otypes=[object])(values) if form else values
    spread = np.full((rows, columns), "" if form else np.nan, object if form else np.float32)
    for tile, picture in enumerate(texts):
        left, top = tiles.corner(tile)
        spread[top : top + tiles.height, left : left + tiles.width] = picture
    return spread
