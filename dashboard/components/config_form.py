"""The form for `TrainConfig`: a labelled input for each field, with its help and its error."""

from typing import Any, get_args

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.config import (
    CHOICE_TITLES,
    OPEN_IN_PRESETS,
    PRESETS,
    TrainConfig,
    parse_config,
    read_texts,
)
from core.errors import InvalidConfigError
from dashboard import ids
from dashboard.components.controls import PERSIST

PRESET = "preset"
PRESET_VALUES = "presets"
FORM_ERRORS = "form-errors"

SHOWN_FIRST = ("dataset", "model", "epochs", "batch_size", "learning_rate", "optimizer")
FIELDS = tuple(TrainConfig.model_fields)
FIRST_PRESET = "fast"
CUSTOM = "custom"
OWN_PURPOSE = "Settings of your own. Choose a preset to go back to settings that are known to work."


def layout() -> html.Div:
    """A preset, then all settings; settings that are rarely changed are folded away."""
    options = [{"value": name, "label": preset.title} for name, preset in PRESETS.items()]
    options.append({"value": CUSTOM, "label": "Your own"})
    rest = [name for name in FIELDS if name not in SHOWN_FIRST]
    return html.Div(
        [
            html.Div(
                [
                    dbc.Label("Preset", html_for=PRESET, size="sm", className="mb-0"),
                    dbc.Select(
                        id=PRESET, options=options, value=FIRST_PRESET, size="sm", **PERSIST
                    ),
                    html.Small(
                        PRESETS[FIRST_PRESET].purpose, id="preset-purpose", className="field-help"
                    ),
                ],
                className="preset",
            ),
            dcc.Store(id=PRESET_VALUES, data=presets()),
            dcc.Store(id=FORM_ERRORS),
            html.Div([_field(name) for name in SHOWN_FIRST], className="fields"),
            html.Details(
                [
                    html.Summary("More settings"),
                    html.Div([_field(name) for name in rest], className="fields mt-2"),
                ]
            ),
        ]
    )


def presets() -> dict[str, dict[str, Any]]:
    """The purpose and the settings of each preset, for `assets/tabs/train.js`.

    Settings have the form of the inputs' values, in the order of `FIELDS`, but for decimal
    numbers, whose texts may differ. None stands for a setting that the preset leaves open. The
    last entry, without settings, stands for the visitor's own.
    """
    known = {
        name: {
            "purpose": preset.purpose,
            "settings": [
                None if field in OPEN_IN_PRESETS else _preset_value(preset.config, field)
                for field in FIELDS
            ],
        }
        for name, preset in PRESETS.items()
    }
    return known | {CUSTOM: {"purpose": OWN_PURPOSE, "settings": None}}


def parse(values: dict[str, Any]) -> TrainConfig:
    """The settings in the form.

    Raises:
        InvalidConfigError: with one sentence for each field that is wrong.
    """
    return parse_config(read_texts(values))


def errors(values: dict[str, Any]) -> dict[str, str]:
    """A sentence for each invalid field."""
    try:
        parse(values)
    except InvalidConfigError as error:
        return error.fields
    return {}


def validation_message(error: InvalidConfigError) -> str:
    """Names the fields to correct by their labels."""
    titles = [TrainConfig.model_fields[name].title or name for name in error.fields]
    return f"Please correct: {', '.join(titles)}."


def _field(name: str) -> html.Div:
    declared = TrainConfig.model_fields[name]
    first = getattr(PRESETS[FIRST_PRESET].config, name)
    common: dict[str, Any] = {"id": ids.field(name), **PERSIST}
    choices = get_args(declared.annotation)
    label = dbc.Label(declared.title, html_for=ids.field(name), size="sm", className="mb-0")
    control: Component
    if declared.annotation is bool:
        control = dbc.Switch(value=first, **common)
    elif choices:
        options = [{"value": value, "label": CHOICE_TITLES[value]} for value in choices]
        control = dbc.Select(options=options, value=first, size="sm", **common)
    else:
        # A number input would discard what it cannot parse, and reject 1e-3.
        control = dbc.Input(
            type="text",
            inputmode="numeric" if declared.annotation is int else "decimal",
            value=_text(first),
            debounce=True,
            autocomplete="off",
            size="sm",
            **common,
        )
    return html.Div(
        [
            label,
            control,
            html.Div(className="field-error", role="alert", **{"data-field": name}),
            html.Small(declared.description, className="field-help"),
        ]
    )


def _preset_value(config: TrainConfig, field: str) -> Any:
    value = getattr(config, field)
    return value if TrainConfig.model_fields[field].annotation is float else _text(value)


def _text(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value
