"""`run.py` as a person starts it: refusals in one sentence, and an end without noise on Ctrl+C."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import WaitUntil

ROOT = Path(__file__).resolve().parent.parent
# One thread: the tiny data needs no more, and threads that wait for one another are slow.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def refusal(*arguments: str) -> str:
    """What is said on stderr by a start that must fail."""
    done = subprocess.run(
        [sys.executable, "run.py", "--no-browser", *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def one_sentence(text: str) -> bool:
    return text.endswith(".") and len(text.splitlines()) == 1


def test_a_port_that_is_in_use_is_refused_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal("--port", str(port))

    assert one_sentence(said)
    assert f"127.0.0.1:{port}" in said
    assert f"--port {port + 1}" in said


def test_a_data_folder_that_is_not_there_is_refused(tmp_path: Path, free_port: int) -> None:
    said = refusal("--port", str(free_port), "--data-dir", str(tmp_path / "missing"))

    assert one_sentence(said)
    assert "missing" in said
    assert "--data-dir" in said


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").write_text("not a folder")

    assert one_sentence(refusal("--port", str(free_port), "--data-dir", str(tmp_path / "file")))


def test_a_runs_folder_that_cannot_be_used_is_refused(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").write_text("not a folder")

    said = refusal("--port", str(free_port), "--runs-dir", str(tmp_path / "file"))

    assert one_sentence(said)
    assert "--runs-dir" in said


def test_a_host_that_is_not_this_computer_is_refused(free_port: int) -> None:
    # 192.0.2.0/24 is set aside for documentation: nobody has such an address.
    said = refusal("--host", "192.0.2.1", "--port", str(free_port))

    assert one_sentence(said)
    assert "192.0.2.1" in said


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80 80", "²"])
def test_what_is_no_port_is_refused(port: str) -> None:
    assert "is not a port: give a number from 1 to 65535" in refusal(f"--port={port}")


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    said = refusal("--dataset", "letters")

    assert "letters" in said
    assert all(name in said for name in ("auto", "mnist", "synthetic"))


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    """The JSON answer to a GET or, with a body, to a POST; None if nobody answers."""
    request = urllib.request.Request(
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy
    try:
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError:
        raise
    except OSError:
        return None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process")
@pytest.mark.parametrize("sign", ["SIGINT", "SIGTERM"])
def test_ctrl_c_in_mid_training_keeps_the_model_and_ends_without_noise(
    tmp_path: Path, mnist_folder: Path, free_port: int, wait_until: WaitUntil, sign: str
) -> None:
    url = f"http://127.0.0.1:{free_port}/api"
    command = [sys.executable, "run.py", "--no-browser", "--port", str(free_port)]
    folders = ["--data-dir", str(mnist_folder), "--runs-dir", str(tmp_path / "runs")]
    said = tmp_path / "said.txt"
    with said.open("w") as sink:
        server = subprocess.Popen(
            [*command, *folders], cwd=ROOT, env=ENVIRONMENT, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: server.poll() is not None or ask(f"{url}/health"), seconds=120)
        assert server.poll() is None, said.read_text()
        run_id = ask(f"{url}/runs", {"model": "simple_cnn", "epochs": 2000})["run_id"]
        wait_until(lambda: ask(f"{url}/runs/{run_id}")["progress"] > 0, seconds=60)

        server.send_signal(signal.Signals[sign])

        code = server.wait(30)
    finally:
        server.kill()
        server.wait()
    output = said.read_text()
    if sign == "SIGINT":
        assert code in (0, 130), output
    else:
        assert code in (0, 143, -signal.SIGTERM), output
    assert "Traceback" not in output
    assert "terminate called" not in output
    assert "Error" not in output
    assert (tmp_path / "runs" / run_id / "simple_cnn.pth").exists()
