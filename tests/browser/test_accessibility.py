"""What axe-core finds on each view: nothing. `make probe` looks at more widths and states."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from dashboard.navigation import TABS
from tests.browser.app_server import AppServer
from tests.browser.conftest import MakeServer, OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


def violations(page: Page) -> list[str]:
    """What is wrong on the page as it is: the rule, the element and the reason."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def expect_no_violations(dashboard: DashboardPage) -> None:
    found: dict[str, list[str]] = {}
    for tab in TABS:
        dashboard.open_tab(tab.label)
        dashboard.wait_until_quiet()
        if wrong := violations(dashboard.page):
            found[tab.label] = wrong
    assert found == {}


@pytest.mark.parametrize(
    ("device", "theme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_no_view_of_a_run_that_is_done_violates_a_rule(
    open_page: OpenPage, mlp_run: str, device: dict[str, Any], theme: str
) -> None:
    dashboard = open_page(color_scheme=theme, **device)
    dashboard.show_run(mlp_run)
    expect_no_violations(dashboard)


def test_no_empty_view_violates_a_rule(open_page: OpenPage, make_server: MakeServer) -> None:
    expect_no_violations(open_page(make_server().url, **DESKTOP))


def test_no_view_of_a_run_that_trains_violates_a_rule(
    open_page: OpenPage, server: AppServer
) -> None:
    dashboard = open_page(color_scheme="dark", **PHONE)
    dashboard.show_run(server.start_endless_run())
    expect_no_violations(dashboard)
