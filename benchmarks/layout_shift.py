"""How much the page moves by itself: `python -m benchmarks.layout_shift`.

Sums the layout shifts that Chromium reports (https://web.dev/articles/cls) on a desktop and on a
phone: while the page loads and each view is opened, before the first run and after it, and during
that run. As in the definition, what moves within half a second of a click does not count. So a
script opens the views, and only Train is clicked, as a person would.
"""

import argparse
import sys
from typing import Any

from playwright.sync_api import Browser, Page

from dashboard.navigation import TABS
from tools.chromium import opened_chromium
from tools.server import get, running

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
SETTLE_MS = 3000
OBSERVE = """
window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries()
    .filter((entry) => !entry.hadRecentInput).map((entry) => ({
        value: entry.value,
        sources: entry.sources.map(({node}) =>
            node?.id ? `#${node.id}` : node?.className ?? "text"),
    })))).observe({type: "layout-shift", buffered: true});
"""


def main() -> int:
    parser = argparse.ArgumentParser(description="How much the page moves by itself.")
    parser.add_argument("--sources", action="store_true", help="also name what moved")
    options = parser.parse_args()
    with opened_chromium() as browser:
        for screen in SCREENS:
            with running("--dataset", "synthetic") as url:
                measure(browser, url, screen, options.sources)
    return 0


def measure(browser: Browser, url: str, screen: str, sources: bool) -> None:
    """Opens every view, trains a run and opens them again; prints what moved meanwhile."""

    def report(what: str) -> None:
        page.wait_for_timeout(SETTLE_MS)
        shifts = page.evaluate("window.shifts.splice(0)")
        print(f"{screen:8} {what:28} {sum(shift['value'] for shift in shifts):.4f}", flush=True)
        for shift in shifts if sources else []:
            print(f"    {shift['value']:.4f} {' '.join(shift['sources'])}")

    page = browser.new_context(**SCREENS[screen]).new_page()
    page.add_init_script(OBSERVE)
    train = page.get_by_role("button", name="Train", exact=True)

    def open_views(when: str) -> None:
        page.goto(url)
        train.wait_for()
        report(f"load {when}")
        for tab in TABS[1:]:
            open_tab(page, tab.id)
            report(f"{tab.label} {when}")

    open_views("before a run")
    open_tab(page, "train")
    page.evaluate("window.shifts.splice(0)")
    train.click()
    while not any(run["state"] == "done" for run in get(f"{url}/api/runs")["runs"]):
        page.wait_for_timeout(200)
    report("a whole run")
    open_views("after a run")
    page.context.close()


def open_tab(page: Page, tab: str) -> None:
    page.evaluate("tab => dash_clientside.set_props('open-tab', {data: tab})", tab)


if __name__ == "__main__":
    sys.exit(main())
