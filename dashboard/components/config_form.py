"""The settings of the next run: cards for the presets, and a drawer with a field for each setting.

`assets/components/config_form.js` fills the fields from a preset, and names the preset that the
fields make.
"""

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
KNOWN = "known-settings"
FORM_ERRORS = "form-errors"
DRAWER = "settings"
FIND = "find-setting"
PRESET_HEAD = "preset-head"

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
CUSTOM = "custom"
"""Value of `PRESET` for settings of one's own: no card is chosen."""


def cards() -> dbc.RadioItems:
    """The presets. The page fills in what each promises on this computer."""
    return dbc.RadioItems(
        id=PRESET,
        options=[{"value": name, "label": _card(name, kind)} for name, kind in KINDS.items()],
        value=FIRST_PRESET,
        class_name="presets",
        input_class_name="sr-only",
        label_class_name="preset",
        **PERSIST,
    )


def _card(name: str, kind: str) -> list[Component]:
    promise = html.Small(**{"data-promise": name})
    return [html.I(className="radio"), html.B(PRESETS[name].title), html.Em(kind), promise]


def drawer(weights: dict[str, int]) -> html.Dialog:
    """All settings, in groups that tell their values while they are closed.

    Args:
        weights: how many weights each model has, by its name.
    """
    find = dbc.Input(
        id=FIND,
        type="search",
        placeholder="Find a setting, for example “seed”",
        class_name="find",
        autocomplete="off",
    )
    head = [
        html.H2("Settings of the next run", id="settings-title"),
        done(DRAWER),
    ]
    undo = html.Button("Undo", id="undo-settings", className="btn-link", hidden=True)
    return html.Dialog(
        [
            html.Div(head, className="row-flex between"),
            html.P([html.Span(id=PRESET_HEAD), " ", undo], className="soft", role="status"),
            dbc.Label("Find a setting", html_for=FIND, class_name="sr-only"),
            find,
            *[_group(title, names) for title, names in GROUPS.items()],
            html.P("No setting has this in its name.", id="found-none", hidden=True),
            dcc.Store(id=KNOWN, data=known_settings(weights)),
            dcc.Store(id=FORM_ERRORS),
        ],
        id=DRAWER,
        className="drawer",
        **{"aria-labelledby": "settings-title"},
    )


def done(dialog: str) -> html.Button:
    """The button that closes a drawer."""
    escape = html.Kbd("Esc", **{"aria-hidden": "true"})
    return html.Button(["Done ", escape], className="btn btn-quiet", **{"data-closes": dialog})


def _group(title: str, names: tuple[str, ...]) -> html.Details:
    values = html.Small(**{"data-group": title})
    return html.Details(
        [html.Summary([html.H3(title), values]), *[_field(name) for name in names]],
        open=title == FIRST_OPEN,
        className="group",
    )


def known_settings(weights: dict[str, int]) -> dict[str, Any]:
    """What the script knows of settings: their names, the presets, and what choices are called.

    The settings of a preset have the form of the inputs' values, in the order of `FIELDS`, but for
    decimal numbers, whose texts may differ. None stands for a setting that the preset leaves open.
    """
    presets = {
        name: {
            "title": PRESETS[name].title,
            "purpose": PRESETS[name].purpose,
            "settings": [
                None if field in OPEN_IN_PRESETS else _preset_value(PRESETS[name].config, field)
                for field in FIELDS
            ],
        }
        for name in KINDS
    }
    return {"fields": FIELDS, "presets": presets, "titles": CHOICE_TITLES, "weights": weights}


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
    label = dbc.Label(declared.title, html_for=ids.field(name))
    control: Component
    if declared.annotation is bool:
        control = dbc.Switch(value=first, **common)
    elif choices:
        options = [{"value": value, "label": CHOICE_TITLES[value]} for value in choices]
        control = dbc.Select(options=options, value=first, **common)
    else:
        # A number input would discard what it cannot parse, and reject 1e-3.
        control = dbc.Input(
            type="text",
            inputmode="numeric" if declared.annotation is int else "decimal",
            value=_text(first),
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


def _preset_value(config: TrainConfig, field: str) -> Any:
    value = getattr(config, field)
    return value if TrainConfig.model_fields[field].annotation is float else _text(value)


def _text(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if is_number else value
