"""The description of the routes: complete, true, and from this server alone."""

import re
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from core.config import TrainConfig
from core.records.runs import RunSnapshot
from core.service.service import TrainingService
from dashboard.api.app import create_api
from dashboard.api.schemas import PROBLEMS
from dashboard.live.endpoint import Live
from dashboard.live.protocol import Message, Place
from tests.dashboard.conftest import SHORT


@pytest.fixture(scope="module")
def described(trained: TestClient) -> dict[str, Any]:
    answer = trained.get("/api/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def body_of(described: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The schema of an operation's body in JSON."""
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = described["components"]["schemas"][name.rpartition("/")[2]]
    return found


def test_every_route_is_described(described: dict[str, Any], done: TrainingService) -> None:
    hidden = {"/openapi.json", "/docs", "/docs/{name}"}
    live = Live(done, lambda run: {}, lambda run: {})
    routes = {
        (method, f"/api{route.path}")
        for route in create_api(done, live).routes
        if isinstance(route, APIRoute) and route.path not in hidden
        for method in route.methods or ()
    }
    assert routes == {(method, path) for method, path, _ in operations(described)}
    assert {("POST", "/api/import"), ("GET", "/api/live")} <= routes


def test_a_place_and_a_message_are_described(described: dict[str, Any]) -> None:
    operation = described["paths"]["/api/live"]["get"]
    assert {part["name"] for part in operation["parameters"]} == set(Place.model_fields)
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    message = described["components"]["schemas"][answer["$ref"].rpartition("/")[2]]["properties"]
    assert set(message) == {*Message.model_fields, "from"} - {"first"}


def test_every_route_says_what_it_does_and_what_an_error_looks_like(
    described: dict[str, Any],
) -> None:
    parts = {part["name"] for part in described["tags"]}
    for method, path, operation in operations(described):
        assert operation["description"].endswith((".", "?")), (method, path)
        assert set(operation["tags"]) <= parts
        assert {str(code) for code in PROBLEMS} <= set(operation["responses"])
        for code, answer in operation["responses"].items():
            if int(code) >= 400 and (path, code) != ("/api/health", "503"):
                refused = answer["content"]["application/json"]["schema"]
                assert refused == {"$ref": "#/components/schemas/Problem"}, (method, path, code)
                assert answer["description"] == PROBLEMS[int(code)]["description"]


def test_a_drawing_is_strokes_or_pixels_and_not_both(described: dict[str, Any]) -> None:
    for path in ("/api/predict", "/api/predict/course", "/api/handwriting"):
        body = body_of(described, described["paths"][path]["post"])
        assert body["oneOf"] == [{"required": ["strokes"]}, {"required": ["pixels"]}]


def test_the_settings_and_the_fields_of_a_run_are_all_there(described: dict[str, Any]) -> None:
    body = body_of(described, described["paths"]["/api/runs"]["post"])
    assert set(body["properties"]) == {*TrainConfig.model_fields, "name", "preset"}
    run = described["components"]["schemas"]["RunSnapshot"]["properties"]
    assert set(run) == set(RunSnapshot.__dataclass_fields__)


def test_a_text_is_described_as_text_and_json_as_objects(described: dict[str, Any]) -> None:
    """A client that takes a text for bytes, or JSON for a text, fails."""
    schemas = {
        path.rpartition("/")[2]: (media_type, content["schema"])
        for path, methods in described["paths"].items()
        if "files" in methods.get("get", {}).get("tags", ())
        for media_type, content in methods["get"]["responses"]["200"]["content"].items()
    }
    text, data = {"type": "string"}, {"type": "string", "format": "binary"}
    json = {"type": "object", "additionalProperties": True}
    assert schemas == {
        "metrics.csv": ("text/csv", text),
        "script.py": ("text/x-python", text),
        "metrics.json": ("application/json", json),
        "notebook.ipynb": ("application/x-ipynb+json", json),
        "tensorboard.zip": ("application/octet-stream", data),
        "weights": ("application/octet-stream", data),
    }


def test_each_example_is_taken(
    client: TestClient, described: dict[str, Any], service: TrainingService, finish: Any
) -> None:
    run_id = client.post("/api/runs", json=SHORT).json()["run_id"]
    finish(service, run_id)
    tried = 0
    for method, path, operation in operations(described):
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content and not path.endswith("learning-rate"):
            path = path.format(run_id=run_id)
            for example in body_of(described, operation).get("examples", [{}]):
                answer = client.request(method, path, json=example)
                assert answer.status_code in (200, 201), (path, answer.text)
                tried += 1
    assert tried == 9


def test_the_page_asks_this_server_alone(trained: TestClient) -> None:
    page = trained.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    script = trained.get("/assets/pages/api_docs.js")
    asked = re.findall(r'(?:src=|href=|url=)"([^"]+)"', page.text + script.text)
    assert len(asked) == 5
    for address in asked:
        assert re.match("/(api|assets)/", address)
        assert trained.get(address).status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text)


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2f__init__.py", "", "x/y"])
def test_nothing_else_lies_beside_the_page(trained: TestClient, name: str) -> None:
    assert trained.get(f"/api/docs/{name}", follow_redirects=False).status_code == 404
