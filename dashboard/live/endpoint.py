"""`/api/live`: a WebSocket for pages, and a GET route for first messages and for polling."""

import asyncio
import gzip
import logging
import time
from collections.abc import AsyncIterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Annotated

from fastapi import FastAPI, Query, Request, WebSocket
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from core.errors import UnknownRunError
from dashboard.live.protocol import Message, Place
from dashboard.live.updates import Changes, Describe, Row, has_news, place_after, update
from dashboard.service import TrainingService

UPDATE_SECONDS = 0.25
PING_SECONDS = 5.0
FIRST_SECONDS = 10.0
"""How long a new socket may take to say its place."""
MAX_BYTES = 4096
"""Of a page's message. A socket that sends more is ended (`dashboard/server/connections.py`)."""
MAX_PAGES = 1000
"""Sockets that are open at once."""
MAX_MESSAGES = 64
"""How many places' messages are remembered: pages that follow together stand at one or two."""
MIN_GZIP = 2000
"""Characters from which an answer is compressed here, for all pages at once: dashboard/app.py
compresses every answer, but each on its own and on the event loop."""

FULL = "At most {:,} pages can follow at once. This one asks for news once a second instead."
"""Why a socket is closed, with code 1013; at most 123 bytes."""

log = logging.getLogger(__name__)


class _Page:
    """A connected page: its socket, its place, and whether there may be news for it."""

    def __init__(self, socket: WebSocket, place: Place) -> None:
        self.socket, self.place = socket, place
        self.news = asyncio.Event()
        self.end: Exception | None = None

    async def listen(self) -> None:
        """Receives places until the page leaves or sends something else."""
        try:
            while True:
                self.place = await _read(self.socket)
                self.news.set()
        except (WebSocketDisconnect, ValueError) as error:
            self.end = error
            self.news.set()


class Live:
    """Sends every connected page its news. Belongs to one event loop."""

    def __init__(self, service: TrainingService, row: Row, describe: Describe) -> None:
        """As `Changes`."""
        self._service = service
        self._changes = Changes(service, row, describe)
        self._pages: set[_Page] = set()
        self._sockets = 0
        self._messages: dict[Place, asyncio.Future[tuple[str | None, Place]]] = {}
        # Reads from the service, which may read from disk. One thread: `Changes` has no lock.
        self._reader = ThreadPoolExecutor(1, "live")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches the service while the block runs."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            self._reader.shutdown()

    async def _watch(self) -> None:
        """After changes, but at most every `UPDATE_SECONDS`, wakes all pages at once.

        Pages that are woken together stand at the same place, so their message is made once.
        Without changes it looks and wakes them every `PING_SECONDS`.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def notify() -> None:
            loop.call_soon_threadsafe(changed.set)

        unsubscribe = self._service.subscribe(notify)
        changed.set()  # something may have changed before
        try:
            while True:
                ping = loop.call_later(PING_SECONDS, changed.set)
                await changed.wait()
                ping.cancel()
                changed.clear()
                await loop.run_in_executor(self._reader, self._refresh)
                self._messages.clear()
                wanted = {page.place.run for page in self._pages if "preview" in page.place.wants}
                await loop.run_in_executor(self._reader, self._watch_runs, wanted)
                for page in self._pages:
                    page.news.set()
                await asyncio.sleep(UPDATE_SECONDS)
        finally:
            unsubscribe()

    def _refresh(self) -> None:
        try:
            self._changes.refresh()
        except Exception:
            log.exception("The list of runs cannot be read")

    async def message(self, place: Place) -> tuple[str | None, Place]:
        """The text for a page at a place, None without news, and its place afterwards."""
        if place not in self._messages:
            if len(self._messages) >= MAX_MESSAGES:
                self._messages.clear()
            loop = asyncio.get_running_loop()
            self._messages[place] = loop.run_in_executor(self._reader, self._make, place)
        return await asyncio.shield(self._messages[place])

    def _make(self, place: Place) -> tuple[str | None, Place]:
        message = update(self._changes, place)
        if "preview" in place.wants:
            self._watch_runs({place.run})
        text = message.to_text() if has_news(message, place) else None
        return text, place_after(message, place)

    def _watch_runs(self, run_ids: Set[str | None]) -> None:
        """Asks for previews of runs; None is the run that trains, or the next one."""
        for run_id in run_ids:
            with suppress(UnknownRunError):  # deleted a moment ago
                self._service.runs.watch(run_id)

    async def follow(self, socket: WebSocket) -> None:
        """Serves one page until it leaves."""
        await socket.accept()
        if self._sockets >= MAX_PAGES:
            await socket.close(1013, FULL.format(MAX_PAGES))
            return
        self._sockets += 1
        if self._sockets == MAX_PAGES:
            log.info("%d pages are open, the most that can follow at once.", MAX_PAGES)
        try:
            page = _Page(socket, await asyncio.wait_for(_read(socket), FIRST_SECONDS))
            listener = asyncio.create_task(page.listen())
            self._pages.add(page)
            try:
                await self._send_news(page)
            finally:
                self._pages.discard(page)
                listener.cancel()
        except WebSocketDisconnect:
            log.debug("A page left")
        except ValueError as error:
            await socket.close(1008, str(error))
        except asyncio.TimeoutError:
            await socket.close(1008, f"Say your place within {FIRST_SECONDS:g} seconds.")
        finally:
            self._sockets -= 1

    async def _send_news(self, page: _Page) -> None:
        """Sends a page its news. A slow page does not hold up others.

        Raises:
            WebSocketDisconnect: it left.
            ValueError: it sent something that is not a place.
        """
        sent = time.monotonic()
        while page.end is None:
            page.news.clear()  # before the message is made: nothing is missed
            place = page.place
            text, next_place = await self.message(place)
            if page.place is not place:
                continue  # the page has sent another place meanwhile
            page.place = next_place
            now = time.monotonic()
            if text is None and now - sent >= PING_SECONDS:
                text = _ping(page.place)
            if text is not None:
                sent = now
                try:
                    await page.socket.send_text(text)
                except RuntimeError as error:  # it left while the message was made
                    raise WebSocketDisconnect from error
            await page.news.wait()
        raise page.end


async def _read(socket: WebSocket) -> Place:
    """
    Raises:
        WebSocketDisconnect: the page left.
        ValueError: the message is no place; in a sentence.
    """
    try:
        return _parse(await socket.receive_text())
    except KeyError as error:
        raise ValueError("A message must be text.") from error


def register(api: FastAPI, live: Live) -> None:
    """Adds the routes to those of `/api`."""
    api.add_api_websocket_route("/live", live.follow)

    @api.get("/live", tags=["live"], response_model=Message)
    async def get_live(request: Request, place: Annotated[Place, Query()]) -> Response:
        """What is newer than a place; without one, everything. For clients without a WebSocket."""
        text = (await live.message(place))[0] or _ping(place)
        headers = {"Cache-Control": "no-store"}
        if len(text) < MIN_GZIP or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(text, media_type="application/json", headers=headers)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
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
    try:
        return Place.model_validate_json(text)
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        raise ValueError(f"This is no place: {fields or 'not a JSON object'}."[:120]) from error


def _ping(place: Place) -> str:
    fields = {"server", "version", "shown", "revision", "cursor", "ping"}
    known = place.model_dump(include=fields)
    return Message.model_construct(_fields_set=fields, ping=True, **known).to_text()
