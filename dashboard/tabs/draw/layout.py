"""Layout of the Draw tab: canvas, network input, prediction, its history, and kept drawings."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.controls import (
    PERSIST,
    PRESS_ONCE,
    alert,
    button,
    choices,
    panel,
    stores,
)
from dashboard.components.help_link import GUIDE, help_mark
from dashboard.components.probability_bars import probability_bars
from dashboard.service import TrainingService
from dashboard.tabs.draw.text import NOTHING_DRAWN, NOTHING_KEPT
from dashboard.urls import url

RESTED = "draw-rested"
LAST = "draw-last"
"""The last saved epoch. It changes while the tab goes on showing the same network."""
FORM = "draw-form-choice"
COURSE_REQUEST = "course-request"
COURSE = "course"
COURSE_CAPTION = "course-caption"
HAND_CHANGED = "hand-changed"
"""The store that changes when the visitor's drawings have."""
HAND_SUMMARY = "hand-summary"
HAND_LIST = "hand-list"
HAND_LESSONS = "hand-lessons"
HAND_REPORT = "hand-report"

CANVAS_SIZE, MARKED_SIZE, INPUT_SIZE = 560, 280, 28
KEYS = "draw-keys"
KEYS_HELP = (
    "With the keyboard: the arrow keys move a pen over 28 by 28 cells, with Shift four at a time. "
    "Space puts it down and lifts it. C clears, Ctrl+Z takes back. On a photo, the arrow keys move "
    "a box, with Shift they change its size, and Space reads what is in it."
)


def layout(_: TrainingService) -> html.Div:
    return html.Div(
        [
            _drawing(),
            _network_input(),
            _answer(),
            _collection(),
            _history(),
            *stores(RESTED, LAST, COURSE_REQUEST, COURSE),
        ],
        className="draw-tab",
    )


def _answer() -> html.Section:
    start = html.Div(
        [
            dbc.Button(
                html.Span(["Train", html.Span(**{"data-takes": "speedrun"})]),
                id="draw-start",
                color="primary",
                className=PRESS_ONCE,
            ),
            html.Progress(id="draw-learning", max="1", value="0", **{"aria-label": "Training"}),
            html.Span(id="draw-start-error", role="alert", className="small"),
        ],
        id="draw-start-block",
        className="draw-start",
        hidden=True,
    )
    return html.Section(
        [
            _heading("What it reads", "draw"),
            html.Div(
                [html.Div(id="draw-answer", className="draw-answer", role="status"), start],
                className="draw-says-first",
            ),
            probability_bars(element_id="draw-bars"),
            button("Look inside", "draw-inside"),
        ],
        className="draw-says",
    )


def _heading(text: str, section: str) -> html.Div:
    """A heading with a link to its section of the guide."""
    link = help_mark(section, f"{text}: more in the guide")
    return html.Div([html.H2(text), link], className="draw-heading")


def _drawing() -> html.Section:
    hint = html.Div(
        [
            html.Span(id="draw-hint", role="status"),
            html.Button("Use the whole picture", id="draw-whole", className="btn", hidden=True),
        ],
        className="draw-hint",
    )
    canvas = _canvas(
        "draw-canvas",
        CANVAS_SIZE,
        "Drawing area",
        role="application",
        tabIndex="0",
        **{"aria-describedby": KEYS},
    )
    return html.Section(
        [
            html.H2("Draw a digit", className="sr-only"),
            html.Div([canvas, html.I(id="draw-cursor", hidden=True), hint], className="draw-paper"),
            html.P(KEYS_HELP, id=KEYS, className="sr-only"),
            html.Div(
                [
                    button("Undo", "draw-undo"),
                    html.Button(
                        ["Clear", html.Kbd("C", className="not-phone", **{"aria-hidden": "true"})],
                        id="draw-clear",
                        className="btn",
                    ),
                    button("Open a photo…", "draw-open", className="push"),
                ],
                className="draw-buttons",
            ),
            _keep_buttons(),
        ],
        className="draw-here",
    )


def _keep_buttons() -> html.Div:
    digits = [
        html.Button(str(digit), **{"aria-label": f"Keep as {digit}", "data-keep": str(digit)})
        for digit in range(10)
    ]
    return html.Div(
        [
            html.P(
                [
                    html.Span("Which digit did you mean? It joins your own test set."),
                    html.Span("", id="hand-say", role="status"),
                ],
                className="hand-say small soft",
            ),
            html.Div(digits, className="hand-digits"),
        ],
        className="hand-keep",
        role="group",
        **{"aria-label": "Keep the drawing"},
    )


def _network_input() -> html.Section:
    forms = {"mnist": "Centred like MNIST", "drawn": "As drawn"}
    cut_out = (
        html.Span("Cut out (dashed), scaled and centred on its ink (+), the way MNIST was made."),
        html.Span("All of the canvas, squeezed: what is small or off-centre stays so."),
    )
    return html.Section(
        [
            html.H2("What the network sees"),
            _figure(
                _canvas("draw-input", INPUT_SIZE, "Network input", role="img", className="signal"),
                html.Span("28 × 28 grey pixels, nothing else."),
            ),
            _figure(
                _canvas("draw-marked", MARKED_SIZE, "What is cut out", role="img"),
                *cut_out,
                className="draw-crop",
            ),
            choices("How the drawing is prepared", FORM, forms, className="segments", **PERSIST),
        ],
        className="draw-sees",
    )


def _canvas(name: str, side: int, label: str, **properties: Any) -> html.Canvas:
    return html.Canvas(id=name, width=side, height=side, **{"aria-label": label}, **properties)


def _figure(canvas: html.Canvas, *caption: html.Span, **properties: Any) -> html.Figure:
    return html.Figure(
        [canvas, html.Figcaption(list(caption), className="small soft")], **properties
    )


def _history() -> html.Section:
    return panel(
        "How the answer came about",
        html.Div(
            [
                html.H2("How the answer came about"),
                html.P(NOTHING_DRAWN, id=COURSE_CAPTION, role="status", className="small soft"),
                html.Span(
                    "more ink: surer · click an epoch to go there", className="tiny muted not-mid"
                ),
            ],
            className="course-head",
        ),
        html.Div(id="course-strip", className="course-strip"),
        class_name="draw-course",
    )


def _collection() -> html.Section:
    label = "Also show it MNIST digits (it forgets less)"
    mixed = dbc.Switch(id="hand-mixed", label=label, value=True, **PERSIST)
    return panel(
        "Your handwriting",
        html.Div(
            [
                _heading("Your handwriting", "your-handwriting"),
                html.P(NOTHING_KEPT, id=HAND_SUMMARY, role="status", className="small soft"),
            ],
            className="hand-head",
        ),
        alert(
            "hand-deleted",
            html.Span("Deleted. "),
            dbc.Button("Undo", id="hand-undo", size="sm", color="link", class_name=PRESS_ONCE),
            color="info",
        ),
        html.Ul([], id=HAND_LIST, className="hand-list", **{"aria-label": "Kept drawings"}),
        html.Div(
            [
                html.Div(
                    [
                        button("Teach it these", "hand-teach", className=PRESS_ONCE),
                        html.Span("five short epochs, as a run of its own"),
                    ],
                    className="row-flex small soft",
                ),
                mixed,
                button("Delete all my drawings", "hand-delete-all", className=PRESS_ONCE),
            ],
            id=HAND_LESSONS,
            hidden=True,
        ),
        alert("hand-untaught"),
        html.P(
            html.A(
                "What is stored where",
                href=url(f"{GUIDE}#what-is-stored-where"),
                target="_blank",
            ),
            className="small soft hand-stored",
        ),
        html.Div(id=HAND_REPORT),
        *stores(HAND_CHANGED),
        class_name="draw-hand",
    )
