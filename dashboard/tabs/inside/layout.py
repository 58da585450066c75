"""What stands on the Inside tab before it knows of an image: its panels and what one can choose.

This module does not know what the choices do.
"""

from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html

from core.records.layers import ATTRIBUTION_METHODS
from dashboard import ids
from dashboard.components.controls import PERSIST, choices, number, select
from dashboard.components.help_link import help_link
from dashboard.components.probability_bars import probability_bars
from dashboard.tabs.inside.panels import muted

NOTHING_TRAINED = "Press Train first: here you will see what each layer makes of an image."
POINT_HERE = "Point at a pixel of a map, and see from which numbers it was made."
NOTHING_SHOWN = "There is no image yet."
EXPLANATION = "Every layer makes new pictures of those before it, until ten numbers are left."


def layout() -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "inside"),
            _choice_of_image(),
            html.P(NOTHING_TRAINED, id=ids.INSIDE_CAPTION, role="status", className="mb-2"),
            html.Div(
                [
                    _panel("What it says", html.Div(probability_bars(), id=ids.INSIDE_BARS)),
                    _panel("What the answer rests on", *_attribution()),
                ],
                className="inside-top",
            ),
            html.Div(
                [
                    _panel(
                        "From layer to layer",
                        html.Div(muted(NOTHING_TRAINED), id=ids.INSIDE_LAYERS),
                        look="inside-layers",
                    ),
                    _panel(
                        "How one number is made",
                        html.Div(muted(POINT_HERE), id=ids.INSIDE_STEP),
                        look="inside-step",
                    ),
                ],
                className="inside-way",
            ),
            _panel("Filters", *_filters()),
            dcc.Store(id=ids.version(ids.TAB_INSIDE)),
            dcc.Store(id=ids.INSIDE_REQUEST),
            dcc.Store(id=ids.INSIDE_SHOWN),
            dcc.Store(id=ids.INSIDE_FIGURES),
            dcc.Store(id=ids.INSIDE_POINT),
            dcc.Store(id=ids.INSIDE_OUTLINES),
        ]
    )


def _choice_of_image() -> html.Div:
    return html.Div(
        [
            choices(
                "Look at",
                ids.INSIDE_SOURCE,
                {"test": "Test image", "drawing": "My drawing"},
                **PERSIST,
            ),
            number("Number", ids.INSIDE_INDEX, **PERSIST),
            dbc.Button("Another", id=ids.INSIDE_ANOTHER, color="primary", size="sm"),
            dbc.Button(
                "Another wrong one",
                id=ids.INSIDE_WRONG,
                color="secondary",
                outline=True,
                size="sm",
            ),
        ],
        className="controls inside-choice",
    )


def _attribution() -> list[Any]:
    methods = [{"value": name, "label": m.title} for name, m in ATTRIBUTION_METHODS.items()]
    digits = [{"value": str(digit), "label": str(digit)} for digit in range(10)]
    return [
        html.Div(
            [
                select("Method", ids.INSIDE_METHOD, methods, "saliency"),
                select(
                    "Speaks for",
                    ids.INSIDE_DIGIT,
                    [{"value": "read", "label": "the answer"}, *digits],
                    "read",
                ),
                html.Div(
                    select("On the maps of", ids.INSIDE_MAPS_OF, []),
                    id=ids.INSIDE_MAPS_CHOICE,
                    style={"display": "none"},
                ),
            ],
            className="controls",
        ),
        html.Div(muted(NOTHING_SHOWN), id=ids.INSIDE_REASONS, className="inside-reasons"),
    ]


def _filters() -> list[Any]:
    return [
        html.Div(
            [
                select("Layer", ids.INSIDE_FILTER_LAYER, []),
                number("Filter", ids.INSIDE_FILTER),
            ],
            className="controls",
        ),
        html.Div(muted(NOTHING_SHOWN), id=ids.INSIDE_FILTERS),
    ]


def _panel(title: str, *parts: Any, look: str = "") -> html.Section:
    return html.Section(
        [html.H2(title), *parts], className=f"panel {look}".strip(), **{"aria-label": title}
    )
