"""The contents of the tab: the layers, how a number is computed, attributions, filters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from dash import html

from core.records.explanations import ATTRIBUTION_METHODS, Attribution, AttributionName
from core.records.layers import ActivationView, FeatureMaps, Filters, PixelStep
from dashboard.components.controls import table
from dashboard.components.probability_bars import probability_bars
from dashboard.formatting import capitalised
from dashboard.tabs.inside.pictures import LARGEST, picture

SIGNS = "Blue is positive, orange negative."
MAX_KERNELS = 128
MAX_CELLS = 25
"""A patch of more numbers is a picture: they would be too small to read."""
STRONGEST = 6
_INPUT, _SCORES = 168, 206  # pixels of the page


def layers(shown: ActivationView) -> list[Any]:
    """All layers from left to right; the first is the image, the last the scores."""
    *others, last = shown.view.maps
    scores = html.Div(
        [
            _maps(last, size=_SCORES, columns=1),
            probability_bars(shown.view.probabilities.tolist()),
        ],
        className="inside-scores unsure" if shown.doubt else "inside-scores",
    )
    sections = [
        _layer(maps, _maps(maps, size=LARGEST if number else _INPUT), _operations(maps))
        for number, maps in enumerate(others)
    ]
    sections.append(_layer(last, scores, "ten scores, then softmax"))
    arrow = html.I(className="glyph glyph-arrow inside-arrow")
    return [part for section in sections for part in (arrow, section)][1:]


def _layer(maps: FeatureMaps, picture: Any, operations: str) -> html.Section:
    about = maps.layer
    return html.Section(
        [
            html.P(
                [html.B(about.name), html.Span(about.size, className="mono")],
                className="inside-name",
            ),
            html.Div([picture, html.Div(className="inside-frames")], className="inside-picture"),
            html.P(operations),
        ],
        className="inside-layer",
        **{"aria-label": f"Layer {about.name}"},
    )


def _operations(maps: FeatureMaps) -> str:
    return ", ".join(maps.layer.operations) or "scaled so that its mean is 0"


def _maps(maps: FeatureMaps, size: int, columns: int = 0) -> html.Canvas:
    about = maps.layer
    what = "map" if about.is_map else "number"
    label = f"{about.name}, {about.size}. Arrow keys move from number to number."
    return picture(maps.values, what, label, size, columns)


def step(found: PixelStep) -> list[Any]:
    """How one number of a layer is computed: patch, kernel, their products, and the sum."""
    strongest = np.argsort(-np.abs(found.sums), kind="stable")
    first = strongest[0]
    patch, kernel = found.patch[first], found.kernel[first]
    if patch.size == 1:
        parts = _products(found, strongest[:STRONGEST].tolist())
    else:
        form = _cells if patch.size <= MAX_CELLS else _picture
        parts = html.Div(
            [
                form(patch, "patch"),
                "×",
                form(kernel, "kernel"),
                "=",
                form(patch * kernel, "product"),
            ],
            className="inside-product",
        )
    return [
        html.P(_where(found), className="small soft"),
        parts,
        html.P(step_sum(found)),
    ]


def _where(found: PixelStep) -> str:
    about = found.layer
    if about.is_map:
        where = f"map {found.channel}, row {found.row}, column {found.column}"
    else:
        where = f"number {found.channel}"
    return f"{about.name}, {where}. Point at any map to see another."


def step_sum(found: PixelStep) -> str:
    """The sum of the products, the bias, and what pooling and ReLU make of it."""
    count, strongest = len(found.sums), int(np.abs(found.sums).argmax())
    total = _number(found.sums.sum())
    if 1 in (count, found.patch[0].size):
        text = f"The {found.patch.size} products add up to {total}"
    else:
        text = (
            f"Of {count} maps, map {strongest} weighs most here: its products add up to "
            f"{_number(found.sums[strongest])}. Those of all maps add up to {total}"
        )
    text += f", bias {_number(found.bias, '+')}: {_number(found.before)}."
    if found.window.size > 1:
        text += f" Pooling took it as the largest of {found.window.size}."
    if "ReLU" in found.layer.operations:
        above = "Above zero, so ReLU lets it pass."
        text += f" {above if found.before > 0 else 'Below zero, so ReLU makes it 0.'}"
    return text


def _number(value: float, sign: str = "", decimals: int = 3) -> str:
    return f"{value:{sign}.{decimals}f}".replace("-", "\u2212")


def _short(value: float, sign: str) -> str:
    """As short as it fits into a cell: `+.26`, `+1.3`."""
    text = _number(value, sign, 2 if sign and abs(value) < 1 else 1)
    return text[0] + text[1:].removeprefix("0") if sign else text


def _cells(values: np.ndarray, name: str) -> html.Div:
    """Numbers in a square. Those of the patch are as light as on the maps."""
    low, high = values.min(), values.max()
    sign = "" if name == "patch" else "+"
    cells = []
    for value in values.flat:
        share = float((value - low) / ((high - low) or 1))
        kind = _sign(value) if sign else "light" if share > 0.5 else ""
        style = {"--share": f"{share:.0%}"}
        text, title = _short(value, sign), _number(value, sign)
        cells.append(html.Span(text, className=kind, style=style, title=title))
    return html.Div(
        cells,
        className=f"inside-cells {name}",
        style={"--columns": values.shape[1]},
        role="img",
        **{"aria-label": f"{capitalised(name)}: {', '.join(cell.title for cell in cells)}"},
    )


def _sign(value: float) -> str:
    return "for" if value > 0 else "against" if value < 0 else ""


def _picture(values: np.ndarray, name: str) -> html.Canvas:
    signed = name != "patch"
    label = f"{capitalised(name)}. Arrow keys move from number to number."
    return picture(values[np.newaxis], name, label, 120, signed=signed)


def _products(found: PixelStep, channels: Sequence[int]) -> Any:
    rows = [
        [
            str(channel),
            _number(found.patch[channel].item()),
            f"× {_number(found.kernel[channel].item(), '+')}",
            f"= {_number(found.sums[channel], '+')}",
        ]
        for channel in channels
    ]
    return table(["Number", "Value", "Weight", "Product"], rows)


def attribution(image: np.ndarray, name: AttributionName, found: Attribution | str) -> html.Figure:
    """An attribution over the image (28, 28), 0..1, or why there is none, and its blind spot."""
    method = ATTRIBUTION_METHODS[name]
    if isinstance(found, str):
        shown: Any = html.P(found, className="inside-none")
    elif found.largest == 0:
        shown = html.P("Nothing speaks for it here.", className="inside-none")
    else:
        label = f"{method.title}. Arrow keys move from pixel to pixel."
        shown = picture(found.values[np.newaxis], "pixel", label, under=image, signed=True)
    caption = [
        html.B(method.title),
        html.Span([html.B("Shows "), method.tells]),
        html.Span([html.B("Blind spot "), method.cannot]),
    ]
    return html.Figure(
        [shown, html.Figcaption(caption)], **{"aria-label": method.title}, role="group"
    )


def filters(found: Filters, number: int) -> list[Any]:
    """The filters of a layer; if it has many input maps, the kernels of filter `number`.

    Args:
        number: from 0 on, limited to the filters that there are.
    """
    out, channels, height, width = found.weights.shape
    channel = min(number, out - 1)
    size = f"{channels} × {height} × {width}" if (height, width) != (1, 1) else f"{channels}"
    text = f"{found.layer.name} has {out} filters of {size} numbers. "
    kernels = (found.weights[:, 0] if channels == 1 else found.weights[channel])[:MAX_KERNELS]
    some = len(kernels)
    if channels == 1:
        text += "Here are all of them. " if some == out else f"Here are the first {some}. "
    else:
        which = f"the first {some}" if some < channels else f"all {channels}"
        text += f"Here is filter {channel}: {which} of its kernels, one for each map before it. "
    name = "filter" if channels == 1 else "kernel"
    label = f"{capitalised(name)}s. Arrow keys move from number to number."
    columns = next(n for n in range(16, 0, -1) if some % n == 0)
    return [
        html.P(f"{text}{SIGNS}", className="small soft"),
        picture(kernels, name, label, 480, columns, signed=True),
    ]
