"""Sends recorded messages again: `python -m benchmarks.replay FILE`, as `benchmarks.beside` has it.

FILE is what `benchmarks.clients --record` wrote. Every client gets its messages, each at its time.
The process does as little else as can be, so that what it costs is the network.
"""

import asyncio
import json
import sys
from pathlib import Path

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response


async def main(file: Path) -> None:
    (_, first), *news = json.loads(file.read_text())

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        """The first message, unless somebody wants a WebSocket."""
        return None if "Upgrade" in request.headers else connection.respond(200, first)

    async def hold(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async with serve(hold, "127.0.0.1", 0, process_request=answer, compression=None) as server:
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began = asyncio.get_running_loop().time()
        for when, text in news:
            await asyncio.sleep(began + when - asyncio.get_running_loop().time())
            broadcast(server.connections, text)
        await asyncio.to_thread(sys.stdin.read)
    print(json.dumps(len(news)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
