"""Layout of the Embedding tab: test images as points in a plane, and the one that was clicked."""

import dash_bootstrap_components as dbc
from dash import dcc, html

from dashboard import ids
from dashboard.components.controls import PERSIST, choices
from dashboard.components.help_link import help_link
from dashboard.tabs.embedding import figures
from dashboard.theme import GRAPH, empty_state

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


def layout() -> html.Div:
    return html.Div(
        [
            help_link(EXPLANATION, "embedding"),
            html.Div(
                [
                    choices("Method", METHOD, {"pca": "PCA", "tsne": "t-SNE"}, **PERSIST),
                    html.Span(id=PROGRESS, role="status", className="small"),
                    html.Span(id=CHOSEN, role="status", className="small"),
                    dbc.Button(
                        "Show them in the gallery",
                        id=SEND,
                        color="primary",
                        size="sm",
                        class_name="d-none",
                    ),
                ],
                className="controls",
            ),
            html.P(
                NOTHING_TRAINED, id=CAPTION, className="text-body-secondary mb-2", role="status"
            ),
            html.Div(
                [
                    html.Section(
                        dcc.Graph(
                            id=GRAPH_ID,
                            figure=empty_state(NOTHING_TRAINED, figures.HEIGHT),
                            config={**GRAPH, "scrollZoom": True},
                        ),
                        className="panel",
                        **{"aria-label": "Test images in a plane"},
                    ),
                    html.Section(
                        hint(),
                        id=DETAIL,
                        className="panel gallery-detail",
                        **{"aria-label": "Chosen point"},
                    ),
                ],
                className="gallery-tab",
            ),
            dcc.Store(id=ids.version(ids.TAB_EMBEDDING)),
            dcc.Store(id=REQUEST),
            dcc.Store(id=SHOWN),
            dcc.Interval(id=CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def hint() -> html.P:
    return html.P(HINT, className="text-body-secondary")
