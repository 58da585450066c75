"""Who is let in where a token is needed.

A browser shows the token once, in the address or in the form of the sign-in page, and gets a cookie
for it. A program sends it with every request, as `Authorization: Bearer TOKEN`.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import logging
import math
import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote

from cachetools import TTLCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.disk import atomic_write
from core.errors import StorageError
from core.records.server import Health
from dashboard.server.owners import MAX_AGE
from dashboard.server.sign_in_page import sign_in_page
from dashboard.urls import url

VARIABLE = "DIGIT_LAB_TOKEN"
"""The environment variable that may hold the token."""
_TOKEN = re.compile("[A-Za-z0-9._~+/=-]{16,500}")
"""The characters that a bearer token has (RFC 6750). An address holds them as they are."""
_SECRET_FILE = "sign_in_secret"

QUICK_TRIES = 10
"""Wrong tokens that one address may send at once."""
SECONDS_PER_TRY = 6
"""After these, it has one more try every so many seconds."""
MAX_ADDRESSES = 10_000
"""Addresses whose wrong tokens are counted; those that sent one last are kept."""
MAX_FORM = 4096
"""Bytes after which no more of the sign-in form is read."""
FORM_SECONDS = 10.0
"""How long it may take to arrive: sooner than other bodies, as anybody may send it."""

NO_TOKEN = "Digit Lab needs its token: sign in on its page, or send `Authorization: Bearer TOKEN`."
WRONG_TOKEN = "That is not the token."
NOT_KEPT = {"Cache-Control": "no-store"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Credentials:
    """What lets somebody in.

    Attributes:
        token: as people type it and programs send it.
        cookie_name: of the cookie that a browser gets for the token.
        cookie_value: its value, the same for all who know the token.
    """

    token: str
    cookie_name: str
    cookie_value: str


def given_token(file: Path | None) -> str | None:
    """The token in a file or, without one, in the environment variable; None if there is neither.

    Raises:
        ValueError: the file cannot be read, or that is not a token; in a sentence.
    """
    if file is None:
        text, place = os.environ.get(VARIABLE, ""), VARIABLE
        if not text:
            return None
    else:
        place = str(file.absolute())
        try:
            with file.open(encoding="latin-1") as opened:
                text = opened.read(1000)
            if os.name == "posix" and file.stat().st_mode & 0o004:
                log.warning("Everybody on this computer may read the token: chmod 600 %s", file)
        except OSError as error:
            raise ValueError(
                f"The token cannot be read from {place}: {error.strerror}. "
                "Name another file with --token-file."
            ) from error
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            f"There is no token in {place}: a token has 16 to 500 characters, letters from A to "
            "Z, digits and -._~+/= alone."
        )
    return token


def credentials(token: str, port: int, folder: Path) -> Credentials:
    """What lets somebody in at a port.

    The cookie is the same after a restart with the same token. A secret in the folder makes it: a
    token that can be guessed makes no cookie that can be guessed.

    Raises:
        StorageError: the secret cannot be written or read.
    """
    file = folder / _SECRET_FILE
    if not file.exists():
        write_private(file, secrets.token_hex(32))
    try:
        secret = file.read_bytes()
    except OSError as error:
        raise StorageError(
            f"The file {file} cannot be read: {error.strerror}. Change that, or delete it: a new "
            "one is made."
        ) from error
    value = hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()
    return Credentials(token, f"digit_lab_{port}", value)


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner may read.

    Raises:
        StorageError: it cannot be written.
    """
    with atomic_write(file, file.name) as part:
        part.touch(mode=0o600)  # before there is anything to read
        part.write_text(text, encoding="utf-8")


class Tries:
    """Counts the wrong tokens of each address."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
            clock: seconds, from any beginning.
        """
        self._clock = clock
        seconds = QUICK_TRIES * SECONDS_PER_TRY
        # Until when an address has tries to make up for.
        self._until: TTLCache[str, float] = TTLCache(MAX_ADDRESSES, seconds, clock)

    def wait(self, address: str) -> float:
        """Seconds before the next try of an address counts; 0 if it may try at once."""
        debt = self._until.get(address, 0.0) - self._clock()
        return max(0.0, debt - (QUICK_TRIES - 1) * SECONDS_PER_TRY)

    def add(self, address: str) -> None:
        """Counts a wrong token."""
        now = self._clock()
        self._until[address] = max(now, self._until.get(address, now)) + SECONDS_PER_TRY


class Auth:
    """ASGI middleware. Lets in who has the cookie or the token; others get the sign-in page or 401.

    A wrong cookie costs nothing: nobody can guess one, and the pages of a whole class may have an
    old one. Wrong tokens are slowed down, before they are compared.
    """

    def __init__(
        self,
        app: ASGIApp,
        credentials: Credentials,
        health: Callable[[], Health],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            health: what `/api/health` tells; its status is told to strangers, too.
            clock: seconds, from any beginning.
        """
        self._app, self._credentials, self._health = app, credentials, health
        self._tries = Tries(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        is_read = scope.get("method") == "GET"  # a WebSocket has none
        is_page = scope["type"] == "http" and "text/html" in asked.headers.get("accept", "")
        shown = await _shown_token(asked, receive) if is_page else None
        token = _bearer(asked) if shown is None else shown
        cookie = asked.cookies.get(self._credentials.cookie_name, "")
        answer: ASGIApp | None = None
        if not _is_same(cookie, self._credentials.cookie_value):
            answer = self._refusal(asked, token, is_page and (is_read or shown is not None))
        if answer is None:
            answer = self._app if shown is None else self._welcome(asked)
        elif scope["path"] == url("/api/health") and is_read and token is None:
            health = await run_in_threadpool(self._health)
            status = 200 if health.can_train else 503
            answer = JSONResponse({"status": health.status}, status, NOT_KEPT)
        await answer(scope, receive, send)

    def _refusal(self, asked: HTTPConnection, token: str | None, is_page: bool) -> Response | None:
        """The answer to somebody who shows a wrong token, or none; None for the right one."""
        if token is None:
            return _refuse(is_page)
        address = _address(asked)
        seconds = math.ceil(self._tries.wait(address))
        if seconds:
            sentence = (
                "Too many wrong tokens came from your address. "
                f"Wait {seconds} seconds, then try again."
            )
            return _refuse(is_page, sentence, seconds)
        if _is_same(token, self._credentials.token):
            return None
        self._tries.add(address)
        log.info("A wrong token came from %s", address)
        return _refuse(is_page, WRONG_TOKEN)

    def _welcome(self, asked: HTTPConnection) -> Response:
        """Gives the cookie, and opens the same address without the token."""
        # Relative to the folder that the browser asked for: it never leaves the site, and holds
        # where a proxy has cut off a part of the path.
        address = f"./{quote(asked.scope['path'].rpartition('/')[2])}"
        if others := asked.url.remove_query_params("token").query:
            address += f"?{others}"
        response = RedirectResponse(address, 303, NOT_KEPT)
        response.set_cookie(
            self._credentials.cookie_name,
            self._credentials.cookie_value,
            MAX_AGE,
            path=url("") or "/",  # browsers would not send a cookie of /lab/ to /lab
            secure=asked.scope["scheme"] == "https",
            httponly=True,
            samesite="lax",  # a link in a chat or on a course page must find it
        )
        return response


def _refuse(is_page: bool, sentence: str | None = None, seconds: int = 0) -> Response:
    """With a sentence for those who showed a token, and the seconds for which they wait."""
    status, headers = (429, {"Retry-After": str(seconds)}) if seconds else (401, {})
    headers |= {"WWW-Authenticate": "Bearer", **NOT_KEPT}
    if is_page:
        return sign_in_page(sentence, status, headers)
    return JSONResponse({"error": sentence or NO_TOKEN}, status, headers)


def _is_same(shown: str, wanted: str) -> bool:
    """Compares in a time that tells nothing about how much of it is right."""
    return hmac.compare_digest(shown.encode(), wanted.encode())


def _bearer(asked: HTTPConnection) -> str | None:
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def _shown_token(asked: HTTPConnection, receive: Receive) -> str | None:
    """The token in a page's address, or in the sign-in form; None without one of them."""
    if asked.scope["method"] == "GET":
        found = asked.query_params.get("token")
        return None if found is None else found.replace(" ", "+")  # a + means a space in a query
    kind = asked.headers.get("content-type", "")
    if asked.scope["method"] != "POST" or not kind.startswith("application/x-www-form-urlencoded"):
        return None
    try:
        return await asyncio.wait_for(_form_token(receive), FORM_SECONDS)
    except asyncio.TimeoutError:
        return ""


async def _form_token(receive: Receive) -> str:
    body = bytearray()
    more = True
    while more and len(body) <= MAX_FORM:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    fields = parse_qs(body.decode("latin-1"), errors="replace")
    return fields.get("token", [""])[-1].strip()


def _address(asked: HTTPConnection) -> str:
    """Whose tries count together: an address, or the network that one person has with IPv6."""
    host = asked.client.host if asked.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
    return host
