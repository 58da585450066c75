"""`run.py` as a person starts it: refusals in one sentence, and an end without noise on Ctrl+C."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import run
from tools.server import ROOT, Server, get, post, until

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


def test_a_data_folder_that_cannot_be_read_is_refused(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").touch()

    said = refusal("--port", str(free_port), "--data-dir", str(tmp_path / "missing"))
    assert one_sentence(said)
    assert f"There is no folder {tmp_path / 'missing'}. Name another with --data-dir." in said
    assert f"{tmp_path / 'file'} is a file. Name the folder" in str(
        run._folder_problem(tmp_path / "file")
    )
    assert "cannot be read: File name too long." in str(run._folder_problem(tmp_path / ("x" * 999)))
    assert run._folder_problem(tmp_path) is None


def test_a_runs_folder_that_cannot_be_used_is_refused(
    tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")

    # Not in a process of its own: this refusal comes after torch was loaded, which takes seconds.
    code = run.main(
        ["--no-browser", "--port", str(free_port), "--runs-dir", str(tmp_path / "file")]
    )

    assert code == 2
    said = capsys.readouterr().err.strip()
    assert one_sentence(said)
    assert "--runs-dir" in said


def test_a_host_that_is_not_this_computer_is_refused(free_port: int) -> None:
    # 192.0.2.0/24 is set aside for documentation: nobody has such an address.
    said = refusal("--host", "192.0.2.1", "--port", str(free_port))

    assert said.endswith(".")
    assert "192.0.2.1 is not an address of this computer" in said
    assert "--allow-host" in said  # the name of a proxy


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80 80", "²"])
def test_what_is_no_port_is_refused(port: str) -> None:
    assert "is not a port: give a number from 1 to 65535" in refusal(f"--port={port}")


@pytest.mark.parametrize(
    "name", ["", "*", "https://lab.example", "lab.example/lab", "a b", "lab..example", "lab:0"]
)
def test_what_is_no_host_to_allow_is_refused(name: str) -> None:
    assert "is not the name of a host: give one as lab.example" in refusal(f"--allow-host={name}")


@pytest.mark.parametrize(
    "path", ["/digits?", "//evil.example", "a b", "/../x y", "/..", "/lab/../x", "."]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    assert "is not a path" in refusal(f"--url-prefix={path}")


def test_slashes_around_a_path_may_be_left_out() -> None:
    for text in ("/a/b-c/", "/a/b-c", "a/b-c"):
        assert run._url_prefix(text) == "/a/b-c/"
    assert run._url_prefix("/") == run._url_prefix("") == "/"


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    said = refusal("--dataset", "letters")

    assert "letters" in said
    assert all(name in said for name in ("auto", "mnist", "synthetic"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process")
def test_ctrl_c_in_mid_training_keeps_the_model_and_ends_without_noise(
    tmp_path: Path, mnist_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What SIGTERM does, `test_killed.py` tells."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for one another are slow
    said = tmp_path / "said.txt"
    data = ("--data-dir", str(mnist_folder))
    with Server(*data, runs=tmp_path / "runs", said=said) as server:
        run_id = post(f"{server.url}/api/runs", {"model": "simple_cnn", "epochs": 2000})["run_id"]
        until(lambda: get(f"{server.url}/api/runs/{run_id}")["progress"] > 0, pause=0.02)

        code = server.end(signal.SIGINT)

    assert code in (0, 130), said.read_text()
    check_quiet_end(said.read_text())
    folder = mnist_folder / "MNIST" / "raw"
    assert f"WARNING: The files in {folder} are not MNIST's" in said.read_text()
    assert (tmp_path / "runs" / run_id / "latest.state.safetensors").exists()


def check_quiet_end(said: str) -> None:
    for noise in ("Traceback", "terminate called", "Error"):
        assert noise not in said
