"""Whose drawings a request is about.

Served on the loopback address alone, Digit Lab has one person, and all drawings are theirs. On any
other host each browser has its own, under a random name in a cookie that scripts cannot read.
"""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.urls import url

COOKIE = "drawings_owner"
MAX_AGE = 400 * 24 * 3600
"""Seconds: the longest that browsers allow. Each visit of the page begins it anew."""
_NAME = re.compile("[0-9a-f]{32}")


@dataclass
class _Visitor:
    name: str | None
    is_asked: bool = False


_visitor: ContextVar[_Visitor] = ContextVar("visitor")


def owner() -> str | None:
    """The owner of the drawings of the request that is answered; None owns all drawings.

    Raises:
        LookupError: no request is answered.
    """
    visitor = _visitor.get()
    visitor.is_asked = True
    return visitor.name


class Owners:
    """ASGI middleware. Reads the owner's name from the cookie, and gives a name to who has none.

    Proxies may keep no answer for others, unless it says so.
    """

    def __init__(self, app: ASGIApp, one_person: bool) -> None:
        """
        Args:
            one_person: whether all drawings belong to whoever asks.
        """
        self._app, self._one_person = app, one_person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = HTTPConnection(scope).cookies.get(COOKIE, "")
        is_new = not _NAME.fullmatch(name)
        visitor = _Visitor(secrets.token_hex(16) if is_new else name)
        if self._one_person:
            visitor.name = None

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "private")
                is_page = headers.get("content-type", "").startswith("text/html")
                if visitor.name is not None and (is_page or (is_new and visitor.is_asked)):
                    headers.append("set-cookie", _cookie(visitor.name))
            await send(message)

        _visitor.set(visitor)
        await self._app(scope, receive, send_with_cookie)


def _cookie(name: str) -> str:
    response = Response()
    # Not `secure`: who comes by HTTPS and later by HTTP would lose sight of the drawings.
    response.set_cookie(COOKIE, name, MAX_AGE, path=url("/"), httponly=True, samesite="lax")
    return response.headers["set-cookie"]
