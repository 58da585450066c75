"""Ten probabilities as ten bars. The style sheet draws the digit and the bar of each.

`assets/draw/result.js` moves the bars of the Draw tab.
"""

from collections.abc import Sequence

from dash import html

from dashboard.formatting import probability


def probability_bars(
    probabilities: Sequence[float] = (0.0,) * 10, element_id: str = ""
) -> html.Div:
    """One row for each class: digit, bar, percentage. The largest is marked.

    A row is one component, because Dash visits every component whenever one changes.
    """
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    rows = [
        html.Div(
            probability(value),
            className="bar best" if digit == best and value > 0 else "bar",
            style={"--share": f"{value:.1%}"},
            role="listitem",
            **{"data-digit": str(digit)},
        )
        for digit, value in enumerate(probabilities)
    ]
    properties = {"id": element_id} if element_id else {}
    return html.Div(
        rows, className="bars", role="list", **{"aria-label": "Probabilities"}, **properties
    )
