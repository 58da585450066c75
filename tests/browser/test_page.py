"""The page itself: complete and quiet, its form, its theme."""

import re
import signal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from core.config import PRESETS, TrainConfig
from tests.browser.app_server import AppServer

pytestmark = pytest.mark.browser

OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TABS = ("Train", "Curves", "Gallery", "Draw")


def test_the_page_loads_without_an_error_and_from_its_own_server_only(
    visit_untrained: Visit, untrained_lab: AppServer
) -> None:
    dashboard = visit_untrained()
    for tab in TABS:
        dashboard.open_tab(tab)
        dashboard.page.wait_for_load_state("networkidle")
    hosts = {
        urlsplit(address).netloc
        for address in dashboard.requests
        if urlsplit(address).scheme not in ("blob", "data")
    }
    assert hosts == {urlsplit(untrained_lab.url).netloc}
    assert dashboard.problems == []


def test_bootstraps_and_the_projects_styles_are_there(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    expect(dashboard.button("Train")).to_have_css("background-color", "rgb(13, 110, 253)")
    expect(dashboard.page.locator("body")).to_have_css("background-color", "rgb(244, 246, 248)")


def test_each_tab_shows_what_belongs_to_it(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    inside = {
        "Train": dashboard.region("Live loss"),
        "Curves": dashboard.region("Accuracy curve"),
        "Gallery": dashboard.region("Test images"),
        "Draw": dashboard.canvas,
    }
    for tab in TABS:
        dashboard.open_tab(tab)
        for name, part in inside.items():
            expect(part).to_be_visible(visible=name == tab)


def test_the_tabs_are_reached_and_changed_with_the_keyboard(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    dashboard.open_tab("Train")
    strip = dashboard.page.get_by_role("tab")
    assert strip.evaluate_all("tabs => tabs.filter(tab => tab.tabIndex >= 0).length") == 1
    dashboard.page.get_by_role("tab", name="Train", selected=True).focus()
    dashboard.page.keyboard.press("ArrowRight")
    dashboard.expect_tab("Curves")
    expect(dashboard.page.get_by_role("tab", selected=True)).to_have_count(1)
    expect(dashboard.page.get_by_role("tab", name="Curves")).to_be_focused()
    dashboard.page.keyboard.press("ArrowLeft")
    dashboard.page.keyboard.press("ArrowLeft")
    dashboard.expect_tab("Runs")


def test_before_the_first_run_the_page_is_ready_and_says_how_to_begin(
    visit_untrained: Visit,
) -> None:
    dashboard = visit_untrained()
    expect(dashboard.status("State")).to_have_text("ready")
    expect(dashboard.status("Data set")).to_have_text("MNIST")
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_disabled()
    expect(dashboard.region("Live loss")).to_contain_text("The curve starts to move")


def test_the_layers_of_the_chosen_model_are_listed(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    layers = dashboard.page.get_by_role("table").filter(has_text="Parameters")
    dashboard.fill_form(model="SimpleCNN")
    expect(layers).to_contain_text("conv2")
    expect(layers).to_contain_text("1,625,866")
    dashboard.fill_form(model="MLP (no convolution)")
    expect(layers).not_to_contain_text("conv")


def test_a_bad_value_is_marked_with_a_sentence_and_training_does_not_start(
    visit_untrained: Visit,
) -> None:
    dashboard = visit_untrained()
    dashboard.fill_form(epochs="many")
    expect(dashboard.field("Epochs")).to_have_class(re.compile("is-invalid"))
    sentence = dashboard.page.get_by_text("This must be a whole number from 1 to 2,000.")
    expect(sentence).to_be_visible()
    dashboard.button("Train").click()
    expect(dashboard.region("Start and stop").get_by_role("alert")).to_have_text(
        re.compile("did not start.*Epochs")
    )
    expect(dashboard.status("State")).to_have_text("ready")

    dashboard.fill_form(epochs="3")
    expect(dashboard.field("Epochs")).not_to_have_class(re.compile("is-invalid"))
    expect(sentence).to_have_count(0)


def test_a_preset_fills_the_form_and_a_change_makes_it_ones_own(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    chosen = dashboard.field("Preset")
    for name in ("notebook", "fast", "accurate", "speedrun"):
        chosen.select_option(label=PRESETS[name].title)
        expect(dashboard.field("Batch size")).to_have_value(str(PRESETS[name].config.batch_size))
        expect(dashboard.field("Model")).to_have_value(PRESETS[name].config.model)
        expect(dashboard.page.get_by_text(PRESETS[name].purpose)).to_be_visible()
    for own in ("33", "x", ""):
        dashboard.fill_form(batch_size=own)
        expect(chosen).to_have_value("custom")
        expect(dashboard.page.get_by_text("Settings of your own.")).to_be_visible()
        expect(dashboard.field("Model")).to_have_value(PRESETS["speedrun"].config.model)
        dashboard.fill_form(batch_size=f"{PRESETS['speedrun'].config.batch_size:e}")
        expect(chosen).to_have_value("speedrun")


def test_a_preset_leaves_the_seed_and_the_data_set_as_they_are(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    dashboard.page.get_by_text("More settings").click()
    dashboard.fill_form(seed="7", data_set="MNIST")
    expect(dashboard.field("Preset")).to_have_value("fast")
    dashboard.fill_form(preset="Notebook")
    expect(dashboard.field("Batch size")).to_have_value("64")
    expect(dashboard.field("Seed")).to_have_value("7")
    expect(dashboard.field("Data set")).to_have_value("mnist")


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be paused here")
def test_what_one_types_while_the_server_is_slow_is_kept(
    visit_untrained: Visit, untrained_lab: AppServer
) -> None:
    dashboard = visit_untrained()
    with untrained_lab.paused():
        dashboard.fill_form(
            preset=PRESETS["notebook"].title, epochs="7", learning_rate="0.5", optimizer="AdamW"
        )
    dashboard.fill_form(batch_size="none")  # when this is answered, so is all before it
    expect(dashboard.page.get_by_text("This must be a whole number from 1")).to_be_visible()
    expect(dashboard.field("Model")).to_have_value(PRESETS["notebook"].config.model)
    expect(dashboard.field("Epochs")).to_have_value("7")
    expect(dashboard.field("Learning rate")).to_have_value("0.5")
    expect(dashboard.field("Optimizer")).to_have_value("adamw")


def test_settings_survive_a_reload(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    dashboard.fill_form(epochs="9", learning_rate="2e-3", optimizer="SGD with momentum")
    dashboard.open_tab("Curves")
    dashboard.reload()
    dashboard.expect_tab("Curves")
    dashboard.open_tab("Train")
    expect(dashboard.field("Epochs")).to_have_value("9")
    expect(dashboard.field("Learning rate")).to_have_value("2e-3")
    expect(dashboard.field("Optimizer")).to_have_value("sgd")
    expect(dashboard.field("Preset")).to_have_value("custom")


def test_every_setting_has_a_field_that_can_be_seen(visit_untrained: Visit) -> None:
    dashboard = visit_untrained()
    dashboard.page.get_by_text("More settings").click()
    for field in TrainConfig.model_fields.values():
        assert field.title is not None
        expect(dashboard.field(field.title)).to_be_visible()


def test_the_theme_button_switches_and_the_choice_survives_a_reload(
    visit_untrained: Visit,
) -> None:
    dashboard = visit_untrained(color_scheme="light")
    html = dashboard.page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    light = dashboard.page.evaluate("getComputedStyle(document.body).backgroundColor")
    dashboard.button("Light or dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    assert dashboard.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    dashboard.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    dashboard.button("Light or dark").click()
    expect(html).to_have_attribute("data-bs-theme", "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_until_one_chooses_the_theme_is_the_systems(visit_untrained: Visit, scheme: str) -> None:
    dashboard = visit_untrained(color_scheme=scheme)
    expect(dashboard.page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_on_a_small_screen_nothing_sticks_out(visit_untrained: Visit) -> None:
    dashboard = visit_untrained(viewport={"width": 390, "height": 800})
    for width in (390, 820):
        dashboard.page.set_viewport_size({"width": width, "height": 800})
        for tab in (*TABS, "Runs"):
            dashboard.open_tab(tab)
            dashboard.until(lambda: dashboard.page.evaluate(OVERHANG) <= 0)
