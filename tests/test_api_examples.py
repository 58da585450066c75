"""The examples in the documentation, run as they stand against a real server."""

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from dashboard.app import create_app
from tests.support import MakeService

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
SECONDS = 120


@pytest.fixture
def address(make_service: MakeService, wait_until: Any) -> Iterator[str]:
    """A server on the tiny data set; its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        app = create_app(make_service()).server
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def examples(language: str, address: str) -> str:
    """All examples of a language as one program."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    return "\n".join(blocks).replace("http://127.0.0.1:8050", address)


def run(command: list[str], program: str, folder: Path) -> str:
    done = subprocess.run(
        command, input=program, capture_output=True, text=True, cwd=folder, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("curl")), reason="there is no bash or no curl"
)
def test_the_guides_shell_session_works(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "shell"
    folder.mkdir()
    program = examples("sh", address)

    printed = run(["bash", "-e", "-o", "pipefail", "-s"], program, folder)

    assert '{"status":"ok","worker_alive":true,' in printed
    names = {path.suffix: path for path in folder.iterdir()}
    assert set(names) == {".pth", ".safetensors", ".onnx", ".csv", ".ipynb", ".png"}
    assert "Imported from speedrun_cnn.pth" in printed
    assert '"field":"epochs"' in printed


def test_the_guides_python_session_works(address: str, tmp_path: Path) -> None:
    folder = tmp_path / "python"
    folder.mkdir()
    program = examples("python", address)

    printed = run([sys.executable, "-"], program, folder)

    assert "Epoch 2" in printed
    assert printed.count("\n4 ") + printed.count("\n5 ") + printed.count("\n6 ") == 3
    assert "422" in printed
    compile((folder / "second.py").read_text(), "second.py", "exec")
