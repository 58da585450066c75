"""Pictures of numbers: many small ones on a canvas that `assets/tabs/inside.js` paints.

The page gets the numbers themselves, so that it can tell each one under the pointer.
"""

import base64
import json
import math

import numpy as np
from dash import html

LARGEST = 236
"""Pixels of the page that a picture is wide or high."""
_GAP, _SQUARE = 1, 5
"""Between two pictures, and the side of a picture of a single number, in pixels of the canvas."""


def columns_of(count: int) -> int:
    """At least as many rows as columns, the last row full if possible."""
    most = math.isqrt(count)
    return next(n for n in range(most, 0, -1) if count % n == 0 or 2 * n <= most)


def picture(
    values: np.ndarray,
    name: str,
    label: str,
    size: int = LARGEST,
    columns: int = 0,
    under: np.ndarray | None = None,
    signed: bool = False,
) -> html.Canvas:
    """Pictures (count, height, width) of a common scale, light on black.

    Args:
        name: what a single one is, such as `map`.
        label: the name of all, for screen readers.
        size: width or height in pixels of the page, whichever is larger.
        columns: side by side; 0 for about as many as rows.
        under: a digit (28, 28), 0..1, below the pictures.
        signed: blue is positive, orange negative, both on black.
    """
    count, height, width = values.shape
    columns = columns or columns_of(count)
    side = _SQUARE if height == width == 1 else 1
    across = columns * (width * side + _GAP) - _GAP
    down = -(-count // columns) * (height * side + _GAP) - _GAP
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    limit = max(-low, high)
    shown = {
        "name": name,
        "shape": [count, height, width],
        "columns": columns,
        "side": side,
        "low": -limit if signed else low,
        "high": limit if signed else high,
        "signed": signed,
        "values": _pack(values),
        "under": None if under is None else _pack(under),
    }
    scale = size / max(across, down)
    return html.Canvas(
        tabIndex=0,
        role="application",
        style={"--w": round(across * scale), "aspectRatio": f"{across} / {down}"},
        **{"data-picture": json.dumps(shown), "aria-label": label},
    )


def _pack(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
