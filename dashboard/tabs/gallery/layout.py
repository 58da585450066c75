"""Layout of the Gallery tab: a grid of test images as heatmaps, and the chosen one."""

import dash_bootstrap_components as dbc
from dash import html

from core.analysis.mistakes import CLASSES
from dashboard.components.controls import PERSIST, button, choices, stores
from dashboard.components.help_link import help_link
from dashboard.components.image_grid import ImageGrid
from dashboard.service import TrainingService

COUNT = "gallery-count"
SHUFFLE = "gallery-shuffle"
WHICH = "gallery-which"
DIGIT = "gallery-digit-choice"
COLOURS = "gallery-colours"
REQUEST = "gallery-request"
CAPTION = "gallery-caption"
ALL = "gallery-all"
GRID = ImageGrid("gallery", "Test images", "Chosen image")

COUNTS = (5, 10, 20, 50, 100)
RANDOM, WRONG, UNSURE = "random", "wrong", "unsure"
WHICHES = {RANDOM: "Random", WRONG: "Only wrong", UNSURE: "Least sure"}
DIGITS = {"any": "All", **{str(digit): str(digit) for digit in range(CLASSES)}}
COLOUR_SCALES = {
    "Greys": "Grey",
    "Viridis": "Viridis",
    "Cividis": "Cividis",
    "Hot": "Hot",
    "ink": "As ink",
}
"""Names of colour scales, as `assets/components/image_grid.js` has them."""
EXPLANATION = "Test images, which the network never learns from, as it sees them: 28 × 28 numbers."


def layout(service: TrainingService) -> html.Div:
    return html.Div(
        [
            html.Div(
                [_tools(), GRID.tiles(), help_link(EXPLANATION, "gallery")],
                className="gallery-main",
            ),
            GRID.detail(service),
            *stores(REQUEST, GRID.shown),
        ],
        className="gallery",
    )


def _tools() -> html.Div:
    return html.Div(
        [
            html.H2(html.Span(GRID.label, id=CAPTION, role="status"), className="score"),
            html.Div(choices("Which images", WHICH, WHICHES, **PERSIST), className="segments"),
            html.Div(choices("Digit", DIGIT, DIGITS, **PERSIST), className="chips"),
            html.Div(
                [
                    _select("Images", COUNT, {str(count): f"{count} images" for count in COUNTS}),
                    _select("Colours", COLOURS, COLOUR_SCALES),
                    html.Button(
                        [html.I(className="glyph glyph-shuffle"), "Shuffle"],
                        id=SHUFFLE,
                        className="btn",
                    ),
                    button("Back to all images", ALL, class_name="d-none"),
                ],
                className="gallery-picks",
            ),
        ],
        className="tools",
    )


def _select(label: str, name: str, options: dict[str, str]) -> html.Div:
    value = "20" if name == COUNT else next(iter(options))
    select = dbc.Select(id=name, options=options, value=value, **PERSIST)
    return html.Div([html.Label(label, htmlFor=name, className="sr-only"), select])
