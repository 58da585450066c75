"""`run.py` as a person starts it: refusals in one sentence, and an end without noise on Ctrl+C."""

import argparse
import gc
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

import run
from dashboard.server.auth import Credentials
from tools.server import ROOT, Server, get, post, until

ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


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


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_windows_is_not_allowed_to_take_a_port_in_use(
    platform: str, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[int] = []

    class Probe(socket.socket):
        def setsockopt(self, _: int, option: int, *value: Any) -> None:
            options.append(option)

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(socket, "socket", Probe)

    assert run._address_problem("127.0.0.1", free_port) is None
    assert options == ([] if platform == "win32" else [socket.SO_REUSEADDR])


def test_a_data_folder_that_cannot_be_read_is_refused(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "file").touch()

    said = refusal("--port", str(free_port), "--data-dir", str(tmp_path / "missing"))
    assert one_sentence(said)
    assert f"The folder {tmp_path / 'missing'} cannot be read: No such file or directory. " in said
    assert "Name another with --data-dir." in said
    for name, why in (("file", "Not a directory"), ("x" * 999, "File name too long")):
        assert f"cannot be read: {why}." in str(run._folder_problem(tmp_path / name))
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
    assert gc.isenabled()  # again, after the imports


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


@pytest.mark.parametrize("address", ["", "*", "proxy.example", "10.0.0.1/8", "127.0.0.1,::1"])
def test_what_is_no_address_of_a_proxy_is_refused(address: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not the address of a proxy: give one"):
        run._trusted_proxy(address)


def test_a_token_file_without_a_token_is_refused(
    tmp_path: Path, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    arguments = ["--port", str(free_port), "--token-file", str(file)]
    assert run.main(arguments) == 2
    assert capsys.readouterr().err == (
        f"The token cannot be read from {file}: No such file or directory. "
        "Name another file with --token-file.\n"
    )
    file.write_text("short")
    assert run.main(arguments) == 2
    said = capsys.readouterr().err
    assert one_sentence(said.strip())
    assert f"There is no token in {file}: a token has 16 to 500" in said
    with pytest.raises(SystemExit):
        run.main(["--no-token", *arguments])
    assert "not allowed with argument --no-token" in capsys.readouterr().err


GIVEN = "a-token-that-somebody-gave"


class Started:
    """What `run.py` does with uvicorn, the service and the browser; nothing is served."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, runs: Path, port: int) -> None:
        self._runs, self._port = runs, port
        self.credentials: Credentials | None = None
        self.options: dict[str, Any] = {}
        self.opened: list[str] = []
        self.seen: list[str] = []
        monkeypatch.setattr("uvicorn.run", self._serve)
        monkeypatch.setattr("dashboard.app.create_app", self._create)
        monkeypatch.setattr("core.service.service.TrainingService", MagicMock())
        monkeypatch.setattr("core.runs.database.RunDatabase", MagicMock())
        monkeypatch.setattr("gc.freeze", lambda: None)
        monkeypatch.setattr("threading.Timer", self._open)

    def __call__(self, *arguments: str) -> "Started":
        common = ["--port", str(self._port), "--runs-dir", str(self._runs)]
        assert run.main([*common, *arguments]) == 0
        return self

    def _create(self, *arguments: Any) -> Any:
        self.credentials = arguments[-1]
        return MagicMock()

    def _open(self, _: float, open_: Any, arguments: tuple[str]) -> Any:
        self.opened.append(arguments[0])
        return MagicMock()

    def _serve(self, _: Any, **options: Any) -> None:
        self.options = options
        for address in self.opened:
            if address.startswith("file:"):
                file = Path(address.removeprefix("file://"))
                assert os.name != "posix" or stat.S_IMODE(file.stat().st_mode) == 0o600
                self.seen.append(file.read_text())


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: int) -> Started:
    monkeypatch.delenv("DIGIT_LAB_TOKEN", raising=False)
    return Started(monkeypatch, tmp_path / "runs", free_port)


def test_this_computer_alone_needs_no_token(
    start: Started, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    assert start().credentials is None
    assert start.opened == [f"http://127.0.0.1:{free_port}"]
    assert "token" not in capsys.readouterr().out
    assert start.options["proxy_headers"] is False


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--allow-host", "lab.example"]])
def test_others_need_a_token_that_is_shown_once_and_stays_out_of_command_lines(
    start: Started, arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    credentials = start(*arguments, "--url-prefix", "/lab").credentials
    assert credentials is not None
    said = capsys.readouterr().out
    assert re.fullmatch(r"[\w-]{43}", credentials.token)  # 256 random bits
    assert said.count(credentials.token) == 1
    assert re.search(rf"Open http://[\w.:]+/lab/\?token={credentials.token} in a browser", said)
    (opened,) = start.opened
    assert credentials.token not in opened
    (content,) = start.seen
    assert f"/lab/?token={credentials.token}" in content
    assert list(tmp_path.rglob("*.html*")) == []


def test_no_token_is_explicit_and_warns(
    start: Started, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGIT_LAB_TOKEN", GIVEN)
    assert start("--host", "0.0.0.0", "--no-token").credentials is None
    said = capsys.readouterr().out
    assert said.count("There is no token: whoever reaches this address may train and delete.") == 1
    start("--no-token")
    assert "There is no token" not in capsys.readouterr().out


def test_a_given_token_counts_on_this_computer_too_and_is_never_shown(
    start: Started,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("DIGIT_LAB_TOKEN", GIVEN)
    credentials = start().credentials
    assert credentials is not None
    assert credentials.token == GIVEN
    said = capsys.readouterr().out
    assert "with the token from the environment variable DIGIT_LAB_TOKEN" in said
    assert GIVEN in start.seen[0]
    file = tmp_path / "token"
    file.write_text("another-token-in-a-file")
    other = start("--token-file", str(file)).credentials
    assert other is not None
    assert other.token == "another-token-in-a-file"
    said += capsys.readouterr().out
    assert f"with the token from {file}" in said
    assert GIVEN not in said
    assert other.token not in said


def test_addresses_behind_a_proxy_count_from_those_that_are_named(start: Started) -> None:
    start("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8")
    assert start.options["proxy_headers"] is True
    assert start.options["forwarded_allow_ips"] == ["127.0.0.1", "10.0.0.0/8"]


def test_an_unknown_data_set_is_refused_with_the_known_ones() -> None:
    said = refusal("--dataset", "letters")

    assert "letters" in said
    assert all(name in said for name in ("auto", "mnist", "synthetic"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process")
def test_ctrl_c_in_mid_training_keeps_the_model_and_ends_without_noise(
    tmp_path: Path, mnist_folder: Path
) -> None:
    """What SIGTERM does, `test_killed.py` tells."""
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
