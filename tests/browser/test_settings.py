"""Presets and settings: the cards, the drawer, and the settings of the run that is shown."""

import re

import pytest
from playwright.sync_api import expect

from core.config import PRESETS, TrainConfig, read_texts
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser


def open_form(dashboard: DashboardPage) -> None:
    """The Train tab with the settings of a preset; the drawer has been opened before."""
    dashboard.open_tab("Train")
    expect(dashboard.setting("Epochs")).to_have_count(1)
    dashboard.choose_preset(PRESETS["fast"].title)


def test_a_bad_value_is_marked_with_a_sentence_and_training_does_not_start(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_form(dashboard)
    before = len(server.all_runs())
    sentence = dashboard.text("This must be a whole number from 1 to 2,000, not “many”.")
    with dashboard.open_settings():
        dashboard.field("Epochs").fill("many")
        dashboard.field("Epochs").press("Tab")
        expect(dashboard.field("Epochs")).to_have_attribute("aria-invalid", "true")
        expect(sentence).to_be_visible()
    dashboard.button("Train").click()
    answer = dashboard.page.get_by_role("alert").filter(has_text="did not start")
    expect(answer).to_contain_text("Epochs: This must be a whole number from 1 to 2,000")
    dashboard.expect_refusals(422)
    expect(dashboard.button("Train")).not_to_have_attribute("aria-busy", "true")
    assert len(server.all_runs()) == before

    dashboard.fill_form(epochs="3")
    expect(dashboard.setting("Epochs")).to_have_attribute("aria-invalid", "false")
    expect(sentence).to_have_count(0)


def test_a_preset_fills_the_form_and_a_change_makes_it_ones_own_until_undo(
    dashboard: DashboardPage,
) -> None:
    open_form(dashboard)
    for name in ("notebook", "fast", "accurate", "speedrun"):
        dashboard.choose_preset(PRESETS[name].title)
        size = str(PRESETS[name].config.batch_size)
        expect(dashboard.setting("Batch size")).to_have_value(size)
        expect(dashboard.setting("Model")).to_have_value(PRESETS[name].config.model)
        expect(dashboard.preset(PRESETS[name].title)).to_be_checked()
    expect(dashboard.settings_button).to_contain_text("SpeedrunCNN, 1 epoch, rate 0.01")
    speedrun = dashboard.preset("Speedrun")
    with dashboard.open_settings() as drawer:

        def fill(label: str, value: str) -> None:
            dashboard.field(label).fill(value)
            dashboard.field(label).press("Tab")

        for own in ("33", "x", ""):
            fill("Batch size", own)
            expect(speedrun).not_to_be_checked()
            expect(dashboard.settings_button).to_contain_text("Your own settings")
            expect(dashboard.setting("Model")).to_have_value(PRESETS["speedrun"].config.model)
            fill("Batch size", str(PRESETS["speedrun"].config.batch_size))
            expect(speedrun).to_be_checked()
        fill("Learning rate", "0.010001")
        expect(speedrun).not_to_be_checked()
        for spelling in ("0,01", "1e-2"):
            fill("Learning rate", spelling)
            expect(speedrun).to_be_checked()
            expect(dashboard.setting("Learning rate")).to_have_value(spelling)

        fill("Epochs", "2")
        fill("Weight decay", "0.2")
        expect(drawer.get_by_role("status")).to_contain_text("Speedrun with 2 settings changed")
        changed = drawer.locator(".field.changed")
        expect(changed).to_have_count(2)
        drawer.get_by_role("button", name="Undo").click()
        expect(changed).to_have_count(0)
        expect(drawer.get_by_role("status")).to_contain_text(PRESETS["speedrun"].purpose)
    expect(speedrun).to_be_checked()


def test_each_setting_is_found_and_a_preset_leaves_seed_and_data_set_as_they_are(
    dashboard: DashboardPage,
) -> None:
    open_form(dashboard)
    with dashboard.open_settings() as drawer:
        for field in TrainConfig.model_fields.values():
            assert field.title is not None
            expect(dashboard.field(field.title)).to_be_visible()
        find = drawer.get_by_label("Find a setting")
        find.fill("SEED")
        expect(dashboard.field("Seed")).to_be_visible()
        expect(dashboard.field("Epochs")).to_have_count(0)
        find.fill("nothing like this")
        expect(drawer.get_by_text("No setting has this")).to_be_visible()
        find.fill("")
        expect(dashboard.field("Epochs")).to_be_visible()

        # A closed group tells its values, also such as no preset has.
        schedule = drawer.get_by_text("Schedule", exact=True)
        schedule.click()
        expect(drawer.get_by_text("one cycle, up for the first 5\u202f%")).to_be_visible()
        schedule.click()
        for typed, told in (("x", "one cycle"), ("0,05", "one cycle, up for the first 5\u202f%")):
            dashboard.field("Warm-up").fill(typed)
            dashboard.field("Warm-up").press("Tab")
            expect(drawer.locator("[data-group=Schedule]")).to_have_text(told)
        for typed, told in (("1,000", "1,000 images"), ("0", "all images")):
            dashboard.field("Training images").fill(typed)
            dashboard.field("Training images").press("Tab")
            expect(drawer.locator("[data-group=Data]")).to_contain_text(told)

    dashboard.choose_preset("Speedrun")  # of one epoch
    dashboard.fill_form(epochs="1,000")
    expect(dashboard.settings_button).to_contain_text("Your own settings")
    dashboard.choose_preset("Fast")

    seed, data_set = (dashboard.setting(name).input_value() for name in ("Seed", "Data set"))
    dashboard.fill_form(seed="7", data_set="MNIST")
    expect(dashboard.preset("Fast")).to_be_checked()
    dashboard.choose_preset("Notebook")
    expect(dashboard.setting("Batch size")).to_have_value("64")
    expect(dashboard.setting("Seed")).to_have_value("7")
    expect(dashboard.setting("Data set")).to_have_value("mnist")
    dashboard.fill_form(seed=seed)
    with dashboard.open_settings():
        dashboard.field("Data set").select_option(value=data_set)


def test_the_page_reads_what_is_typed_as_the_server_does(dashboard: DashboardPage) -> None:
    texts = ["3", "+4", "−3", " 7 ", "60,000", "60.000", "60 000", "60'000", "6,00", "1,0000"]
    texts += ["1.000,5", "1.5", "0,001", "1e-3", ".5", "5.", "-", "many", "", "true", "False"]
    for name in ("epochs", "learning_rate", "weight_averaging", "model"):
        for text in texts:
            read = dashboard.page.evaluate("texts => digitlab.settings.typed(texts)", {name: text})
            assert read == read_texts({name: text})
            assert (type(read[name]) is str) == (type(read_texts({name: text})[name]) is str)


def test_what_one_types_while_the_server_is_slow_is_kept(dashboard: DashboardPage) -> None:
    open_form(dashboard)
    with dashboard.server_silent():
        dashboard.fill_form(
            preset=PRESETS["notebook"].title, epochs="7", learning_rate="0.5", optimizer="AdamW"
        )
    with dashboard.open_settings():
        size = dashboard.field("Batch size")  # when this is answered, so is everything before it
        size.fill("none")
        size.press("Tab")
        expect(dashboard.text("This must be a whole number from 1")).to_be_visible()
        size.fill("64")
        size.press("Tab")
    expect(dashboard.setting("Model")).to_have_value(PRESETS["notebook"].config.model)
    expect(dashboard.setting("Epochs")).to_have_value("7")
    expect(dashboard.setting("Learning rate")).to_have_value("0.5")
    expect(dashboard.setting("Optimizer")).to_have_value("adamw")


def test_settings_survive_a_reload(dashboard: DashboardPage) -> None:
    open_form(dashboard)
    dashboard.fill_form(epochs="9", learning_rate="2e-3", optimizer="SGD with momentum")
    dashboard.reload()
    expect(dashboard.setting("Epochs")).to_have_value("9")
    expect(dashboard.setting("Learning rate")).to_have_value("2e-3")
    expect(dashboard.setting("Optimizer")).to_have_value("sgd")
    expect(dashboard.settings_button).to_contain_text("Your own settings")


def test_the_settings_of_the_shown_run_are_told_and_can_be_used_and_its_rate_changes_on_the_curve(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.start_endless_run(learning_rate=0.002)
    open_form(dashboard)
    name = f"Run {server.run(run_id)['number']}"
    dashboard.button("Learning rate of this run…").click()
    drawer = dashboard.page.get_by_role("dialog", name=f"Settings of {name}")
    rows = drawer.get_by_role("row")
    expect(rows.filter(has_text="Epochs")).to_contain_text("500")
    expect(rows.filter(has_text=re.compile("^Model.+"))).to_contain_text("MLP")

    rate = drawer.get_by_label("Learning rate of this run")
    expect(rate).to_have_value("0.002")
    rate.fill("many")
    drawer.get_by_role("button", name="Apply").click()
    expect(drawer.get_by_role("status")).to_contain_text("Nothing was changed. Learning rate:")
    dashboard.expect_refusals(422)
    rate.fill("0,001")
    drawer.get_by_role("button", name="Apply").click()
    expect(drawer.get_by_role("status")).to_contain_text(f"{name} learns with 0,001")
    expect(rate).to_have_value("0.001")
    dashboard.until(lambda: server.events(run_id, "batch")[-1]["learning_rate"] == 0.001)

    expect(dashboard.setting("Model")).to_have_value(PRESETS["fast"].config.model)
    drawer.get_by_role("button", name="Use these settings").click()
    expect(drawer).to_be_hidden()
    expect(dashboard.setting("Model")).to_have_value("mlp")
    expect(dashboard.setting("Epochs")).to_have_value("500")
    expect(dashboard.setting("Learning rate")).to_have_value("0.002")

    # Once they differ from the shown run's, the next run can wait for it.
    queue = dashboard.button("Queue next")
    expect(queue).to_have_count(0)
    dashboard.fill_form(epochs="1")
    before = len(server.all_runs())
    queue.click()
    expect(dashboard.page.get_by_role("alert").filter(has_text="Queued.")).to_be_visible()
    assert len(server.all_runs()) == before + 1
    assert server.all_runs()[0]["state"] == "queued"
    expect(dashboard.button("Pause")).to_be_visible()  # the page still shows the run that trains

    # The curve of the run marks where its rate changed.
    server.stop_all_runs()
    dashboard.choose_run(run_id)
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count("Loss curve", 4) == 1)
