"""Digit Lab under a path: all that the page loads and links to is there, and nothing elsewhere."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from core.service.service import TrainingService
from dashboard import urls
from dashboard.server.middleware import MAX_BODY
from tests.dashboard.conftest import opened, page_parts, refusal


@pytest.fixture
def prefixed(
    untrained_service: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A client of a server under `/digits/`."""
    monkeypatch.setattr(untrained_service, "close", lambda: None)  # it serves other tests, too
    monkeypatch.setattr(urls, "_prefix", urls._prefix)  # restored at the end
    yield from opened(untrained_service, url_prefix="/digits/")


def loaded(page: str) -> list[str]:
    return re.findall(r'(?:src|href|data-url)="([^"#]+)"', page)


@pytest.mark.parametrize("page", ["/digits/", "/digits/guide/", "/digits/api/docs"])
def test_all_that_a_page_loads_is_under_the_path(prefixed: TestClient, page: str) -> None:
    addresses = loaded(prefixed.get(page).text)
    assert len(addresses) > 3
    for address in addresses:
        if not address.startswith("/"):
            address = page + address
        assert address.startswith("/digits/")
        answer = prefixed.get(address)
        assert answer.status_code == 200, address
        html = answer.headers["content-type"].startswith("text/html")
        assert html == (address == "/digits/"), address


def test_the_page_links_to_nothing_elsewhere(
    prefixed: TestClient, untrained_service: TrainingService
) -> None:
    every = {getattr(part, "href", None) for part in page_parts(untrained_service)}
    links = every - {None, "", "#main"}
    assert {"/digits/guide/#inside", "/digits/guide/#curves"} <= links
    assert all(str(link).startswith("/digits/") for link in links)


def test_routes_and_limits_are_under_the_path(prefixed: TestClient) -> None:
    assert prefixed.get("/digits/api/runs").json() == {"runs": []}
    assert "/digits/api/nothing" in refusal(prefixed.get("/digits/api/nothing"), 404)
    refusal(prefixed.post("/digits/api/predict", content=bytes(MAX_BODY + 1)), 413)
    refusal(prefixed.post("/digits/api/import", content=bytes(MAX_BODY + 1)), 422)
    paths = prefixed.get("/digits/api/openapi.json").json()["paths"]
    assert paths
    assert all(path.startswith("/digits/api/") for path in paths)
    with prefixed.websocket_connect("ws://127.0.0.1/digits/api/live") as socket:
        socket.send_text("{}")
        assert socket.receive_json()["shown"] is None


def test_callbacks_are_under_the_path(prefixed: TestClient) -> None:
    assert prefixed.get("/digits/_dash-dependencies").json()
    assert "digits" in prefixed.get("/digits/guide", follow_redirects=False).headers["location"]


@pytest.mark.parametrize("path", ["guide/", "api/runs", "assets/common.js", "_dash-layout"])
def test_a_proxy_may_cut_the_path_off(prefixed: TestClient, path: str) -> None:
    assert prefixed.get(f"/{path}").text == prefixed.get(f"/digits/{path}").text


def test_limits_and_sockets_hold_where_a_proxy_has_cut_the_path_off(prefixed: TestClient) -> None:
    refusal(prefixed.post("/api/predict", content=bytes(MAX_BODY + 1)), 413)
    refusal(prefixed.post("/api/import", content=bytes(MAX_BODY + 1)), 422)
    with prefixed.websocket_connect("ws://127.0.0.1/api/live") as socket:
        socket.send_text("{}")
        assert socket.receive_json()["shown"] is None
