"""The page itself: its styles, its tabs, its theme."""

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

BACKGROUND = "getComputedStyle(document.body).backgroundColor"

COUNT_NEWS = """async () => {
    const [store] = window.dash_stores;
    let news = 0;
    const leave = store.subscribe(() => news++);
    for (let change = 0; change < 50; change++) store.dispatch({type: "NOTHING"});
    const atOnce = news;
    // The next task of its kind: until an idle moment others might change the store as well.
    const {port1, port2} = new MessageChannel();
    await new Promise(done => {
        port1.onmessage = done;
        port2.postMessage(null);
    });
    leave();
    return [atOnce, news];
}"""
"""How often a component hears of fifty changes of Dash's store: at once, and in all."""


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


def test_components_hear_of_many_changes_together_but_of_what_one_chooses_at_once(
    dashboard: DashboardPage,
) -> None:
    dashboard.open_tab("Gallery")
    dashboard.wait_until_quiet()
    at_once, in_all = dashboard.page.evaluate(COUNT_NEWS)
    assert at_once == 0
    assert 1 <= in_all < 10  # others may have changed it meanwhile
    # React has not put the list back to what it was before the choice.
    dashboard.page.evaluate("addEventListener('change', ({target}) => (choice = target.value))")
    colours = dashboard.field("Colours")
    for value in ("Viridis", "Greys"):
        colours.select_option(value)
        assert dashboard.page.evaluate("choice") == value
