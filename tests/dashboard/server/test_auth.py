"""Who is let in where a token is needed, and what everybody else gets."""

import asyncio
import hmac
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from starlette.responses import JSONResponse
from starlette.testclient import WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send

from core.errors import StorageError
from core.service.service import TrainingService
from dashboard.app import create_app
from dashboard.server import auth
from dashboard.server.auth import QUICK_TRIES, SECONDS_PER_TRY, Auth, Tries
from tests.dashboard.conftest import Clock, refusal
from tests.support import run_async

TOKEN = "a+token/of_the~class=="
ORIGIN = "http://192.168.0.7:8050"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
BEARER = {"authorization": f"Bearer {TOKEN}"}
WRONG = {"authorization": "Bearer another-token-than-that"}
OLD_COOKIE = {"cookie": f"digit_lab_8050={'0' * 64}"}
SIGN_IN = "<title>Digit Lab: sign in</title>"
LIVE = f"{ORIGIN.replace('http', 'ws')}/api/live"


@pytest.fixture(scope="module")
def app(done: TrainingService, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server with a token, whose only run is done. No test here changes anything."""
    credentials = auth.credentials(TOKEN, 8050, tmp_path_factory.mktemp("secret"))
    return create_app(done, "0.0.0.0", credentials=credentials).server


@pytest.fixture
def client(app: Any, clock: Clock) -> Iterator[TestClient]:
    """A browser without cookies, at a server that has not seen a wrong token yet."""
    client = TestClient(app, base_url=ORIGIN, follow_redirects=False)
    client.get("/")  # builds the middleware
    auth_layer(app)._tries = Tries(clock)
    return client


def auth_layer(app: Any) -> Auth:
    layer = app.middleware_stack
    while not isinstance(layer, Auth):
        layer = getattr(layer, "app", None) or layer._app
    return layer


@pytest.fixture
def clock() -> Clock:
    return Clock()


def routes(found: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route, those of mounted applications included."""
    for route in found:
        path = f"{prefix}{route.path}"
        if getattr(route, "routes", None):
            yield from routes(route.routes, path)
        for method in getattr(route, "methods", None) or ["GET"]:
            yield method, path


def well() -> Any:
    raise AssertionError("nobody asks for it here")


# Strangers


@pytest.mark.parametrize("shown", [{}, WRONG, OLD_COOKIE], ids=["nothing", "wrong", "old cookie"])
@pytest.mark.parametrize("accept", [{}, HTML], ids=["program", "browser"])
def test_strangers_get_nothing_but_the_sign_in_page(
    client: TestClient, app: Any, run_id: str, clock: Clock, shown: Any, accept: Any
) -> None:
    every = [*routes(app.routes), ("GET", f"/?run={run_id}"), ("GET", f"/nothing/{run_id}")]
    every += [("GET", f"/{name}/x.css") for name in ("assets", "vendor/bootstrap", "guide/images")]
    assert ("GET", "/_dash-layout") in every
    assert ("POST", "/_dash-update-component") in every
    assert ("GET", "/api/runs/{run_id}/weights") in every
    for method, template in every:
        if (method, template) == ("GET", "/api/health"):
            continue
        clock.now += SECONDS_PER_TRY
        path = re.sub(r"\{run_id\}", run_id, template)
        answer = client.request(method, path, headers={**shown, **accept}, content=b"{}")
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        if method == "HEAD":
            continue
        assert run_id not in answer.text
        if accept and method == "GET":
            assert SIGN_IN in answer.text
        else:
            assert refusal(answer, 401) == (auth.WRONG_TOKEN if shown is WRONG else auth.NO_TOKEN)


@pytest.mark.parametrize("shown", [{}, WRONG, OLD_COOKIE], ids=["nothing", "wrong", "old cookie"])
def test_no_socket_opens_for_strangers(client: TestClient, shown: Any) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(LIVE, headers=shown),
    ):
        pass
    assert refusal(refused.value, 401) in (auth.NO_TOKEN, auth.WRONG_TOKEN)


def test_strangers_learn_the_status_of_the_server_and_nothing_else(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.health.MIN_FREE_BYTES", 1 << 80)
    for headers in ({}, HTML, OLD_COOKIE):
        answer = client.get("/api/health?run=1", headers=headers)
        assert answer.status_code == 503
        assert answer.json().keys() == {"status"}
        assert answer.json()["status"].startswith("The disk is full: ")
        assert answer.headers["cache-control"] == "no-store"
    assert "queue_length" in client.get("/api/health", headers=BEARER).json()
    for method in ("POST", "DELETE"):
        assert client.request(method, "/api/health").status_code == 401
    refusal(client.get("/api/health", headers=WRONG), 401)


def test_a_stranger_who_leaves_or_meets_an_error_learns_nothing(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise StorageError("/home/ada/runs is damaged.")

    async def leave() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"192.168.0.7"), (b"content-length", b"5")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/api/health"}
    scope |= {"query_string": b"", "scheme": "http", "root_path": "", "headers": headers}
    run_async(app(scope, leave, collect))
    assert (sent[0]["status"], json.loads(sent[1]["body"])) == (200, {"status": "ok"})

    monkeypatch.setattr(auth_layer(app), "_health", fail)
    answer = TestClient(app, ORIGIN, raise_server_exceptions=False).get("/api/health")
    assert "ada" not in refusal(answer, 500)


def test_the_sign_in_page_loads_nothing_and_may_only_send_its_form_here(client: TestClient) -> None:
    answer = client.get("/", headers=HTML)
    assert not re.search(r'(src|href)="(?!data:)', answer.text)
    assert "<script" not in answer.text
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= {*policy}
    assert "unsafe" not in str(policy)


# The address


@pytest.mark.parametrize(
    ("asked", "opened"),
    [
        (f"/?token={quote(TOKEN, safe='')}", "./"),
        (f"/?token={TOKEN}", "./"),
        (f"/?token={TOKEN}&tab=mistakes&run=20%2B1", "./?tab=mistakes&run=20%2B1"),
        (f"/?tab=draw&token=x&token={TOKEN}", "./?tab=draw"),
        (f"/guide/?token={TOKEN}", "./"),
        (f"/api/docs?token={TOKEN}", "./docs"),
        (f"//evil.example/a%20b?token={TOKEN}", "./a%20b"),
        (f"/https%3A%2F%2Fevil.example?token={TOKEN}", "./evil.example"),
    ],
)
def test_the_token_in_an_address_becomes_a_cookie(
    client: TestClient, asked: str, opened: str
) -> None:
    answer = client.get(f"{ORIGIN}{asked}", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == opened
    assert answer.headers["cache-control"] == "no-store"
    name, value = answer.headers["set-cookie"].split("; ")[0].split("=")
    assert name == "digit_lab_8050"
    assert TOKEN not in str(answer.headers)
    assert len(value) == 64
    page = client.get("/", headers=HTML)
    assert page.status_code == 200
    assert SIGN_IN not in page.text


def test_the_cookie_is_for_this_server_alone(client: TestClient) -> None:
    answer = client.get(f"/?token={TOKEN}", headers=HTML)
    attributes = set(answer.headers["set-cookie"].lower().split("; ")[1:])
    assert attributes == {"httponly", "max-age=34560000", "path=/", "samesite=lax"}


def test_the_cookie_keeps_to_the_path_and_to_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.urls._prefix", "/lab/")

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({})(scope, receive, send)

    app = Auth(answer, auth.credentials(TOKEN, 8050, tmp_path), well)
    client = TestClient(app, base_url="https://lab.example", follow_redirects=False)
    cookie = client.get(f"/lab?token={TOKEN}", headers=HTML).headers["set-cookie"].lower()
    assert {"path=/lab", "secure"} <= {*cookie.split("; ")}
    assert client.get("/lab").status_code == client.get("/lab/api/runs").status_code == 200
    assert client.get("/laboratory").status_code == 401


def test_who_has_the_cookie_loses_the_token_from_the_address_whatever_it_is(
    client: TestClient,
) -> None:
    client.get(f"/?token={TOKEN}", headers=HTML)
    answer = client.get("/?token=an-old-one&tab=draw", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "./?tab=draw")


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "%FF%00é"])
def test_a_wrong_token_in_an_address_gets_the_sign_in_page(client: TestClient, token: str) -> None:
    answer = client.get(f"/?token={token}", headers=HTML)
    assert answer.status_code == 401
    assert SIGN_IN in answer.text
    assert f'<p class="problem" role="alert">{auth.WRONG_TOKEN}</p>' in answer.text
    assert "set-cookie" not in answer.headers


# The form


def sign_in(client: TestClient, token: str, path: str = "/?tab=draw") -> Any:
    return client.post(path, data={"token": token}, headers={**HTML, "origin": ORIGIN})


def test_the_form_signs_in_and_opens_the_address_at_which_it_was_shown(client: TestClient) -> None:
    answer = sign_in(client, f" {TOKEN}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?tab=draw")
    assert client.get("/api/runs").status_code == 200
    assert sign_in(client, "whatever").status_code == 303  # sent once more, from another window


@pytest.mark.parametrize("token", ["", "x", "é" * 20, "\x00", "x" * 5000, "<script>"])
def test_a_wrong_token_in_the_form_gets_the_page_again(client: TestClient, token: str) -> None:
    answer = sign_in(client, token)
    assert answer.status_code == 401
    assert f'role="alert">{auth.WRONG_TOKEN}</p>' in answer.text
    assert "<script>" not in answer.text


def test_a_form_that_does_not_arrive_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "FORM_SECONDS", 0.01)
    pages = Auth(JSONResponse({}), auth.credentials(TOKEN, 8050, tmp_path), well)
    form = {"content-type": "application/x-www-form-urlencoded", **HTML}
    headers = [(name.encode(), value.encode()) for name, value in form.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    run_async(pages(scope, receive, send))
    assert sent[0]["status"] == 401


def test_a_page_of_another_site_cannot_send_the_form(client: TestClient) -> None:
    headers = {**HTML, "origin": "http://evil.example"}
    assert "own pages only" in refusal(
        client.post("/", data={"token": TOKEN}, headers=headers), 403
    )


# Programs


def test_a_program_sends_the_token_with_every_request(client: TestClient, run_id: str) -> None:
    answer = client.get("/api/runs", headers=BEARER)
    assert run_id in answer.text
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "private"
    assert client.get("/api/runs", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
    for other in (f"Basic {TOKEN}", TOKEN, "Bearer", f"Bearer {TOKEN} x", "Bearer \xff"):
        headers = {"authorization": other.encode("latin-1")}
        assert client.get("/api/runs", headers=headers).status_code == 401, other
    assert client.get(f"/api/runs?token={TOKEN}").status_code == 401  # an address is for browsers


def test_a_program_opens_a_socket(client: TestClient) -> None:
    with client.websocket_connect(LIVE, headers=BEARER):
        pass


# Wrong tokens are slowed down


def test_after_ten_wrong_tokens_an_address_waits(client: TestClient, clock: Clock) -> None:
    for _ in range(QUICK_TRIES):
        assert client.get("/api/runs", headers=WRONG).status_code == 401
    answer = client.get("/api/runs", headers=BEARER)  # not even compared
    assert "Wait 6 seconds" in refusal(answer, 429)
    assert answer.headers["retry-after"] == "6"
    page = sign_in(client, TOKEN)
    assert page.status_code == 429
    assert 'role="alert">Too many wrong tokens' in page.text
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect(LIVE, headers=BEARER),
    ):
        pass
    assert refused.value.status_code == 429

    clock.now += SECONDS_PER_TRY
    assert client.get("/api/runs", headers=WRONG).status_code == 401
    assert client.get("/api/runs", headers=WRONG).status_code == 429
    clock.now += SECONDS_PER_TRY
    assert sign_in(client, TOKEN).status_code == 303


def test_cookies_are_neither_counted_nor_held_up(client: TestClient) -> None:
    client.get(f"/?token={TOKEN}", headers=HTML)
    cookie = dict(client.cookies)
    client.cookies.clear()
    for _ in range(3 * QUICK_TRIES):
        assert client.get("/api/runs", headers=OLD_COOKIE).status_code == 401
        assert client.get("/api/runs", headers=WRONG).status_code in (401, 429)
    client.cookies.update(cookie)
    assert client.get("/api/runs").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),  # the network of one household
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("no address", "none", False),
    ],
)
def test_tries_count_by_address(tmp_path: Path, one: str, other: str, is_same: bool) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await JSONResponse({})(scope, receive, send)

    app = Auth(answer, auth.credentials(TOKEN, 8050, tmp_path), well, Clock())
    for _ in range(QUICK_TRIES):
        assert TestClient(app, client=(one, 1)).get("/", headers=WRONG).status_code == 401
    expected = 429 if is_same else 200
    assert TestClient(app, client=(other, 1)).get("/", headers=BEARER).status_code == expected


def test_the_table_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(auth, "MAX_ADDRESSES", 5)
    tries = Tries(clock)
    for number in range(20):
        tries.add(f"10.0.0.{number}")
    assert len(tries._until) == 5
    clock.now += QUICK_TRIES * SECONDS_PER_TRY
    assert len(tries._until) == 0


def test_all_is_compared_in_constant_time(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(shown: bytes, wanted: bytes) -> bool:
        compared.append((shown, wanted))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert client.get("/api/runs", headers=BEARER | OLD_COOKIE).status_code == 401
    shown, wanted = zip(*compared, strict=True)
    assert shown == (b"0" * 64, TOKEN.encode())
    assert wanted[1] == TOKEN.encode()


# The token and the cookie


def test_cookies_survive_a_restart_and_end_with_the_token(tmp_path: Path) -> None:
    first = auth.credentials(TOKEN, 8050, tmp_path)
    assert auth.credentials(TOKEN, 8050, tmp_path) == first
    assert auth.credentials(TOKEN + "2", 8050, tmp_path).cookie_value != first.cookie_value
    assert auth.credentials(TOKEN, 8050, tmp_path / "b").cookie_value != first.cookie_value
    assert auth.credentials(TOKEN, 8060, tmp_path).cookie_name == "digit_lab_8060"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_the_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    auth.credentials(TOKEN, 8050, tmp_path)
    (secret,) = tmp_path.iterdir()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert TOKEN not in secret.read_text()


def test_a_secret_that_cannot_be_used_is_an_error_for_people(tmp_path: Path) -> None:
    (tmp_path / auth._SECRET_FILE).mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        auth.credentials(TOKEN, 8050, tmp_path)


def test_a_token_comes_from_a_file_or_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(auth.VARIABLE, raising=False)
    assert auth.given_token(None) is None
    monkeypatch.setenv(auth.VARIABLE, "from-the-environment")
    assert auth.given_token(None) == "from-the-environment"
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert auth.given_token(tmp_path / "token") == TOKEN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"fifteen-letters",
        b"with some spaces in it",
        b"<" * 20,
        b"\xff" * 20,
        b"x" * 501,
    ],
)
def test_what_is_no_token_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"There is no token in {file}: ")) as refused:
        auth.given_token(file)
    assert content.decode("latin-1").strip() == "" or content.decode("latin-1") not in str(refused)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_token_that_everybody_may_read_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    auth.given_token(file)
    assert caplog.messages == []
    file.chmod(0o644)
    auth.given_token(file)
    assert caplog.messages == [f"Everybody on this computer may read the token: chmod 600 {file}"]


def test_without_credentials_everybody_is_let_in(untrained: TestClient) -> None:
    assert untrained.get("/api/runs").status_code == 200
    assert json.loads(untrained.get("/api/health").content)["status"] == "ok"
