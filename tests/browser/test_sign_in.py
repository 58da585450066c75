"""A server with a token: the sign-in page, and a page whose cookie no longer counts."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import axe
from tests.browser.axe import violations
from tests.browser.conftest import CONTEXT, MakeServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-class"
PHONE, DESKTOP = axe.PHONE["viewport"], axe.DESKTOP["viewport"]


def sign_in(page: Page, token: str) -> None:
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")


def test_one_signs_in_and_again_when_the_cookie_no_longer_counts(
    browser: Browser, make_server: MakeServer
) -> None:
    server = make_server(TOKEN)
    run_id = server.train()
    context = browser.new_context(**CONTEXT)
    dashboard = DashboardPage(context, server.url)
    page = dashboard.page
    dashboard._loads_wanted = 4  # the page, with a wrong token, and with the right one
    address = f"{server.url}/?run={run_id}&tab=mistakes"

    page.goto(address)
    for size, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    sign_in(page, "not-the-token-at-all")
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    assert violations(page) == []
    sign_in(page, TOKEN)
    dashboard.expect_tab("Mistakes")
    expect(page).to_have_url(address)
    dashboard.expect_connection("open")

    # As after a restart with another token. The page asks again when it is seen again.
    context.clear_cookies()
    dashboard.wait_until_quiet()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(dashboard.notice).to_contain_text("You are signed out")
    dashboard.button("Sign in").click()
    sign_in(page, TOKEN)
    dashboard.expect_tab("Mistakes")
    dashboard.expect_connection("open")

    # A click on the page hears of it, too; a sign-in in another window is enough.
    context.clear_cookies()
    page.get_by_role("tab", name="Runs").click()
    expect(dashboard.notice).to_contain_text("You are signed out")
    other = context.new_page()
    other.goto(f"{server.url}/?token={TOKEN}")
    expect(other).not_to_have_url(f"{server.url}/?token={TOKEN}")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(dashboard.notice).to_be_hidden()
    dashboard.expect_tab("Runs")
    context.close()
