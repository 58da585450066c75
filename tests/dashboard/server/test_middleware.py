"""Whom the server answers: its own pages and names, not another site's page or a borrowed name."""

import re
import socket
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from starlette.testclient import WebSocketDenialResponse, WebSocketTestSession

from core.data.dataset import Dataset
from core.service.service import TrainingService
from dashboard.server import hosts
from tests.dashboard.conftest import in_memory_service, opened, refusal

SOCKET = "/api/live"
OWN = "http://127.0.0.1:8050"


@pytest.fixture(scope="module")
def service(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainingService:
    return in_memory_service(tiny_dataset, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def client(service: TrainingService) -> Iterator[TestClient]:
    """A client of a server with a name of its own. No test here starts a run."""
    yield from opened(service, OWN, host="digits.example")


def asks(client: TestClient, host: str) -> int:
    return client.get("/api/health", headers={"host": host}).status_code


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8050",
        "192.168.0.7:8050",
        "[::1]:8050",
        "localhost",
        "LocalHost:8050",
        "digits.example:8050",
        f"{socket.gethostname()}:8050",
    ],
)
def test_addresses_and_the_machines_own_names_are_answered(client: TestClient, host: str) -> None:
    assert asks(client, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8050",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example:127.0.0.1",
        "[::1",
        "[",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/health", "/_dash-layout", "/_dash-dependencies"])
def test_any_other_name_is_refused_with_a_sentence_about_what_to_do(
    client: TestClient, host: str, path: str
) -> None:
    refused = client.get(path, headers={"host": host})
    assert refused.status_code == 403
    sentence = refused.json()["error"]
    assert sentence.endswith(".")
    name = host.removesuffix(":8050")
    if name.isascii() and re.fullmatch("[a-z0-9.]+", name):
        assert f"--allow-host {name}." in sentence


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:9999",
        "http://localhost:8050",
        "null",
        "",
        "http://[",
    ],
)
@pytest.mark.parametrize("path", ["/api/runs", "/api/predict", "/_dash-update-component"])
def test_a_write_that_another_sites_page_sends_is_refused(
    client: TestClient, service: TrainingService, origin: str, path: str
) -> None:
    refused = client.post(path, headers={"origin": origin})
    assert refused.status_code == 403
    assert refused.json()["error"].endswith(".")
    assert service.runs.latest() is None


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_method_that_may_write_gets_around_that(client: TestClient, method: str) -> None:
    refused = client.request(method, "/api/runs", headers={"origin": "http://evil.example"})
    assert refused.status_code == 403


def test_a_write_of_the_page_itself_goes_through(client: TestClient) -> None:
    answer = client.post("/api/predict", json={"strokes": []}, headers={"origin": OWN})
    assert answer.status_code == 422


def test_a_write_without_an_origin_goes_through_as_no_browser_sends_it(client: TestClient) -> None:
    assert client.post("/api/predict", json={"strokes": []}).status_code == 422


def test_another_site_may_link_to_the_page(client: TestClient) -> None:
    assert client.get("/", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": "http://evil.example:8050", "host": "evil.example:8050"},
        {"origin": "http://[", "host": "["},
    ],
    ids=["another site", "another port", "no site", "a borrowed name", "nonsense"],
)
def test_a_websocket_from_another_sites_page_is_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused:
        open_socket(client, headers).__enter__()
    assert refused.value.status_code == 403
    assert refused.value.json()["error"]


def test_a_websocket_of_the_page_itself_is_taken(client: TestClient) -> None:
    with open_socket(client, {"origin": OWN}) as socket_:
        assert socket_.accepted_subprotocol is None  # entering it raises unless it was accepted


def open_socket(client: TestClient, headers: dict[str, str]) -> WebSocketTestSession:
    # A full address: the test client takes the host of a bare path to be "testserver".
    return client.websocket_connect(
        OWN.replace("http", "ws") + SOCKET, headers={"host": OWN.removeprefix("http://")} | headers
    )


# Behind a proxy


@pytest.fixture(scope="module")
def proxied(service: TrainingService) -> Iterator[TestClient]:
    """A client of a server with names that a proxy has."""
    names = ["Lab.Example.", "tls.example:8443", "bücher.example", "2001:db8::7"]
    yield from opened(service, OWN, allowed_hosts=[hosts.parse(name) for name in names])


def writes(client: TestClient, host: str, origin: str, **headers: str) -> Response:
    """A write that is invalid, so that it changes nothing: 422 where it is let through."""
    headers = {"host": host, "origin": origin} | headers
    return client.post("/api/predict", json={"strokes": []}, headers=headers)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("lab.example", "https://lab.example"),  # Host kept
        ("lab.example:8080", "http://lab.example:8080"),
        ("lab.example", "http://lab.example:8080"),  # nginx's $host has no port
        ("LAB.example.", "http://lab.example."),
        ("127.0.0.1:8050", "http://lab.example"),  # Host replaced
        ("127.0.0.1:8050", "https://lab.example:444"),
        ("127.0.0.1:8050", "https://tls.example:8443"),
        ("xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("localhost:8050", "http://[2001:db8::7]"),
        ("[2001:db8::7]:8080", "http://[2001:db8::7]:8080"),
        ("10.0.0.2:80", "http://10.0.0.2"),
    ],
)
def test_a_page_at_an_allowed_name_writes(proxied: TestClient, host: str, origin: str) -> None:
    assert writes(proxied, host, origin).status_code == 422
    headers = {"host": host, "x-page-origin": origin}
    assert proxied.get("/api/live", headers=headers).status_code == 200
    with open_socket(proxied, {"host": host, "origin": origin}):
        pass


@pytest.mark.parametrize(
    ("host", "origin", "advice"),
    [
        ("127.0.0.1:8050", "http://evil.example", "--allow-host evil.example."),
        ("127.0.0.1:8050", "https://tls.example", "--allow-host tls.example."),
        ("127.0.0.1:8050", "http://10.0.0.2:8080", "--allow-host 10.0.0.2:8080."),
        ("127.0.0.1:8050", "http://lab.example.evil.example", "--allow-host lab.example.evil."),
        ("evil.example", "http://evil.example", "--allow-host evil.example."),
        ("lab.example", "null", "own pages only"),
        ("lab.example", "ftp://lab.example", "own pages only"),
    ],
)
def test_a_page_at_any_other_name_is_refused_and_told_what_to_do(
    proxied: TestClient, host: str, origin: str, advice: str
) -> None:
    assert advice.rstrip(".") in (sentence := refusal(writes(proxied, host, origin), 403)), sentence
    # What such a page reads says so, too: it asks for nothing else until somebody clicks.
    headers = {"host": host, "x-page-origin": origin}
    assert refusal(proxied.get("/api/live", headers=headers), 403) == sentence
    forwarded = {"x-forwarded-host": "lab.example", "forwarded": "host=lab.example"}
    assert writes(proxied, host, origin, **forwarded).status_code == 403  # any client can send it
