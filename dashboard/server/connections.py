"""Bounds on connections, around uvicorn's protocols: how long, how large, how many.

uvicorn itself ends only connections that are idle between two requests.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11
from starlette.responses import JSONResponse
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dashboard.live.endpoint import MAX_BYTES
from dashboard.server.middleware import HEADERS, NOTHING_MAY_RUN

if sys.platform != "win32":  # Windows has no limit of open files that matters here
    import resource

MAX_HEADER_BYTES = 1 << 16
MAX_CONNECTIONS = 1600
"""Of all kinds: `dashboard.live.endpoint.MAX_PAGES` and what browsers open beside."""
REFUSABLE = 100
"""Connections beyond the maximum that get a sentence; further ones are closed at once."""
RESERVED_FILES = 300
"""Open files that the rest of the process needs."""

log = logging.getLogger(__name__)


class _Bounded(asyncio.Protocol):
    """Looks at a connection again and again, and aborts it if its client takes nothing of what was
    sent to it.

    Closing it is not enough: that waits until everything is sent. While the connection is paused or
    closing nothing is added, so what waits must shrink by a tenth.
    """

    LOOK_SECONDS = 1.0
    """From one look to the next."""
    STALLED_SECONDS = 20.0

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _next_look: asyncio.TimerHandle
    _is_paused = False
    _unsent = 0
    _unsent_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._is_paused = True
        super().pause_writing()

    def resume_writing(self) -> None:
        self._is_paused, self._unsent = False, 0
        super().resume_writing()

    def _look(self) -> None:
        self._next_look = self.loop.call_later(self.LOOK_SECONDS, self._look)
        if not (self._is_paused or self.transport.is_closing()):
            return
        now, unsent = self.loop.time(), self.transport.get_write_buffer_size()
        if not self._unsent or unsent < 0.9 * self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > self.STALLED_SECONDS:
            log.info("A connection was ended: its client takes nothing.")
            self.transport.abort()


class HttpConnection(_Bounded, H11Protocol):
    """uvicorn's HTTP connection, which ends when a request does not arrive in time.

    h11 bounds the bytes of headers and trailers; `middleware.BodyLimit` those of bodies.
    """

    HEADER_SECONDS = 10.0
    """From the connection, or the answer before, to the end of the request's headers."""
    BODY_SECONDS = 300.0
    """From the headers to the end of the body."""
    SILENT_SECONDS = 20.0
    """Between two parts of a body."""
    LINGER_SECONDS = 2.0
    """Between a refusal and the end. With unread data, TCP would take the refusal back."""

    _awaited: object = None
    _awaited_since = 0.0
    _heard_at = 0.0
    _is_over = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        excess = len(self.connections) - max_connections()
        if excess > REFUSABLE:
            self.transport.abort()
        elif excess > 0:
            self._refuse(503, "Digit Lab has too many connections. Try again in a minute.")

    def data_received(self, data: bytes) -> None:
        if not self._is_over:
            self._heard_at = self.loop.time()
            super().data_received(data)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._next_look.cancel()  # `PageSocket` goes on
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "This is no request in HTTP.")

    def _look(self) -> None:
        """Looks, too, at how long the client has been sending what it has to send next."""
        super()._look()
        state, now = self.conn.their_state, self.loop.time()
        awaited = (state, self.cycle)  # the cycle tells two requests apart
        if awaited != self._awaited:
            self._awaited, self._awaited_since = awaited, now
        seconds = now - self._awaited_since
        silence = min(seconds, now - self._heard_at)
        if (state is h11.IDLE and seconds > self.HEADER_SECONDS) or (
            state is h11.SEND_BODY
            and (seconds > self.BODY_SECONDS or silence > self.SILENT_SECONDS)
        ):
            self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self.transport.abort()  # not a byte of a request has come
        else:
            self._refuse(408, "The request took too long to arrive. Send it again.")

    def _refuse(self, status: int, sentence: str) -> None:
        """Ends the connection, with an answer unless another one has begun."""
        log.info("A request was refused with %d: %s", status, sentence)
        self._is_over = True
        self._unset_keepalive_if_required()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_answer(status, sentence))
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write_eof()
        self.loop.call_later(self.LINGER_SECONDS, self.transport.abort)


class PageSocket(_Bounded, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, bounded."""


SERVER_OPTIONS: Mapping[str, Any] = {
    "http": HttpConnection,
    "h11_max_incomplete_event_size": MAX_HEADER_BYTES,
    "ws": PageSocket,
    "ws_max_size": MAX_BYTES,
    "ws_ping_interval": 20.0,  # a page that answers none within another 20 s is gone
    "ws_ping_timeout": 20.0,
    "ws_per_message_deflate": False,  # it would compress every message for every page
    "server_header": False,
    "timeout_graceful_shutdown": 1,
}
"""Arguments of `uvicorn.run` and `uvicorn.Config`."""


def raise_file_limit() -> None:
    """Lets the process open as many files as `MAX_CONNECTIONS` need, if the system allows it."""
    if sys.platform == "win32":
        return
    wanted = MAX_CONNECTIONS + REFUSABLE + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def max_connections() -> int:
    """How many connections may be open at once: fewer where the system allows few open files."""
    if sys.platform == "win32":
        return MAX_CONNECTIONS
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, files - REFUSABLE - RESERVED_FILES))


def _answer(status: int, sentence: str) -> bytes:
    headers = {"Content-Security-Policy": NOTHING_MAY_RUN, "Connection": "close", **HEADERS}
    answer = JSONResponse({"error": sentence}, status, headers)
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [b": ".join(header) for header in answer.raw_headers]
    return b"\r\n".join([*lines, b"", bytes(answer.body)])
