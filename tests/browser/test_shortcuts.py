"""Keyboard shortcuts and projector mode, in the dialog under ?."""

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser


def test_keys_open_views_and_move_the_epoch_but_not_while_one_types_or_has_them_off(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.show_run(mlp_run)
    dashboard.open_tab("Train")
    press = dashboard.page.keyboard.press
    press("2")
    dashboard.expect_tab("Curves")
    dashboard.page.locator("body").click(position={"x": 2, "y": 300})
    slider = dashboard.field("Epoch shown")
    press("[")
    expect(slider).to_have_value("2")
    press("l")
    expect(slider).to_have_value("3")

    press("7")
    dashboard.expect_tab("Runs")
    dashboard.field("Find runs").fill("")
    dashboard.field("Find runs").press("2")
    expect(dashboard.field("Find runs")).to_have_value("2")
    dashboard.expect_tab("Runs")
    dashboard.field("Find runs").fill("")

    dashboard.button("Keyboard shortcuts and projector").click()
    dialog = dashboard.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_text("Latest network")).to_be_visible()
    use = dialog.get_by_role("switch", name="Use these shortcuts")
    use.uncheck()
    press("Escape")
    expect(dialog).to_be_hidden()
    press("2")
    press("?")
    dashboard.expect_tab("Runs")
    expect(dialog).to_be_hidden()
    assert dashboard.page.evaluate("localStorage.getItem('shortcuts')") == "off"
    dashboard.button("Keyboard shortcuts and projector").click()
    use.check()
    press("Escape")


def test_a_dialog_that_is_opened_twice_before_it_has_come_is_there_once(
    dashboard: DashboardPage,
) -> None:
    dashboard.reload()  # no dialog is built
    held = dashboard.hold_back("build-shortcuts-body")
    for key in ("?", "Escape", "?"):
        dashboard.page.keyboard.press(key)
    dashboard.until(lambda: held)
    dashboard.stop_holding()
    dialog = dashboard.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_role("switch")).to_have_count(2)
    dashboard.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_projector_mode_enlarges_the_type(dashboard: DashboardPage) -> None:
    def size() -> float:
        return float(
            dashboard.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        )

    before = size()
    dashboard.page.keyboard.press("?")
    switch = dashboard.page.get_by_role("switch", name="Projector: larger type and lines")
    switch.check()
    assert size() > before
    assert dashboard.page.evaluate("localStorage.getItem('projector')") == "on"
    switch.uncheck()
    assert size() == before
    dashboard.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(switch).to_be_hidden()
