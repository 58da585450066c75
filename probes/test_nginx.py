"""Digit Lab behind nginx, under a name and a path of its own: train, watch, draw."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from tests.browser.conftest import CONTEXT
from tests.browser.dashboard_page import DashboardPage
from tools.server import ROOT, Server, free_port, until

NGINX = shutil.which("nginx")
OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(
    NGINX is None, reason="There is no nginx: python -m tools.setup_probes"
)

LIVE = "Live loss"
TOKEN = "a-token-of-the-class"
KEPT, SOCKET, CUT = "Host kept", "WebSocket", "path cut off"

CONFIG = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {location}
    }}
}}
"""


@pytest.fixture(scope="module")
def server(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that the name `lab.example` belongs to, under `/lab/`. Visitors need a token."""
    options = ["--dataset", "mnist", "--data-dir", str(data_dir), "--allow-host", "lab.example"]
    runs = tmp_path_factory.mktemp("runs")
    (runs / "token").write_text(TOKEN)
    (runs / "token").chmod(0o600)
    options += ["--token-file", str(runs / "token"), "--trusted-proxy", "127.0.0.1"]
    with Server(*options, runs=runs, url_prefix="/lab") as server:
        yield server


@contextmanager
def nginx(server: Server, folder: Path, *ways: str, tls: bool = False) -> Iterator[int]:
    """nginx in front of the server; its port."""
    port = free_port()
    ssl = ""
    if tls:
        assert OPENSSL is not None
        command = [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=lab.example", "-keyout", "key.pem", "-out", "cert.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        ssl = f" ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem"
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(port=port, ssl=ssl, location=location(server, ways)))
    assert NGINX is not None
    command = [NGINX, "-p", str(folder), "-c", str(config), "-e", "stderr"]
    process = subprocess.Popen(command)
    try:
        until(lambda: listens(port), 30)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def location(server: Server, ways: tuple[str, ...]) -> str:
    """The README's configuration, changed as the ways want it."""
    found = re.search("```nginx\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    lines = found[1].replace("http://127.0.0.1:8050", server.url.removesuffix("/lab"))
    if CUT in ways:
        lines = re.sub(r"(proxy_pass .*?);", r"\1/;", lines)
    if KEPT in ways:
        lines = re.sub(r"(proxy_pass .*?;)", r"\1\nproxy_set_header Host $http_host;", lines)
    if SOCKET not in ways:
        lines = re.sub(r"proxy_set_header (Upgrade|Connection) .*", "", lines)
    return lines


@pytest.mark.parametrize(
    "ways",
    [(KEPT, SOCKET), (SOCKET,), (CUT, SOCKET), (KEPT,), (CUT,)],
    ids=[
        "Host kept",
        "Host replaced",
        "path cut off",
        "no WebSocket",
        "no WebSocket, all replaced",
    ],
)
def test_behind_nginx_one_trains_watches_and_draws(
    server: Server, browser: Browser, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    with nginx(server, tmp_path, *ways) as port:
        check_main_job(browser, f"http://lab.example:{port}/lab", SOCKET in ways)


@pytest.mark.skipif(OPENSSL is None, reason="There is no openssl to make a certificate")
@pytest.mark.parametrize("ways", [(KEPT, SOCKET), (SOCKET,)], ids=["Host kept", "Host replaced"])
def test_nginx_may_speak_https(
    server: Server, browser: Browser, tmp_path: Path, ways: tuple[str, ...]
) -> None:
    with nginx(server, tmp_path, *ways, tls=True) as port:
        check_main_job(browser, f"https://lab.example:{port}/lab", sockets=True)


def check_main_job(browser: Browser, url: str, sockets: bool) -> None:
    """Trains, watches the curve and lets the network read a digit."""
    context = browser.new_context(**CONTEXT, ignore_https_errors=True)
    page = DashboardPage(context, url).record_requests()
    frames: list[object] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: frames.append(frame))

    page.page.on("websocket", watch)
    page.page.goto(f"{url}/?token={TOKEN}")
    (cookie,) = (one for one in context.cookies() if one["name"].startswith("digit_lab_"))
    assert cookie["path"] == "/lab"
    assert cookie["secure"] is url.startswith("https")
    page.load()
    page.fill_form(model="MLP (no convolution)", epochs="3", batch_size="50")
    page.button("Train").click()
    page.until(lambda: page.point_count(LIVE) > 3)
    expect(page.status("State")).to_have_text("Done")
    if sockets:
        page.until(lambda: frames)  # a busy page may poll for a while first
    else:
        assert frames == []

    page.open_tab("Draw")
    page.draw([(0.5, 0.15), (0.5, 0.85)])
    page.until(lambda: page.predicted_digit() is not None)
    page.keep_drawing(1)
    page.button("Delete this 1").click()
    expect(page.kept_drawings).to_have_count(0)
    expect(page.notice).to_be_hidden()
    elsewhere = [address for address in page.requests if not address.startswith(url)]
    assert {address.partition(":")[0] for address in elsewhere} <= {"data", "blob"}
    # Where WebSockets are not forwarded, the browser says so in its console.
    assert [problem for problem in page.problems if sockets or "WebSocket" not in problem] == []
    context.close()


def test_a_name_that_is_not_allowed_is_refused_with_what_to_do(
    server: Server, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page()
    with nginx(server, tmp_path, KEPT, SOCKET) as port:
        page.goto(f"http://other.example:{port}/lab/")
        expect(page.get_by_text("start it with --allow-host other.example.")).to_be_visible()
    with nginx(server, tmp_path, SOCKET) as port:
        page.goto(f"http://other.example:{port}/lab/?token={TOKEN}")
        advice = f"start Digit Lab with --allow-host other.example:{port}."
        expect(page.get_by_text(advice)).to_be_visible()
    page.close()
