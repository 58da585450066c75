"""What axe-core finds on a page."""

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard.ids import TAB_RUNS
from dashboard.navigation import TABS
from tests.browser.dashboard_page import DashboardPage

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
TABLET: dict[str, Any] = {"viewport": {"width": 1024, "height": 768}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


_RUN_AXE = """async () => {
    // Not what hidden tabs have built: each is looked at while it is open.
    const where = {exclude: [".tab-panel[hidden]"]};
    return (await axe.run(where, {resultTypes: ["violations"]})).violations;
}"""


def violations(page: Page) -> list[str]:
    """What is wrong on the page as it is: the rule and the element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate(_RUN_AXE)
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def violations_by_tab(
    dashboard: DashboardPage, also: Callable[[str], None] = lambda _: None
) -> dict[str, list[str]]:
    """What is wrong on each tab, by its label. Tabs on which nothing is wrong are left out.

    Args:
        dashboard: the page.
        also: what else to look at on a tab, by its label: a walk through all tabs takes its time.
    """
    found: dict[str, list[str]] = {}
    for tab in TABS:
        dashboard.open_tab(tab.label)
        dashboard.wait_until_quiet()
        if tab.id == TAB_RUNS:  # AG Grid draws the row of the head before what is in it
            expect(dashboard.page.get_by_role("columnheader").first).to_be_visible()
        if wrong := violations(dashboard.page):
            found[tab.label] = wrong
        also(tab.label)
    return found
