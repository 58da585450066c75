"""The live curves in a real browser, for `benchmarks.live`.

It finds what it needs by roles and labels, and knows only the REST API of a server: it measures
other versions of Digit Lab, too.
"""

import argparse
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from playwright.sync_api import Browser, Locator, Page

from benchmarks.stand_in import REPORTS, RUN, stand_in
from tools.chromium import opened_chromium
from tools.server import get, post, until

BEGIN_SECONDS = 5  # of the run, before anything is measured
ENDS = (0.1, 0.4), (0.6, 0.9)  # between which shares of the curve a drag begins and ends
MOVES, DRAG_SECONDS = 10, 0.5
ZOOM_SECONDS = 1.0  # a drag may take to show
BATCHES = 3  # of points that come after a drag
COUNT = "gd => gd.data?.[0]?.x?.length ?? 0"
COUNT_DRAWINGS = """gd => {
    gd.drawings = 0;
    gd.on("plotly_afterplot", () => gd.drawings++);
}"""
RANGE = """gd => {
    // Null while all points are shown.
    const [from, to] = gd._fullLayout.xaxis.range;
    const x = gd.data[0].x;
    return from <= x[0] && to >= x.at(-1) ? null : [from, to];
}"""
TO_AXIS = """(gd, places) => {
    const { x } = gd.querySelector(".nsewdrag").getBoundingClientRect();
    return places.map((place) => gd._fullLayout.xaxis.p2l(place - x));
}"""


@contextmanager
def open_curves(url: str | None) -> Iterator[tuple[Browser, Page, Locator, str]]:
    """A page with the Curves tab of a run that goes on: browser, page, loss curve, run's address.

    Args:
        url: of a server whose training only pretends; None for one of its own.
    """
    with ExitStack() as stack:
        url = url or stack.enter_context(stand_in()).url
        browser = stack.enter_context(opened_chromium())
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.get_by_role("tab", name="Curves", exact=True).click()
        run = f"{url}/api/runs/{post(f'{url}/api/runs', RUN)['run_id']}"
        figure = page.get_by_role("region", name="Loss curve").locator(".js-plotly-plot")
        until(lambda: get(run)["seconds"] >= BEGIN_SECONDS)
        until(lambda: figure.evaluate(COUNT))
        yield browser, page, figure, run
        post(f"{run}/stop", {})


def work(options: argparse.Namespace) -> None:
    """Processor seconds of the browser while a page follows a run."""
    with open_curves(options.url) as (browser, page, figure, run):
        figure.evaluate(COUNT_DRAWINGS)
        before = processor_seconds(browser)
        page.wait_for_timeout(1000 * options.seconds)
        after = processor_seconds(browser)
        drawings, points = figure.evaluate("gd => gd.drawings"), figure.evaluate(COUNT)
        events = get(f"{run}/events")["events"]
        told = sum(event["kind"] == "batch" for event in events)
    page_seconds = after["renderer"] - before["renderer"]
    browser_seconds = sum(after.values()) - sum(before.values())
    print(
        f"{options.seconds:g} s of a run: a page takes {page_seconds:.2f} s of a processor, the "
        f"whole browser {browser_seconds:.2f} s; the loss was drawn {drawings} times and shows "
        f"{points} of {told} points"
    )


def processor_seconds(browser: Browser) -> dict[str, float]:
    """What the browser's processes have used, by kind; those that draw pages are `renderer`s."""
    found: dict[str, Any] = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    seconds: dict[str, float] = {}
    for process in found["processInfo"]:
        seconds[process["type"]] = seconds.get(process["type"], 0.0) + process["cpuTime"]
    return seconds


def drags(options: argparse.Namespace) -> None:
    """How many zooms by dragging show what was dragged, and still do when more points came."""
    with open_curves(options.url) as (_, page, figure, _):
        at_once = kept = reset = 0
        for _ in range(options.drags):
            wanted = drag(page, figure)
            page.wait_for_timeout(1000 * ZOOM_SECONDS)
            at_once += is_near(figure.evaluate(RANGE), wanted)
            for _ in range(BATCHES):
                wait_for_points(figure)
            kept += is_near(figure.evaluate(RANGE), wanted)
            figure.locator(".nsewdrag").first.dblclick()
            page.wait_for_timeout(1000 * ZOOM_SECONDS)
            reset += figure.evaluate(RANGE) is None
    print(
        f"{options.drags} drags: {at_once} showed at once what was dragged, {kept} still did after "
        f"{BATCHES} more batches of points, and a double-click took back {reset}"
    )


def wait_for_points(figure: Locator) -> None:
    before = figure.evaluate(COUNT)
    until(lambda: figure.evaluate(COUNT) > before, pause=1 / REPORTS)


def drag(page: Page, figure: Locator) -> list[float]:
    """Drags a rectangle over a curve, as fast as a hand; its ends on the x-axis."""
    box = figure.locator(".nsewdrag").first.bounding_box()
    assert box is not None, "the curve is in sight"
    left, right = (round(box["x"] + box["width"] * random.uniform(*ends)) for ends in ENDS)
    top, bottom = (round(box["y"] + box["height"] * random.uniform(*ends)) for ends in ENDS)
    page.mouse.move(left, top)
    page.mouse.down()
    wanted: list[float] = figure.evaluate(TO_AXIS, [left, right])  # nothing is drawn meanwhile
    for step in range(1, MOVES + 1):
        share = step / MOVES
        page.mouse.move(left + share * (right - left), top + share * (bottom - top))
        page.wait_for_timeout(1000 * DRAG_SECONDS / MOVES)
    page.mouse.up()
    return wanted


def is_near(shown: list[float] | None, wanted: list[float]) -> bool:
    """Whether the x-axis shows what was dragged, within a hundredth of it."""
    if shown is None:
        return False
    allowed = 0.01 * (wanted[1] - wanted[0])
    return all(abs(one - other) <= allowed for one, other in zip(shown, wanted, strict=True))
