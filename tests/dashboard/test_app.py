"""The page as the server hands it out: complete, local, and without any word of the network's."""

import re
from collections import Counter
from typing import Any

import pytest
from dash import dcc
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from core.service.service import TrainingService
from dashboard import ids
from dashboard.app import create_app, describe
from dashboard.navigation import TABS
from tests.dashboard.conftest import page_parts, refusal


def addresses(html: str) -> list[str]:
    """All that a page loads."""
    return re.findall(r'(?:src|href)="([^"]+)"', html)


def test_the_page_loads_nothing_from_elsewhere(untrained: TestClient) -> None:
    loaded = addresses(untrained.get("/").text)
    assert len(loaded) > 5
    assert [address for address in loaded if "//" in address] == []


def test_all_that_the_page_loads_is_there(untrained: TestClient) -> None:
    for address in addresses(untrained.get("/").text):
        answer = untrained.get(address)
        assert answer.status_code == 200, address
        assert len(answer.content) > 0, address


@pytest.mark.parametrize("name", ["bootstrap.min.css", "all.css", "all.js"])
def test_the_page_has_its_styles_and_scripts(untrained: TestClient, name: str) -> None:
    matching = [address for address in addresses(untrained.get("/").text) if name in address]
    assert len(matching) == 1
    kind = "css" if name.endswith("css") else "javascript"
    answer = untrained.get(matching[0])
    assert kind in answer.headers["content-type"]
    assert "<html" not in answer.text


def test_styles_load_nothing_from_elsewhere(untrained: TestClient) -> None:
    styles = [address for address in addresses(untrained.get("/").text) if ".css" in address]
    assert styles
    for address in styles:
        text = untrained.get(address).text
        assert not re.search(r"@import|url\(['\"]?(https?:)?//", text), address


NAMED = {name: value for name, value in vars(ids).items() if name.isupper()}


def test_every_id_of_the_page_is_there_once(untrained_service: TrainingService) -> None:
    parts = page_parts(untrained_service)
    found = Counter(str(part.id) for part in parts if getattr(part, "id", None) is not None)
    assert {name: count for name, count in found.items() if count > 1} == {}
    assert {tab.id for tab in TABS} == {value for name, value in NAMED.items() if "TAB_" in name}
    shared = {value for name, value in NAMED.items() if "TAB_" not in name}
    assert shared - set(found) == set()


def test_no_chart_offers_to_leave_this_computer(untrained_service: TrainingService) -> None:
    graphs = [part for part in page_parts(untrained_service) if isinstance(part, dcc.Graph)]
    assert graphs
    for graph in graphs:
        assert graph.config["displayModeBar"] is False, graph.id  # the bar with that button


def test_every_page_has_the_same_layout_which_knows_nobody(untrained: TestClient) -> None:
    first, second = (untrained.get("/_dash-layout").text for _ in range(2))
    assert first == second


def test_what_the_scripts_fill_is_on_the_page(untrained_service: TrainingService) -> None:
    told = describe(untrained_service)(None)
    parts = [part.to_plotly_json()["props"] for part in page_parts(untrained_service)]
    attributes = ("data-live", "data-needs")
    named = {part[name] for part in parts for name in attributes if name in part}
    assert set(told) - named == {"progress"}  # of the epoch slider
    assert named <= set(told)


@pytest.mark.parametrize("problems", [[], ["The record of runs was damaged."]])
def test_what_was_found_damaged_is_said_where_the_runs_are(
    service: TrainingService, problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "problems", problems)
    parts = page_parts(service)
    alerts = [part.children for part in parts if getattr(part, "is_open", False) is True]
    assert alerts == problems


def test_callbacks_only_name_what_is_on_the_page(
    untrained: TestClient, untrained_service: TrainingService
) -> None:
    on_the_page = {str(getattr(part, "id", None)) for part in page_parts(untrained_service)}
    callbacks = untrained.get("/_dash-dependencies").json()
    read = {part["id"] for each in callbacks for part in each["inputs"] + each["state"]}
    written = {
        output.rsplit(".", 1)[0]
        for each in callbacks
        if not each["no_output"]
        for output in each["output"].strip(".").split("...")
    }
    # A pattern in braces stands for components that come later.
    named = {name for name in read | written if not name.startswith("{")}
    assert named
    assert named - on_the_page == set()


def test_dash_opens_no_websocket_of_its_own(untrained: TestClient) -> None:
    assert "websocket" not in untrained.get("/").text.lower()
    own = untrained.websocket_connect("ws://127.0.0.1/_dash-ws-callback")
    with pytest.raises(WebSocketDisconnect), own:
        pass


@pytest.mark.parametrize("path", ["/", "/?tab=draw", "/guide/", "/api/docs", "/elsewhere"])
def test_pages_answer_head(untrained: TestClient, path: str) -> None:
    plain = {"accept-encoding": "identity"}
    whole, head = untrained.get(path, headers=plain), untrained.head(path, headers=plain)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize("path", ["/", "/guide/", "/elsewhere"])
def test_pages_take_no_other_method(untrained: TestClient, path: str) -> None:
    answer = untrained.put(path)
    assert answer.headers["allow"] == "GET"  # and HEAD, which is GET without the body
    assert refusal(answer, 405) == f"There is nothing to PUT at {path}. It takes GET."


def test_the_server_tells_nobody_how_it_is_made(untrained: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        answer = untrained.get(path)
        assert answer.status_code == 200, path  # the page itself
        assert "swagger" not in answer.text.lower()
        assert "openapi" not in answer.text.lower()


def test_closing_the_server_ends_the_training(service: TrainingService, wait_until: Any) -> None:
    with TestClient(create_app(service).server, base_url="http://127.0.0.1") as client:
        settings = {"epochs": 2000, "model": "mlp", "precision": "fp32"}
        run_id = client.post("/api/runs", json=settings).json()["run_id"]
        wait_until(lambda: service.runs.events_since(run_id, 0)[1] > 0)
        assert not service.runs.snapshot(run_id).state.finished
    assert service.runs.snapshot(run_id).state.finished


def test_no_callback_takes_the_place_of_another(untrained: TestClient) -> None:
    """Dash 4.4.1 calls one alone of two callbacks with the same inputs and no output."""
    names = [callback["output"] for callback in untrained.get("/_dash-dependencies").json()]
    assert len(names) == len(set(names))
