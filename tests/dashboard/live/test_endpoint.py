"""`/api/live` as a client sees it: a page that follows, one that polls, and one that misbehaves."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from starlette.testclient import WebSocketTestSession
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.config import parse_config
from core.service import worker
from core.service.service import TrainingService
from core.training import control
from dashboard.app import create_app
from dashboard.components import runs_table
from dashboard.live import endpoint
from dashboard.live.endpoint import MIN_GZIP, Live
from dashboard.live.protocol import Place
from tests.dashboard.conftest import SHORT, LiveHarness, batch, opened, refusal
from tests.dashboard.live.conftest import Page
from tests.support import SECONDS, Finish, MakeService, WaitUntil, run_async


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "UPDATE_SECONDS", 0)


@pytest.fixture
def client(harness: LiveHarness) -> Iterator[TestClient]:
    yield from opened(harness.service)


def ask(client: TestClient, place: Place, **headers: str) -> Response:
    query = place.model_dump(mode="json", exclude_none=True)
    return client.get("/api/live", params=query, headers=headers)


def caught_up(client: TestClient, harness: LiveHarness) -> Page:
    """A page that has the newest run's row as it is now: the server looks a little later."""
    page, run = Page(), harness.service.runs.snapshot()
    network = harness.service.predictions.weights_version(run.run_id)
    row = {**runs_table.row(run), "network": network}
    while page.rows.get(run.run_id) != row:
        page.take(ask(client, page.place).json())
    return page


def session(client: TestClient) -> WebSocketTestSession:
    # A full address: the test client takes the host of a bare path to be "testserver".
    return client.websocket_connect("ws://127.0.0.1/api/live")


@contextmanager
def followed(client: TestClient, place: Place) -> Iterator[WebSocketTestSession]:
    with session(client) as socket:
        socket.send_text(place.model_dump_json())
        yield socket


def hear(socket: WebSocketTestSession) -> dict[str, Any]:
    """The next message. Unlike `receive_json` it fails if there is none."""
    message = socket.portal.start_task_soon(socket._send_rx.receive).result(SECONDS)
    socket._raise_on_close(message)
    found: dict[str, Any] = json.loads(message["text"])
    return found


def hear_events(socket: WebSocketTestSession, page: Page, events: int) -> None:
    while len(page.events) < events:
        page.take(hear(socket))


def expect_ping(message: dict[str, Any], page: Page) -> None:
    """The version may be newer: the list of runs is read once more when a server starts."""
    assert message.pop("version") >= page.place.version
    assert message == page.place.model_dump(exclude={"run", "version", "wants"}) | {"ping": True}


def test_the_first_answer_has_everything_and_is_compressed_where_the_client_likes_that(
    client: TestClient, harness: LiveHarness
) -> None:
    harness.start()
    events = [batch(step) for step in range(1, 101)]
    harness.report(*events)
    caught_up(client, harness)
    page = Page()
    compressed = ask(client, page.place)
    plain = ask(client, page.place, **{"accept-encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    # The server may have looked once more in between.
    assert compressed.json() | {"version": 0} == plain.json() | {"version": 0}
    assert int(compressed.headers["content-length"]) < len(plain.content) / 4
    page.take(plain.json())
    assert page.events == [asdict(event) for event in events]


def test_a_client_that_polls_is_told_when_nothing_happened(
    client: TestClient, harness: LiveHarness
) -> None:
    harness.start()
    page = caught_up(client, harness)
    nothing = ask(client, page.place)
    expect_ping(nothing.json(), page)
    assert len(nothing.content) < MIN_GZIP
    assert "content-encoding" not in nothing.headers


def test_a_socket_goes_on_where_the_first_answer_ended(
    client: TestClient, harness: LiveHarness
) -> None:
    harness.start()
    harness.report(batch(1))
    page = caught_up(client, harness)
    with followed(client, page.place) as socket:
        harness.report(batch(2))
        news = page.take(hear(socket))
    assert news["events"] == [asdict(batch(2))]


def test_another_place_on_an_open_socket_is_answered(
    client: TestClient, harness: LiveHarness
) -> None:
    first = harness.start()
    harness.report(batch(1))
    harness.end()
    second = harness.start()
    page = caught_up(client, harness)
    assert page.place.shown == second
    with followed(client, page.place) as socket:
        page.place = page.place.model_copy(update={"run": first})
        socket.send_text(page.place.model_dump_json())
        page.take(hear(socket))
    assert page.place.shown == first
    assert page.events == [asdict(batch(1))]


def test_unknown_fields_are_ignored(client: TestClient) -> None:
    assert client.get("/api/live?watch=a").json()["network"] == {"newest": None, "kept": []}
    with session(client) as socket:
        socket.send_json({"version": -1, "watch": ["a"]})
        assert hear(socket)["network"] == {"newest": None, "kept": []}


WRONG = [
    pytest.param("", id="nothing"),
    pytest.param("hello", id="no JSON"),
    pytest.param("[" * 4000, id="deep JSON"),
    pytest.param("[]", id="no object"),
    *[
        pytest.param(json.dumps(fields), id=f"{fields}"[:20])
        for fields in (
            {"cursor": "all"},
            {"version": 1.5},
            {"revision": -1},
            {"run": "a" * 101},
            {name: [1] for name in Place.model_fields},
        )
    ],
    pytest.param(b"{}", id="bytes"),
]


@pytest.mark.parametrize("later", [False, True], ids=["at first", "later"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_place_closes_the_socket_with_a_sentence(
    untrained: TestClient, wrong: str | bytes, later: bool
) -> None:
    with session(untrained) as socket:
        if later:
            socket.send_text("{}")
            hear(socket)
        if isinstance(wrong, bytes):
            socket.send_bytes(wrong)
        else:
            socket.send_text(wrong)
        with pytest.raises(WebSocketDisconnect) as closed:
            hear(socket)
    check_close(closed.value)


def check_close(closed: WebSocketDisconnect) -> None:
    assert closed.code == 1008
    assert closed.reason[0].isupper()
    assert closed.reason.endswith(".")
    assert len(closed.reason.encode()) <= 123  # more does not fit into a close


def test_more_pages_than_the_limit_are_sent_away_with_a_sentence(
    untrained: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(endpoint.FULL.format(endpoint.MAX_PAGES).encode()) <= 123
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(endpoint, "MAX_PAGES", 1)
    with session(untrained) as socket:
        socket.send_text("{}")
        hear(socket)
        for _ in range(2):
            with session(untrained) as other, pytest.raises(WebSocketDisconnect) as closed:
                hear(other)
            assert closed.value.code == 1013
            assert closed.value.reason == (
                "At most 1 pages can follow at once. This one asks for news once a second instead."
            )
        assert ask(untrained, Place()).status_code == 200
    assert [one for one in caplog.messages if "pages are open" in one] == [
        "1 pages are open, the most that can follow at once."
    ]
    with session(untrained) as socket:  # the first one has left
        socket.send_text("{}")
        hear(socket)


def test_a_page_that_does_not_say_its_place_is_let_go(
    untrained: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "FIRST_SECONDS", 0.01)
    with session(untrained) as socket, pytest.raises(WebSocketDisconnect) as closed:
        hear(socket)
    check_close(closed.value)


@pytest.mark.parametrize("query", ["cursor=all", "cursor=-1", "version=-2", f"run={'a' * 101}"])
def test_what_is_no_place_is_refused_with_a_sentence(untrained: TestClient, query: str) -> None:
    assert query.split("=")[0] in refusal(untrained.get(f"/api/live?{query}"), 400)


def test_a_ping_follows_a_silence(
    client: TestClient, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.start()
    monkeypatch.setattr(endpoint, "PING_SECONDS", 0.01)
    page = caught_up(client, harness)
    with followed(client, page.place) as socket:
        for _ in range(2):
            expect_ping(hear(socket), page)
        harness.report(batch(1))
        hear_events(socket, page, 1)


def test_events_come_without_a_gap_and_once_however_often_a_page_connects_anew(
    client: TestClient, harness: LiveHarness
) -> None:
    harness.start()
    page = Page()
    for first in range(1, 10, 3):
        harness.report(batch(first))
        page.take(ask(client, page.place).json())
        harness.report(batch(first + 1))
        with followed(client, page.place) as socket:
            hear_events(socket, page, first + 1)
            harness.report(batch(first + 2))
            hear_events(socket, page, first + 2)
    assert page.events == [asdict(batch(step)) for step in range(1, 10)]
    assert page.heard == 9


def test_another_process_of_the_server_answers_an_old_place_with_everything(
    harness: LiveHarness, make_service: MakeService, tmp_path: Path
) -> None:
    harness.start()
    harness.report(batch(1), batch(2))
    page = Page()
    for client in opened(harness.service):
        page.take(ask(client, page.place).json())
    before = page.place
    for client in opened(make_service(runs=tmp_path / "runs")):
        with followed(client, page.place) as socket:
            told = page.take(hear(socket))
    assert page.place.server != before.server
    assert told.keys() >= {"run", "text", "network", "runs"}
    assert told["from"] == 0
    assert page.events == [asdict(batch(1)), asdict(batch(2))]


def through(socket: WebSocketTestSession, send_text: Callable[[], Any]) -> threading.Event:
    """Has `send_text` called when a page is sent something; is set when the server is done."""
    app: ASGIApp = socket.app
    done = threading.Event()

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "websocket.send":
                await send_text()
            await send(message)

        await app(scope, receive, sending)
        done.set()

    socket.app = wrapped
    return done


def test_a_page_that_never_reads_does_not_hold_up_another_one(
    client: TestClient, harness: LiveHarness
) -> None:
    harness.start()
    stuck = threading.Event()

    async def never() -> None:
        stuck.set()
        await asyncio.Event().wait()

    deaf, page = session(client), Page()
    through(deaf, never)
    with deaf, followed(client, page.place) as socket:
        deaf.send_text("{}")
        assert stuck.wait(SECONDS)
        for step in range(1, 4):
            harness.report(batch(step))
            hear_events(socket, page, step)


@pytest.mark.parametrize("cut_off", [False, True], ids=["with a word", "without"])
def test_a_page_that_leaves_leaves_nothing_behind(
    client: TestClient, harness: LiveHarness, wait_until: WaitUntil, cut_off: bool
) -> None:
    portal, gone = client.portal, threading.Event()
    assert portal is not None

    def listeners() -> int:
        coroutines = [str(task.get_coro()) for task in asyncio.all_tasks()]
        return sum("_Page.listen" in coroutine for coroutine in coroutines)

    async def send_text() -> None:
        if gone.is_set():
            raise OSError("It is gone.")

    socket = session(client)
    done = through(socket, send_text)
    with socket:
        socket.send_text("{}")
        hear(socket)
        assert portal.call(listeners) == 1
        if cut_off:
            gone.set()
            harness.start()
        else:
            socket.close()
        assert done.wait(SECONDS)
        wait_until(lambda: portal.call(listeners) == 0)


def test_pages_at_the_same_place_get_the_very_same_text(harness: LiveHarness) -> None:
    harness.start()
    harness.report(batch(1))
    live = Live(harness.service, lambda run: {"run_id": run.run_id}, lambda run: {})

    async def look() -> None:
        first, place = await live.message(Place())
        assert (await live.message(Place()))[0] is first
        assert await live.message(place) == (None, place)
        harness.report(batch(2))
        assert (await live.message(Place()))[0] is first  # until the next look

    run_async(look())


@pytest.mark.parametrize("turns", range(6))
def test_the_watcher_ends_however_close_to_its_end_something_changes(
    untrained_service: TrainingService, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    listeners: list[Callable[[], None]] = []

    def subscribe(listener: Callable[[], None]) -> Callable[[], None]:
        listeners.append(listener)
        return lambda: None

    monkeypatch.setattr(untrained_service, "subscribe", subscribe)
    live = Live(untrained_service, lambda run: {}, lambda run: {})

    async def watch() -> None:
        async with live.running():
            for _ in range(20):  # until it waits for the next change
                await asyncio.sleep(0.001)
            listeners[0]()
            for _ in range(turns):
                await asyncio.sleep(0)

    async def end_soon() -> None:
        _, still_running = await asyncio.wait([asyncio.ensure_future(watch())], timeout=5)
        assert not still_running

    run_async(end_soon())


def test_a_place_that_is_said_while_a_message_is_made_is_not_forgotten(
    client: TestClient, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = harness.start()
    harness.end()
    harness.start()
    read = endpoint._read
    asked, said = threading.Event(), threading.Event()
    make = Live._make

    async def read_and_note(socket: WebSocket) -> Place:
        place = await read(socket)
        if place.run == first:
            said.set()
        return place

    def make_slowly(live: Live, place: Place) -> Any:
        if place == Place():
            asked.set()
            assert said.wait(SECONDS)
        return make(live, place)

    monkeypatch.setattr(endpoint, "_read", read_and_note)
    monkeypatch.setattr(Live, "_make", make_slowly)
    with session(client) as socket:
        socket.send_text("{}")
        assert asked.wait(SECONDS)
        socket.send_text(Place(run=first).model_dump_json())
        page = Page()
        while page.place.shown != first:
            page.take(hear(socket))


def test_a_page_goes_on_after_the_list_of_runs_could_not_be_read(
    client: TestClient, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises() -> None:
        raise OSError("The disk is gone")

    run_id = harness.start()
    page = Page()
    with followed(client, page.place) as socket:
        page.take(hear(socket))
        with monkeypatch.context() as broken:
            broken.setattr(harness.service.runs, "all", raises)
            harness.report(batch(1))
            hear_events(socket, page, 1)
        harness.service.runs.update_metadata(run_id, note="x")
        while page.rows[run_id]["note"] != "x":
            page.take(hear(socket))


def test_what_changed_before_the_server_started_is_told(harness: LiveHarness) -> None:
    server = create_app(harness.service).server
    run_id = harness.start()
    with TestClient(server, base_url="http://127.0.0.1") as client:
        assert ask(client, Place()).json()["shown"] == run_id
        assert [row["run_id"] for row in ask(client, Place()).json()["runs"]] == [run_id]


def test_training_makes_previews_while_a_page_wants_them(
    service: TrainingService, wait_until: WaitUntil
) -> None:
    run_id = service.runs.start(parse_config({**SHORT, "epochs": 200}))
    page = Page(wants={"preview"})
    with TestClient(create_app(service).server, base_url="http://127.0.0.1") as client:
        wait_until(lambda: page.take(ask(client, page.place).json()).get("preview"))
    service.runs.stop(run_id)


def test_a_page_that_follows_is_told_the_first_frame_of_the_next_run(
    service: TrainingService, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (control, worker):  # a busy machine may take longer for the run
        monkeypatch.setattr(module, "WATCH_SECONDS", SECONDS)
    with TestClient(create_app(service).server, base_url="http://127.0.0.1") as client:
        page = Page(wants={"preview"})
        with followed(client, page.place) as socket:
            assert page.take(hear(socket))["preview"] is None
            run_id = service.runs.start(parse_config(SHORT))
            finish(service, run_id)
            first, *_, last = service.runs.previews(run_id)
            assert (first.step, last.progress) == (5, 2)
            while page.take(hear(socket)).get("preview") != asdict(last):
                pass


def test_previews_are_asked_for_as_long_as_a_page_is_open_that_wants_them(
    client: TestClient, harness: LiveHarness, monkeypatch: pytest.MonkeyPatch, wait_until: WaitUntil
) -> None:
    monkeypatch.setattr(endpoint, "PING_SECONDS", 0.01)
    asked: list[str | None] = []
    monkeypatch.setattr(harness.service.runs, "watch", asked.append)
    place = Place(wants=("preview",))
    with followed(client, place) as wall, followed(client, Place(run="other")):
        for _ in range(5):  # nothing happens meanwhile
            hear(wall)
        assert len(asked) >= 4
        assert set(asked) == {None}
        wall.send_text(Place().model_dump_json())  # the wall is out of sight
        while "network" not in hear(wall):  # the answer to the new place
            pass
        hear(wall)
        hear(wall)
        asked.clear()
        for _ in range(3):
            hear(wall)
        assert asked == []
