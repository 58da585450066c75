"""Layout of the Inside tab: an image, its prediction, the layers, and filters."""

from typing import TYPE_CHECKING, Any

from dash import html

from core.records.explanations import ATTRIBUTION_METHODS
from dashboard.components.controls import (
    HIDDEN,
    PERSIST,
    button,
    choices,
    muted,
    number,
    panel,
    select,
    stores,
)
from dashboard.components.help_link import help_link
from dashboard.components.probability_bars import probability_bars

if TYPE_CHECKING:
    from core.service.service import TrainingService

SOURCE = "inside-source"
INDEX = "inside-index"
ANOTHER = "inside-another"
WRONG = "inside-wrong"
REQUEST = "inside-request"
CAPTION = "inside-caption"
SHOWN = "inside-shown"
FIGURES = "inside-figures"
BARS = "inside-bars"
LAYERS = "inside-layers"
POINT = "inside-point"
STEP = "inside-step"
OUTLINES = "inside-outlines"
METHOD = "inside-method"
DIGIT = "inside-digit"
MAPS_OF = "inside-maps-of"
MAPS_CHOICE = "inside-maps-choice"
REASONS = "inside-reasons"
FILTER_LAYER = "inside-filter-layer"
FILTER = "inside-filter"
FILTERS = "inside-filters"

NOTHING_TRAINED = "Press Train first: here you will see what each layer makes of an image."
POINT_HERE = "Point at a pixel of a map, and see from which numbers it was made."
NOTHING_SHOWN = "There is no image yet."
EXPLANATION = "Every layer makes new pictures of those before it, until ten numbers are left."


def layout(_: "TrainingService") -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "inside"),
            _image_choice(),
            html.P(NOTHING_TRAINED, id=CAPTION, role="status", className="mb-2"),
            html.Div(
                [
                    _panel("What it says", html.Div(probability_bars(), id=BARS)),
                    _panel("What the answer rests on", *_attribution()),
                ],
                className="inside-top",
            ),
            html.Div(
                [
                    _panel(
                        "From layer to layer",
                        html.Div(muted(NOTHING_TRAINED), id=LAYERS),
                        class_name="inside-layers",
                    ),
                    _panel(
                        "How one number is made",
                        html.Div(muted(POINT_HERE), id=STEP),
                        class_name="inside-step",
                    ),
                ],
                className="inside-way",
            ),
            _panel(
                "Filters",
                html.Div(
                    [select("Layer", FILTER_LAYER, []), number("Filter", FILTER)],
                    className="controls",
                ),
                html.Div(muted(NOTHING_SHOWN), id=FILTERS),
            ),
            *stores(REQUEST, SHOWN, FIGURES, POINT, OUTLINES),
        ]
    )


def _image_choice() -> html.Div:
    sources = {"test": "Test image", "drawing": "My drawing"}
    return html.Div(
        [
            choices("Look at", SOURCE, sources, **PERSIST),
            number("Number", INDEX, **PERSIST),
            button("Another", ANOTHER, "primary"),
            button("Another wrong one", WRONG),
        ],
        className="controls inside-choice",
    )


def _attribution() -> list[Any]:
    methods = [{"value": name, "label": m.title} for name, m in ATTRIBUTION_METHODS.items()]
    digits = [{"value": str(digit), "label": str(digit)} for digit in range(10)]
    read = {"value": "read", "label": "the answer"}
    return [
        html.Div(
            [
                select("Method", METHOD, methods, "saliency"),
                select("Speaks for", DIGIT, [read, *digits], "read"),
                html.Div(select("On the maps of", MAPS_OF, []), id=MAPS_CHOICE, style=HIDDEN),
            ],
            className="controls",
        ),
        html.Div(muted(NOTHING_SHOWN), id=REASONS, className="inside-reasons"),
    ]


def _panel(title: str, *parts: Any, class_name: str = "") -> html.Section:
    return panel(title, html.H2(title), *parts, class_name=class_name)
