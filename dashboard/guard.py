"""Keeps other web pages from using a visitor's browser against Digit Lab.

Two doors: a name that points at this machine without being its own (DNS rebinding), and a write
that another site's page sends. It does not know what is asked for behind them.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware. Addresses are trusted, names only if they are this machine's own."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = {"localhost", host.lower(), socket.gethostname().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await JSONResponse({"error": refusal}, status_code=403)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4003, "reason": refusal})

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is not let through, as a sentence; None if it is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = _name(f"//{host}")
        if not (_is_address(name) or name in self._names):
            return f"Digit Lab does not answer to the name {name}. Start it with --host {name}."
        origin = headers.get("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in READS
        if writes and origin is not None and origin.partition("://")[2] != host:
            return "Digit Lab takes orders from its own pages only, not from another site's."
        return None


def _name(url: str) -> str:
    """The host's name or address in a URL, without its port; empty if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # an unfinished bracket
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
