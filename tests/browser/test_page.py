"""The page itself: complete and quiet, its tabs, its form, its theme."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from dashboard.navigation import TABS
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LABELS = [tab.label for tab in TABS]
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def test_each_tab_shows_what_belongs_to_it_and_asks_its_own_server_only(
    dashboard: DashboardPage,
) -> None:
    inside = {
        "Train": dashboard.region("Live loss"),
        "Curves": dashboard.region("Accuracy curve"),
        "Gallery": dashboard.region("Test images"),
        "Draw": dashboard.canvas,
    }
    for tab in LABELS:
        dashboard.open_tab(tab)
        for name, part in inside.items():
            expect(part).to_be_visible(visible=name == tab)
        dashboard.wait_until_quiet()
    addresses = [urlsplit(address) for address in dashboard.requests]
    hosts = {address.netloc for address in addresses if address.scheme not in ("blob", "data")}
    assert hosts == {urlsplit(dashboard.url).netloc}
    assert dashboard.problems == []


def test_bootstraps_and_the_projects_styles_are_there(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Train")
    page = dashboard.theme_color("page")
    assert page != dashboard.theme_color("surface")
    expect(dashboard.page.locator("body")).to_have_css("background-color", page)
    # Bootstrap, without which the browser's own controls would show.
    expect(dashboard.run_picker).to_have_css("appearance", "none")


def test_the_tabs_are_reached_and_changed_with_the_keyboard(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Train")
    strip = dashboard.page.get_by_role("tablist", name="Views").get_by_role("tab")
    assert strip.evaluate_all("tabs => tabs.filter(tab => tab.tabIndex >= 0).length") == 1
    dashboard.page.get_by_role("tab", name="Train", selected=True).focus()
    dashboard.page.keyboard.press("ArrowRight")
    dashboard.expect_tab("Curves")
    expect(strip.and_(dashboard.page.get_by_role("tab", selected=True))).to_have_count(1)
    expect(dashboard.page.get_by_role("tab", name="Curves")).to_be_focused()
    dashboard.page.keyboard.press("ArrowLeft")
    dashboard.page.keyboard.press("ArrowLeft")
    dashboard.expect_tab("Runs")


def test_the_theme_is_the_systems_until_one_chooses(dashboard: DashboardPage) -> None:
    html = dashboard.page.locator("html")
    dashboard.page.evaluate("localStorage.removeItem('theme')")
    backgrounds = set()
    for scheme in ("dark", "light"):
        dashboard.page.emulate_media(color_scheme=scheme)
        expect(html).to_have_attribute("data-bs-theme", scheme)
        backgrounds.add(dashboard.page.evaluate(BACKGROUND))
    assert len(backgrounds) == 2
    for chosen in ("dark", "light"):
        dashboard.button("Light or dark").click()
        expect(html).to_have_attribute("data-bs-theme", chosen)
    dashboard.page.evaluate("localStorage.removeItem('theme')")


def test_tab_and_theme_survive_a_reload(dashboard: DashboardPage) -> None:
    dashboard.page.evaluate("localStorage.removeItem('theme')")
    dashboard.page.emulate_media(color_scheme="dark")
    dashboard.button("Light or dark").click()
    dashboard.open_tab("Curves")
    dashboard.reload()
    expect(dashboard.page.locator("html")).to_have_attribute("data-bs-theme", "light")
    dashboard.expect_tab("Curves")
    dashboard.page.evaluate("localStorage.removeItem('theme')")
    dashboard.page.emulate_media(color_scheme="light")


def test_on_a_small_screen_nothing_sticks_out(dashboard: DashboardPage) -> None:
    for width in (390, 820):
        dashboard.page.set_viewport_size({"width": width, "height": 800})
        for tab in LABELS:
            dashboard.open_tab(tab)
            dashboard.until(lambda: dashboard.page.evaluate(OVERHANG) <= 0)
