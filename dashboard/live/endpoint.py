"""`/api/live`: a WebSocket for pages, and a GET route for first messages and for polling."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from dashboard.live.protocol import Message, Place
from dashboard.live.updates import Changes, Describe, Row, has_news, place_after, update

if TYPE_CHECKING:
    from core.service import TrainingService

UPDATE_SECONDS = 0.25
PING_SECONDS = 5.0
FIRST_SECONDS = 10.0
"""How long a new socket may take to say its place."""
MAX_BYTES = 4096
"""Of a page's message."""
MAX_MESSAGES = 64
"""How many places' messages are remembered: pages that follow together stand at one or two."""
MIN_GZIP = 2000
"""Characters below which an answer is not compressed."""

log = logging.getLogger(__name__)


class Live:
    """Sends every connected page what it does not know yet. Belongs to one event loop."""

    def __init__(self, service: "TrainingService", row: Row, describe: Describe) -> None:
        """As `Changes`."""
        self._service = service
        self._changes = Changes(service, row, describe)
        self._news: asyncio.Future[None]
        self._messages: dict[Place, tuple[str | None, Place]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches the service while the block runs."""
        self._news = asyncio.get_running_loop().create_future()
        watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher

    async def _watch(self) -> None:
        """After changes, but at most every `UPDATE_SECONDS`, wakes all pages at once.

        Pages that are woken together stand at the same place, so their message is made once.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def notify() -> None:
            loop.call_soon_threadsafe(changed.set)

        unsubscribe = self._service.subscribe(notify)
        changed.set()  # something may have changed before
        try:
            while True:
                await changed.wait()
                changed.clear()
                try:
                    self._changes.refresh()
                except Exception:
                    log.exception("The list of runs cannot be read")
                self._messages.clear()
                news, self._news = self._news, loop.create_future()
                news.set_result(None)
                await asyncio.sleep(UPDATE_SECONDS)
        finally:
            unsubscribe()

    def message(self, place: Place) -> tuple[str | None, Place]:
        """The text for a page at a place, None without news, and its place afterwards."""
        if place not in self._messages:
            if len(self._messages) >= MAX_MESSAGES:
                self._messages.clear()
            message = update(self._changes, place)
            text = message.to_text() if has_news(message, place) else None
            self._messages[place] = text, place_after(message, place)
        return self._messages[place]

    async def follow(self, socket: WebSocket) -> None:
        """Serves one page until it leaves."""
        await socket.accept()
        reading: asyncio.Task[Place] | None = None
        try:
            place = await asyncio.wait_for(_read(socket), FIRST_SECONDS)
            reading = asyncio.create_task(_read(socket))
            while True:
                news = self._news  # before the message is made: nothing is missed
                text, place = self.message(place)
                if text is not None:
                    await _send(socket, text)
                waiting: set[asyncio.Future[Any]] = {news, reading}
                done, _ = await asyncio.wait(
                    waiting, timeout=PING_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if reading in done:
                    place = reading.result()
                    reading = asyncio.create_task(_read(socket))
                elif not done:
                    await _send(socket, _ping(place))
        except WebSocketDisconnect:
            log.debug("A page left")
        except ValueError as error:
            await socket.close(1008, str(error))
        except asyncio.TimeoutError:
            await socket.close(1008, f"Say your place within {FIRST_SECONDS:g} seconds.")
        finally:
            if reading is not None:
                reading.cancel()


async def _read(socket: WebSocket) -> Place:
    """
    Raises:
        WebSocketDisconnect: the page left.
        ValueError: the message is no place; in a sentence.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    text = message.get("text")
    if text is None:
        raise ValueError("A message must be text.")
    return _parse(text)


async def _send(socket: WebSocket, text: str) -> None:
    """
    Raises:
        WebSocketDisconnect: the page left.
    """
    try:
        await socket.send_text(text)
    except RuntimeError as error:  # it left while the message was made
        raise WebSocketDisconnect() from error


def register(api: APIRouter, live: Live) -> None:
    """Adds the routes to those of `/api`."""
    api.add_api_websocket_route("/live", live.follow)

    @api.get("/live", tags=["live"], response_model=Message)
    async def get_live(request: Request, place: Annotated[Place, Query()]) -> Response:
        """What is newer than a place; without one, everything. For clients without a WebSocket."""
        text = live.message(place)[0] or _ping(place)
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
        if len(text) < MIN_GZIP or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(text, media_type="application/json", headers=headers)
        headers["Content-Encoding"] = "gzip"
        content = await asyncio.to_thread(_compress, text)
        return Response(content, media_type="application/json", headers=headers)


@lru_cache(maxsize=4)
def _compress(text: str) -> bytes:
    """Remembered: after a restart, all pages ask for the same."""
    return gzip.compress(text.encode(), compresslevel=1)


def _parse(text: str) -> Place:
    """
    Raises:
        ValueError: it is no place; in a sentence short enough for the reason of a close.
    """
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"A message has at most {MAX_BYTES} bytes.")
    try:
        return Place.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        raise ValueError(f"This is no place: {fields or 'not a JSON object'}."[:120]) from error


def _ping(place: Place) -> str:
    fields = {"server", "version", "shown", "revision", "cursor", "ping"}
    known = place.model_dump(include=fields)
    return Message.model_construct(_fields_set=fields, ping=True, **known).to_text()
