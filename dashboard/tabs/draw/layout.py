"""Layout of the Draw tab: canvas, network input, prediction, its history, and kept drawings."""

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import dcc, html

from dashboard.components.controls import (
    HIDDEN,
    PERSIST,
    alert,
    button,
    choices,
    muted,
    panel,
    stores,
)
from dashboard.components.help_link import help_link
from dashboard.components.presses import PRESS_ONCE
from dashboard.components.probability_bars import probability_bars
from dashboard.tabs.draw import figures
from dashboard.tabs.draw.text import NOTHING_DRAWN, NOTHING_KEPT
from dashboard.theme import GRAPH, empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService

CANVAS = "draw-canvas"
CLEAR = "draw-clear"
UNDO = "draw-undo"
ANSWER = "draw-answer"
INPUT = "draw-input"
BARS = "draw-bars"
OPEN = "draw-open"
HINT_ID = "draw-hint"
WHOLE = "draw-whole"
MARKED = "draw-marked"
RESTED = "draw-rested"
LAST = "draw-last"
"""The last saved epoch. It changes while the tab goes on showing the same network."""
FORM = "draw-form-choice"
COURSE_REQUEST = "course-request"
COURSE_GRAPH = "course-graph"
COURSE_PICTURE = "course-picture"
COURSE_CAPTION = "course-caption"
HAND_REQUEST = "hand-request"
HAND_SAY = "hand-say"
HAND_DELETE = "hand-delete-request"
HAND_DELETED = "hand-deleted"
HAND_DELETED_ID = "hand-deleted-id"
HAND_UNDO = "hand-undo"
HAND_SUMMARY = "hand-summary"
HAND_LIST = "hand-list"
HAND_LESSONS = "hand-lessons"
HAND_MIXED = "hand-mixed"
HAND_TEACH = "hand-teach"
HAND_REPORT = "hand-report"

CANVAS_SIZE, INPUT_SIZE = 280, 28
LINK = "btn btn-link btn-sm p-0 align-baseline"
HINT = "With a mouse, a pen or a finger. Or drop a photo of a digit on the canvas, or paste one."
INPUT_HELP = (
    "MNIST's digits were cut out, scaled to 20 pixels and moved until their "
    "ink balanced in the middle, and as MNIST so is yours; as drawn, the whole "
    "canvas is only squeezed. Watch what that does to the answer."
)
HISTORY = (
    "A column for each epoch, a row for each digit, the bluer the surer. Click a column to see the "
    "network as it was then."
)
KEPT_HERE = (
    "Drawings are kept with the runs. Where Digit Lab serves other computers, too, each browser "
    "sees its own alone."
)
LESSON = (
    "A fork of the run that is shown trains on your drawings, five short epochs, each time changed "
    "a little. Mixed with images that it has learnt from, it forgets less of them; without, watch "
    "what becomes of the test accuracy."
)


def keep_button(digit: object) -> dict[str, object]:
    """The id of the button that keeps the drawing as a digit."""
    return {"type": "hand-keep", "digit": digit}


def layout(_: "TrainingService") -> html.Div:
    return html.Div(
        [
            _drawing(),
            _network_input(),
            html.Section(
                [
                    html.H2("What it says"),
                    html.P("", id=ANSWER, className="draw-answer", role="status"),
                    probability_bars(element_id=BARS),
                ],
                className="panel draw-says",
            ),
            _history(),
            _collection(),
            *stores(RESTED, LAST, COURSE_REQUEST),
        ],
        className="draw-tab",
    )


def _drawing() -> html.Section:
    return html.Section(
        [
            html.H2("Draw a digit"),
            _canvas(CANVAS, CANVAS_SIZE, "Drawing area"),
            html.Div(
                [
                    button("Undo", UNDO, size=None),
                    button("Clear", CLEAR, size=None),
                    button("Open a picture…", OPEN, size=None),
                ],
                className="draw-buttons",
            ),
            html.Div(
                [
                    html.Span(HINT, id=HINT_ID, role="status"),
                    " ",
                    html.Button("Use the whole picture", id=WHOLE, className=LINK, hidden=True),
                ],
                className="draw-hint small",
            ),
            _keep_buttons(),
        ],
        className="panel draw-here",
    )


def _keep_buttons() -> html.Div:
    digits = [
        html.Button(
            str(digit),
            id=keep_button(digit),
            className="btn btn-outline-secondary btn-sm",
            title=f"Keep it as {digit}",
            **{"aria-label": f"Keep as {digit}"},
        )
        for digit in range(10)
    ]
    return html.Div(
        [
            html.Span("Keep as", className="small"),
            html.Div(digits, className="btn-group hand-digits"),
            html.P("", id=HAND_SAY, className="hand-say small", role="status"),
        ],
        className="hand-keep",
        role="group",
        **{"aria-label": "Keep the drawing"},
    )


def _network_input() -> html.Section:
    forms = {"mnist": "as MNIST", "drawn": "as drawn"}
    return html.Section(
        [
            html.H2("What the network gets"),
            choices("The network gets it", FORM, forms, **PERSIST),
            html.Div(
                [
                    _figure(
                        _canvas(MARKED, CANVAS_SIZE, "What is cut out"),
                        html.Span("▢ what is cut out", className="draw-box"),
                        html.Span("+ where its ink balances", className="draw-centre"),
                    ),
                    html.Span("→", className="draw-arrow", **{"aria-hidden": "true"}),
                    _figure(
                        _canvas(INPUT, INPUT_SIZE, "Network input"),
                        html.Span("28 × 28 pixels, and no more"),
                    ),
                ],
                className="draw-way",
            ),
            muted(INPUT_HELP, "mb-0"),
        ],
        className="panel draw-sees",
    )


def _canvas(name: str, side: int, label: str) -> html.Canvas:
    return html.Canvas(id=name, width=side, height=side, role="img", **{"aria-label": label})


def _figure(canvas: html.Canvas, *caption: html.Span) -> html.Figure:
    return html.Figure([canvas, html.Figcaption(list(caption), className="small")])


def _history() -> html.Section:
    return panel(
        "Course of the drawing",
        html.H2("How its answer came about"),
        html.P("", id=COURSE_CAPTION, className="course-caption", role="status"),
        html.Div(
            dcc.Graph(
                id=COURSE_GRAPH,
                figure=empty_state(NOTHING_DRAWN, figures.HEIGHT),
                config=GRAPH,
                style={"height": f"{figures.HEIGHT}px"},
            ),
            id=COURSE_PICTURE,
            role="img",
            **{"aria-label": NOTHING_DRAWN},
        ),
        help_link(HISTORY, "draw"),
        class_name="draw-course",
    )


def _collection() -> html.Section:
    mixed = dbc.Switch(id=HAND_MIXED, label="Mix in images it knows", value=True, **PERSIST)
    return panel(
        "Your handwriting",
        html.H2("Your handwriting"),
        html.P(NOTHING_KEPT, id=HAND_SUMMARY, role="status"),
        alert(
            HAND_DELETED,
            html.Span("Deleted. "),
            dbc.Button("Undo", id=HAND_UNDO, size="sm", color="link"),
            color="info",
        ),
        html.Ul([], id=HAND_LIST, className="hand-list", **{"aria-label": "Kept drawings"}),
        html.Div(
            [
                html.Div(
                    [button("Teach it", HAND_TEACH, "primary", className=PRESS_ONCE), mixed],
                    className="controls",
                ),
                muted(LESSON),
            ],
            id=HAND_LESSONS,
            style=HIDDEN,
        ),
        html.Div(id=HAND_REPORT),
        help_link(KEPT_HERE, "your-handwriting"),
        *stores(HAND_REQUEST, HAND_DELETE, HAND_DELETED_ID),
        class_name="draw-hand",
    )
