"""Bodies of requests, and of the answers that are not records of `core.records` themselves.

The settings of a run are those of `TrainConfig`, which has its own sentences for what is wrong.
"""

from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from core.config import FIXED_IN_A_FORK, MAX_SEEDS, PRESETS, TrainConfig
from core.drawing.photos import MAX_SIDE
from core.drawing.strokes import MAX_COORDINATE, MAX_POINTS, MAX_STROKES
from core.errors import InvalidConfigError, InvalidDrawingError
from core.records.datasets import DatasetStatus
from core.records.metrics import Metrics
from core.records.preview import PreviewFrame
from core.records.runs import RunSnapshot
from dashboard.api.errors import BadRequest

Name = Annotated[str, Field(max_length=1000)]


def _to_int(value: Any) -> Any:
    """In JSON, 3.0 is the integer 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


KeptEpoch = Annotated[
    int | None, Query(ge=0, le=10**9, description="After which epoch; by default the newest.")
]
"""The query parameter that names one of a run's networks."""
Epoch = Annotated[int, Field(strict=True, ge=0, le=10**9), BeforeValidator(_to_int)]
Seeds = Annotated[int, Field(strict=True, ge=2, le=MAX_SEEDS), BeforeValidator(_to_int)]
Digit = Annotated[int, Field(strict=True, ge=0, le=9), BeforeValidator(_to_int)]

STROKES = {
    "type": "array",
    "maxItems": MAX_STROKES,
    "contains": {"minItems": 1},  # a drawing has a point
    "items": {
        "type": "array",
        "maxItems": MAX_POINTS,
        "items": {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "number", "minimum": -MAX_COORDINATE, "maximum": MAX_COORDINATE},
        },
    },
}
GREYS = {"type": "array", "minItems": 3, "maxItems": MAX_SIDE}
PIXELS = {**GREYS, "items": {**GREYS, "items": {"type": "number", "minimum": 0, "maximum": 255}}}
STROKES_OR_PIXELS = [{"required": ["strokes"]}, {"required": ["pixels"]}]
A_SEVEN = {"strokes": [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]}
SETTINGS: dict[str, Any] = TrainConfig.model_json_schema()["properties"]
RATE = {name: SETTINGS["learning_rate"][name] for name in ("type", "exclusiveMinimum", "maximum")}


def _add_settings(schema: dict[str, Any]) -> None:
    """All settings are optional fields: a preset gives those that are left out."""
    preset = {"type": "string", "enum": list(PRESETS), "description": "Settings to start from."}
    schema["properties"] |= {"preset": preset, **SETTINGS}
    schema |= {"additionalProperties": False, "examples": [{"preset": "speedrun", "seed": 3}]}


def _add_changes(schema: dict[str, Any]) -> None:
    """Settings are optional fields: those that are left out stay as they are."""
    for name, setting in SETTINGS.items():
        if name not in FIXED_IN_A_FORK:
            schema["properties"][name] = {key: setting[key] for key in setting if key != "default"}
    example = {"epoch": 1, "epochs": 3, "learning_rate": 0.0001}
    schema |= {"additionalProperties": False, "examples": [example]}


def _example(body: dict[str, Any], **schema: Any) -> ConfigDict:
    """A body that the description proposes, and what else its schema says."""
    return ConfigDict(json_schema_extra={"examples": [body], **schema})


# Requests


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


class RunCreate(_Request):
    """A run to start: any settings, by their names. Those that are left out have their default."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_add_settings)

    name: Name = Field("", description="What people call the run.")


class RunUpdate(_Request):
    """What people say of a run; what is left out stays as it is."""

    model_config = _example({"name": "First try", "note": "With a low learning rate."})

    name: Name | None = Field(None, description="What it is called.")
    note: Name | None = Field(None, description="What it was for.")
    pinned: bool | None = Field(None, description="Whether it is kept from being deleted.")


class RewindRequest(_Request):
    model_config = _example({"epoch": 1})

    epoch: Epoch = Field(description="After which epoch; 0 is the untrained network.")


class ForkRequest(RewindRequest):
    """The epoch to start from, and the settings that change from there on."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_add_changes)

    def changes(self) -> dict[str, Any]:
        """The settings that change, by name.

        Raises:
            InvalidConfigError: one of them can only be chosen for a new run.
        """
        changes = self.model_extra or {}
        fixed = [name for name in (*FIXED_IN_A_FORK, "preset") if name in changes]
        if fixed:
            sentence = "This cannot change on the way; start a new run for it."
            raise InvalidConfigError(dict.fromkeys(fixed, sentence))
        return changes


class RepeatRequest(_Request):
    seeds: Seeds = Field(5, description="How many runs there shall be, this one among them.")


class LearningRateRequest(_Request):
    """Another learning rate, from the next batch on."""

    model_config = _example({"learning_rate": 0.0001})

    learning_rate: Annotated[Any, WithJsonSchema(RATE)] = Field(description="Of a cycle, its peak.")


class _Drawing(_Request):
    """A drawing, as strokes or as pixels."""

    model_config = _example(A_SEVEN, oneOf=STROKES_OR_PIXELS)

    strokes: Annotated[Any, WithJsonSchema(STROKES)] = Field(
        None,
        description="Each a list of points [x, y], y downwards, best on a canvas of 280 x 280.",
    )
    pixels: Annotated[Any, WithJsonSchema(PIXELS)] = Field(
        None,
        description="A greyscale picture of any size: rows of numbers from 0 to 255, or 0 to 1.",
    )
    as_drawn: Annotated[Any, WithJsonSchema({"type": "boolean"})] = Field(
        False, description="Squeezed as it is instead of cut out and centred as MNIST's are."
    )

    def drawing(self) -> dict[str, Any]:
        """The strokes or the pixels, by their name.

        Raises:
            BadRequest: both are given, or none.
            InvalidDrawingError: `as_drawn` is neither true nor false.
        """
        kinds = {"strokes", "pixels"} & self.model_fields_set
        if len(kinds) != 1:
            raise BadRequest(
                'Send {"strokes": [[[x, y], ...], ...]} or {"pixels": 28 x 28 numbers}.'
            )
        if not isinstance(self.as_drawn, bool):
            raise InvalidDrawingError(
                "`as_drawn` is true, for the canvas merely squeezed, or false, for a picture like "
                "MNIST's."
            )
        return {kind: getattr(self, kind) for kind in kinds}


class PredictRequest(_Drawing):
    """A drawing to read, and the network that reads it."""

    run: str | None = Field(None, description="The run whose network reads; the newest if none.")
    epoch: Epoch | None = Field(None, description="The network after this epoch; else the newest.")


class HistoryRequest(_Drawing):
    """A drawing, and the run whose networks read it, one after the other."""

    run: str | None = Field(None, description="The newest that has a network if none.")


class DrawingCreate(_Drawing):
    """A drawing to keep, and the digit that was meant."""

    model_config = _example({**A_SEVEN, "label": 7}, oneOf=STROKES_OR_PIXELS)

    label: Digit


class FinetuneRequest(_Request):
    """Which network is fine-tuned on the drawings, and on what besides."""

    run: str | None = Field(None, description="The newest that has a network if none.")
    epoch: Epoch | None = Field(None, description="From the end of this epoch on; else the last.")
    mixed: bool = Field(
        True, description="Whether images that it has learned from are trained on as well."
    )


# Answers


class Datasets(BaseModel):
    """The data sets by the values of the setting `dataset`. `auto` is the one it stands for."""

    auto: DatasetStatus
    mnist: DatasetStatus
    synthetic: DatasetStatus


class RunList(BaseModel):
    """Runs, the newest first."""

    runs: list[RunSnapshot]


class RunGroup(RunList):
    """Runs that differ only in their seeds."""

    group: str


class Events(BaseModel):
    """What happened in a run since a cursor, and the cursor to ask with next.

    When `revision` has grown, earlier events no longer hold: begin at 0.
    """

    events: list[Annotated[Metrics, Field(discriminator="kind")]]
    cursor: int
    revision: int


class PreviewResponse(BaseModel):
    """Test images by their indices, their true digits, and what the network reads in them.

    `test_images` counts the whole test set.

    `current` is null for an untrained network. `frames` counts those of `PreviewFrames`.
    """

    images: list[int]
    labels: list[int]
    test_images: int
    frames: int = 0
    current: PreviewFrame | None = None


class PreviewFrames(BaseModel):
    """What a run's network read in the preview images, in the order of training."""

    frames: list[PreviewFrame]


class LayerResponse(BaseModel):
    """A layer with what follows it, such as ReLU and pooling, and its output as a picture.

    `shape` is (channels, height, width), or (n,) for a vector. `picture` shows the channels in rows
    of equal length, with a black line of one pixel between them where a channel has more than one.
    """

    name: str
    operations: list[str]
    shape: list[int]
    picture: str


class ActivationsResponse(BaseModel):
    """What a network makes of a test image."""

    progress: float
    image: int
    label: int | None
    model: str
    probabilities: list[float]
    layers: list[LayerResponse]


class DrawingResponse(BaseModel):
    """A kept drawing, its 28 x 28 pixels, and how it is read; null where there is no network.

    `taught`: the run was trained on it, so that it is no test of it.
    """

    id: str
    label: int
    digit: int | None
    taught: bool
    input: list[list[int]]


class DrawingList(BaseModel):
    """What somebody keeps, and how many of them are read as they were meant."""

    drawings: list[DrawingResponse]
    count: int
    right: int | None


class Problem(BaseModel):
    """What is wrong, in a sentence; of bad settings also which, and a sentence for each."""

    error: str
    field: str | None = None
    fields: dict[str, str] | None = None


_SENTENCES = {
    400: "The request has the wrong form",
    401: "Digit Lab needs its token, or that is not the token",
    403: "The request comes from another site's page, or to a host that is not this server's",
    404: "There is no such run, network or drawing",
    408: "The request did not arrive in time",
    409: "The run, its state, the queue or the drawings do not allow it",
    413: "The body is too long",
    422: "A setting, a drawing, a file or the number of an image is wrong",
    429: "Too many wrong tokens came from this address",
    500: "A file of a run is damaged, or something else went wrong here",
    503: "There are too many connections or large bodies, or the data set cannot be had now",
    507: "The disk is full, or the folder cannot be written",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": sentence} for code, sentence in _SENTENCES.items()
}
"""The description of every route's answers to what goes wrong, by status code."""
