"""The network of the shown run, layer by layer, with its activations for one test digit.

`assets/tabs/network.js` names the model, and fills in the pictures about once a second.
"""

import asyncio
from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, dcc, html
from dash.exceptions import PreventUpdate

from core.config import ModelName
from core.records.layers import InnerLayer
from dashboard.components.controls import table
from dashboard.components.mosaic import columns_of
from dashboard.formatting import NOTHING, model_title, percent
from dashboard.service import TrainingService

MODEL = "network-model"
"""The store with the model that is shown: the run's, or the one to train first."""
BODY = "network-body"

HEIGHT = 112
"""Of the row of pictures, in pixels."""
MAX_WIDTH = 440
MANY_LAYERS, MAX_WIDTH_OF_MANY = 7, 200
"""Pictures of a network with so many layers are narrower."""
PIXELS_PER_VALUE = 4
PIXELS_PER_UNIT = 7
"""At most so many pixels for a value of a map, and for a unit of a vector."""


def layout() -> html.Section:
    quiet = {"className": "btn btn-quiet"}
    as_table = html.Button(
        "As a table", id="network-as-table", **quiet, **{"aria-pressed": "false"}
    )
    look_inside = html.Button(
        ["Look inside", html.I(className="glyph glyph-next")],
        id="network-look-inside",
        **quiet,
        **{"data-look-inside": "0"},
    )
    return html.Section(
        [
            dcc.Store(id=MODEL),
            html.Div(
                [
                    html.H2("The network"),
                    html.P(id="network-about", className="soft small"),
                    html.Div([as_table, look_inside], className="push"),
                ],
                className="network-head",
            ),
            html.Div(id=BODY),
        ],
        id="network",
        className="network",
        **{"aria-label": "The network"},
    )


def register(app: Dash, service: TrainingService) -> None:
    @app.callback(Output(BODY, "children"), Input(MODEL, "data"))
    async def show_model(model: ModelName | None) -> list[Any]:
        if model is None:
            raise PreventUpdate
        layers = await asyncio.to_thread(service.inspection.layers, model)
        return body(model, layers)


def parts_of(layers: tuple[InnerLayer, ...]) -> list[InnerLayer]:
    """The layers of a model with short names."""
    parts = []
    convolutions = 0
    for layer in layers:
        convolutions += layer.is_convolution
        # A module within a module, such as block1.0.0
        name = f"conv{convolutions}" if "." in layer.name else layer.name
        pooled = " + pool" if layer.pool > 1 else ""
        parts.append(replace(layer, name=name + pooled))
    return parts


def body(model: str, layers: tuple[InnerLayer, ...]) -> list[Any]:
    """The model as pictures, still empty, and as a table."""
    parts = parts_of(layers)
    arrow = html.I(className="glyph glyph-arrow")
    flow: list[Any] = []
    most = MAX_WIDTH if len(parts) < MANY_LAYERS else MAX_WIDTH_OF_MANY
    for part in parts:
        width = min(shown_width(part), most)
        drawn = _layer(part, _outputs() if part is parts[-1] else _mosaic(part), width)
        flow += [arrow, drawn] if flow else [drawn]
    pictures = html.Div(
        flow,
        className="flow" if len(parts) < MANY_LAYERS else "flow deep",
        role="group",
        tabIndex=0,  # it scrolls where the window is narrow
        **{"aria-label": "Layers", "data-model": model, "data-title": model_title(model)},
    )
    return [
        html.Div([pictures, _share(parts)], className="network-pictures"),
        html.Div(layer_table(layers), className="network-table"),
    ]


def _layer(part: InnerLayer, picture: html.Div, width: float) -> html.Div:
    name = [html.B(part.name), html.Span(part.size, className="mono")]
    return html.Div(
        [
            html.Div(name, className="layer-name"),
            html.Div(picture, className="layer-picture"),
            html.Div(_caption(part), className="layer-weights"),
        ],
        className="layer",
        style={"--width": f"{width:.0f}px"},
        title=", ".join(part.operations),
    )


def _caption(part: InnerLayer) -> str:
    if part.parameters:
        return f"{part.parameters:,} weights"
    return "one test digit" if part.name == "input" else "strongest of each map"


def _grid(layer: InnerLayer) -> tuple[int, int, int, int]:
    """How a layer is laid out as a picture: its size, and the period of its maps in it."""
    count, height, width = layer.shape
    columns, gap = columns_of(count), int(layer.is_map)
    rows = count // columns
    step = width + gap
    return columns * step - gap, rows * (height + gap) - gap, step, height + gap


def shown_width(layer: InnerLayer) -> float:
    """How wide the picture of a layer is, in pixels, where there is room."""
    width, height, _, _ = _grid(layer)
    scale = PIXELS_PER_VALUE if layer.is_map else PIXELS_PER_UNIT
    return min(HEIGHT * width / height, scale * width)


def _mosaic(layer: InnerLayer) -> html.Div:
    """The maps of a layer, with lines between them; without a picture, empty cells."""
    width, height, across, down = _grid(layer)
    style = {
        "--ratio": f"{width} / {height}",
        "--across": f"{100 * across / width:.4f}%",
        "--down": f"{100 * down / height:.4f}%",
        "--line-across": f"{100 / across:.2f}%" if layer.is_map else "14%",
        "--line-down": f"{100 / down:.2f}%" if layer.is_map else "14%",
    }
    single = layer.shape[0] == 1
    return html.Div(
        html.Img(alt="", hidden=True),
        className="layer-maps single" if single else "layer-maps",
        style={"--ratio": f"{width} / {height}"} if single else style,
    )


def _outputs() -> html.Div:
    rows = [html.Div([str(digit), html.I()]) for digit in range(10)]
    return html.Div(rows, className="outputs", role="img", **{"aria-label": "Ten outputs"})


def _share(parts: list[InnerLayer]) -> html.Div:
    """How the weights are spread over the layers."""
    most = max(parts, key=lambda part: part.parameters)
    total = sum(part.parameters for part in parts)
    share = percent(most.parameters / total, 1)
    name = most.name.removesuffix(" + pool")
    bars = [
        html.I(
            className="most" if part is most else None,
            style={"flex": f"{max(part.parameters / total, 0.004):.4f}"},
            title=f"{part.name}: {part.parameters:,}",
        )
        for part in parts
        if part.parameters
    ]
    return html.Div(
        [
            html.Span(f"{share} of its {total:,} weights sit in one layer, {name}"),
            html.Div(bars, className="share-bar"),
        ],
        className="share",
    )


def layer_table(layers: tuple[InnerLayer, ...]) -> Any:
    """The layers of a model in the order of the data's way, with their weights."""
    rows = [
        [
            layer.name,
            ", ".join(layer.operations) or "image",
            layer.size,
            f"{layer.parameters:,}" if layer.parameters else NOTHING,
        ]
        for layer in layers
    ]
    rows.append(["Together", "", "", f"{sum(layer.parameters for layer in layers):,}"])
    return table(["Layer", "Operations", "Output", "Weights"], rows, responsive=True)
