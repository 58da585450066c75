"""Every hyperparameter of a run, declared once: its type, its bounds and its help text.

The form, the REST API, the command line and the store all read `TrainConfig`. This module loads
without torch and does not know how any setting is carried out.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.events import InvalidConfig

DatasetName = Literal["auto", "mnist", "synthetic"]
ModelName = Literal["simple_cnn", "mlp"]
OptimizerName = Literal["adam", "adamw", "sgd"]
PrecisionName = Literal["auto", "fp32", "bf16"]

CHOICE_TITLES = {
    "auto": "Automatic",
    "mnist": "MNIST",
    "synthetic": "Synthetic digits",
    "simple_cnn": "SimpleCNN",
    "mlp": "MLP (no convolution)",
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD with momentum 0.9",
    "fp32": "32-bit floats",
    "bf16": "bfloat16",
}


class TrainConfig(BaseModel):
    """The settings of one run. The defaults are the notebook's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

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
        description="The network to train; its layers are listed beside the form.",
    )
    dataset: DatasetName = Field(
        "auto",
        title="Data set",
        description="Automatic takes MNIST where it can be had, and digits made on this "
        "computer otherwise.",
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


def parse_config(values: Mapping[str, Any]) -> TrainConfig:
    """A `TrainConfig` from loose values, such as a form's texts or a JSON object.

    Raises:
        InvalidConfig: with one sentence for each field that is wrong.
    """
    try:
        return TrainConfig.model_validate(dict(values))
    except ValidationError as error:
        raise InvalidConfig(
            {_field_of(problem): _sentence(problem) for problem in error.errors()}
        ) from error


def _field_of(problem: Any) -> str:
    return str(problem["loc"][0]) if problem["loc"] else "settings"


def _sentence(problem: Any) -> str:
    """What pydantic found, in a student's words: the wanted form and the bounds of the field."""
    name = _field_of(problem)
    field = TrainConfig.model_fields.get(name)
    if field is None:
        known = ", ".join(TrainConfig.model_fields)
        return f"There is no such setting. The settings are: {known}."
    choices = get_args(field.annotation)
    if choices:
        return f"Choose one of: {', '.join(choices)}."
    low, high = bounds(name)
    form = "a whole number" if field.annotation is int else "a number"
    range_ = (
        f"from {low:g} to {high:,.10g}"
        if _bound(name, "gt") is None
        else f"above {low:g} and up to {high:,.10g}"
    )
    return f"This must be {form} {range_}."


def bounds(name: str) -> tuple[float, float]:
    """The lowest and highest value of a numeric field; the lower one may itself be excluded."""
    low = _bound(name, "ge")
    if low is None:
        low = _bound(name, "gt")
    high = _bound(name, "le")
    assert low is not None, f"{name} needs bounds"
    assert high is not None, f"{name} needs bounds"
    return low, high


def _bound(name: str, kind: str) -> float | None:
    for rule in TrainConfig.model_fields[name].metadata:
        value = getattr(rule, kind, None)
        if value is not None:
            return float(value)
    return None
