"""The forms of requests and answers, where they are not records of `core.records.runs` themselves.

The OpenAPI description and the checks of requests both come from here; the settings of a run come
from `TrainConfig`, which has sentences of its own for what is wrong with them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, WithJsonSchema

from core.config import PRESETS, TrainConfig
from core.records.drawings import DrawingScore, FinetuneReport
from core.records.metrics import Metrics
from core.records.predictions import Doubt
from core.records.runs import RunSnapshot

Name = Annotated[str, Field(max_length=1000)]
Whole = Annotated[int, Field(strict=True, ge=0, le=10**9)]

STROKES = TypeAdapter(list[list[tuple[float, float]]]).json_schema()
PIXELS = TypeAdapter(list[list[float]]).json_schema()


def _with_settings(schema: dict[str, Any]) -> None:
    """All settings are fields too; none is required, a preset gives the others."""
    preset = {"enum": list(PRESETS), "description": "Settings to start from."}
    schema["properties"] |= {"preset": preset, **_settings()}


def _with_changes(schema: dict[str, Any]) -> None:
    """All settings are fields too; those that are left out stay as they are."""
    for name, setting in _settings().items():
        del setting["default"]
        schema["properties"][name] = setting


def _settings() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = TrainConfig.model_json_schema()["properties"]
    return found


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


class NewRun(_Request):
    """A run to start: any settings, by their names. Those that are left out have their default."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_with_settings)

    name: Name = Field("", description="What people call the run.")


class Description(_Request):
    """What people say of a run; what is left out stays as it is."""

    name: Name | None = Field(None, description="What it is called.")
    note: Name | None = Field(None, description="What it was for.")
    pinned: bool | None = Field(None, description="Whether it is kept from being deleted.")


class Place(_Request):
    """A place to go back to."""

    epoch: Whole = Field(description="After which epoch; 0 is the untrained network.")


class NewFork(Place):
    """A place to set out from, and the settings that are to change from there on."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_with_changes)


class Repetition(_Request):
    """How often a run is trained with other seeds."""

    seeds: Whole = Field(5, description="How many runs there shall be, this one among them.")


class NewRate(_Request):
    """Another learning rate, from the next batch on."""

    learning_rate: Annotated[Any, WithJsonSchema({"type": "number"})] = Field(
        description="Of a cycle, its peak."
    )


class Drawn(BaseModel):
    """A drawing, as strokes or as pixels."""

    strokes: Annotated[Any, WithJsonSchema(STROKES)] = Field(
        None,
        description="Each a list of points [x, y], y downwards, best on a canvas of 280 x 280.",
    )
    pixels: Annotated[Any, WithJsonSchema(PIXELS)] = Field(
        None, description="A greyscale picture of any size: rows of numbers from 0 to 255."
    )
    as_drawn: Annotated[Any, WithJsonSchema({"type": "boolean"})] = Field(
        False, description="Squeezed as it is instead of cut out and centred as MNIST's are."
    )


class Drawing(Drawn):
    """Something to read, strokes or pixels, and the network that shall read it."""

    run: str | None = Field(None, description="The run whose network reads; the newest if none.")
    epoch: Whole | None = Field(None, description="The network after this epoch; else the newest.")


class CourseOfDrawing(Drawn):
    """A drawing, and the run whose networks shall read it, one after the other."""

    run: str | None = Field(None, description="The newest that has a network if none.")


class NewKept(Drawn):
    """A drawing to keep, and the digit that was meant."""

    label: Annotated[int, Field(strict=True, ge=0, le=9)]


class NewLesson(_Request):
    """Which network is to be taught the drawings, and whether it keeps seeing others."""

    run: str | None = Field(None, description="The newest that has a network if none.")
    epoch: Whole | None = Field(None, description="From the end of this epoch on; else the last.")
    mixed: bool = Field(
        True, description="Whether images that it has learnt from are trained on as well."
    )


class Health(BaseModel):
    status: str


class RunList(BaseModel):
    """All runs, the newest first."""

    runs: list[RunSnapshot]


class RunGroup(BaseModel):
    """Runs that differ only in their seeds."""

    group: str
    runs: list[RunSnapshot]


class Events(BaseModel):
    """What happened in a run since a cursor, and the cursor to ask with next.

    When `revision` has grown, events that were told before have been taken back: begin at 0.
    """

    events: list[Annotated[Metrics, Field(discriminator="kind")]]
    cursor: int
    revision: int


class Box(BaseModel):
    """Where the ink is, in the drawing's own unit."""

    left: float
    top: float
    right: float
    bottom: float


class DigitRead(BaseModel):
    """What the network read: ten probabilities, and the 28 x 28 pixels that it was given.

    `doubt` tells why the answer should not be believed, `undecided` or `unfamiliar`; `sure` that
    it may be. `box` and `centre` are those of the ink.
    """

    digit: int
    probabilities: list[float]
    sure: bool
    doubt: Doubt | None
    input: list[list[int]]
    box: Box
    centre: tuple[float, float]


class CourseRead(BaseModel):
    """What a run's networks read: ten probabilities after each of `epochs`, 0 being untrained.

    The last epoch has a fraction while a run is on its way. Of a long run, 40 kept epochs are
    asked, evenly spaced.
    """

    epochs: list[float]
    digits: list[int]
    probabilities: list[list[float]]


class Kept(BaseModel):
    """A kept drawing, its 28 x 28 pixels, and how it is read; null where there is no network.

    `taught`: the run was trained on it, so that it is no test of it.
    """

    id: str
    label: int
    digit: int | None
    taught: bool
    input: list[list[int]]


class KeptDrawings(BaseModel):
    """What somebody keeps, and how many of them are read as they were meant."""

    drawings: list[Kept]
    count: int
    right: int | None


class KeptId(BaseModel):
    """The name of a drawing that is kept now."""

    id: str


class LessonFound(BaseModel):
    """What a lesson has changed so far: shares read right before it and after; null if none."""

    lesson: FinetuneReport | None


class KeptScores(BaseModel):
    """Scores of a run's kept epochs, on drawings it has never seen and on those it was taught."""

    fresh: list[DrawingScore]
    taught: list[DrawingScore]


class Problem(BaseModel):
    """What is wrong, in a sentence; of bad settings also which, and a sentence for each."""

    error: str
    field: str | None = None
    fields: dict[str, str] | None = None
