"""Layout of the Gallery tab: a grid of test images."""

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.controls import PERSIST, button, select, stores
from dashboard.components.help_link import help_link
from dashboard.components.image_grid import ImageGrid

if TYPE_CHECKING:
    from core.service.service import TrainingService

COUNT = "gallery-count"
AGAIN = "gallery-again"
WRONG = "gallery-wrong"
REQUEST = "gallery-request"
CAPTION = "gallery-caption"
ALL = "gallery-all"
GRID = ImageGrid("gallery", "Test images", "Chosen image")

COUNTS = (5, 10, 20, 50, 100)
EXPLANATION = (
    "What the network says of test images, which it never learns from. What it gets wrong has a "
    "cross and a frame. Click an image to see how sure it is."
)
NOTHING_TRAINED = "Press Train first: here you will see what the network says of test images."


def layout(_: "TrainingService") -> html.Div:
    counts = [{"value": count, "label": str(count)} for count in COUNTS]
    return html.Div(
        [
            help_link(EXPLANATION, "gallery"),
            html.Div(
                [
                    select("Images", COUNT, counts, 20, **PERSIST),
                    dbc.Switch(id=WRONG, label="Only wrong ones", value=False, **PERSIST),
                    button("Draw others", AGAIN, "primary"),
                    button("Back to all images", ALL, class_name="d-none"),
                ],
                className="controls",
            ),
            html.P(id=CAPTION, className="text-body-secondary mb-2", role="status"),
            GRID.layout(NOTHING_TRAINED),
            *stores(REQUEST),
        ]
    )
