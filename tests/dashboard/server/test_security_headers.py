"""What browsers are told about every answer: whom it may be shown by, and which scripts may run."""

import base64
import hashlib
import re

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import WebSocketDenialResponse

from core.service.service import TrainingService
from dashboard.app import create_app
from tests.dashboard.conftest import refusal

PAGES = ("/", "/guide/", "/api/docs")
ADDRESSES = (
    *PAGES,
    "/anything",
    "/api/health",
    "/api/nothing",
    "/api/docs/swagger-ui.css",
    "/assets/css/tokens.css",
    "/vendor/bootstrap/bootstrap.min.css",
    "/guide/images/train.png",
    "/_dash-layout",
)


def policy(client: TestClient, address: str) -> dict[str, list[str]]:
    text = client.get(address).headers["content-security-policy"]
    parts = [part.split() for part in text.split(";")]
    return {name: sources for name, *sources in parts}


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_answer_may_be_framed_or_taken_for_another_kind(
    untrained: TestClient, address: str
) -> None:
    headers = untrained.get(address).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert policy(untrained, address)["frame-ancestors"] == ["'none'"]


def test_a_refusal_has_the_same_headers(untrained: TestClient) -> None:
    refused = untrained.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 403
    assert refused.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [("/api/live", "http://evil.example", 403), ("/nothing", "http://127.0.0.1", 404)],
)
def test_a_refused_websocket_gets_a_sentence_and_the_same_headers(
    untrained: TestClient, path: str, origin: str, status: int
) -> None:
    socket = untrained.websocket_connect(f"ws://127.0.0.1{path}", headers={"origin": origin})
    with pytest.raises(WebSocketDenialResponse) as refused, socket:
        pass
    assert refusal(refused.value, status)
    assert refused.value.headers["x-frame-options"] == "DENY"


def test_a_failure_has_the_same_headers(untrained_service: TrainingService) -> None:
    async def fail(_: Request) -> None:
        raise RuntimeError("a failure that nobody thought of")

    server = create_app(untrained_service).server
    server.router.routes.insert(0, Route("/fail", fail))
    client = TestClient(server, base_url="http://127.0.0.1", raise_server_exceptions=False)
    failed = client.get("/fail")
    assert failed.status_code == 500
    assert failed.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(("scheme", "policy"), [("http", None), ("https", "same-origin")])
def test_browsers_hear_nothing_of_a_policy_that_they_would_not_heed(
    untrained_service: TrainingService, scheme: str, policy: str | None
) -> None:
    server = create_app(untrained_service, "0.0.0.0").server
    headers = TestClient(server, base_url=f"{scheme}://192.168.0.7").get("/").headers
    assert headers.get("cross-origin-opener-policy") == policy


def test_only_the_servers_own_scripts_run_and_only_it_is_asked(untrained: TestClient) -> None:
    found = policy(untrained, "/")
    assert found["default-src"] == ["'none'"]
    assert found["connect-src"] == ["'self'"]
    assert found["style-src"] == ["'self'", "'unsafe-inline'"]
    for name in ("object-src", "base-uri", "form-action"):
        assert found.get(name, found["default-src"]) == ["'none'"]
    own, *hashes = found["script-src"]
    assert own == "'self'"
    assert all(re.fullmatch(r"'sha256-[\w+/]+=*'", one) for one in hashes), hashes


@pytest.mark.parametrize("address", PAGES)
def test_every_inline_script_of_a_page_is_one_that_may_run(
    untrained: TestClient, address: str
) -> None:
    text = re.sub(r"<!--.*?-->", "", untrained.get(address).text, flags=re.DOTALL)
    allowed = policy(untrained, address)["script-src"]
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)
    assert scripts
    for attributes, script in scripts:
        if "src=" in attributes or "application/json" in attributes:
            continue
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in allowed, script
    assert not re.search(r"<[^>]+\son\w+=", text)
