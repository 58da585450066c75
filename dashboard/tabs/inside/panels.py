"""What the panels of the Inside tab say: a layer, how a number is made, reasons, filters.

Pure functions from records to components. This module does not know what is asked for or when.
"""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from dash import dcc, html

from core.records.layers import ATTRIBUTION_METHODS, Attribution, Filters, InnerLayer, PixelStep
from dashboard import ids
from dashboard.formatting import capitalised
from dashboard.tabs.inside import figures
from dashboard.theme import BARE_GRAPH

STEP_WIDTH, OVERLAY_SIZE, FILTERS_WIDTH = 340, 252, 640
NARROWEST = 240
BARE = {**BARE_GRAPH, "doubleClick": False, "scrollZoom": False}


def muted(sentence: str) -> html.P:
    """A sentence that stands where there is nothing else, or below it."""
    return html.P(sentence, className="text-body-secondary small")


def layer(place: int, about: InnerLayer, maps: go.Figure) -> html.Section:
    """One layer, its place counted from the image, with its feature maps."""
    operations = ", then ".join(about.operations) or "what the network gets"
    return html.Section(
        [
            html.H3([about.name, html.Span(about.size)]),
            html.P(f"{capitalised(operations)}."),
            dcc.Graph(id=ids.inside_maps(place), figure=maps, config=BARE),
        ],
        className="inside-layer",
        **{"aria-label": f"Layer {about.name}"},
    )


def step(found: PixelStep) -> list[Any]:
    """How one number of a layer is made: its patch, the kernel, and the sum in words."""
    about = found.layer
    place = f"row {found.row}, column {found.column} of map" if about.is_map else "number"
    return [
        html.P(
            [
                f"{about.name}, {place} {found.channel}: ",
                html.Strong(f"{found.after:.3f}"),
            ],
            className="mb-2",
        ),
        dcc.Graph(figure=figures.step(found, STEP_WIDTH), config=BARE),
        html.P(figures.step_words(found), className="mt-2 mb-1"),
        muted(_which_channels(found)),
    ]


def _which_channels(found: PixelStep) -> str:
    count = len(found.sums)
    if count <= figures.STEP_CHANNELS:
        return "Blue is positive, orange negative."
    return (
        f"Of {count} maps that come in, the {figures.STEP_CHANNELS} that weigh most here. "
        "Blue is positive, orange negative."
    )


def reasons(image: np.ndarray, found: Attribution) -> list[Any]:
    """What an answer rests on, over the image (28, 28), 0..1, and how far that may be believed."""
    method = ATTRIBUTION_METHODS[found.method]
    colours = "Blue speaks for it, orange against it." if method.signed else "The bluer, the more."
    where = f" On the maps of {found.layer}." if found.layer else ""
    return [
        dcc.Graph(
            figure=figures.attribution(image, found, OVERLAY_SIZE),
            config=BARE,
        ),
        html.Div(
            [
                html.P([html.Strong(f"Why a {found.digit}? "), f"{colours}{where}"]),
                html.P([html.Strong("What it tells: "), method.tells]),
                html.P([html.Strong("What it cannot: "), method.cannot]),
                html.P(method.source, className="text-body-secondary small mb-0"),
            ]
        ),
    ]


def kernels(found: Filters, number: Any, width: int) -> list[Any]:
    """The filters of a layer; of one with many maps before it, those of filter `number`.

    Args:
        number: as the field holds it; beyond the filters, the nearest one of them.
        width: of the page, in pixels.
    """
    out, channels, height, width = found.weights.shape
    channel = min(max(int(number or 0), 0), out - 1)
    size = f"{channels} × {height} × {width}" if (height, width) != (1, 1) else f"{channels}"
    words = f"{found.layer.name} has {out} filters of {size} numbers. "
    if channels == 1:
        words += "Here are all of them. "
    else:
        some = min(channels, figures.MOST_TILES)
        which = f"the first {some}" if some < channels else f"all {channels}"
        words += f"Here is filter {channel}: {which} of its kernels, one for each map before it. "
    room = min(max(width - 30, NARROWEST), FILTERS_WIDTH)
    return [
        muted(f"{words}Blue is positive, orange negative."),
        dcc.Graph(figure=figures.filters(found, room, channel), config=BARE),
    ]
