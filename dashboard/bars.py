"""Ten probabilities as ten bars, made of plain elements whose widths are moved by style.

`assets/draw.js` moves the bars of the Draw tab by the classes given here. This module does not
know whose probabilities they are.
"""

from collections.abc import Sequence

from dash import html


def bars(probabilities: Sequence[float] = (0.0,) * 10, element_id: str = "") -> html.Div:
    """One row a class: the digit, a bar, the per cent. The largest is marked."""
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    rows = [
        html.Div(
            [
                html.Span(str(digit), className="bar-digit"),
                html.Div(
                    html.Div(className="bar-fill", style={"width": f"{value:.1%}"}),
                    className="bar-track",
                ),
                html.Span(f"{value:.1%}", className="bar-value"),
            ],
            className="bar best" if digit == best and value > 0 else "bar",
            role="listitem",
        )
        for digit, value in enumerate(probabilities)
    ]
    properties = {"id": element_id} if element_id else {}
    return html.Div(
        rows, className="bars", role="list", **{"aria-label": "Probabilities"}, **properties
    )
