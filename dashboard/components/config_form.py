"""The settings of the next run: cards for the presets, and a drawer with a field for each setting.

The store `SETTINGS` has them by name, as they are typed. `assets/components/config_form.js` fills
it from a preset or from the fields, names the preset that they make, and keeps them over a reload.
"""

from typing import Any, get_args

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
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
from dashboard.components import lazy
from dashboard.components.controls import stores

PRESET = "preset"
SETTINGS = "next-settings"
KNOWN = "known-settings"
FORM_ERRORS = "form-errors"
DRAWER = "settings"
FIND = "find-setting"

GROUPS = {
    "Data": ("dataset", "train_images"),
    "Model": ("model",),
    "Optimisation": (
        "epochs",
        "learning_rate",
        "batch_size",
        "optimizer",
        "beta1",
        "beta2",
        "weight_decay",
        "label_smoothing",
        "weight_averaging",
    ),
    "Schedule": ("schedule", "warmup"),
    "Augmentation": ("augmentation",),
    "Run": ("seed", "precision", "evaluations_per_epoch"),
}
FIRST_OPEN = "Optimisation"
FIELDS = tuple(TrainConfig.model_fields)
MODELS = get_args(TrainConfig.model_fields["model"].annotation)
KINDS = {
    "speedrun": "small network",
    "fast": "two convolutions",
    "notebook": "the classic, as is",
    "accurate": "six convolutions",
}
"""The presets in the order of their cards, and what kind of network each trains."""
FIRST_PRESET = "speedrun"


def cards() -> dbc.RadioItems:
    """The presets. The page fills in what each promises on this computer."""
    return dbc.RadioItems(
        id=PRESET,
        options=[{"value": name, "label": _card(name, kind)} for name, kind in KINDS.items()],
        value=FIRST_PRESET,
        class_name="presets",
        input_class_name="sr-only",
        label_class_name="preset",
    )


def _card(name: str, kind: str) -> list[Component]:
    promise = html.Small(**{"data-promise": name})
    return [html.I(className="radio"), html.B(PRESETS[name].title), html.Em(kind), promise]


def drawer(weights: dict[str, int]) -> list[Component]:
    """The drawer, still empty, and what the page knows of the settings and of models' `weights`."""
    return [
        *lazy.dialog(DRAWER, "Settings of the next run", "drawer"),
        dcc.Store(id=KNOWN, data=known_settings(weights)),
        *stores(SETTINGS, FORM_ERRORS),
    ]


def register(app: Dash) -> None:
    fields = [ids.field(name) for name in FIELDS]
    lazy.register(app, lazy.body(DRAWER), fields_in_groups, State(SETTINGS, "data"))

    app.clientside_callback(
        ClientsideFunction("form", "fillPreset"),
        Output(SETTINGS, "data"),
        Input(PRESET, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("form", "show"),
        Input(SETTINGS, "data"),
        State(KNOWN, "data"),
        prevent_initial_call=False,
    )
    app.clientside_callback(
        ClientsideFunction("form", "readFields"), *[Input(field, "value") for field in fields]
    )
    app.clientside_callback(ClientsideFunction("form", "showErrors"), Input(FORM_ERRORS, "data"))

    @app.callback(Output(FORM_ERRORS, "data"), Input(SETTINGS, "data"))
    async def validate(settings: dict[str, Any]) -> dict[str, str]:
        """A sentence for each field that is wrong."""
        try:
            parse(settings)
        except InvalidConfigError as error:
            return error.fields
        return {}


def fields_in_groups(settings: dict[str, Any]) -> list[Component]:
    """All settings, in groups that tell their values while they are closed."""
    find = dbc.Input(
        id=FIND,
        type="search",
        placeholder="Find a setting, for example “seed”",
        class_name="find",
        autocomplete="off",
    )
    undo = html.Button("Undo", id="undo-settings", className="btn-link", hidden=True)
    return [
        html.P([html.Span(id="preset-head"), " ", undo], className="soft", role="status"),
        dbc.Label("Find a setting", html_for=FIND, class_name="sr-only"),
        find,
        *[_group(title, names, settings) for title, names in GROUPS.items()],
        html.P("No setting has this in its name.", id="found-none", hidden=True),
    ]


def _group(title: str, names: tuple[str, ...], settings: dict[str, Any]) -> html.Details:
    values = html.Small(**{"data-group": title})
    return html.Details(
        [
            html.Summary([html.H3(title), values]),
            *[_field(name, settings.get(name)) for name in names],
        ],
        open=title == FIRST_OPEN,
        className="group",
    )


def known_settings(weights: dict[str, int]) -> dict[str, Any]:
    """What the script knows of settings: the presets, what a page begins with, names and weights.

    Settings that a preset leaves open are not in it.
    """
    presets = {
        name: {
            "title": PRESETS[name].title,
            "purpose": PRESETS[name].purpose,
            "settings": PRESETS[name].config.model_dump(exclude=OPEN_IN_PRESETS),
        }
        for name in KINDS
    }
    fields = TrainConfig.model_fields.items()
    return {
        "presets": presets,
        "first": PRESETS[FIRST_PRESET].config.model_dump(),
        "titles": {**CHOICE_TITLES, **{name: field.title for name, field in fields}},
        "kinds": {
            name: get_args(field.annotation) or str(getattr(field.annotation, "__name__", ""))
            for name, field in fields
        },
        "weights": weights,
    }


def parse(values: dict[str, Any]) -> TrainConfig:
    """The settings in the form.

    Raises:
        InvalidConfigError: with one sentence for each field that is wrong.
    """
    return parse_config(read_texts(values))


def validation_message(error: InvalidConfigError) -> str:
    """Names the fields to correct by their labels."""
    fields = TrainConfig.model_fields
    titles = [(name in fields and fields[name].title) or name for name in error.fields]
    return f"Please correct: {', '.join(titles)}."


def _field(name: str, value: Any) -> html.Div:
    declared = TrainConfig.model_fields[name]
    common: dict[str, Any] = {"id": ids.field(name), "value": value}
    choices = get_args(declared.annotation)
    label = dbc.Label(declared.title, html_for=ids.field(name))
    control: Component
    if declared.annotation is bool:
        control = dbc.Switch(**common)
    elif choices:
        options = [{"value": value, "label": CHOICE_TITLES[value]} for value in choices]
        control = dbc.Select(options=options, **common)
    else:
        # A number input would discard what it cannot parse, and reject 1e-3.
        control = dbc.Input(
            type="text",
            inputmode="numeric" if declared.annotation is int else "decimal",
            debounce=True,
            autocomplete="off",
            **common,
        )
    return html.Div(
        [
            label,
            control,
            html.Div(className="field-error", role="alert", **{"data-field": name}),
            html.Small(declared.description),
        ],
        className="field",
    )
