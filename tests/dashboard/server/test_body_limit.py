"""A body that is too long is refused with a sentence, whatever it was sent to."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from core.service.imports import WeightImports
from dashboard.server.middleware import MAX_BODY
from tests.dashboard.conftest import refusal
from tests.support import run_async

PATHS = ("/", "/_dash-update-component", "/api/predict", "/api/nothing", "/anything")
MIB = 1 << 20


class Upload:
    """A request with an endless body, without a client that reads it ahead.

    Attributes:
        taken: how many bytes of the body the server has taken.
        status, sentence: what it answered.
    """

    def __init__(self, client: TestClient, path: str, length: str | None = None) -> None:
        self.taken, self.status, self._answer = 0, 0, b""
        headers = {"host": "127.0.0.1", "content-type": "application/json"}
        if length is not None:
            headers["content-length"] = length
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        app: Any = client.app
        run_async(app(scope, self._receive, self._send))
        self.sentence = str(json.loads(self._answer)["error"])

    async def _receive(self) -> Message:
        self.taken += MIB
        assert self.taken < 100 * MIB, "the server takes whatever comes"
        return {"type": "http.request", "body": bytes(MIB), "more_body": True}

    async def _send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self._answer += message.get("body", b"")


@pytest.mark.parametrize("path", PATHS)
def test_a_body_of_unknown_length_is_read_no_further_than_the_limit(
    untrained: TestClient, path: str
) -> None:
    upload = Upload(untrained, path)
    assert upload.status == 413
    assert upload.sentence == "That is too much: this request has at most 4 MiB."
    assert upload.taken == MAX_BODY + MIB


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_says_its_length_is_not_read_at_all(untrained: TestClient, path: str) -> None:
    upload = Upload(untrained, path, str(1 << 30))
    assert upload.status == 413
    assert upload.sentence == "That is too much: this request has at most 4 MiB."
    assert upload.taken == 0


@pytest.mark.parametrize("length", ["many", "-1", "9" * 5000, "1"])
def test_a_length_is_not_believed(untrained: TestClient, length: str) -> None:
    assert Upload(untrained, "/api/predict", length).status == 413


def test_many_bodies_at_one_time_are_refused_with_a_sentence(
    untrained: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.server.middleware.MAX_BODIES", 3 * MIB)
    for _ in range(2):  # what was refused takes no room from the next
        upload = Upload(untrained, "/api/predict")
        assert upload.status == 503
        assert "too many files" in upload.sentence
        assert upload.taken == 4 * MIB
    for _ in range(2):  # nor does what was answered
        assert untrained.post("/api/predict", content=bytes(2 * MIB)).status_code == 400


def test_a_file_with_weights_may_be_longer(untrained: TestClient) -> None:
    # It is read, and then found to be no file with weights.
    refusal(untrained.post("/api/import", content=bytes(MAX_BODY + 1)), 422)
    upload = Upload(untrained, "/api/import", str(WeightImports.MAX_BYTES + 1))
    assert upload.status == 413
    assert upload.sentence == "That is too much: this request has at most 64 MiB."
