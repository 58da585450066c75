"""Settings: the notebook's defaults, bounds, and error messages."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from core import models
from core.config import (
    CHOICE_TITLES,
    PRESETS,
    ModelName,
    TrainConfig,
    parse_config,
    read_texts,
)
from core.errors import InvalidConfigError

FIELDS = TrainConfig.model_fields
CHOICES = {name: get_args(field.annotation) for name, field in FIELDS.items()}
NUMBERS = [name for name, field in FIELDS.items() if field.annotation in (int, float)]
WHOLE_NUMBERS = [name for name in NUMBERS if FIELDS[name].annotation is int]


def bounds(name: str) -> tuple[float, float]:
    """The lower and upper bound of a numeric field. The lower one may be exclusive."""
    schema = TrainConfig.model_json_schema()["properties"][name]
    return schema.get("minimum", schema.get("exclusiveMinimum")), schema["maximum"]


def complaints(**values: Any) -> dict[str, str]:
    with pytest.raises(InvalidConfigError) as caught:
        parse_config(values)
    return caught.value.fields


def test_defaults_are_the_notebooks() -> None:
    config = parse_config({})

    assert config.epochs == 5
    assert config.batch_size == 64
    assert config.learning_rate == 1e-3
    assert config.optimizer == "adam"
    assert config.model == "simple_cnn"


def test_settings_cannot_be_changed_afterwards() -> None:
    config = parse_config({})

    with pytest.raises(ValidationError, match="frozen"):
        config.epochs = 7  # type: ignore[misc]


def test_texts_from_a_form_become_numbers() -> None:
    texts = {"epochs": "3", "learning_rate": "0,01", "train_images": "60.000", "model": "mlp"}
    config = parse_config(read_texts({**texts, "weight_averaging": "true"}))

    assert (config.epochs, config.learning_rate, config.train_images) == (3, 0.01, 60_000)
    assert config.weight_averaging is True


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["1", "0.5", "60,000", "1e-3"])
def test_a_text_is_no_number_unless_somebody_typed_it(name: str, text: str) -> None:
    assert complaints(**{name: text})[name].endswith(f", not “{text}”.")


def test_a_text_that_is_not_clear_is_repeated_in_the_sentence() -> None:
    typed = {"epochs": "1.5", "learning_rate": "1.000,5", "train_images": "6,00", "seed": "0,001"}

    fields = complaints(**read_texts(typed))

    assert fields["train_images"] == "This must be a whole number from 0 to 60,000, not “6,00”."
    assert all(f", not “{text}”." in fields[name] for name, text in typed.items())


@pytest.mark.parametrize("value", [1, 0, 1.0, "true", "yes"])
def test_true_and_false_are_not_numbers_or_texts(value: object) -> None:
    assert complaints(weight_averaging=value) == {"weight_averaging": "This must be true or false."}


def test_a_whole_number_may_be_written_as_a_float() -> None:
    assert parse_config({"epochs": 3.0}).epochs == 3


def test_what_is_dumped_can_be_parsed_again() -> None:
    config = parse_config({"epochs": 3, "model": "mlp", "seed": 9})

    assert parse_config(config.model_dump()) == config


@pytest.mark.parametrize("name", NUMBERS)
def test_both_bounds_of_a_number_are_kept(name: str) -> None:
    low, high = bounds(name)
    beyond = 1 if name in WHOLE_NUMBERS else 1e-6

    assert getattr(parse_config({name: high}), name) == high
    assert name in complaints(**{name: high + beyond})
    assert name in complaints(**{name: low - beyond})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "learning_rate"])
def test_the_lowest_value_is_allowed(name: str) -> None:
    low, _ = bounds(name)

    assert getattr(parse_config({name: low}), name) == low


def test_a_learning_rate_of_zero_is_not_allowed() -> None:
    assert "above 0" in complaints(learning_rate=0)["learning_rate"]


@pytest.mark.parametrize("value", [None, "", "ten", [], {}, object(), float("nan"), float("inf")])
@pytest.mark.parametrize("name", FIELDS)
def test_a_bad_value_names_its_field_in_a_sentence(name: str, value: object) -> None:
    fields = complaints(**{name: value})

    assert list(fields) == [name]
    assert fields[name][0].isupper()
    assert fields[name].endswith(".")


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("name", NUMBERS)
def test_true_and_false_are_no_numbers(name: str, value: bool) -> None:
    assert "number" in complaints(**{name: value})[name]


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_a_whole_number_is_not_rounded_from_a_fraction(name: str) -> None:
    low, _ = bounds(name)

    assert "whole number" in complaints(**{name: low + 1.5})[name]


def test_the_sentence_tells_the_bounds() -> None:
    fields = complaints(epochs=0, batch_size=5000, learning_rate="fast")

    assert fields["epochs"] == "This must be a whole number from 1 to 2,000."
    assert fields["batch_size"] == "This must be a whole number from 1 to 4,096."
    assert fields["learning_rate"] == ("This must be a number above 0 and up to 1, not “fast”.")


@pytest.mark.parametrize("name", [name for name, choices in CHOICES.items() if choices])
def test_the_sentence_of_a_choice_lists_what_there_is(name: str) -> None:
    sentence = complaints(**{name: "something else"})[name]

    assert all(choice in sentence for choice in CHOICES[name])


def test_an_unknown_setting_is_refused_with_the_known_ones() -> None:
    sentence = complaints(momentun=0.9)["momentun"]

    assert "no such setting" in sentence
    assert all(name in sentence for name in FIELDS)


def test_every_bad_setting_is_reported_at_once() -> None:
    with pytest.raises(InvalidConfigError) as caught:
        parse_config({"epochs": 0, "optimizer": "magic", "seed": 3})

    assert set(caught.value.fields) == {"epochs", "optimizer"}
    assert all(name in str(caught.value) for name in ("epochs", "optimizer"))


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_can_be_shown_in_a_form(name: str) -> None:
    field = FIELDS[name]

    assert field.title
    assert field.description
    assert field.description.endswith(".")
    if field.annotation in (int, float):
        low, high = bounds(name)
        assert low <= field.default <= high
    elif field.annotation is bool:
        assert field.default in (False, True)
    else:
        assert field.default in CHOICES[name]


def test_every_choice_has_a_title() -> None:
    assert set(CHOICE_TITLES) == {choice for choices in CHOICES.values() for choice in choices}
    assert all(CHOICE_TITLES.values())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_start_that_single_settings_change(name: str) -> None:
    preset = PRESETS[name].config

    assert parse_config({"preset": name}) == preset
    changed = parse_config({"preset": name, "seed": 77})
    assert changed == preset.model_copy(update={"seed": 77})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_title_and_says_what_it_is_for(name: str) -> None:
    assert PRESETS[name].title
    assert PRESETS[name].purpose.endswith(".")


def test_the_notebooks_preset_is_the_default_in_the_notebooks_precision() -> None:
    notebook = parse_config({"preset": "notebook"})

    assert notebook == parse_config({"precision": "fp32"})


@pytest.mark.parametrize("preset", ["slow", "", 3, [], {}])
def test_an_unknown_preset_is_refused_with_the_known_ones(preset: object) -> None:
    sentence = complaints(preset=preset)["preset"]

    assert all(name in sentence for name in PRESETS)


def test_the_models_to_choose_are_those_that_exist() -> None:
    assert list(get_args(ModelName)) == list(models.MODELS)


def test_settings_and_events_load_without_torch() -> None:
    code = "import sys, core.config, core.records.runs; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]

    assert subprocess.run([sys.executable, "-c", code], cwd=root, timeout=120).returncode == 0
