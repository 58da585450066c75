"""The hyperparameters of a run, each with type, bounds and help text, and the presets.

The form, the REST API, the command line and the database all use `TrainConfig`. This module
loads without torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import InvalidConfigError
from core.numbers import parse_decimal, parse_whole

DatasetName = Literal["auto", "mnist", "synthetic"]
ModelName = Literal["simple_cnn", "speedrun_cnn", "accurate_cnn", "mlp"]
OptimizerName = Literal["adam", "adamw", "sgd"]
ScheduleName = Literal["constant", "onecycle"]
AugmentationName = Literal["none", "affine"]
PrecisionName = Literal["auto", "fp32", "bf16"]

CHOICE_TITLES = {
    "auto": "Automatic",
    "mnist": "MNIST",
    "synthetic": "Synthetic digits",
    "simple_cnn": "SimpleCNN",
    "speedrun_cnn": "SpeedrunCNN (small and quick)",
    "accurate_cnn": "AccurateCNN (deep)",
    "mlp": "MLP (no convolution)",
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD with momentum",
    "constant": "Constant",
    "onecycle": "One cycle (up, then down to zero)",
    "none": "None",
    "affine": "Shift, turn, scale and slant",
    "fp32": "32-bit floats",
    "bf16": "bfloat16",
}


class TrainConfig(BaseModel):
    """The settings of one run. The defaults are the notebook's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    epochs: int = Field(
        5,
        ge=1,
        le=2000,
        title="Epochs",
        description="How many times the network sees the whole training set.",
    )
    batch_size: int = Field(
        64,
        ge=1,
        le=4096,
        title="Batch size",
        description="Images per step. Small: many noisy steps. Large: few smooth ones.",
    )
    learning_rate: float = Field(
        1e-3,
        gt=0,
        le=1,
        title="Learning rate",
        description="How far each step moves the weights. Too high never settles, "
        "too low never arrives.",
    )
    optimizer: OptimizerName = Field(
        "adam",
        title="Optimizer",
        description="The rule that turns gradients into steps.",
    )
    model: ModelName = Field(
        "simple_cnn",
        title="Model",
        description="The network to train; the Train tab draws its layers.",
    )
    dataset: DatasetName = Field(
        "auto",
        title="Data set",
        description="Automatic takes MNIST where it can be had, and digits made on this "
        "computer otherwise. MNIST stands for your own images, too, if --data-dir holds some.",
    )
    schedule: ScheduleName = Field(
        "constant",
        title="Learning-rate schedule",
        description="One cycle climbs to the learning rate and falls to nearly zero over the run "
        "(Smith and Topin 2018).",
    )
    warmup: float = Field(
        0.3,
        ge=0.01,
        le=0.9,
        title="Warm-up",
        description="The share of the run in which a one-cycle schedule climbs.",
    )
    beta1: float = Field(
        0.9,
        ge=0,
        le=0.999,
        title="Momentum (beta 1)",
        description="How much of its last direction a step keeps: Adam's first beta, "
        "or SGD's momentum.",
    )
    beta2: float = Field(
        0.999,
        ge=0,
        le=0.9999,
        title="Beta 2",
        description="How long Adam remembers the size of past gradients.",
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Weight decay",
        description="Pulls every weight towards zero, a little at each step.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        le=0.5,
        title="Label smoothing",
        description="The share of certainty that is taken from the right answer and spread over "
        "all ten.",
    )
    augmentation: AugmentationName = Field(
        "none",
        title="Augmentation",
        description="Changes each training image a little every time it is seen, so that the "
        "network learns the digit and not the picture.",
    )
    weight_averaging: bool = Field(
        False,
        title="Weight averaging",
        description="Evaluates and keeps a running average of the weights, which is steadier than "
        "the latest ones.",
    )
    evaluations_per_epoch: int = Field(
        1,
        ge=1,
        le=20,
        title="Evaluations per epoch",
        description="How often the test set is tried each epoch: more points on the test curve, "
        "for more time.",
    )
    train_images: int = Field(
        0,
        ge=0,
        le=60_000,
        title="Training images",
        description="Use only the first so many images, to see what little data does. 0 uses all.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="Fixes the first weights and the order of the images: "
        "the same seed gives the same run.",
    )
    precision: PrecisionName = Field(
        "auto",
        title="Precision",
        description="Automatic computes in bfloat16 where the hardware has it, which is faster "
        "and learns as well.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _take_whole_float(cls, value: Any) -> Any:
        """3.0 may stand for 3."""
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def image_count(self, available: int) -> int:
        """The number of images to train on, of those in the data set."""
        return min(self.train_images or available, available)


@dataclass(frozen=True)
class Preset:
    """A configuration with a title and a purpose.

    `docs/performance.md` tells how the presets were chosen and what they reach. `accuracy` is the
    mean test accuracy there, on MNIST, rounded.
    """

    title: str
    purpose: str
    accuracy: float
    config: TrainConfig


PRESETS: dict[str, Preset] = {
    "fast": Preset(
        "Fast",
        "The notebook's network, better than the notebook trains it, in a fraction of the time.",
        0.994,
        TrainConfig(
            epochs=3,
            batch_size=128,
            learning_rate=4e-3,
            schedule="onecycle",
            warmup=0.05,
            beta1=0.7,
            beta2=0.95,
            label_smoothing=0.05,
            augmentation="affine",
            weight_averaging=True,
            evaluations_per_epoch=3,
        ),
    ),
    "notebook": Preset(
        "Notebook",
        "Exactly what the classic notebook does: five epochs at a constant learning rate, "
        "in 32-bit floats.",
        0.990,
        TrainConfig(precision="fp32"),
    ),
    "speedrun": Preset(
        "Speedrun",
        "A smaller network that reads 99 % right after a single epoch of a few seconds.",
        0.992,
        TrainConfig(
            model="speedrun_cnn",
            epochs=1,
            batch_size=256,
            learning_rate=1e-2,
            schedule="onecycle",
            beta1=0.7,
            beta2=0.9,
            label_smoothing=0.1,
            weight_averaging=True,
        ),
    ),
    "accurate": Preset(
        "Accurate",
        "A deeper network that sees each image a little differently every time: for as few "
        "mistakes as possible.",
        0.997,
        TrainConfig(
            model="accurate_cnn",
            epochs=9,
            batch_size=128,
            learning_rate=5e-3,
            schedule="onecycle",
            warmup=0.15,
            label_smoothing=0.05,
            augmentation="affine",
            weight_averaging=True,
        ),
    ),
}


FIXED_IN_A_FORK = ("model", "dataset", "seed", "train_images")
"""Weights and the order of images depend on these settings."""

MAX_SEEDS = 20
"""Of a run that is repeated."""

OPEN_IN_PRESETS = {"seed", "dataset"}
"""Settings that may differ from the preset's."""


def preset_of(config: TrainConfig) -> str | None:
    """The name of the preset with these settings; seed and data set may differ."""
    settings = config.model_dump(exclude=OPEN_IN_PRESETS)
    for name, preset in PRESETS.items():
        if preset.config.model_dump(exclude=OPEN_IN_PRESETS) == settings:
            return name
    return None


def parse_config(values: Mapping[str, Any]) -> TrainConfig:
    """Validates values such as those of a JSON object.

    Args:
        values: by field name. `preset` names settings that are the defaults for this call.

    Raises:
        InvalidConfigError: with one sentence for each field that is wrong.
    """
    values = dict(values)
    defaults = {}
    if "preset" in values:
        preset = values.pop("preset")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise InvalidConfigError({"preset": f"Choose one of: {', '.join(PRESETS)}."})
        defaults = PRESETS[preset].config.model_dump()
    try:
        return TrainConfig.model_validate({**defaults, **values})
    except ValidationError as error:
        raise InvalidConfigError(
            {str(problem["loc"][0]): _sentence(problem) for problem in error.errors()}
        ) from error


def read_texts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as people type them, with numbers and truth values instead of texts.

    What cannot be read stays a text: `parse_config` refuses it with a sentence.
    """
    readers: dict[Any, Callable[[str], Any]] = {
        int: parse_whole,
        float: parse_decimal,
        bool: lambda text: {"true": True, "false": False}.get(text.lower()),
    }
    read = dict(values)
    for name, field in TrainConfig.model_fields.items():
        if field.annotation in readers and isinstance(values.get(name), str):
            meant = readers[field.annotation](values[name])
            read[name] = values[name] if meant is None else meant
    return read


def _sentence(problem: Any) -> str:
    """A pydantic error as a sentence: the type and the bounds of the field."""
    name = str(problem["loc"][0])
    field = TrainConfig.model_fields.get(name)
    if field is None:
        known = ", ".join(TrainConfig.model_fields)
        return f"There is no such setting. The settings are: {known}."
    choices = get_args(field.annotation)
    if choices:
        return f"Choose one of: {', '.join(choices)}."
    if field.annotation is bool:
        return "This must be true or false."
    schema = TrainConfig.model_json_schema()["properties"][name]
    kind = "a whole number" if field.annotation is int else "a number"
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    range_ = f"above {above:g} and up to" if least is None else f"from {least:g} to"
    given = problem["input"]
    but = f", not “{given.strip()[:20]}”" if isinstance(given, str) and given.strip() else ""
    return f"This must be {kind} {range_} {schema['maximum']:,.10g}{but}."
