"""A form made from `TrainConfig`: one labelled input a field, its help and its error below it.

This module reads what the model declares and does not know any setting by name, except to decide
which are shown first.
"""

from typing import Any, get_args

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from core.config import CHOICE_TITLES, TrainConfig
from dashboard import ids

SHOWN_FIRST = ("dataset", "model", "epochs", "batch_size", "learning_rate", "optimizer")


def layout() -> html.Div:
    """All settings; those that one rarely changes are folded away."""
    rest = [name for name in TrainConfig.model_fields if name not in SHOWN_FIRST]
    return html.Div(
        [
            html.Div([_field(name) for name in SHOWN_FIRST], className="fields"),
            html.Details(
                [
                    html.Summary("More settings"),
                    html.Div([_field(name) for name in rest], className="fields mt-2"),
                ]
            ),
        ]
    )


def _field(name: str) -> html.Div:
    declared = TrainConfig.model_fields[name]
    described = f"{ids.field(name)}-help"
    common: dict[str, Any] = {"id": ids.field(name), "size": "sm"}
    keep = {"persistence": True, "persistence_type": "session"}
    choices = get_args(declared.annotation)
    control: Component
    if choices:
        options = [{"value": value, "label": CHOICE_TITLES[value]} for value in choices]
        control = dbc.Select(options=options, value=declared.default, **common, **keep)
    else:
        # A text input, because a number input swallows what it cannot parse and takes no 1e-3.
        mode = "numeric" if declared.annotation is int else "decimal"
        control = dbc.Input(
            type="text",
            inputmode=mode,
            value=f"{declared.default:g}",
            debounce=True,
            autocomplete="off",
            **common,
            **keep,
        )
    return html.Div(
        [
            dbc.Label(declared.title, html_for=ids.field(name), size="sm", className="mb-0"),
            control,
            html.Div(id=ids.field_error(name), className="field-error", role="alert"),
            html.Small(declared.description, id=described, className="field-help"),
        ]
    )
