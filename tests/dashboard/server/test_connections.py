"""Connections that end: half requests, silent and slow clients, too many of them."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from dashboard.live.endpoint import MAX_BYTES
from dashboard.server import connections
from dashboard.server.connections import SERVER_OPTIONS, HttpConnection, PageSocket
from dashboard.server.middleware import HEADERS, NOTHING_MAY_RUN
from tests.support import SECONDS, WaitUntil

HEAD = b"Host: 127.0.0.1\r\n"
GET = b"GET / HTTP/1.1\r\n" + HEAD + b"\r\n"
HALF_HEAD = b"GET / HTTP/1.1\r\nHost:"
HALF_BODY = b"POST /body HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\nabc"
CHUNKED = b"POST /body HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
UNREAD = b"POST /unread HTTP/1.1\r\n" + HEAD + b"Content-Length: 100\r\n\r\nabc"
LONG = 300.0
"""Longer than any test: a limit that a test is not about."""
LARGE = 64 << 20
"""Bytes: more than the system takes on the way to a client that reads nothing."""


class Connection(HttpConnection):
    """Without limits but those that a test lowers."""

    HEADER_SECONDS = BODY_SECONDS = SILENT_SECONDS = STALLED_SECONDS = LONG
    LOOK_SECONDS = 0.02
    LINGER_SECONDS = 0.2


class Pages(PageSocket):
    LOOK_SECONDS = 0.02
    STALLED_SECONDS = LONG


class App:
    """A server with that connection class.

    Attributes:
        state: uvicorn's, with the connections that are open.
        ended: how many requests and sockets have ended.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.ended = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        config = uvicorn.Config(self._app(), log_level="error", **{**SERVER_OPTIONS, **options})
        self._server = uvicorn.Server(config)
        self.state = self._server.server_state
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}
        )
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(SECONDS)

    def _app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/")
        async def page() -> PlainTextResponse:
            return PlainTextResponse("here")

        @app.get("/large")
        async def large() -> PlainTextResponse:
            return PlainTextResponse(bytes(LARGE))

        @app.post("/body")
        async def body(request: Request) -> PlainTextResponse:
            try:
                return PlainTextResponse(str(len(await request.body())))
            finally:
                self.ended += 1

        @app.post("/unread")
        async def unread() -> PlainTextResponse:
            return PlainTextResponse("not read", 403)

        @app.websocket("/socket")
        async def follow(page: WebSocket) -> None:
            await page.accept()
            try:
                async for text in page.iter_text():
                    await page.send_text(text if text != "large" else "x" * LARGE)
            finally:
                self.ended += 1

        return app

    @contextlib.contextmanager
    def client(self, sent: bytes = b"") -> Iterator[socket.socket]:
        """A connection over which this was sent."""
        with socket.create_connection(self.address, SECONDS) as client:
            client.sendall(sent)
            yield client

    def answer(self, *parts: bytes, pause: float = 0) -> tuple[int, str]:
        """The code and the body of the last answer to these parts of a request, and the end.

        Code 0: the connection ended without an answer.
        """
        with self.client() as client:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            return last_answer(read_all(client))


def read_all(client: socket.socket) -> bytes:
    """All that comes until the server ends the connection; fails if it does not."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := client.recv(1 << 16):
            received += part
    return received


def last_answer(received: bytes) -> tuple[int, str]:
    if not received:
        return 0, ""
    head, _, body = received[received.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def read_answer(client: socket.socket, end: bytes) -> None:
    received = b""
    while not received.endswith(end):
        part = client.recv(1 << 16)
        assert part, received
        received += part


@pytest.fixture
def serve() -> Iterator[Callable[..., App]]:
    """Starts a server whose HTTP connections and sockets have these limits."""
    servers = []

    def start(pages: dict[str, Any] | None = None, ws_ping: float = LONG, **limits: float) -> App:
        options = {
            "http": type("Bounded", (Connection,), limits),
            "ws": type("BoundedPages", (Pages,), pages or {}),
            "ws_ping_interval": ws_ping,
            "ws_ping_timeout": ws_ping,
            "timeout_keep_alive": LONG,
        }
        servers.append(App(options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def sentence(body: str) -> str:
    found = json.loads(body)["error"]
    assert found.endswith(".")
    return str(found)


def test_a_client_that_sends_nothing_is_let_go(serve: Callable[..., App]) -> None:
    assert serve(HEADER_SECONDS=0.1).answer() == (0, "")


def test_half_sent_headers_are_answered_with_408(serve: Callable[..., App]) -> None:
    code, body = serve(HEADER_SECONDS=0.1).answer(HALF_HEAD)
    assert (code, sentence(body)) == (408, "The request took too long to arrive. Send it again.")


def test_trickling_headers_do_not_gain_time(serve: Callable[..., App]) -> None:
    server = serve(HEADER_SECONDS=0.3)
    trickle = [b"X: 1\r\n"] * 1000
    began = time.monotonic()
    with contextlib.suppress(OSError):  # the server has ended the connection
        server.answer(b"GET / HTTP/1.1\r\n", *trickle, pause=0.02)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("sent", [b"", HALF_HEAD], ids=["nothing", "half"])
def test_the_second_request_of_a_connection_has_to_arrive_in_time_too(
    serve: Callable[..., App], sent: bytes
) -> None:
    server = serve(HEADER_SECONDS=0.3)
    with server.client(GET) as client:
        read_answer(client, b"here")
        client.sendall(sent)
        assert last_answer(read_all(client))[0] == (408 if sent == HALF_HEAD else 0)


def test_requests_in_time_go_on_for_longer_than_the_limit(serve: Callable[..., App]) -> None:
    server = serve(HEADER_SECONDS=0.4)
    with server.client() as client:
        for _ in range(4):
            client.sendall(GET)
            read_answer(client, b"here")
            time.sleep(0.15)


@pytest.mark.parametrize("sent", [HALF_BODY, CHUNKED], ids=["length", "chunks"])
@pytest.mark.parametrize("limit", ["SILENT_SECONDS", "BODY_SECONDS"])
def test_half_a_body_is_answered_with_408(
    serve: Callable[..., App], wait_until: WaitUntil, limit: str, sent: bytes
) -> None:
    server = serve(**{limit: 0.1})
    code, body = server.answer(sent)
    assert (code, sentence(body)) == (408, "The request took too long to arrive. Send it again.")
    wait_until(lambda: server.ended == 1 and not server.state.connections)


def test_a_trickling_body_may_take_longer_than_the_silence_but_not_for_ever(
    serve: Callable[..., App],
) -> None:
    body = [b"x"] * 97
    server = serve(SILENT_SECONDS=1.0)
    last = b"x"
    with server.client(HALF_BODY) as client:
        for part in body[:-1]:
            client.sendall(part)
            time.sleep(0.015)  # 1.4 s in all
        client.sendall(last)
        read_answer(client, b"100")
    server = serve(SILENT_SECONDS=LONG, BODY_SECONDS=0.3)
    with contextlib.suppress(OSError):
        assert server.answer(HALF_BODY, *body[:50], pause=0.02)[0] == 408


@pytest.mark.parametrize("later", [b"", b"x" * 97], ids=["half", "whole"])
def test_a_body_that_nobody_reads_does_not_keep_a_connection(
    serve: Callable[..., App], later: bytes
) -> None:
    """Its answer has come already. uvicorn's own timer stops when more of the body comes."""
    server = serve(SILENT_SECONDS=0.3, HEADER_SECONDS=0.3)
    with server.client(UNREAD) as client:
        read_answer(client, b"not read")
        client.sendall(later)
        assert read_all(client) == b""


def test_an_answer_that_nobody_takes_ends(serve: Callable[..., App], wait_until: WaitUntil) -> None:
    server = serve(STALLED_SECONDS=0.1)
    with server.client(GET.replace(b" / ", b" /large ")) as client:
        client.recv(1)
        wait_until(lambda: server.state.total_requests and not server.state.connections)


def test_too_much_of_a_header_and_what_is_no_http_are_refused(serve: Callable[..., App]) -> None:
    server = serve()
    code, body = server.answer(b"GET / HTTP/1.1\r\nX: " + b"x" * (2 * connections.MAX_HEADER_BYTES))
    assert (code, sentence(body)) == (400, "This is no request in HTTP.")
    assert server.answer(b"hello\r\n\r\n")[0] == 400
    # Its answer has come already.
    assert server.answer(UNREAD.replace(b"Length: 100", b"Length: 3"), b"\0\0\r\n\r\n")[0] == 400
    unread = CHUNKED.replace(b"/body", b"/unread")
    with server.client(unread) as client:
        read_answer(client, b"not read")
        client.sendall(b"no chunk\r\n")
        assert read_all(client) == b""


def test_too_many_connections_are_refused_with_a_sentence(
    serve: Callable[..., App], monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(connections, "REFUSABLE", 1)
    server = serve(LINGER_SECONDS=LONG)
    with server.client(), server.client():
        wait_until(lambda: len(server.state.connections) == 2)
        with server.client(GET) as client:
            code, body = last_answer(read_all(client))
            assert code == 503
            assert "too many connections" in sentence(body)
            with server.client(GET) as further:
                assert read_all(further) == b""
    wait_until(lambda: not server.state.connections)
    with server.client(GET) as client:
        read_answer(client, b"here")


def test_what_is_refused_before_it_is_a_request_has_the_security_headers_too(
    serve: Callable[..., App],
) -> None:
    with serve().client(b"hello\r\n\r\n") as client:
        head = read_all(client).decode().partition("\r\n\r\n")[0].split("\r\n")
    headers = HEADERS | {"Content-Security-Policy": NOTHING_MAY_RUN}
    assert {f"{name.lower()}: {value}" for name, value in headers.items()} < set(head)


def test_no_answer_names_the_server_program(serve: Callable[..., App]) -> None:
    server = serve(HEADER_SECONDS=0.3)
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n"
    for sent, end in (
        (GET, b"here"),
        (GET.replace(b" / ", b" /none "), b"}"),
        (HALF_HEAD, b"}"),
        (b"GET /socket HTTP/1.1\r\n" + HEAD + upgrade + key, b"\r\n\r\n"),
        (b"GET /none HTTP/1.1\r\n" + HEAD + upgrade + key, b"\r\n\r\n"),
    ):
        with server.client(sent) as client:
            received = b""
            while not received.endswith(end):
                received += client.recv(1 << 16)
            assert b"\r\nserver:" not in received.lower()


# Sockets


def url(server: App) -> str:
    return f"ws://127.0.0.1:{server.address[1]}/socket"


def echo(page: ClientConnection, message: str | list[str]) -> str | bytes:
    """The answer. The server may close the socket before all of the message is sent."""
    page.send(message)
    return page.recv(SECONDS)


def test_a_socket_stays_beyond_the_limits_of_requests(serve: Callable[..., App]) -> None:
    server = serve(HEADER_SECONDS=0.1, SILENT_SECONDS=0.1, BODY_SECONDS=0.1)
    with connect(url(server), proxy=None) as page:
        time.sleep(0.3)
        assert echo(page, "hello") == "hello"


def test_a_message_that_is_too_long_is_not_taken(serve: Callable[..., App]) -> None:
    server = serve()
    with connect(url(server), proxy=None) as page:
        assert echo(page, "x" * MAX_BYTES) == "x" * MAX_BYTES
        for message in ("x" * (MAX_BYTES + 1), ["x" * MAX_BYTES, "x"]):
            with connect(url(server), proxy=None) as other:
                with pytest.raises(ConnectionClosed) as closed:
                    echo(other, message)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1009


def handshake(client: socket.socket) -> None:
    client.sendall(
        b"GET /socket HTTP/1.1\r\n" + HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n"
    )
    read_answer(client, b"\r\n\r\n")


def test_a_socket_that_answers_no_ping_ends(
    serve: Callable[..., App], wait_until: WaitUntil
) -> None:
    server = serve(ws_ping=0.1)
    with server.client() as client:
        handshake(client)
        read_all(client)
        wait_until(lambda: server.ended == 1 and not server.state.connections)
    with connect(url(server), proxy=None) as page:  # answers them
        time.sleep(0.5)
        assert echo(page, "hello") == "hello"


def test_a_socket_that_takes_nothing_ends(serve: Callable[..., App], wait_until: WaitUntil) -> None:
    """uvicorn closes it, but that waits until everything is sent."""
    server = serve(pages={"STALLED_SECONDS": 0.1}, ws_ping=0.1)
    with server.client() as client:
        handshake(client)
        client.sendall(b"\x81\x85\0\0\0\0large")
        wait_until(lambda: server.ended == 1 and not server.state.connections)


# Open files


@pytest.mark.parametrize(
    ("limits", "raised", "most"),
    [
        ((256, 1024), (1024, 1024), 624),
        ((256, -1), (2000, -1), 1600),
        ((256, 100_000), (2000, 100_000), 1600),
        ((5000, 100_000), (5000, 100_000), 1600),
        ((256, 256), (256, 256), 1),
        ((-1, -1), (-1, -1), 1600),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_needed(
    monkeypatch: pytest.MonkeyPatch, limits: Any, raised: Any, most: int
) -> None:
    resource = pytest.importorskip("resource", reason="there is no such limit")
    now = [limits]
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: now[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: now.append(wanted))
    connections.raise_file_limit()
    assert now[-1] == raised
    assert connections.max_connections() == most
