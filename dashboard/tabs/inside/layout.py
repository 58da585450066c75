"""Layout of the Inside tab: an image, the layers, the making of a number, attributions, filters."""

from typing import Any

from dash import html

from dashboard.components.controls import (
    PERSIST,
    button,
    choices,
    number,
    panel,
    select,
    start_training,
    stores,
)
from dashboard.components.help_link import help_link
from dashboard.service import TrainingService

SOURCE = "inside-source"
INDEX = "inside-index"
ANOTHER = "inside-another"
WRONG = "inside-wrong"
FOUND = "inside-found"
REQUEST = "inside-request"
CAPTION = "inside-caption"
TRAIN = "inside-train"
SHOWN = "inside-shown"
LAYERS = "inside-layers"
POINT = "inside-point"
STEP = "inside-step"
ORIGIN = "inside-origin"
DIGIT = "inside-digit"
MAPS_OF = "inside-maps-of"
QUESTION = "inside-question"
REASONS = "inside-reasons"
FILTER_LAYER = "inside-filter-layer"
FILTER = "inside-filter"
FILTERS = "inside-filters"

EXPLANATION = (
    "Follow one image through the network. Every layer makes new pictures of those before it, "
    "until ten numbers are left."
)

UNTRAINED = "Nothing has learned yet: a network with random weights guesses."


def layout(service: TrainingService) -> html.Div:
    return html.Div(
        [
            html.Div(help_link(EXPLANATION, "inside"), className="group-help"),
            _image_choice(untrained=service.runs.latest() is None),
            html.Section(id=LAYERS, className="sheet inside-layers", **{"aria-label": "Layers"}),
            html.Div(
                [
                    panel("Which pixels speak for it?", *_attribution()),
                    panel(
                        "One number, step by step",
                        html.H2("One number, step by step"),
                        html.Div(id=STEP),
                        class_name="inside-step",
                    ),
                ],
                className="inside-below",
            ),
            panel(
                "Filters",
                html.H2("Filters"),
                html.Div(
                    [select("Layer", FILTER_LAYER, []), number("Filter", FILTER)],
                    className="tools",
                ),
                html.Div(id=FILTERS, className="inside-filters"),
            ),
            *stores(REQUEST, FOUND, SHOWN, POINT, ORIGIN),
        ],
        className="inside",
    )


def _image_choice(untrained: bool) -> html.Div:
    sources = {"test": "Test image", "drawing": "My drawing"}
    return html.Div(
        [
            html.Div(choices("Look at", SOURCE, sources, **PERSIST), className="segments"),
            html.Div(
                [
                    number("Number", INDEX, **PERSIST),
                    _turn("Previous test image", "-1", "‹"),
                    _turn("Next test image", "1", "›"),
                ],
                className="inside-number",
            ),
            html.Button(
                [html.I(className="glyph glyph-shuffle"), "Another"], id=ANOTHER, className="btn"
            ),
            button("A misread one", WRONG),
            html.P(UNTRAINED if untrained else None, id=CAPTION, role="status", className="push"),
            start_training(id=TRAIN, hidden=not untrained),
        ],
        className="tools inside-choice",
    )


def _turn(label: str, images: str, sign: str) -> html.Button:
    return html.Button(
        sign, className="btn", title=label, **{"aria-label": label, "data-images": images}
    )


def _attribution() -> list[Any]:
    digits = [{"value": str(digit), "label": str(digit)} for digit in range(10)]
    read = {"value": "read", "label": "the answer"}
    keys = [
        html.Span([html.I(className=f"inside-key {name}"), name]) for name in ("for", "against")
    ]
    return [
        html.Div(
            [
                html.H2("Which pixels speak for it?", id=QUESTION),
                html.Span("Four ways to ask, each with its own blind spot.", className="not-mid"),
                html.Span(keys, className="push inside-keys"),
            ],
            className="inside-head",
        ),
        html.Div(id=REASONS, className="inside-reasons"),
        html.Div(
            [
                select("Explain the score of", DIGIT, [read, *digits], "read"),
                html.Div(
                    select("Grad-CAM on the maps of", MAPS_OF, []), className="inside-maps-of"
                ),
            ],
            className="tools",
        ),
    ]
