"""The page itself: complete and quiet, its form, its theme."""

import re
import signal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from core.config import PRESETS, TrainConfig
from tests.browser.conftest import Lab, Visit

pytestmark = pytest.mark.browser

OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
TABS = ("Train", "Curves", "Gallery", "Draw")


def test_the_page_loads_without_an_error_and_from_its_own_server_only(
    visit_untrained: Visit, untrained_lab: Lab
) -> None:
    visitor = visit_untrained()
    for tab in TABS:
        visitor.tab(tab)
        visitor.page.wait_for_load_state("networkidle")
    hosts = {
        urlsplit(address).netloc
        for address in visitor.requests
        if urlsplit(address).scheme not in ("blob", "data")
    }
    assert hosts == {urlsplit(untrained_lab.url).netloc}
    assert visitor.problems == []


def test_bootstraps_and_the_projects_styles_are_there(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    expect(visitor.button("Train")).to_have_css("background-color", "rgb(13, 110, 253)")
    expect(visitor.page.locator("body")).to_have_css("background-color", "rgb(244, 246, 248)")


def test_each_tab_shows_what_belongs_to_it(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    inside = {
        "Train": visitor.region("Live loss"),
        "Curves": visitor.region("Accuracy curve"),
        "Gallery": visitor.region("Test images"),
        "Draw": visitor.canvas,
    }
    for tab in TABS:
        visitor.tab(tab)
        for name, part in inside.items():
            expect(part).to_be_visible(visible=name == tab)


def test_the_tabs_are_reached_and_changed_with_the_keyboard(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    visitor.tab("Train")
    strip = visitor.page.get_by_role("tab")
    assert strip.evaluate_all("tabs => tabs.filter(tab => tab.tabIndex >= 0).length") == 1
    visitor.page.get_by_role("tab", name="Train", selected=True).focus()
    visitor.page.keyboard.press("ArrowRight")
    visitor.expect_tab("Curves")
    expect(visitor.page.get_by_role("tab", selected=True)).to_have_count(1)
    expect(visitor.page.get_by_role("tab", name="Curves")).to_be_focused()
    visitor.page.keyboard.press("ArrowLeft")
    visitor.page.keyboard.press("ArrowLeft")
    visitor.expect_tab("Runs")


def test_before_the_first_run_the_page_is_ready_and_says_how_to_begin(
    visit_untrained: Visit,
) -> None:
    visitor = visit_untrained()
    expect(visitor.status("State")).to_have_text("ready")
    expect(visitor.status("Data set")).to_have_text("MNIST")
    expect(visitor.button("Train")).to_be_enabled()
    expect(visitor.button("Stop")).to_be_disabled()
    expect(visitor.region("Live loss")).to_contain_text("The curve starts to move")


def test_the_layers_of_the_chosen_model_are_listed(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    layers = visitor.page.get_by_role("table").filter(has_text="Parameters")
    visitor.choose(model="SimpleCNN")
    expect(layers).to_contain_text("conv2")
    expect(layers).to_contain_text("1,625,866")
    visitor.choose(model="MLP (no convolution)")
    expect(layers).not_to_contain_text("conv")


def test_a_bad_value_is_marked_with_a_sentence_and_training_does_not_start(
    visit_untrained: Visit,
) -> None:
    visitor = visit_untrained()
    visitor.choose(epochs="many")
    expect(visitor.field("Epochs")).to_have_class(re.compile("is-invalid"))
    sentence = visitor.page.get_by_text("This must be a whole number from 1 to 2,000.")
    expect(sentence).to_be_visible()
    visitor.button("Train").click()
    expect(visitor.region("Start and stop").get_by_role("alert")).to_have_text(
        re.compile("did not start.*Epochs")
    )
    expect(visitor.status("State")).to_have_text("ready")

    visitor.choose(epochs="3")
    expect(visitor.field("Epochs")).not_to_have_class(re.compile("is-invalid"))
    expect(sentence).to_have_count(0)


def test_a_preset_fills_the_form_and_a_change_makes_it_ones_own(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    chosen = visitor.field("Preset")
    for name in ("notebook", "fast", "accurate", "speedrun"):
        chosen.select_option(label=PRESETS[name].title)
        expect(visitor.field("Batch size")).to_have_value(str(PRESETS[name].config.batch_size))
        expect(visitor.field("Model")).to_have_value(PRESETS[name].config.model)
        expect(visitor.page.get_by_text(PRESETS[name].purpose)).to_be_visible()
    for own in ("33", "x", ""):
        visitor.choose(batch_size=own)
        expect(chosen).to_have_value("custom")
        expect(visitor.page.get_by_text("Settings of your own.")).to_be_visible()
        expect(visitor.field("Model")).to_have_value(PRESETS["speedrun"].config.model)
        visitor.choose(batch_size=f"{PRESETS['speedrun'].config.batch_size:e}")
        expect(chosen).to_have_value("speedrun")


def test_a_preset_leaves_the_seed_and_the_data_set_as_they_are(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    visitor.page.get_by_text("More settings").click()
    visitor.choose(seed="7", data_set="MNIST")
    expect(visitor.field("Preset")).to_have_value("fast")
    visitor.choose(preset="Notebook")
    expect(visitor.field("Batch size")).to_have_value("64")
    expect(visitor.field("Seed")).to_have_value("7")
    expect(visitor.field("Data set")).to_have_value("mnist")


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes cannot be paused here")
def test_what_one_types_while_the_server_is_slow_is_kept(
    visit_untrained: Visit, untrained_lab: Lab
) -> None:
    visitor = visit_untrained()
    with untrained_lab.paused():
        visitor.choose(
            preset=PRESETS["notebook"].title, epochs="7", learning_rate="0.5", optimizer="AdamW"
        )
    visitor.choose(batch_size="none")  # when this is answered, so is all before it
    expect(visitor.page.get_by_text("This must be a whole number from 1")).to_be_visible()
    expect(visitor.field("Model")).to_have_value(PRESETS["notebook"].config.model)
    expect(visitor.field("Epochs")).to_have_value("7")
    expect(visitor.field("Learning rate")).to_have_value("0.5")
    expect(visitor.field("Optimizer")).to_have_value("adamw")


def test_settings_survive_a_reload(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    visitor.choose(epochs="9", learning_rate="2e-3", optimizer="SGD with momentum")
    visitor.tab("Curves")
    visitor.reload()
    visitor.expect_tab("Curves")
    visitor.tab("Train")
    expect(visitor.field("Epochs")).to_have_value("9")
    expect(visitor.field("Learning rate")).to_have_value("2e-3")
    expect(visitor.field("Optimizer")).to_have_value("sgd")
    expect(visitor.field("Preset")).to_have_value("custom")


def test_every_setting_has_a_field_that_can_be_seen(visit_untrained: Visit) -> None:
    visitor = visit_untrained()
    visitor.page.get_by_text("More settings").click()
    for field in TrainConfig.model_fields.values():
        assert field.title is not None
        expect(visitor.field(field.title)).to_be_visible()


def test_the_theme_button_switches_and_the_choice_survives_a_reload(
    visit_untrained: Visit,
) -> None:
    visitor = visit_untrained(color_scheme="light")
    html = visitor.page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    light = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    visitor.button("Light or dark").click()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    assert visitor.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    visitor.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    visitor.button("Light or dark").click()
    expect(html).to_have_attribute("data-bs-theme", "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_until_one_chooses_the_theme_is_the_systems(visit_untrained: Visit, scheme: str) -> None:
    visitor = visit_untrained(color_scheme=scheme)
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", scheme)


def test_on_a_small_screen_nothing_sticks_out(visit_untrained: Visit) -> None:
    visitor = visit_untrained(viewport={"width": 390, "height": 800})
    for width in (390, 820):
        visitor.page.set_viewport_size({"width": width, "height": 800})
        for tab in (*TABS, "Runs"):
            visitor.tab(tab)
            visitor.until(lambda: visitor.page.evaluate(OVERHANG) <= 0)
