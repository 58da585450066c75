"""Layout of the Embedding tab: test images as points in a plane, and the one that was clicked."""

from typing import TYPE_CHECKING

from dash import dcc, html

from dashboard.components.controls import PERSIST, button, choices, panel, stores
from dashboard.components.help_link import help_link
from dashboard.tabs.embedding import figures
from dashboard.theme import GRAPH, empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService

METHOD = "embedding-method"
REQUEST = "embedding-request"
SHOWN = "embedding-shown"
GRAPH_ID = "embedding-graph"
CAPTION = "embedding-caption"
PROGRESS = "embedding-progress"
CLOCK = "embedding-clock"
DETAIL = "embedding-detail"
CHOSEN = "embedding-chosen"
SEND = "embedding-send"

CLOCK_MS = 500
NOTHING_TRAINED = "Press Train first: here test images will stand near those they resemble."
HINT = (
    "Click a point to see its image. Draw a lasso around some to see them in the gallery; "
    "a double click lets them go."
)
EXPLANATION = (
    "Before its last layer the network has a list of features of an image. Here they are laid out "
    "in a plane: what it takes for alike stands together."
)


def layout(_: "TrainingService") -> html.Div:
    graph = dcc.Graph(
        id=GRAPH_ID,
        figure=empty_state(NOTHING_TRAINED, figures.HEIGHT),
        config={**GRAPH, "scrollZoom": True},
    )
    return html.Div(
        [
            help_link(EXPLANATION, "embedding"),
            html.Div(
                [
                    choices("Method", METHOD, {"pca": "PCA", "tsne": "t-SNE"}, **PERSIST),
                    html.Span(id=PROGRESS, role="status", className="small"),
                    html.Span(id=CHOSEN, role="status", className="small"),
                    button("Show them in the gallery", SEND, "primary", class_name="d-none"),
                ],
                className="controls",
            ),
            html.P(
                NOTHING_TRAINED, id=CAPTION, className="text-body-secondary mb-2", role="status"
            ),
            html.Div(
                [
                    panel("Test images in a plane", graph),
                    panel("Chosen point", hint(), id=DETAIL, class_name="gallery-detail"),
                ],
                className="gallery-tab",
            ),
            *stores(REQUEST, SHOWN),
            dcc.Interval(id=CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def hint() -> html.P:
    return html.P(HINT, className="text-body-secondary")
