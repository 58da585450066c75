"""What a crowd costs one person: `python -m benchmarks.crowd --data-dir D`.

In each round the same run trains twice on one server, while one person asks for the list of runs,
has a drawing read and a part of the page made, every half second: first alone, then beside many
pages that follow the run and as many half-sent requests as given, all from one address. Prints the
person's slowest answers, how fast the run trained with the crowd over without it, and the server's
memory before, during and a minute after. Server and crowd share this machine's processors. Needs
Linux or macOS.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.latency import train_a_little
from benchmarks.views import SEVEN, speed
from dashboard.tabs.train import network
from tools.server import DIRECTLY, Server

PAUSE_SECONDS = 0.5
REST_SECONDS = 60
HALF_REQUESTS = (
    b"GET / HTTP/1.1\r\nHost:",
    b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n{",
)
HANDSHAKE = (
    b"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n"
)
CALLBACK = {
    "output": f"{network.BODY}.children",
    "outputs": {"id": network.BODY, "property": "children"},
    "inputs": [{"id": network.MODEL, "property": "data", "value": "simple_cnn"}],
    "changedPropIds": [f"{network.MODEL}.data"],
}
REQUESTS = {
    "list of runs": ("/api/runs", None),
    "drawing": ("/api/predict", {"strokes": SEVEN}),
    "callback": ("/_dash-update-component", CALLBACK),
}


def main() -> None:
    parser = argparse.ArgumentParser(description="What a crowd costs one person.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--half-requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--train-images", type=int, default=60_000)
    options = parser.parse_args()
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    settings = {
        "preset": "fast",
        "epochs": options.epochs,
        "train_images": options.train_images,
    }
    ratios = []
    with tempfile.TemporaryDirectory() as folder, Server(*data, runs=Path(folder)) as server:
        train_a_little(server.url)
        for name in REQUESTS:
            ask(server.url, name)  # the first drawing also learns what the digits look like
        for number in range(options.rounds):
            print(f"round {number + 1}, alone", flush=True)
            with person(server.url):
                alone = speed(server.url, settings)
            before = server.memory()
            print(f"round {number + 1}, with {options.pages} pages", flush=True)
            with (
                crowd(server.url, options.pages, options.half_requests),
                person(server.url),
                watched(server.memory) as during,
            ):
                crowded = speed(server.url, settings)
            time.sleep(REST_SECONDS)
            ratios.append(crowded / alone)
            print(
                f"  {alone:,.0f} images/s alone, {crowded:,.0f} with the crowd: {ratios[-1]:.3f}\n"
                f"  memory: {megabytes(before)} before, {megabytes(max(during))} during, "
                f"{megabytes(server.memory())} a minute after",
                flush=True,
            )
    print(f"median ratio: {statistics.median(ratios):.3f}")


def ask(url: str, name: str) -> None:
    path, body = REQUESTS[name]
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json"})
    with DIRECTLY.open(request, timeout=60) as answer:
        answer.read()


@contextlib.contextmanager
def person(url: str) -> Iterator[None]:
    """Somebody who works on the server while the block runs; prints how long answers took."""
    times: dict[str, list[float]] = {name: [] for name in REQUESTS}
    ends = threading.Event()

    def work() -> None:
        while not ends.wait(PAUSE_SECONDS):
            for name, found in times.items():
                began = time.perf_counter()
                ask(url, name)
                found.append(time.perf_counter() - began)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()
    for name, found in times.items():
        median, slowest = (1000 * one for one in (statistics.median(found), max(found)))
        print(f"  {name}: {median:.0f} ms, at most {slowest:.0f} ms of {len(found)}", flush=True)


@contextlib.contextmanager
def watched(measure: Callable[[], int]) -> Iterator[list[int]]:
    """What was measured, once a second, while the block runs."""
    found = [measure()]
    ends = threading.Event()

    def watch() -> None:
        while not ends.wait(1):
            found.append(measure())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ends.set()
        thread.join()


class Page(asyncio.Protocol):
    """A page without a browser. It follows the newest run and reads nothing of what it is sent: a
    crowd that did would take the processors from the server.

    Attributes:
        transport: its connection.
        received: bytes.
        opened: done when the server has let it in.
        is_open: whether it has, and has not ended it.
    """

    def __init__(self) -> None:
        self.received, self.is_open = 0, False
        self.opened = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self.opened.set_result(None)
            self.is_open = True
            self.transport.write(b"\x81\x82\0\0\0\0{}")  # its place: the beginning
        self.received += len(data)
        if data[-6:-4] == b"\x89\x04":  # a ping comes on its own
            self.transport.write(b"\x8a\x84\0\0\0\0" + data[-4:])

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self.opened.cancel()


@contextlib.contextmanager
def crowd(url: str, pages: int, half_requests: int) -> Iterator[None]:
    """Keeps pages open, and half-sent requests: where one is ended, another one begins."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host is not None, "it is an address"
    assert port is not None, "it names the port"
    followers: list[Page] = []
    ended = 0

    async def keep_one(sent: bytes) -> None:
        nonlocal ended
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(sent)
                await reader.read()
                writer.close()
                ended += 1

    async def keep_all() -> None:
        for _ in range(pages):
            _, page = await loop.create_connection(Page, host, port)
            followers.append(page)
            await page.opened
        parts = [HALF_REQUESTS[number % len(HALF_REQUESTS)] for number in range(half_requests)]
        await asyncio.gather(*map(keep_one, parts))

    loop = asyncio.new_event_loop()
    work = loop.create_task(keep_all())

    def keep() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(work)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        still = sum(page.is_open for page in followers)
        size = sum(page.received for page in followers) / max(1, pages)
        loop.call_soon_threadsafe(work.cancel)
        thread.join()
        for page in followers:
            page.transport.abort()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    print(f"  {still} of {pages} pages open at the end, {size / 1e3:,.0f} kB for each")
    print(
        f"  {half_requests} half-sent requests at any time, {ended} ended by the server", flush=True
    )


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


if __name__ == "__main__":
    main()
