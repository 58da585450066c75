"""What open pages cost the training beside them: `python -m benchmarks.views --data-dir D`.

In each round the preset Fast trains once for every way of looking, each time on a server of its
own, and the run's own events say how many images a second passed: without a page; with one browser
that has every view open in a tab of its own, of which one is in front, as a real visitor has it;
and with every view in a window of its own, all of them in sight. The browser is not driven with
Playwright, which lets every page believe that it is in front. Browser, server and training share
this machine's processors, as they do for a student.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from benchmarks.latency import train_a_little
from tools.chromium import find_chromium, launch_args, why_missing
from tools.server import free_port, get, post, running, until

VIEWS = ("train", "curves", "gallery", "mistakes", "draw", "inside", "embedding", "runs")
NONE, ALL = "no page", "all in sight"
EPOCHS = 2  # of a run: views of a network are painted anew at the end of each
SEVEN = [[[70, 60], [130, 60], [200, 62], [160, 150], [120, 240]]]
ARRIVE_SECONDS = 2


class Browser:
    """Chromium with nothing between it and its pages but the protocol of its developer tools."""

    def __init__(self, chromium: str, profile: str) -> None:
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        command = [chromium, *launch_args(), "--headless=new", "--window-size=1440,900"]
        command += [f"--remote-debugging-port={port}", f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: get(f"{self._url}/json/version"))

    def open(self, url: str, new_window: bool) -> str:
        """Opens a page, which is then in front; its id."""
        browser = get(f"{self._url}/json/version")["webSocketDebuggerUrl"]
        asked = {"url": url, "newWindow": new_window}
        return str(_call(browser, "Target.createTarget", asked)["targetId"])

    def evaluate(self, page: str, expression: str) -> Any:
        address = self._url.replace("http", "ws")
        asked = {"expression": expression, "returnByValue": True}
        answer = _call(f"{address}/devtools/page/{page}", "Runtime.evaluate", asked)
        return answer["result"].get("value")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def _call(address: str, method: str, asked: dict[str, Any]) -> Any:
    with connect(address, max_size=None) as socket:
        socket.send(json.dumps({"id": 1, "method": method, "params": asked}))
        return json.loads(socket.recv(30))["result"]


def main() -> int:
    parser = argparse.ArgumentParser(description="What open pages cost the training beside them.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train-images", type=int, default=60_000, help="of each run")
    parser.add_argument(
        "--in-front", nargs="+", default=["curves"], choices=VIEWS, help="one after the other"
    )
    options = parser.parse_args()
    chromium = find_chromium(tabs=True)
    if chromium is None:
        print(why_missing(), file=sys.stderr)
        return 1
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    settings = {"preset": "fast", "epochs": EPOCHS, "train_images": options.train_images}
    looks = [NONE, *options.in_front, ALL]
    speeds: dict[str, list[float]] = {look: [] for look in looks}
    for number in range(options.rounds):
        for look in looks:
            with running(*data) as url:
                train_a_little(url)  # so that every view has something to show
                with looking(url, chromium, look):
                    speeds[look].append(speed(url, settings))
            print(f"round {number + 1}, {look}: {speeds[look][-1]:,.0f} images/s", flush=True)
    for look in looks[1:]:
        ratios = [one / none for one, none in zip(speeds[look], speeds[NONE], strict=True)]
        each = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"{look} over no page: {statistics.median(ratios):.3f} (rounds: {each})")
    return 0


@contextmanager
def looking(url: str, chromium: str, look: str) -> Iterator[None]:
    """A browser with every view open, as long as it is needed; none for `NONE`.

    Args:
        look: the view in front of the others; or `ALL`.
    """
    if look == NONE:
        yield
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(chromium, profile)
        try:
            order = sorted(VIEWS, key=lambda view: view == look)  # the last one stays in front
            pages = {view: open_view(browser, url, view, look == ALL) for view in order}
            hidden = {
                view: browser.evaluate(page, "document.hidden") for view, page in pages.items()
            }
            seen = [view for view in order if not hidden[view]]
            assert seen == (order if look == ALL else [look]), f"in sight are {seen}"
            yield
        finally:
            browser.close()


def open_view(browser: Browser, url: str, view: str, new_window: bool) -> str:
    """A page with a view of the newest run, on Draw with a drawing."""
    page = browser.open(f"{url}/?tab={view}", new_window)
    time.sleep(ARRIVE_SECONDS)
    if view == "draw":
        drawing = json.dumps(json.dumps(SEVEN))
        browser.evaluate(page, f"sessionStorage.setItem('drawing', {drawing}); location.reload()")
        time.sleep(ARRIVE_SECONDS)
    return page


def speed(url: str, settings: dict[str, Any]) -> float:
    """Images a second of a run, the mean of its epochs."""
    run = f"{url}/api/runs/{post(f'{url}/api/runs', settings)['run_id']}"
    until(lambda: get(run)["state"] == "done", 900, pause=1)
    events = get(f"{run}/events")["events"]
    ends = [one for one in events if one["kind"] == "epoch" and one["progress"] == one["epoch"] > 0]
    return statistics.mean(one["images_per_second"] for one in ends)


if __name__ == "__main__":
    sys.exit(main())
