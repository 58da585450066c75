"""The page's address: under which name it is open, and which tab and run it names."""

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import CONTEXT, OpenPage
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
    page.fill_form(epochs="6")
    page.page.route("**/_dash-update-component*", lambda route: route.fulfill(status=403))
    page.fill_form(epochs="7")
    expect(page.notice).to_contain_text("such as a proxy, refuses")
    page.page.unroute_all()
    page.fill_form(epochs="8")
    expect(page.notice).to_be_hidden()
    context.close()


def test_the_address_names_the_run_that_is_shown_and_back_goes_to_the_view_before(
    open_page: OpenPage, server: AppServer, mlp_run: str, cnn_run: str
) -> None:
    newest = server.train(epochs=1, train_images=100)
    page = open_page()
    expect_view(page, newest, "train", pick="newest")
    page.open_tab("Curves")
    expect_view(page, newest, "curves", pick="newest")
    page.run_picker.select_option(value=mlp_run)
    expect_view(page, mlp_run, "curves")
    page.open_tab("Runs")
    page.run_picker.select_option(value="newest")
    expect_view(page, newest, "runs", pick="newest")

    # A newer run takes the place of the one that the page followed: no entry of its own.
    newer = server.train(epochs=1, train_images=100)
    expect_view(page, newer, "runs", pick="newest")
    page.reload()
    expect_view(page, newer, "runs", pick="newest")
    page.page.go_back()
    expect_view(page, mlp_run, "runs")
    page.page.go_back()
    expect_view(page, mlp_run, "curves")
    page.page.go_back()
    expect_view(page, newest, "curves")  # what it showed, though another is the newest now
    page.page.go_back()
    expect_view(page, newest, "train")
    page.page.go_forward()
    page.page.go_forward()
    expect_view(page, mlp_run, "curves")
    page.page.go_forward()
    page.page.go_forward()
    expect_view(page, newer, "runs", pick="newest")

    # Tab and run at once are one entry, and what is open already is none.
    entries = page.page.evaluate("history.length")
    page.page.evaluate(
        """run => {
            dash_clientside.set_props("run-pick", {value: run});
            dash_clientside.set_props("open-tab", {data: "curves"});
        }""",
        cnn_run,
    )
    expect_view(page, cnn_run, "curves")
    page.open_tab("Curves")
    page.page.evaluate("location.hash = 'x'")
    assert page.page.evaluate("history.length") == entries + 2  # the hash is the browser's
    page.page.go_back()
    page.page.go_back()
    expect_view(page, newer, "runs", pick="newest")


def test_a_link_to_what_is_gone_says_so_and_what_one_sees_instead(
    open_page: OpenPage, server: AppServer
) -> None:
    newest = server.train(epochs=1, train_images=100)
    page = open_page(query=f"?run={'x' * 300}&run={newest}&tab=curves&more=1")
    expect(page.notice).to_contain_text(
        "This link names a run that is not here. You see the newest run instead. Choose another"
    )
    expect_view(page, newest, "curves", pick="newest")
    page.open_tab("Train")
    expect(page.notice).to_be_hidden()

    # A run that is deleted while a page shows it.
    doomed = server.train(epochs=1, train_images=100)
    kept = server.train(epochs=1, train_images=100)
    expect_view(page, kept, "train", pick="newest")  # it has followed both
    page.run_picker.select_option(value=doomed)
    expect_view(page, doomed, "train")
    page.wait_until_quiet()  # what it still asks of the run would be refused
    server.service.runs.delete(doomed)
    expect(page.notice).to_contain_text("The run that you looked at is gone. You see the newest")
    expect_view(page, kept, "train", pick="newest")
    server.service.runs.restore(doomed)  # the page no longer asks for it
    newest = server.train(epochs=1, train_images=100)
    expect_view(page, newest, "train", pick="newest")

    page.load("?tab=unknown")
    expect(page.notice).to_contain_text("This link names a tab that is not here.")
    expect_view(page, newest, "train", pick="newest")

    # The page opens the tab that was open before, as after a reload, and the sentence stays.
    page.open_tab("Curves")
    expect(page.notice).to_be_hidden()
    page.load("?tab=unknown")
    expect_view(page, newest, "curves", pick="newest")
    page.wait_until_quiet()
    expect(page.notice).to_contain_text("This link names a tab that is not here.")


def expect_view(page: DashboardPage, run_id: str, tab: str, pick: str = "") -> None:
    """The page shows a run and a tab, its address names them, and so does the choice of a run."""
    page.page.wait_for_url(f"**/?run={run_id}&tab={tab}")
    expect(page.run_picker).to_have_value(pick or run_id)
    expect(page.page.locator(".tab-panel:not([hidden])")).to_have_count(1)
    active = "dash_component_api.getLayout('open-tab').props.data"
    page.until(lambda: page.page.evaluate(active) == tab)
    page.until(lambda: page.page.locator("#epoch-bar").get_attribute("data-version"))
    shown = "document.getElementById('epoch-bar').dataset.version"
    page.until(lambda: page.page.evaluate(shown).startswith(f"{run_id}/"))
