"""What the preview costs the training: `python -m benchmarks.preview --data-dir D`.

Runs in pairs, one while a page without a browser follows it and wants the preview, one while the
page follows it and does not. Compares the seconds that they take, evaluations included: images/s
leave out what lies between two batches. With `--network` the page also asks once a second for the
network with one digit, as the page does. Prints figures, judges nothing.
"""

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from benchmarks.clients import socket_options
from tools.server import get, post, running, until


def main() -> None:
    options = _parser().parse_args()
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    with running(*data) as url:
        train(url, {"preset": "speedrun", "train_images": 10_000})  # warms up
        for preset in options.presets:
            compare(url, preset, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What the preview costs the training.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--presets", nargs="+", default=["speedrun", "fast"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--train-images", type=int, default=0, help="0: all")
    parser.add_argument("--network", action="store_true", help="ask for the network, too")
    return parser


def compare(url: str, preset: str, options: argparse.Namespace) -> None:
    settings = {
        "preset": preset,
        "epochs": options.epochs,
        "evaluations_per_epoch": 1,
        "train_images": options.train_images,
    }
    ratios, totals = [], {True: 0.0, False: 0.0}
    for number in range(options.pairs):
        found = {}
        for wants in (True, False) if number % 2 else (False, True):
            with page(url, wants, wants and options.network) as heard:
                found[wants] = train(url, settings)
            if wants:
                frames = len(
                    get(f"{url}/api/runs/{found[True]['run_id']}/preview/frames")["frames"]
                )
                told = len(heard)
        seconds = {wants: run["seconds"] for wants, run in found.items()}
        totals = {wants: totals[wants] + seconds[wants] for wants in totals}
        ratios.append(seconds[False] / seconds[True])
        print(
            f"{preset} {number + 1}: {seconds[False]:.2f} s without, {seconds[True]:.2f} s with "
            f"{frames} frames ({frames / seconds[True]:.1f} a second, {told} told): speed "
            f"{ratios[-1]:.3f}",
            flush=True,
        )
    print(
        f"{preset}: median speed {statistics.median(ratios):.3f}, of the sums "
        f"{totals[False] / totals[True]:.3f}",
        flush=True,
    )


def train(url: str, settings: dict[str, Any]) -> dict[str, Any]:
    """A run that is done."""
    run = f"{url}/api/runs/{post(f'{url}/api/runs', settings)['run_id']}"
    until(lambda: get(run)["state"] == "done", 1800, pause=0.5)
    found: dict[str, Any] = get(run)
    return found


@contextmanager
def page(url: str, wants: bool, network: bool) -> Iterator[list[dict[str, Any]]]:
    """Follows what trains; yields the frames that it is told."""
    heard: list[dict[str, Any]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(1):
            run = get(f"{url}/api/runs")["runs"][0]["run_id"]
            get(f"{url}/api/runs/{run}/activations")

    with connect(**socket_options(url)) as socket:

        def listen() -> None:
            for text in socket:
                if frame := json.loads(text).get("preview"):
                    heard.append(frame)

        socket.send(json.dumps({"wants": ["preview"] if wants else []}))
        threads = [threading.Thread(target=listen)]
        threads += [threading.Thread(target=look)] if network else []
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        heard.clear()
        yield heard
        ended.set()
        time.sleep(0.5)
        socket.close()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
