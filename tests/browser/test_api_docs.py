"""The page that describes the routes, in a browser: it works without internet."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser


def test_the_routes_can_be_read_and_tried_without_another_host(
    browser: Browser, server: AppServer
) -> None:
    dashboard = DashboardPage(browser.new_context(), server.url).record_requests()
    page = dashboard.page
    page.goto(f"{server.url}/api/docs")

    route = page.get_by_role("button", name="GET /api/health", exact=False)
    expect(page.get_by_role("heading", name="Digit Lab")).to_be_visible()
    route.first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_text('"status": "ok"').first).to_be_visible()

    addresses = [urlsplit(address) for address in dashboard.requests]
    outside = {part.netloc for part in addresses if part.scheme not in ("data", "blob")}
    assert outside == {urlsplit(server.url).netloc}
    assert dashboard.problems == []
    page.context.close()
