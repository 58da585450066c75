"""Layout of the Curves tab: loss and accuracy, how to read them, and a table of epochs."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html

from dashboard.components.controls import PERSIST, button, choices, labelled, panel
from dashboard.components.help_link import help_link
from dashboard.components.live_curves import live_curve
from dashboard.service import TrainingService

EXPLANATION = (
    "Click a point to see the network as it was then. Drag to zoom, double-click to see all. "
    "Thin line: a few batches each; squares: whole epochs; stars: drawings that you kept."
)
PATTERNS = {
    "fall": ("Both fall", "It learns something that holds for new images."),
    "part": ("They part", "It learns the training images by heart: overfitting."),
    "wild": ("Stuck or wild", "The learning rate is too high. A rate too low falls as slowly."),
    "test": (
        "Test is better",
        "Normal: training images are harder when they are shifted and turned.",
    ),
}
"""What two losses may look like, and what that means."""
AXES = {"epochs": "Epochs", "seconds": "Seconds"}


def layout(_: TrainingService) -> html.Div:
    return html.Div(
        [
            _controls(),
            html.Div(
                [
                    live_curve("curves-loss", "loss", "Loss curve"),
                    live_curve("curves-accuracy", "accuracy", "Accuracy curve"),
                ],
                className="two-columns",
            ),
            _scrolling("How to read curves", "patterns", [_pattern(name) for name in PATTERNS]),
            help_link(EXPLANATION, "curves"),
            panel("Epoch by epoch", _scrolling("Table of epochs", "epochs", _epoch_table())),
        ]
    )


def _controls() -> html.Div:
    smoothing = dbc.Input(
        id="curves-smoothing", type="range", min=0, max=0.98, step=0.02, value=0.6, **PERSIST
    )
    downloads = [
        html.A(
            "CSV",
            id="curves-csv",
            download="metrics.csv",
            className="btn btn-secondary disabled",
        ),
        button("PNG", "curves-png"),
        button("SVG", "curves-svg"),
    ]
    return html.Div(
        [
            labelled("Smoothing", smoothing),
            dbc.Switch(id="curves-log", label="Log scale for the loss", value=True, **PERSIST),
            dbc.Switch(id="curves-rate", label="Learning rate", value=False, **PERSIST),
            html.Div(
                [
                    html.Span("Across", className="soft", **{"aria-hidden": "true"}),
                    html.Div(
                        choices("Across", "curves-across", AXES, **PERSIST), className="segments"
                    ),
                ],
                className="control",
            ),
            html.Div(
                [html.Span("Download", className="soft"), *downloads],
                className="control push",
                role="group",
                **{"aria-label": "Download"},
            ),
        ],
        className="tools controls",
    )


def _scrolling(label: str, class_name: str, parts: list[Any]) -> html.Div:
    """A part that scrolls where it is too wide: it takes the focus, for the keyboard's sake."""
    return html.Div(
        parts, className=class_name, tabIndex="0", role="group", **{"aria-label": label}
    )


def _pattern(name: str) -> html.Figure:
    """A small drawing, made by the style sheet, and its meaning."""
    heading, meaning = PATTERNS[name]
    drawing = html.Div(className=f"pattern {name}", **{"aria-hidden": "true"})
    return html.Figure([drawing, html.Figcaption([html.B(heading), meaning])])


def _epoch_table() -> list[Any]:
    """A table with a row for each evaluation, which `assets/tabs/curves.js` fills."""
    heads = [
        "Epoch",
        "Train loss",
        "Train accuracy",
        "Test loss",
        "Test accuracy",
        "Images/s",
        "After",
    ]
    return [
        dbc.Table(
            [
                html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
                html.Tbody(id="curves-table"),
            ],
            size="sm",
            hover=True,
            className="numbers",
        ),
        html.P(id="curves-table-note", className="text-body-secondary"),
    ]
