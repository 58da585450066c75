"""What open pages cost, and what they get: `python -m benchmarks.live WHAT`.

`follow`: many pages follow a run that costs nothing itself. `training`: many pages follow a run
that trains, against as many pages that a process beside it sends the same messages. `browser`: what
one page costs the browser. `drags`: whether curves that grow can be zoomed into. The first two know
no browser: their pages are `benchmarks.clients`. Prints figures, judges nothing. Needs Linux.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from benchmarks import curves
from benchmarks.beside import Beside
from benchmarks.clients import place_after, socket_options
from benchmarks.stand_in import RUN, stand_in
from benchmarks.views import speed
from tools.server import Server, get, post, running, until


def main() -> None:
    options = _parser().parse_args()
    options.measure(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What open pages cost, and what they get.")
    url = "of a benchmarks.stand_in that runs (default: one of its own)"
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("follow", help="many pages, and a run that costs nothing")
    part.set_defaults(measure=follow)
    part.add_argument("--pages", type=int, default=300)
    part.add_argument("--seconds", type=float, default=10)
    part.add_argument("--changes", type=int, default=20, help="of the run that a page looks at")
    part = parts.add_parser("training", help="many pages, and a run that trains")
    part.set_defaults(measure=training)
    part.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    part.add_argument("--pages", type=int, default=100)
    part.add_argument("--rounds", type=int, default=1)
    part.add_argument("--epochs", type=int, default=20)
    part.add_argument("--train-images", type=int, default=30_000)
    part = parts.add_parser("browser", help="what one page costs the browser")
    part.set_defaults(measure=curves.work)
    part.add_argument("--seconds", type=float, default=15)
    part.add_argument("--url", help=url)
    part = parts.add_parser("drags", help="zooms into curves that grow")
    part.set_defaults(measure=curves.drags)
    part.add_argument("--drags", type=int, default=30)
    part.add_argument("--url", help=url)
    return parser


def follow(options: argparse.Namespace) -> None:
    with stand_in() as server:
        runs = f"{server.url}/api/runs"
        other = post(runs, {**RUN, "epochs": 2})["run_id"]
        until(lambda: get(f"{runs}/{other}")["state"] == "done")
        run = post(runs, RUN)["run_id"]
        print(f"loop without pages: {loop_share(server, options.seconds):.1%} of a core")
        with Beside("benchmarks.clients", server.url, str(options.pages)) as clients:
            clients.begin()
            share = loop_share(server, options.seconds)
            print(f"loop with {options.pages} pages: {share:.1%} of a core")
            times = [1000 * one for one in changes(server.url, [other, run], options.changes)]
            print_clients(clients.end())
    print(
        f"another run: answered in {statistics.median(times):.0f} ms, at most {max(times):.0f} ms"
    )


def loop_share(server: Server, seconds: float) -> float:
    """The share of a core that the server's event loop takes."""
    began, before = time.monotonic(), server.loop_seconds()
    time.sleep(seconds)
    return (server.loop_seconds() - before) / (time.monotonic() - began)


def changes(url: str, runs: Sequence[str], count: int) -> list[float]:
    """Seconds until a page that wishes for another run, on its open socket, hears of it."""
    text, times = json.dumps(get(f"{url}/api/live")), []
    with connect(**socket_options(url)) as socket:
        for number in range(count):
            wanted = runs[number % len(runs)]
            time.sleep(random.random())
            with suppress(TimeoutError):
                while True:
                    text = str(socket.recv(0))  # what came meanwhile
            began = time.perf_counter()
            socket.send(place_after(text, wanted))
            while json.loads(text := str(socket.recv(30)))["shown"] != wanted:
                pass
            times.append(time.perf_counter() - began)
    return times


def training(options: argparse.Namespace) -> None:
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    settings = {"epochs": options.epochs, "train_images": options.train_images}
    settings = {"preset": "speedrun", **settings}
    pages, ratios = str(options.pages), []
    with running(*data) as url, tempfile.TemporaryDirectory() as folder:
        speed(url, {**settings, "epochs": 2})  # the first one also warms up
        record = Path(folder) / "messages.json"
        for number in range(options.rounds):
            with Beside("benchmarks.clients", url, pages, "--record", str(record)) as clients:
                clients.begin()
                here = speed(url, settings)
                print_clients(clients.end())
            with (
                Beside("benchmarks.replay", str(record)) as replay,
                Beside("benchmarks.clients", replay.said, pages) as clients,
            ):
                clients.begin()
                replay.begin()
                there = speed(url, settings)
                print_clients(clients.end())
            ratios.append(here / there)
            print(
                f"round {number + 1}: {here:,.0f} images/s with {pages} pages, "
                f"{there:,.0f} with as many at a process beside it: {ratios[-1]:.3f}",
                flush=True,
            )
    print(f"median: {statistics.median(ratios):.3f}")


def print_clients(found: dict[str, Any]) -> None:
    each = found["updates_per_second"]
    print(
        f"  {len(each)} pages: {statistics.median(each):.2f} updates a second each, at least "
        f"{min(each):.2f}, of {found['update_size']:,.0f} characters; {found['gaps']} gaps, "
        f"{found['ended']} sockets ended",
        flush=True,
    )


if __name__ == "__main__":
    main()
