"""The contents of the panels: a layer, how a number is computed, attributions, filters."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html

from core.records.explanations import ATTRIBUTION_METHODS, Attribution
from core.records.layers import Filters, InnerLayer, PixelStep
from dashboard.components.controls import muted
from dashboard.formatting import capitalised
from dashboard.tabs.inside import figures
from dashboard.theme import CLICK_GRAPH

STEP_WIDTH, OVERLAY_SIZE, FILTERS_WIDTH = 340, 252, 640
MIN_WIDTH = 240
SIGNS = "Blue is positive, orange negative."


def maps_graph(place: object) -> dict[str, object]:
    """The id of the graph with a layer's feature maps; layer 0 is the image."""
    return {"type": "inside-maps", "place": place}


def layer(number: int, about: InnerLayer, maps: go.Figure) -> html.Section:
    """A layer with its feature maps; layer 0 is the image."""
    operations = ", then ".join(about.operations) or "what the network gets"
    return html.Section(
        [
            html.H3([about.name, html.Span(about.size)]),
            html.P(f"{capitalised(operations)}."),
            dcc.Graph(id=maps_graph(number), figure=maps, config=CLICK_GRAPH),
        ],
        className="inside-layer",
        **{"aria-label": f"Layer {about.name}"},
    )


def step(found: PixelStep) -> list[Any]:
    """How one number of a layer is computed: its patch, the kernel, and the sum."""
    about = found.layer
    where = f"row {found.row}, column {found.column} of map" if about.is_map else "number"
    heading = f"{about.name}, {where} {found.channel}: "
    return [
        html.P([heading, html.Strong(f"{found.after:.3f}")], className="mb-2"),
        dcc.Graph(figure=figures.step(found, STEP_WIDTH), config=CLICK_GRAPH),
        html.P(step_sum(found), className="mt-2 mb-1"),
        muted(_which_channels(found)),
    ]


def step_sum(found: PixelStep) -> str:
    """The sum of the products, the bias, and what pooling and ReLU make of it."""
    channels = f"{len(found.sums)} channels" if len(found.sums) > 1 else "the products"
    text = f"Sum of {channels} {found.sums.sum():.3f}, bias {found.bias:+.3f}: {found.before:.3f}."
    if found.window.size > 1:
        text += f" It is the largest of {found.window.size} that pooling chooses from."
    if "ReLU" in found.layer.operations:
        text += f" ReLU makes {found.after:.3f} of it."
    return text


def _which_channels(found: PixelStep) -> str:
    count = len(found.sums)
    if count <= figures.STEP_CHANNELS:
        return SIGNS
    return (
        f"Of {count} maps that come in, the {figures.STEP_CHANNELS} that weigh most here. {SIGNS}"
    )


def attribution(image: np.ndarray, found: Attribution) -> list[Any]:
    """The attribution over the image (28, 28), 0..1, and what the method can tell."""
    method = ATTRIBUTION_METHODS[found.method]
    colours = "Blue speaks for it, orange against it." if method.signed else "The bluer, the more."
    where = f" On the maps of {found.layer}." if found.layer else ""
    return [
        dcc.Graph(figure=figures.attribution(image, found, OVERLAY_SIZE), config=CLICK_GRAPH),
        html.Div(
            [
                html.P([html.Strong(f"Why a {found.digit}? "), f"{colours}{where}"]),
                html.P([html.Strong("What it tells: "), method.tells]),
                html.P([html.Strong("What it cannot: "), method.cannot]),
                muted(method.source, "mb-0"),
            ]
        ),
    ]


def filters(found: Filters, number: int, page_width: int) -> list[Any]:
    """The filters of a layer; if it has many input maps, the kernels of filter `number`.

    Args:
        number: from 0; limited to the filters that there are.
    """
    out, channels, height, width = found.weights.shape
    channel = min(number, out - 1)
    size = f"{channels} × {height} × {width}" if (height, width) != (1, 1) else f"{channels}"
    text = f"{found.layer.name} has {out} filters of {size} numbers. "
    if channels == 1:
        text += "Here are all of them. "
    else:
        some = min(channels, figures.MAX_TILES)
        which = f"the first {some}" if some < channels else f"all {channels}"
        text += f"Here is filter {channel}: {which} of its kernels, one for each map before it. "
    room = min(max(page_width - 30, MIN_WIDTH), FILTERS_WIDTH)
    return [
        muted(f"{text}{SIGNS}"),
        dcc.Graph(figure=figures.filters(found, room, channel), config=CLICK_GRAPH),
    ]
