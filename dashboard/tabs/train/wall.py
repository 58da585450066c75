"""Sixty test digits and one large accuracy. `assets/live/wall.js` fills them in."""

from dash import html

from dashboard.formatting import PERCENT

COLUMNS = 10


def layout() -> html.Section:
    """The sheet with the digits, a column for each of the ten."""
    return html.Section(
        [
            html.Div(
                [
                    html.P(html.Span(id="wall-score"), className="wall-score"),
                    html.Button(
                        [html.I(className="glyph glyph-shuffle"), "Other digits"],
                        id="wall-shuffle",
                        className="btn btn-quiet not-phone",
                        disabled=True,
                    ),
                ],
                className="wall-head",
            ),
            html.Div(
                [html.Span(str(digit)) for digit in range(COLUMNS)],
                className="wall-columns",
                **{"aria-hidden": "true"},
            ),
            html.Div(
                id="wall-tiles",
                className="wall-tiles",
                role="group",
                **{"aria-label": "Sixty test digits"},
            ),
            html.Div(
                [
                    html.P(
                        "Sixty digits that it never learns from, a column for each. "
                        "Those it misreads will get a frame.",
                        className="before",
                    ),
                    html.P(
                        [html.I(className="key-tile"), "misread, and as which digit"],
                        className="legend",
                    ),
                    html.P(
                        "column 4 holds fours, column 9 nines",
                        className="while-training muted not-phone not-mid",
                    ),
                    html.Div(
                        [
                            html.Button(
                                [html.I(className="glyph glyph-play"), html.Span("Watch again")],
                                id="wall-replay",
                                className="btn btn-quiet",
                            ),
                            html.Button(id="wall-mistakes", className="btn"),
                        ],
                        className="afterwards",
                    ),
                ],
                className="wall-foot",
            ),
        ],
        id="wall",
        className="wall sheet",
        **{"aria-label": "Test digits", "data-state": "before"},
    )


def number() -> html.Div:
    """The share of the test digits that the network reads right, and what that is measured on."""
    return html.Div(
        [
            html.P(
                [
                    html.Span("≈", id="number-about", className="about", hidden=True),
                    html.Span("10", id="number-value"),
                    html.Small(PERCENT),
                ],
                id="number",
                className="number guess",
            ),
            html.P(
                "of the test digits read right: pure guessing",
                id="number-caption",
                className="number-caption soft small",
            ),
            html.P(id="number-news", role="status", className="sr-only"),
        ],
        className="number-block",
    )
