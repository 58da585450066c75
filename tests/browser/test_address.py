"""The page's address: under which name it is open, and which tab and run it names."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import CONTEXT
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser


def test_a_page_whose_requests_are_refused_says_so_and_what_to_do(
    browser: Browser, server: AppServer
) -> None:
    """Behind a proxy that replaces `Host`, under a name that the server does not know."""
    context = browser.new_context(**CONTEXT)

    def forward(route: Route) -> None:
        url = route.request.url.replace("http://lab.example", server.url)
        route.fulfill(response=route.fetch(url=url))

    context.route("http://lab.example/**", forward)
    page = DashboardPage(context, "http://lab.example")
    page.page.goto(page.url)
    expect(page.notice).to_be_visible()
    expect(page.notice).to_contain_text("start Digit Lab with --allow-host lab.example.")

    # A callback that is refused while all else goes on, by something else than Digit Lab.
    page.url = server.url
    page.load()
    expect(page.notice).to_be_hidden()
    page.page.route("**/_dash-update-component*", lambda route: route.fulfill(status=403))
    page.fill_form(epochs="7")
    expect(page.notice).to_contain_text("such as a proxy, refuses")
    page.page.unroute_all()
    page.fill_form(epochs="8")
    expect(page.notice).to_be_hidden()
    context.close()
