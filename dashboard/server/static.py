"""Static files: compressed once, and kept by browsers for as long as they stay the same."""

import gzip
import hashlib
import re
import threading
from collections.abc import Callable, Sequence

import brotli
from dash.fingerprint import check_fingerprint
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "public, no-cache"
"""Browsers keep the file, and ask each time whether it is still the same."""
MIN_BYTES = 500
"""Below this, a file is sent as it is."""
# The best of the quick levels. Brotli's 11 makes Plotly 12 % smaller than 6 and takes 80 times as
# long, 13 s of a core that may be training (docs/performance.md).
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda body: brotli.compress(body, quality=6),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
_TEXTS = ("text/", "application/json", "application/javascript", "image/svg+xml")
_CODING = re.compile(r"([\w*-]+)\s*(?:;\s*q=(\d(?:\.\d*)?))?")


class PackedFiles:
    """ASGI middleware. Answers for static files: compressed, with an `ETag` and `Cache-Control`.

    A compressed file stays in memory under the hash of its content. That bounds what is kept by the
    files that there are, whatever addresses they are asked for under.
    """

    def __init__(self, app: ASGIApp, folders: Sequence[str]) -> None:
        """
        Args:
            app: answers with a whole file, the same for everybody.
            folders: the paths below which it serves static files, as `/assets/`.
        """
        self._app, self._folders = app, tuple(folders)
        self._packed: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_file = scope["type"] == "http" and scope["path"].startswith(self._folders)
        if not is_file or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        # Without the headers: no part of the file, and no "not modified" by another ETag.
        await self._app({**scope, "headers": [], "extensions": {}}, receive, collect)
        if not messages:  # the browser has left before the file was read
            return
        start, *rest = messages
        kind = Headers(raw=start["headers"]).get("content-type", "")
        # Dash answers unknown paths with its page, which is another one each time.
        if start["status"] == 200 and not kind.startswith("text/html"):
            body = b"".join(message["body"] for message in rest)
            await (await self._answer(scope, kind, body))(scope, receive, send)
        else:
            for message in messages:
                await send(message)

    async def _answer(self, scope: Scope, kind: str, body: bytes) -> Response:
        asked = Headers(scope=scope)
        is_packed = kind.startswith(_TEXTS) and len(body) >= MIN_BYTES
        coding = _coding(asked.get("accept-encoding", "")) if is_packed else None
        digest = hashlib.sha256(body).hexdigest()[:32]
        tag = f'"{digest}"' if coding is None else f'"{digest}-{coding}"'
        is_fingerprinted = check_fingerprint(scope["path"])[1] or b"m=" in scope["query_string"]
        headers = MutableHeaders(
            {"Cache-Control": IMMUTABLE if is_fingerprinted else REVALIDATED, "ETag": tag}
        )
        if is_packed:
            headers["Vary"] = "Accept-Encoding"
        if tag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if coding is not None:
            headers["Content-Encoding"] = coding
            packed = self._packed.get((digest, coding))
            if packed is None:
                packed = await run_in_threadpool(self._pack, digest, coding, body)
            body = packed
        headers["Content-Type"] = kind
        return Response(body, headers=headers)

    def _pack(self, digest: str, coding: str, body: bytes) -> bytes:
        """Compresses a file, one at a time: a class that opens the page takes one core at most."""
        with self._lock:
            if (digest, coding) not in self._packed:
                self._packed[digest, coding] = _PACK[coding](body)
            return self._packed[digest, coding]


def _coding(accepted: str) -> str | None:
    """The best coding that an `Accept-Encoding` names; None for none."""
    qualities = {name.lower(): float(q or 1) for name, q in _CODING.findall(accepted)}
    return next((name for name in _PACK if qualities.get(name, 0) > 0), None)
