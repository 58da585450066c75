"""Middleware: checks of host and origin, security headers, a limit for bodies."""

import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server import hosts
from dashboard.server.hosts import Host
from dashboard.urls import url

READS = frozenset({"GET", "HEAD", "OPTIONS"})
PAGE_ORIGIN = "x-page-origin"
"""The header in which the page says its origin where browsers send none: when it reads."""
MAX_BODY = 4 << 20
"""Bytes of a request's body: the longest drawing needs less."""
MAX_BODIES = 256 << 20
"""Bytes of all bodies at one time."""

HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # A token in an address must not leave with a link. (With `no-referrer`, the origin of a form
    # would be `null`.)
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""The security headers of every answer."""
NOTHING_MAY_RUN = "default-src 'none'; frame-ancestors 'none'"
"""The content security policy of an answer that shows nothing but text."""
NO_SOCKET = "There is no WebSocket at this path. Pages follow runs at /api/live."

log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware. Refuses names that are not this server's own (DNS rebinding), and writes and
    sockets of other sites' pages. It trusts addresses.

    It reads `Host` and `Origin` alone: any client can send an `X-Forwarded-Host`.
    """

    def __init__(self, app: ASGIApp, host: str, allowed: Sequence[Host]) -> None:
        """
        Args:
            host: the address that is served.
            allowed: further names of the server, such as a proxy's. Pages at these may write
                whatever `Host` says, because a proxy may replace it.
        """
        self._app, self._allowed = app, allowed
        self._names = {"localhost", *(one.name for one in allowed)}
        for name in (host, socket.gethostname()):
            with suppress(ValueError):
                self._names.add(hosts.parse(name).name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        log.info("A request was refused with 403: %s", refusal)
        await JSONResponse({"error": refusal}, status_code=403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, as a sentence; None if it is not."""
        headers = Headers(scope=scope)
        try:
            host = hosts.parse(headers.get("host", ""))
        except ValueError:
            return "This request does not say to which host it goes: its Host header is no name."
        if not (hosts.is_address(host.name) or host.name in self._names):
            return (
                f"Digit Lab does not answer to the name {host.name}. "
                f"If that is its name, start it with --allow-host {host.name}."
            )
        origin = headers.get(PAGE_ORIGIN)
        if scope["type"] == "websocket" or scope["method"] not in READS:
            origin = headers.get("origin", origin)
        return None if origin is None else self._refusal_of_page(origin, host)

    def _refusal_of_page(self, origin: str, host: Host) -> str | None:
        try:
            scheme, page = hosts.parse_origin(origin)
        except ValueError:
            return "Digit Lab takes orders from its own pages only, not from another site's."
        if page == hosts.with_port(host, scheme) or any(own.matches(page) for own in self._allowed):
            return None
        name = origin.partition("://")[2]
        return (
            "Digit Lab takes orders from its own pages only, and does not know the address "
            f"{name} as its own. If it is, start Digit Lab with --allow-host {name}."
        )


class Rewrite:
    """ASGI middleware. Adds the URL prefix to paths without it: some proxies cut it off.

    It makes a GET of HEAD, which neither FastAPI nor Dash answers; the ASGI server leaves the body
    out.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = scope["path"]
            if not f"{path}/".startswith(url("/")):
                scope = {**scope, "path": url("/") + path.removeprefix("/")}
            if scope.get("method") == "HEAD":  # a WebSocket has no method
                scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class SecurityHeaders:
    """ASGI middleware. Adds the security headers to every answer, refused WebSockets included: no
    other site may frame the page, and no foreign script may run in it.

    An answer may bring a policy of its own, such as the sign-in page's.
    """

    def __init__(self, app: ASGIApp, inline_scripts: Sequence[str], is_local: bool) -> None:
        """
        Args:
            inline_scripts: the CSP hashes of the inline scripts that may run, in quotes.
            is_local: whether only this computer reaches the server.
        """
        self._app, self._is_local = app, is_local
        policy = {
            "default-src": "'none'",
            "script-src": " ".join(["'self'", *inline_scripts]),
            "style-src": "'self' 'unsafe-inline'",  # Dash and Plotly write styles into the page
            "img-src": "'self' data: blob:",  # drawings and maps; charts that are saved
            "font-src": "'self' data:",  # the icons of the table of runs
            "connect-src": "'self'",  # the WebSocket of the same origin included
            # These do not fall back to `default-src`.
            "base-uri": "'none'",
            "form-action": "'none'",
            "frame-ancestors": "'none'",
        }
        self._policy = "; ".join(" ".join(part) for part in policy.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = scope["type"] != "websocket"

        async def send_with_headers(message: Message) -> None:
            nonlocal is_open
            if not is_open and message["type"] == "websocket.close":  # no route has this path
                refusal = JSONResponse({"error": NO_SOCKET}, status_code=404)
                await refusal(scope, receive, send_with_headers)
                return
            is_open = is_open or message["type"] == "websocket.accept"
            if message["type"].endswith("http.response.start"):
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)
                headers.update(HEADERS)
                # Elsewhere browsers ignore it, with an error in the console.
                if self._is_local or scope["scheme"] == "https":
                    headers["Cross-Origin-Opener-Policy"] = "same-origin"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """ASGI middleware. Reads the body of every request, and refuses one that is too long with 413,
    and with 503 one for which there is no room beside those that are being answered.

    The application gets a whole body in one piece, or nothing.
    """

    def __init__(self, app: ASGIApp, limits: Mapping[str, int]) -> None:
        """
        Args:
            limits: the most bytes of a body, by path; `MAX_BODY` for all other paths.
        """
        self._app, self._limits = app, limits
        self._held = 0  # bytes of all bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def refuse(status: int, sentence: str) -> None:
            log.info("A request was refused with %d: %s", status, sentence)
            await JSONResponse({"error": sentence}, status)(scope, receive, send)

        most = self._limits.get(scope["path"], MAX_BODY)
        length = Headers(scope=scope).get("content-length", "")
        # A longer number than this has too many digits for `int`.
        announced = int(length) if length.isdecimal() and len(length) < 20 else 0
        body = bytearray()
        held = 0
        more = announced <= most
        try:
            while more and len(body) <= most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return
                body += message.get("body", b"")
                more = message.get("more_body", False)
                self._held += len(body) - held
                held = len(body)
                if self._held > MAX_BODIES:
                    body.clear()
                    self._held -= held
                    held = 0
                    await refuse(503, "Digit Lab reads too many files now. Try again in a minute.")
                    return
            if max(announced, len(body)) > most:
                await refuse(413, f"That is too much: this request has at most {most >> 20} MiB.")
                return
            rest: list[Message] = [{"type": "http.request", "body": bytes(body)}]
            del body

            async def receive_rest() -> Message:
                return rest.pop() if rest else await receive()

            await self._app(scope, receive_rest, send)
        finally:
            self._held -= held
