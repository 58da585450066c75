"""Layout of the Embedding tab: test digits in a plane, and the one that was pointed at."""

from dash import dcc, html

from dashboard.components.controls import PERSIST, button, choices, start_training, stores
from dashboard.components.help_link import help_link
from dashboard.service import TrainingService

METHOD = "embedding-method"
REQUEST = "embedding-request"
RUN = "embedding-run"
IMAGES = "embedding-images"
SHOWN = "embedding-shown"
CAPTION = "embedding-caption"
TRAIN = "embedding-train"
PROGRESS = "embedding-progress"
CLOCK = "embedding-clock"
CHOSEN = "embedding-chosen"
SEND = "embedding-send"

CLOCK_MS = 500
EXPLANATION = (
    "Digits it finds similar lie close together. Neighbours mean something; distances between "
    "groups do not. Digits are moved apart so that none covers another."
)
KEYS = (
    "Test digits in a plane. Arrow keys move from digit to digit, Enter chooses one for the "
    "Gallery, plus and minus zoom, Escape lets all go."
)

UNTRAINED = "Nothing has learned yet: this is what a network with random weights finds similar."


def layout(service: TrainingService) -> html.Div:
    return html.Div(
        [
            html.Div(help_link(EXPLANATION, "embedding"), className="group-help"),
            html.Div(
                [_plane(untrained=service.runs.latest() is None), _aside()], className="embedding"
            ),
            *stores(REQUEST, RUN, IMAGES, SHOWN),
            dcc.Interval(id=CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def _plane(untrained: bool) -> html.Section:
    methods = choices("Method", METHOD, {"pca": "PCA", "tsne": "t-SNE"}, **PERSIST)
    lasso = button("Lasso", "embedding-lasso")
    lasso.title = "Drag around digits to choose them for the Gallery"
    tools = [
        html.Div(methods, className="segments"),
        html.P(
            UNTRAINED if untrained else "Finding a place for each digit…",
            id=CAPTION,
            role="status",
        ),
        html.Span(id=PROGRESS, role="status"),
        start_training(id=TRAIN, hidden=not untrained),
        html.Div(
            [
                html.Span(id=CHOSEN, role="status"),
                button("Show in Gallery", SEND, disabled=True),
                lasso,
                button("Reset", "embedding-reset"),
            ],
            className="push embedding-choice",
        ),
    ]
    canvas = html.Canvas(
        id="embedding-plane", tabIndex=0, role="application", **{"aria-label": KEYS}
    )
    misread = html.Details(
        [html.Summary("Misread digits as a list"), html.Ul(id="embedding-misread")]
    )
    return html.Section(
        [html.Div(tools, className="tools"), html.Div(canvas, className="sheet plane"), misread],
        className="embedding-main",
        **{"aria-label": "Test digits in a plane"},
    )


def _aside() -> html.Section:
    """The digit that was pointed at; `assets/tabs/embedding.js` fills it in."""
    buttons = [
        html.Button("Look inside", className="btn look-inside"),
        html.Button("Neighbours in the Gallery", className="btn btn-quiet neighbours"),
    ]
    return html.Section(
        [
            html.H2("Chosen digit"),
            html.Canvas(
                width="28",
                height="28",
                className="signal",
                role="img",
                **{"aria-label": "No digit is chosen"},
            ),
            html.P("Point at a digit.", className="lead", role="status"),
            html.P(className="small soft"),
            html.Div(buttons, className="embedding-buttons", hidden=True),
        ],
        id="embedding-detail",
        className="embedding-detail",
        **{"aria-label": "Chosen digit"},
    )
