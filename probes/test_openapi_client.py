"""A client that openapi-python-client makes from the description calls every route once."""

import importlib
import inspect
import io
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.browser.app_server import SECONDS, SHORT, AppServer
from tests.browser.conftest import MakeServer


@pytest.fixture
def client_package(
    make_server: MakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[AppServer, dict[str, Any], str]]:
    """A server, its description, and the name of the package with its client."""
    server = make_server()
    description = server.get("/api/openapi.json")
    tool = shutil.which("openapi-python-client", path=Path(sys.executable).parent)
    assert tool is not None, "make probe installs openapi-python-client"
    name = "digit_lab_client"
    settings = tmp_path / "settings.yml"
    # Without it the tool takes no picture.
    settings.write_text("content_type_overrides: {image/png: application/octet-stream}")
    done = subprocess.run(
        [
            *(tool, "generate", "--url", f"{server.url}/api/openapi.json"),
            *("--meta", "none", "--output-path", str(tmp_path / name)),
            *("--config", str(settings)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "WARNING" not in done.stdout, done.stdout  # something of the description was left out
    monkeypatch.syspath_prepend(tmp_path)
    yield server, description, name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_every_route_is_called_and_its_answer_understood(
    client_package: tuple[AppServer, dict[str, Any], str],
) -> None:
    server, description, package = client_package
    operations = {
        operation["operationId"]: operation
        for methods in description["paths"].values()
        for operation in methods.values()
    }
    called: dict[str, Any] = {}
    client = importlib.import_module(package).Client(
        base_url=server.url, timeout=120, raise_on_unexpected_status=True
    )
    models = importlib.import_module(f"{package}.models")
    types = importlib.import_module(f"{package}.types")

    def call(name: str, changes: dict[str, Any] | None = None, /, **arguments: Any) -> Any:
        """Calls a route, with the description's example of a body, and gives its answer."""
        operation = operations[name]
        (tag,) = operation["tags"]
        function = importlib.import_module(f"{package}.api.{tag}.{name}").sync_detailed
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" in content:
            annotation = inspect.signature(function).parameters["body"].annotation
            schema_name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            schema = description["components"]["schemas"][schema_name]
            value = schema.get("examples", [{}])[0] | (changes or {})
            kinds = [
                kind for kind in (annotation, *get_args(annotation)) if hasattr(kind, "from_dict")
            ]
            # A body of one of two forms, as a drawing, is a plain dictionary.
            arguments["body"] = kinds[0].from_dict(value) if kinds else value
        answer = function(client=client, **arguments)
        assert answer.status_code < 300, (name, answer.content)
        assert not isinstance(answer.parsed, models.Problem)
        assert (answer.parsed is None) == (answer.status_code == 204), name
        called[name] = answer.parsed
        return answer.parsed

    assert call("get_health").status == "ok"
    assert call("get_datasets").mnist.state
    call("search_datasets")
    run = call("start_run", {**SHORT, "preset": "notebook", "epochs": 2.0, "seed": 3}).run_id
    server.wait_for_end(run)
    assert call("get_run", run_id=run).state == "done"
    assert [one.run_id for one in call("list_runs").runs] == [run]
    assert call("get_events", run_id=run).events
    assert call("get_live").runs
    assert call("get_speed").presets
    assert len(call("get_images").labels) == 60
    assert call("get_preview", run_id=run).current
    assert call("get_frames", run_id=run).frames == []  # nobody watched
    assert call("get_preview_images", run=run).payload.read(4) == b"\x89PNG"
    assert call("get_activations", run_id=run).layers
    assert call("update_run", run_id=run).name == "First try"

    assert call("get_metrics_csv", run_id=run).startswith("epoch,step,")
    assert call("get_metrics_json", run_id=run)["run_id"] == run
    assert call("get_notebook", run_id=run)["nbformat"] == 4
    compile(call("get_script", run_id=run), "script.py", "exec")
    assert call("get_tensorboard", run_id=run).payload.read(2) == b"PK"
    weights = call("get_weights", run_id=run, epoch=1).payload.read()
    file = types.File(payload=io.BytesIO(weights))
    imported = call("import_weights", body=file, name="mine.pth").run_id

    assert len(call("predict").probabilities) == 10
    assert len(call("predict_history", {"run": run}).digits) == 3

    drawing = call("keep_drawing")["id"]
    assert call("list_drawings").count == 1
    assert call("get_scores", run_id=run).fresh
    call("delete_drawing", drawing_id=drawing)
    call("restore_drawing", drawing_id=drawing)
    taught = call("finetune", {"run": run}).run_id
    server.wait_for_end(taught)
    assert call("get_finetuning", run_id=taught)["lesson"]

    call("rewind_run", {"epoch": 1}, run_id=run)
    call("resume_run", run_id=run)
    server.wait_for_end(run)
    fork = call("fork_run", {"epochs": 2000}, run_id=run).run_id
    deadline = time.monotonic() + SECONDS
    while server.run(fork)["epoch"] < 2:
        assert time.monotonic() < deadline, "the fork does not train"
        time.sleep(0.05)
    call("set_learning_rate", run_id=fork)
    call("pause_run", run_id=fork)
    call("stop_run", run_id=fork)
    server.wait_for_end(fork)
    for repetition in call("repeat_run", {"seeds": 2}, run_id=run).runs:
        server.wait_for_end(repetition.run_id)
    call("delete_run", run_id=imported)
    call("restore_run", run_id=imported)
    call("delete_all_drawings")

    assert set(called) == set(operations)
