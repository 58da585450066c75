"""The description and the code agree on what a request may hold."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from core.config import FIXED_IN_A_FORK, TrainConfig, parse_config
from core.errors import DigitLabError
from core.service.inspection import Inspection
from dashboard.api import schemas

A_LINE = [[[0, 0], [9, 200]]]


def settings(body: Any) -> None:
    parse_config(body.model_extra)


def drawing(body: Any) -> None:
    Inspection.drawing(body.drawing(), body.as_drawn)


BODIES: dict[str, tuple[type[BaseModel], dict[str, Any], Callable[[Any], Any]]] = {
    "start": (schemas.RunCreate, {}, settings),
    "update": (schemas.RunUpdate, {}, lambda body: None),
    "rewind": (schemas.RewindRequest, {"epoch": 1}, lambda body: None),
    "fork": (schemas.ForkRequest, {"epoch": 1}, lambda body: parse_config(body.changes())),
    "repeat": (schemas.RepeatRequest, {}, lambda body: None),
    "rate": (
        schemas.LearningRateRequest,
        {"learning_rate": 0.1},
        lambda body: parse_config(dict(body)),
    ),
    "predict": (schemas.PredictRequest, {"strokes": A_LINE}, drawing),
    "history": (schemas.HistoryRequest, {"strokes": A_LINE}, drawing),
    "keep": (schemas.DrawingCreate, {"strokes": A_LINE, "label": 1}, drawing),
    "teach": (schemas.FinetuneRequest, {}, lambda body: None),
}
"""Of each route: its body, a valid one, and what the route checks besides."""


def schema_of(name: str) -> dict[str, Any]:
    return BODIES[name][0].model_json_schema()


def read(body: type[BaseModel], value: dict[str, Any]) -> BaseModel:
    return body.model_validate(from_json(json.dumps(value)))


def refused(name: str, changes: dict[str, Any]) -> bool:
    body, valid, check = BODIES[name]
    try:
        check(read(body, valid | changes))
    except (DigitLabError, ValidationError):
        return True
    return False


def values(schema: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Values that a schema just allows, and such that it just refuses."""
    if "anyOf" in schema:
        kinds = [values(kind) for kind in schema["anyOf"]]
        inside = [value for kind, _ in kinds for value in kind]
        outside = [value for _, kind in kinds for value in kind if value is not None]
        return inside, [value for value in outside if value not in inside]
    if "enum" in schema:
        return schema["enum"], ["something else", 0, None, True, []]
    match schema["type"]:
        case "null":
            return [None], []
        case "boolean":
            return [True, False], [0, 1, "true", None]
        case "string":
            most = schema.get("maxLength")
            inside = ["", "a" * (most or 5000)]
            return inside, [5, False, *(["a" * (most + 1)] if most else [])]
        case "integer":
            low, high = int(schema["minimum"]), int(schema["maximum"])
            wrong = [low - 1, high + 1, low + 0.5, str(low + 1), True, None, math.nan]
            return [low, high, float(low + 1)], wrong
        case "number":
            least: Any = schema.get("minimum", schema.get("exclusiveMinimum"))
            most = schema["maximum"]
            inside = [most, math.nextafter(least, most)]
            wrong = [least - 1e-9, math.nextafter(most, math.inf), str(most), True, None, math.inf]
            (inside if "minimum" in schema else wrong).append(least)
            return inside, wrong
    raise AssertionError(f"There is no example of {schema}.")


FIELDS = [
    pytest.param(name, field, schema, id=f"{name} {field}")
    for name in BODIES
    for field, schema in schema_of(name)["properties"].items()
    if schema.get("type") != "array"
]


@pytest.mark.parametrize(("name", "field", "schema"), FIELDS)
def test_values_at_the_bounds_are_taken_and_those_beyond_refused(
    name: str, field: str, schema: dict[str, Any]
) -> None:
    inside, outside = values(schema)
    assert [value for value in inside if refused(name, {field: value})] == []
    assert [value for value in outside if not refused(name, {field: value})] == []


@pytest.mark.parametrize("name", BODIES)
def test_fields_that_the_description_lacks_are_refused(name: str) -> None:
    assert schema_of(name)["additionalProperties"] is False
    assert not refused(name, {})
    assert refused(name, {"momentun": 0.9})


@pytest.mark.parametrize("name", [*FIXED_IN_A_FORK, "preset"])
def test_what_cannot_change_in_a_fork_is_not_described_and_refused(name: str) -> None:
    assert name not in schema_of("fork")["properties"]
    value = {"model": "mlp", "dataset": "auto", "preset": "fast"}.get(name, 7)
    assert refused("fork", {name: value})


def test_a_fork_may_change_every_other_setting() -> None:
    assert set(schema_of("fork")["properties"]) == {
        "epoch",
        *(set(TrainConfig.model_fields) - set(FIXED_IN_A_FORK)),
    }


def allows(schema: dict[str, Any], value: Any) -> bool:
    """Whether a schema of nested lists of numbers allows a value."""
    if schema.get("type") == "number":
        return bool(schema["minimum"] <= value <= schema["maximum"])
    if not isinstance(value, list):
        return False
    enough = schema.get("contains", {}).get("minItems", 0)
    return (
        schema.get("minItems", 0) <= len(value) <= schema["maxItems"]
        and all(allows(schema["items"], item) for item in value)
        and (not enough or any(len(item) >= enough for item in value))
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("strokes", value)
            for value in (
                [],
                [[]],
                [[], []],
                [[], [[1, 2]]],
                [[[1, 2]]],
                [[[1]]],
                [[[1, 2, 3]]],
                [[[1e6, -1e6], [1, 1]]],
                [[[1.1e6, 0], [1, 1]]],
                [[[1, 2]]] * 200,
                [[[1, 2]]] * 201,
                [[[n % 9, n % 7] for n in range(20_000)]],
                [[[1, 2]] * 20_001],
            )
        ],
        *[
            ("pixels", value)
            for value in (
                [],
                [[]],
                [[0, 255]] * 2,
                [[0, 255, 0]] * 3,
                [[0, 256, 0]] * 3,
                [[0, -1, 0]] * 3,
                [[0, 200, 0] * 10] * 4096,
                [[0, 200, 0] * 10] * 4097,
            )
        ],
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_drawing_is_described_as_it_is_checked(field: str, value: Any) -> None:
    schema = schema_of("predict")["properties"][field]
    body, _, check = BODIES["predict"]
    try:
        check(read(body, {field: value}))
    except (DigitLabError, ValidationError):
        assert not allows(schema, value)
    else:
        assert allows(schema, value)


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/runs", "GET, POST"),
        ("/api/runs/x", "DELETE, GET, PATCH"),
        ("/api/health", "GET"),
        ("/api/import", "POST"),
        ("/api/handwriting/teach", "POST"),
        ("/api/runs/x/stop", "POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_answered_with_those_it_takes(
    untrained: TestClient, path: str, methods: str
) -> None:
    for method in ("PUT", "OPTIONS"):
        answer = untrained.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        assert answer.json()["error"].endswith(f"It takes {methods}.")


@pytest.mark.parametrize(
    ("path", "code"), [("/api/runs", 200), ("/api/runs/x", 404), ("/api/import", 405)]
)
def test_head_is_answered_as_get_without_a_body(
    untrained: TestClient, path: str, code: int
) -> None:
    head, whole = untrained.head(path), untrained.get(path)
    assert (head.status_code, head.content) == (code, b"")
    assert whole.status_code == code
    assert head.headers["content-length"] == whole.headers["content-length"]
