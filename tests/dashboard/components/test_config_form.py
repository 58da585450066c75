"""The form made from `TrainConfig`: each setting can be found, read, and set to all it allows."""

from typing import Any, get_args

import dash_bootstrap_components as dbc
import pytest
from dash import html
from dash.development.base_component import Component

from core.config import CHOICE_TITLES, PRESETS, TrainConfig
from core.errors import InvalidConfigError
from dashboard import ids
from dashboard.components import config_form

FIELDS = TrainConfig.model_fields
SWITCHES = [name for name, field in FIELDS.items() if field.annotation is bool]
CHOICES = [name for name, field in FIELDS.items() if get_args(field.annotation)]
WEIGHTS = dict.fromkeys(config_form.MODELS, 1000)
NUMBERS = [name for name, field in FIELDS.items() if field.annotation in (int, float)]


@pytest.fixture(scope="module")
def parts() -> list[Component]:
    first = config_form.known_settings(WEIGHTS)["first"]
    page = html.Div([config_form.cards(), *config_form.fields_in_groups(first)])
    return [part for part in page._traverse() if isinstance(part, Component)]


def by_id(parts: list[Component], element_id: str) -> Component:
    found = [part for part in parts if getattr(part, "id", None) == element_id]
    assert len(found) == 1, f"{element_id} is there {len(found)} times"
    return found[0]


def test_every_field_is_a_switch_a_choice_or_a_number() -> None:
    assert sorted(SWITCHES + CHOICES + NUMBERS) == sorted(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_one_input_with_its_title_as_label(name: str, parts: list[Component]) -> None:
    assert isinstance(by_id(parts, ids.field(name)), (dbc.Input, dbc.Select, dbc.Switch))
    labels = [
        part
        for part in parts
        if isinstance(part, dbc.Label) and getattr(part, "html_for", None) == ids.field(name)
    ]
    assert [label.children for label in labels] == [FIELDS[name].title]


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_has_its_help_and_a_place_for_its_error(name: str, parts: list[Component]) -> None:
    errors = [part.role for part in parts if getattr(part, "data-field", None) == name]
    assert errors == ["alert"]
    helps = [part.children for part in parts if isinstance(part, html.Small)]
    assert FIELDS[name].description in helps


def test_no_two_fields_have_the_same_title() -> None:
    titles = [field.title for field in FIELDS.values()]
    assert len(set(titles)) == len(titles)


def test_an_untouched_form_means_the_preset_that_it_names(parts: list[Component]) -> None:
    values: dict[str, Any] = {name: by_id(parts, ids.field(name)).value for name in FIELDS}
    preset = by_id(parts, config_form.PRESET).value
    assert config_form.parse(values) == PRESETS[preset].config


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_offers_all_that_the_setting_allows_in_words(
    name: str, parts: list[Component]
) -> None:
    options = by_id(parts, ids.field(name)).options
    assert [option["value"] for option in options] == list(get_args(FIELDS[name].annotation))
    assert [option["label"] for option in options] == [
        CHOICE_TITLES[option["value"]] for option in options
    ]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_typed_as_text_so_that_1e_3_can_be(name: str, parts: list[Component]) -> None:
    field = by_id(parts, ids.field(name))
    assert isinstance(field, dbc.Input)
    assert field.type == "text"
    assert field.inputmode == ("numeric" if FIELDS[name].annotation is int else "decimal")


@pytest.mark.parametrize("name", SWITCHES)
def test_a_yes_or_no_is_a_switch(name: str, parts: list[Component]) -> None:
    assert isinstance(by_id(parts, ids.field(name)), dbc.Switch)


def test_fields_show_the_settings_as_they_were_typed() -> None:
    page = html.Div(config_form.fields_in_groups({"epochs": "many", "learning_rate": "1e-3"}))
    values = {part.id: part.value for part in page._traverse() if hasattr(part, "value")}
    assert values[ids.field("epochs")] == "many"
    assert values[ids.field("learning_rate")] == "1e-3"


def test_every_setting_is_in_one_group_and_a_closed_group_has_a_place_for_its_values(
    parts: list[Component],
) -> None:
    assert sorted(name for names in config_form.GROUPS.values() for name in names) == sorted(FIELDS)
    groups = [part for part in parts if isinstance(part, html.Details)]
    assert len(groups) == len(config_form.GROUPS)
    for group, (title, names) in zip(groups, config_form.GROUPS.items(), strict=True):
        inside = list(group._traverse())
        assert [part for part in inside if getattr(part, "data-group", None) == title]
        fields = {getattr(part, "id", None) for part in inside} & set(map(ids.field, FIELDS))
        assert fields == set(map(ids.field, names))


# Presets


def test_each_preset_is_a_card_with_a_place_for_its_promise() -> None:
    cards = config_form.cards()
    assert {option["value"] for option in cards.options} == set(PRESETS)
    for option in cards.options:
        _, title, kind, promise = option["label"]
        assert title.children == PRESETS[option["value"]].title
        assert kind.children
        assert getattr(promise, "data-promise") == option["value"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_as_values_of_the_form_is_the_preset(preset: str) -> None:
    known = config_form.known_settings(WEIGHTS)["presets"][preset]
    filled = known["settings"]
    assert set(FIELDS) - set(filled) == {"dataset", "seed"}
    assert config_form.parse(filled) == PRESETS[preset].config
    for name in set(NUMBERS) - {"seed"}:  # the script compares them in any spelling
        assert type(filled[name]) is FIELDS[name].annotation


def test_only_wrong_fields_have_a_sentence(parts: list[Component]) -> None:
    values = {name: by_id(parts, ids.field(name)).value for name in FIELDS}
    with pytest.raises(InvalidConfigError) as error:
        config_form.parse(values | {"epochs": "many", "batch_size": "0"})
    assert set(error.value.fields) == {"epochs", "batch_size"}
    assert all(sentence.endswith(".") for sentence in error.value.fields.values())
