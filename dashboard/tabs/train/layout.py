"""Layout of the Train tab: presets and buttons, the wall, how well it reads, and the network."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from core.config import TrainConfig
from dashboard.components import config_form, lazy
from dashboard.components.controls import PRESS_ONCE, alert, button
from dashboard.components.header import needs
from dashboard.components.help_link import help_mark
from dashboard.components.live_curves import live_curve
from dashboard.service import TrainingService
from dashboard.tabs.train import network, wall

RATE_INPUT = "rate-input"
RUN_SETTINGS = "run-settings"


def layout(service: TrainingService) -> html.Div:
    weights = {model: service.parameter_count(model) for model in config_form.MODELS}
    heading = ["Settings of ", html.Span(id="run-title")]
    return html.Div(
        [
            _rail(),
            html.Div(wall.layout(), className="train-wall"),
            html.Div([wall.number(), _slot(), _charts()], className="read"),
            html.Div(network.layout(), className="train-network"),
            *config_form.drawer(weights),
            *lazy.dialog(RUN_SETTINGS, heading, "drawer drawer-end"),
        ],
        className="train-view",
        **{"data-state": "none"},
    )


def _rail() -> html.Div:
    guide = help_mark("train", "Times are measured on this computer. More in the guide")
    head = html.Div([html.Span("What to train", id="presets-title"), guide], className="soft small")
    presets = html.Div(
        config_form.cards(), role="radiogroup", **{"aria-labelledby": "presets-title"}
    )
    return html.Div([head, presets, _buttons(), _fold(), _foot()], className="rail")


def _buttons() -> html.Div:
    """Train, or what can be done with the run that is shown: `data-state` decides."""
    return html.Div(
        [
            _button("train-button", "Train", "Starting…", "play"),
            _button("pause-button", "Pause", "Pausing…", "pause"),
            _button("resume-button", "Resume", "Resuming…", "play"),
            _button("stop-button", "Stop", "Stopping…", "stop"),
        ],
        className="train-buttons",
    )


def _button(name: str, label: Any, working: str, glyph: str = "") -> dbc.Button:
    """A button that says that it works; a large one if it has a glyph."""
    icon = [html.I(className=f"glyph glyph-{glyph}")] if glyph else []
    words = [
        html.Span(label, className="label"),
        html.Span(working, className="working-label"),
    ]
    class_name = f"btn-lg {PRESS_ONCE}" if glyph else PRESS_ONCE
    return dbc.Button([*icon, *words], id=name, color="secondary", className=class_name)


def _fold() -> html.Button:
    words = html.Span(
        [html.B("Settings", id="settings-name"), html.Span(id="settings-summary")], className="grow"
    )
    return html.Button(
        [html.I(className="glyph glyph-settings"), words, html.I(className="glyph glyph-next")],
        className="fold",
        **{"data-opens": config_form.DRAWER},
    )


def _foot() -> html.Div:
    """The way to the shown run's settings; the data set, or what becomes of changed settings."""
    notice = html.Div(
        [
            html.Div(
                className="alert alert-warning",
                role="alert",
                **{"data-live": "dataset-problem"},
                **needs("dataset-problem"),
            ),
            html.Div(button("Look for MNIST again", "dataset-retry"), **needs("dataset-retry")),
        ],
        className="dataset-notice",
    )
    links = [
        html.Button(text, className=f"btn-link {kind}", **{"data-opens": RUN_SETTINGS})
        for text, kind in (
            ("Settings of this run…", "settings"),
            ("Learning rate of this run…", "rate"),
        )
    ]
    return html.Div(
        [
            alert("train-answer", class_name="train-answer"),
            notice,
            html.Div(links, className="of-run"),
            html.P(className="small soft of-data", **{"data-live": "data"}),
            html.P("What you change now goes into the next run.", className="small soft of-next"),
            _button("queue-button", "Queue next", "Queueing…"),
        ],
        className="rail-foot",
    )


def _slot() -> html.Div:
    """What training does; what happened to the run, and one way on; after it, the next step."""
    explanation = html.P(
        [
            html.Span(
                [
                    "Training shows it 60,000 handwritten digits, a few at a time, and moves its ",
                    _term("weights"),
                    " a little after each few.",
                ],
                className="before",
            ),
            html.Span(
                [
                    "After every batch of ",
                    html.Span(**{"data-shown": "batch_size"}),
                    " images each of the ",
                    html.B(id="weight-count"),
                    " ",
                    _term("weights"),
                    " takes a small step that makes the ",
                    _term("loss"),
                    " a little lower.",
                ],
                className="during",
            ),
        ],
        className="explanation soft",
    )
    note = html.Div(
        [
            html.I(className="note-icon"),
            _message(),
            html.Button("Cancel", className=f"btn {PRESS_ONCE}", **{"data-press": "stop-button"}),
            html.Button("Resume", className=f"btn {PRESS_ONCE}", **{"data-press": "resume-button"}),
            _button("retry-button", ["Train with ", _live("retry-rate")], "Starting…"),
        ],
        className="note",
    )
    draw = html.Button(
        ["Draw", html.I(className="glyph glyph-next")],
        id="draw-next",
        className="btn",
        **{"aria-label": "Draw a digit"},
    )
    next_step = html.Div([_message(), draw], className="next-step")
    return html.Div([explanation, note, next_step], className="slot", **needs("slot-lead"))


def _message() -> html.P:
    return html.P([html.B(**{"data-live": "slot-lead"}), " ", _live("slot-rest")])


def _live(name: str) -> html.Span:
    return html.Span(**{"data-live": name})


TERMS = {
    "weights": "The numbers in the network that training changes.",
    "loss": "How wrong the network is: 2.3 when it guesses, 0 when it is right and sure.",
}


def _term(word: str) -> html.Dfn:
    return html.Dfn(word, title=TERMS[word], className="term")


def _charts() -> html.Div:
    return html.Div(
        [
            html.H2("How it learns", className="sr-only"),
            live_curve("train-curve", "loss", "Live loss", height=114),
            live_curve("train-accuracy", "accuracy", "Live accuracy", height=114),
        ],
        className="charts",
    )


def run_settings() -> list[Component]:
    """The settings of the shown run, and its learning rate while it trains."""
    rate = html.Div(
        [
            dbc.Label("Learning rate of this run", html_for=RATE_INPUT),
            dbc.Input(id=RATE_INPUT, type="text", inputmode="decimal", autocomplete="off"),
            button("Apply", "rate-button"),
            html.Small("Takes effect at once: of a one-cycle schedule it is the peak."),
            html.P(id="rate-answer", className="small", role="status"),
        ],
        className="field rate",
    )
    use = html.Button("Use these settings", id="use-settings", className="btn")
    return [
        html.P(className="soft", **{"data-live": "origin"}),
        rate,
        html.Div([_shown_settings(), use], className="known-only"),
    ]


def _shown_settings() -> html.Table:
    """A row for each setting. The script fills in the values of the shown run."""
    bodies = [
        html.Tbody(
            [
                html.Tr(html.Th(group, scope="rowgroup", colSpan=2)),
                *[
                    html.Tr(
                        [
                            html.Th(TrainConfig.model_fields[name].title, scope="row"),
                            html.Td(**{"data-shown": name}),
                        ]
                    )
                    for name in names
                ],
            ]
        )
        for group, names in config_form.GROUPS.items()
    ]
    return html.Table(bodies, className="table numbers")
