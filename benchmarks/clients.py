"""Pages without a browser: `python -m benchmarks.clients URL COUNT`, as `benchmarks.beside` has it.

Each fetches the history of the newest run and then follows it on a WebSocket, as
`assets/live/connection.js` does.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

PLACE = ("server", "version", "shown", "revision", "cursor")


def place_after(text: str, run: str | None = None) -> str:
    """What a page says of its place when it has a message, and wants to see a run."""
    message = json.loads(text)
    return json.dumps({**{name: message[name] for name in PLACE}, "run": run})


def socket_options(url: str) -> dict[str, Any]:
    """For `connect` of websockets: as a browser at this address, and never by a proxy."""
    return {
        "uri": f"{url.replace('http', 'ws', 1)}/api/live",
        "origin": Origin(url),
        "compression": None,
        "max_size": None,
        "open_timeout": 60,
        "ping_interval": None,
        "proxy": None,
    }


class Client:
    """One page.

    Attributes:
        heard: all its messages and when they came, if it keeps them.
        updates: how many of them brought events since `begin`, and `size` their characters.
        gaps: how many did not go on where the one before ended.
        ended: whether its socket did.
    """

    def __init__(self, keeps: bool) -> None:
        self.heard: list[tuple[float, str]] = []
        self.gaps = 0
        self.ended = False
        self._keeps = keeps
        self.begin()
        self._cursor = 0

    def begin(self) -> None:
        self.updates = self.size = 0

    async def connect(self, url: str, http: httpx.AsyncClient) -> None:
        first = (await http.get(f"{url}/api/live")).raise_for_status().text
        self._take(first)
        socket = await connect(**socket_options(url))
        await socket.send(place_after(first))
        self._reading = asyncio.create_task(self._read(socket))

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                self._take(str(await socket.recv()))
        except ConnectionClosed:
            self.ended = True

    def _take(self, text: str) -> None:
        message = json.loads(text)
        start = message.get("from", self._cursor)
        self.gaps += start not in (0, self._cursor)
        self._cursor = message["cursor"]
        if "events" in message:
            self.updates += 1
            self.size += len(text)
        if self._keeps:
            self.heard.append((time.perf_counter(), text))


async def main(url: str, count: int, record: Path | None) -> None:
    clients = [Client(keeps=record is not None and not number) for number in range(count)]
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as http:
        await asyncio.gather(*(client.connect(url, http) for client in clients))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.perf_counter()
    for client in clients:
        client.begin()
    await asyncio.to_thread(sys.stdin.read)
    seconds = time.perf_counter() - began
    if record is not None:
        heard = [(when - began, text) for when, text in clients[0].heard]
        record.write_text(json.dumps(heard))
    found = {
        "updates_per_second": [client.updates / seconds for client in clients],
        "update_size": sum(client.size for client in clients)
        / max(1, sum(client.updates for client in clients)),
        "gaps": sum(client.gaps for client in clients),
        "ended": sum(client.ended for client in clients),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Pages without a browser.")
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--record", type=Path, help="where the messages of the first one go")
    options = parser.parse_args()
    asyncio.run(main(options.url, options.count, options.record))
