"""What a page weighs: `python -m benchmarks.weight URL`, or without a URL for a server of its own.

Opens the page twice in a fresh browser, the second time with what the first left in its cache, and
counts the bytes of each answer as they travel, headers included. A page counts as loaded when
nothing was asked or answered for three seconds.
"""

import argparse
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tools.chromium import opened_chromium
from tools.server import running

LOADS = ("first load", "second load")
GZIP_ONLY = {"headers": {"Accept-Encoding": "gzip, deflate"}}
QUIET_SECONDS = 3.0


@dataclass
class Answer:
    """One answer: its address, bytes on the wire, and how it came."""

    url: str
    size: int = 0
    coding: str = ""
    caching: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(description="What the page weighs.")
    parser.add_argument("url", nargs="?", help="a started server (default: starts one)")
    parser.add_argument("--tab", default="", help="which tab to open, as runs")
    parser.add_argument("--gzip", action="store_true", help="as browsers ask over plain HTTP")
    options = parser.parse_args()
    server = nullcontext(options.url) if options.url else running("--dataset", "synthetic")
    with server as url, opened_chromium() as browser:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        for load in LOADS:
            page = context.new_page()
            address = f"{url}/?tab={options.tab}" if options.tab else url
            report(load, opened(context, page, address, options.gzip), url)
            page.close()
    return 0


def opened(context: BrowserContext, page: Page, url: str, gzip: bool) -> list[Answer]:
    """Opens an address: everything that was answered."""
    answers: dict[str, Answer] = {}
    last = time.monotonic()

    def asked(event: dict[str, Any]) -> None:
        nonlocal last
        last = time.monotonic()
        answers[event["requestId"]] = Answer(event["request"]["url"])

    def began(event: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        answer = answers[event["requestId"]]
        answer.coding = headers.get("content-encoding", "")
        answer.caching = headers.get("cache-control", "")

    def ended(event: dict[str, Any]) -> None:
        nonlocal last
        last = time.monotonic()
        answers[event["requestId"]].size = event["encodedDataLength"]

    network = context.new_cdp_session(page)
    network.on("Network.requestWillBeSent", asked)
    network.on("Network.responseReceived", began)
    network.on("Network.loadingFinished", ended)
    network.send("Network.enable")
    if gzip:
        network.send("Network.setExtraHTTPHeaders", GZIP_ONLY)
    page.goto(url)
    page.get_by_role("tab").first.wait_for()
    while time.monotonic() < last + QUIET_SECONDS:
        page.wait_for_timeout(100)
    return list(answers.values())


def report(load: str, answers: list[Answer], url: str) -> None:
    """Prints what travelled, the heaviest first."""
    travelled = sorted((one for one in answers if one.size), key=lambda one: -one.size)
    total = sum(one.size for one in travelled)
    print(f"{load}: {total:,} bytes, {len(travelled)} of {len(answers)} answers from the server")
    for one in travelled:
        path = one.url.removeprefix(url).partition("?")[0]
        print(f"  {one.size:>9,} {one.coding or '-':>5}  {path}  {one.caching}")


if __name__ == "__main__":
    sys.exit(main())
