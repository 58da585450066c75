"""Streaming clients without a browser: `python -m benchmarks.clients URL COUNT`.

Each opens the page's WebSocket, starts the stream as a page would, and answers when the server
asks whether it is still there. Runs until its standard input closes, then prints how many
messages came. It speaks Dash's protocol and knows nothing of what the messages say.
"""

import asyncio
import json
import sys
import urllib.request
import uuid
from urllib.parse import urlsplit

from websockets.asyncio.client import connect
from websockets.typing import Origin

VIEW = {"tab": "curves", "smoothing": 0.6}


async def client(url: str, output: str) -> int:
    """One page's stream until it is cancelled; how many messages it got."""
    name = uuid.uuid4().hex
    host = urlsplit(url).netloc
    messages = 0
    try:
        async with connect(
            f"ws://{host}/_dash-ws-callback", origin=Origin(f"http://{host}"), max_size=None
        ) as socket:
            request = {"output": output, "outputs": [], "inputs": [], "changedPropIds": []}
            await socket.send(
                json.dumps(
                    {
                        "type": "callback_request",
                        "rendererId": name,
                        "requestId": f"{name}-1",
                        "payload": request,
                    }
                )
            )
            async for text in socket:
                batch = json.loads(text)
                for message in batch if isinstance(batch, list) else [batch]:
                    messages += 1
                    if message["type"] == "get_props_request":
                        view = {**VIEW, "page": name}
                        answer = {"data": view}
                        await socket.send(
                            json.dumps(
                                {
                                    "type": "get_props_response",
                                    "rendererId": name,
                                    "requestId": message["requestId"],
                                    "payload": answer,
                                }
                            )
                        )
    except asyncio.CancelledError:
        pass
    return messages


def stream_output(url: str) -> str:
    """The name that Dash gave the stream: the only callback that has neither input nor state."""
    with urllib.request.urlopen(f"{url}/_dash-dependencies") as answer:
        callbacks = json.load(answer)
    return next(
        str(callback["output"])
        for callback in callbacks
        if not callback["inputs"] and not callback["state"]
    )


async def main(url: str, count: int) -> None:
    output = await asyncio.to_thread(stream_output, url)
    clients = [asyncio.create_task(client(url, output)) for _ in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    for task in clients:
        task.cancel()
    print(sum(await asyncio.gather(*clients)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
