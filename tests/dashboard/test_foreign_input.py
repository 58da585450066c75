"""What browsers and other clients send gives a valid result or the documented error."""

import json
from typing import Any

import pytest
from fastapi import HTTPException
from hypothesis import given, strategies as st
from pydantic import BaseModel, ValidationError

from dashboard.api import bodies, schemas
from dashboard.api.errors import sentences
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.live import endpoint
from dashboard.live.protocol import Place
from dashboard.server import hosts
from tests.core.test_foreign_input import anything

# Hosts

host_like = st.text("abzAZ019.-_:[]%@/ ßı。xn\u200d", max_size=24)
hosts_and_ports = st.builds("{}:{}".format, host_like, st.integers(-1, 70_000))


@given(st.text() | host_like | hosts_and_ports | st.ip_addresses().map(str))
def test_a_host_is_a_name_that_is_read_the_same_again(text: str) -> None:
    try:
        host = hosts.parse(text)
    except ValueError:
        return
    name = f"[{host.name}]" if ":" in host.name else host.name
    assert hosts.parse(name if host.port is None else f"{name}:{host.port}") == host
    assert host.name.isascii()
    assert host.port is None or 1 <= host.port <= 65535


@given(st.sampled_from(["http://", "https://", "ftp://", "", "null"]), host_like | st.text())
def test_an_origin_has_a_port(scheme: str, rest: str) -> None:
    try:
        found, host = hosts.parse_origin(scheme + rest)
    except ValueError:
        return
    assert found in ("http", "https")
    assert host.port is not None


# Places


def assert_place_or_refusal(text: str) -> None:
    reason = "-"
    try:
        place = endpoint._parse(text)
    except ValueError as error:
        reason = str(error)
    else:
        assert Place.model_validate_json(place.model_dump_json()) == place
    assert 0 < len(reason.encode()) <= 123, "a close frame has no room for more"


@given(st.text())
def test_a_message_is_a_place_or_refused(text: str) -> None:
    assert_place_or_refusal(text)


@given(st.dictionaries(st.sampled_from([*Place.model_fields, "other"]), anything))
def test_an_object_is_a_place_or_refused(values: dict[str, Any]) -> None:
    assert_place_or_refusal(json.dumps(values))


@given(anything | st.text("abe/0123456789٣", max_size=30))
def test_any_version_names_a_network(version: Any) -> None:
    ref = CheckpointRef.parse(version)
    assert ref.run_id is None or "/" not in ref.run_id
    assert ref.epoch is None or 0 <= ref.epoch < 10**9


# Bodies

BODIES: list[type[BaseModel]] = [
    *(schemas.RunCreate, schemas.RunUpdate, schemas.RewindRequest, schemas.ForkRequest),
    *(schemas.RepeatRequest, schemas.LearningRateRequest, schemas.PredictRequest),
    *(schemas.HistoryRequest, schemas.DrawingCreate, schemas.FinetuneRequest),
]
FIELDS = [
    "name",
    "note",
    "pinned",
    "epoch",
    "seeds",
    "label",
    "run",
    "mixed",
    "as_drawn",
    "strokes",
]


def assert_body_or_refusal(body: type[BaseModel], content: bytes) -> None:
    sentence = "."
    try:
        body.model_validate(bodies.parse(content))
    except HTTPException as error:
        sentence = error.detail
    except ValidationError as error:
        sentence = sentences(error.errors())
    assert sentence.endswith(".")


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
@given(st.binary() | st.dictionaries(st.sampled_from(FIELDS), anything).map(json.dumps))
def test_a_body_is_taken_or_refused(body: type[BaseModel], content: bytes | str) -> None:
    assert_body_or_refusal(body, content if isinstance(content, bytes) else content.encode())
