"""The page itself: complete and quiet, its tabs, its form, its theme."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from core.config import PRESETS, TrainConfig
from dashboard.navigation import TABS
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LABELS = [tab.label for tab in TABS]
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


def open_form(dashboard: DashboardPage) -> None:
    """The Train tab with the settings of a preset, and no alert of an earlier test."""
    dashboard.open_tab("Train")
    dashboard.fill_form(preset=PRESETS["fast"].title)


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
    accent, page = dashboard.theme_color("accent"), dashboard.theme_color("page")
    assert accent != page
    expect(dashboard.button("Train")).to_have_css("background-color", accent)
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


def test_a_bad_value_is_marked_with_a_sentence_and_training_does_not_start(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_form(dashboard)
    before = len(server.all_runs())
    dashboard.fill_form(epochs="many")
    expect(dashboard.field("Epochs")).to_have_attribute("aria-invalid", "true")
    sentence = dashboard.text("This must be a whole number from 1 to 2,000, not “many”.")
    expect(sentence).to_be_visible()
    dashboard.button("Train").click()
    expect(dashboard.region("Start and stop").get_by_role("alert")).to_have_text(
        re.compile("did not start.*Epochs")
    )
    assert len(server.all_runs()) == before

    dashboard.fill_form(epochs="3")
    expect(dashboard.field("Epochs")).to_have_attribute("aria-invalid", "false")
    expect(sentence).to_have_count(0)


def test_a_preset_fills_the_form_and_a_change_makes_it_ones_own(dashboard: DashboardPage) -> None:
    open_form(dashboard)
    chosen = dashboard.field("Preset")
    for name in ("notebook", "fast", "accurate", "speedrun"):
        chosen.select_option(label=PRESETS[name].title)
        expect(dashboard.field("Batch size")).to_have_value(str(PRESETS[name].config.batch_size))
        expect(dashboard.field("Model")).to_have_value(PRESETS[name].config.model)
        expect(dashboard.text(PRESETS[name].purpose)).to_be_visible()
    for own in ("33", "x", ""):
        dashboard.fill_form(batch_size=own)
        expect(chosen).to_have_value("custom")
        expect(dashboard.text("Settings of your own.")).to_be_visible()
        expect(dashboard.field("Model")).to_have_value(PRESETS["speedrun"].config.model)
        dashboard.fill_form(batch_size=str(PRESETS["speedrun"].config.batch_size))
        expect(chosen).to_have_value("speedrun")
    dashboard.fill_form(learning_rate="0.010001")
    expect(chosen).to_have_value("custom")
    for spelling in ("0,01", "1e-2"):
        dashboard.fill_form(learning_rate=spelling)
        expect(chosen).to_have_value("speedrun")
        expect(dashboard.field("Learning rate")).to_have_value(spelling)


def test_more_settings_have_a_field_each_and_a_preset_leaves_seed_and_data_set_as_they_are(
    dashboard: DashboardPage,
) -> None:
    open_form(dashboard)
    dashboard.show_more_settings()
    for field in TrainConfig.model_fields.values():
        assert field.title is not None
        expect(dashboard.field(field.title)).to_be_visible()

    seed, data_set = (dashboard.field(name).input_value() for name in ("Seed", "Data set"))
    dashboard.fill_form(seed="7", data_set="MNIST")
    expect(dashboard.field("Preset")).to_have_value("fast")
    dashboard.fill_form(preset="Notebook")
    expect(dashboard.field("Batch size")).to_have_value("64")
    expect(dashboard.field("Seed")).to_have_value("7")
    expect(dashboard.field("Data set")).to_have_value("mnist")
    dashboard.fill_form(seed=seed)
    dashboard.field("Data set").select_option(value=data_set)


def test_what_one_types_while_the_server_is_slow_is_kept(dashboard: DashboardPage) -> None:
    open_form(dashboard)
    with dashboard.server_silent():
        dashboard.fill_form(
            preset=PRESETS["notebook"].title, epochs="7", learning_rate="0.5", optimizer="AdamW"
        )
    dashboard.fill_form(batch_size="none")  # when this is answered, so is everything before it
    expect(dashboard.text("This must be a whole number from 1")).to_be_visible()
    expect(dashboard.field("Model")).to_have_value(PRESETS["notebook"].config.model)
    expect(dashboard.field("Epochs")).to_have_value("7")
    expect(dashboard.field("Learning rate")).to_have_value("0.5")
    expect(dashboard.field("Optimizer")).to_have_value("adamw")
    dashboard.fill_form(batch_size="64")


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


def test_settings_tab_and_theme_survive_a_reload(dashboard: DashboardPage) -> None:
    open_form(dashboard)
    dashboard.fill_form(epochs="9", learning_rate="2e-3", optimizer="SGD with momentum")
    dashboard.page.evaluate("localStorage.removeItem('theme')")
    dashboard.page.emulate_media(color_scheme="dark")
    dashboard.button("Light or dark").click()
    dashboard.open_tab("Curves")
    dashboard.reload()
    expect(dashboard.page.locator("html")).to_have_attribute("data-bs-theme", "light")
    dashboard.expect_tab("Curves")
    dashboard.open_tab("Train")
    expect(dashboard.field("Epochs")).to_have_value("9")
    expect(dashboard.field("Learning rate")).to_have_value("2e-3")
    expect(dashboard.field("Optimizer")).to_have_value("sgd")
    expect(dashboard.field("Preset")).to_have_value("custom")
    dashboard.page.evaluate("localStorage.removeItem('theme')")
    dashboard.page.emulate_media(color_scheme="light")


def test_on_a_small_screen_nothing_sticks_out(dashboard: DashboardPage) -> None:
    for width in (390, 820):
        dashboard.page.set_viewport_size({"width": width, "height": 800})
        for tab in LABELS:
            dashboard.open_tab(tab)
            dashboard.until(lambda: dashboard.page.evaluate(OVERHANG) <= 0)
