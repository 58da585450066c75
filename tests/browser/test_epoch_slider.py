"""The epoch slider: what moves it, what it says, and that all views go with it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import VIEWPORT
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]

STEPS = ["Epoch 0", "Epoch 1", "Latest, epoch 2"]
NEWEST = re.compile(r"^(Live|Latest), epoch ")

SCROLLED_TO = """graph => {
    graph.scrollIntoView({block: "end"});
    const {top, bottom, height} = graph.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight + 1;
}"""


def show_newest_network(dashboard: DashboardPage, run_id: str) -> Locator:
    """Shows a run with the slider at its end; the slider."""
    dashboard.show_run(run_id)
    slider = dashboard.epoch_slider
    slider.press("End")  # wherever the end is by now
    expect_newest(dashboard)
    return slider


def expect_newest(dashboard: DashboardPage) -> None:
    expect(dashboard.epoch_text).to_have_text(NEWEST)


def expect_epoch_text(dashboard: DashboardPage, words: str) -> None:
    expect(dashboard.epoch_text).to_have_text(words)


def open_gallery(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Gallery")
    dashboard.field("Images").select_option("20")
    dashboard.pick("Random")


def play_button(dashboard: DashboardPage) -> Locator:
    return dashboard.button("Play through the epochs")


def click_test_point(dashboard: DashboardPage, region: str, epoch: int) -> None:
    """Clicks on the diamond of an evaluation."""
    test = 'gd._fullData.find(trace => trace.name === "test")'
    dashboard.click_point(region, f"(({{x, y}}) => [{epoch}, y[x.indexOf({epoch})]])({test})")


def test_the_slider_says_which_network_is_shown(dashboard: DashboardPage, mlp_run: str) -> None:
    slider = show_newest_network(dashboard, mlp_run)
    expect(slider).to_have_value("3")
    for epoch, words in (("0", "Epoch 0"), ("2", "Epoch 2"), ("3", "Latest, epoch 3")):
        slider.fill(epoch)
        expect_epoch_text(dashboard, words)
        expect(slider).to_have_attribute("aria-valuetext", words)
    slider.fill("1")
    dashboard.button("Latest").click()
    expect_epoch_text(dashboard, "Latest, epoch 3")
    expect(dashboard.button("Latest")).to_have_count(0)


def test_the_slider_stays_in_sight_wherever_one_looks(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    dashboard.open_tab("Inside")
    slider = show_newest_network(dashboard, mlp_run)
    for width, epoch in ((VIEWPORT["width"], "1"), (390, "2")):
        dashboard.page.set_viewport_size({"width": width, "height": 844})
        dashboard.until(lambda: dashboard.region("Layer fc2").evaluate(SCROLLED_TO))
        expect(slider).to_be_in_viewport(ratio=1)
        if width > 900:
            expect(dashboard.region("Run status")).to_be_in_viewport(ratio=1)
        slider.fill(epoch)
        expect_epoch_text(dashboard, f"Epoch {epoch}")


def test_a_click_on_a_point_of_a_curve_goes_to_its_epoch(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    dashboard.open_tab("Curves")
    slider = show_newest_network(dashboard, mlp_run)
    for region, epoch in (("Loss curve", 2), ("Accuracy curve", 1)):
        dashboard.until(lambda region=region: dashboard.point_count(region, 3) == 3)
        click_test_point(dashboard, region, epoch)
        expect_epoch_text(dashboard, f"Epoch {epoch}")
        expect(slider).to_have_value(str(epoch))
    open_gallery(dashboard)
    expect(dashboard.caption("Gallery")).to_contain_text(
        re.compile(r"of 20 right\s*after 1 epoch$")
    )


def test_play_shows_every_epoch_however_late_the_answers_come_and_stops_at_the_end(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_gallery(dashboard)
    slider = show_newest_network(dashboard, server.train(epochs=2, train_images=100))
    expect(slider).to_have_attribute("max", "2")
    caption, play = dashboard.caption("Gallery"), play_button(dashboard)
    expect(caption).to_contain_text("after 2 epochs")
    expect_epoch_text(dashboard, STEPS[-1])  # no longer "Live"
    epochs = ["before it has learned anything", "after 1 epoch", "after 2 epochs"]
    for milliseconds in (0, 800):  # an epoch stands for 700
        with dashboard.slow_answers(milliseconds):
            captions, places = record_texts(caption), record_texts(dashboard.epoch_text)
            play.click()
            expect(play).to_have_attribute("aria-pressed", "false")
            dashboard.until(lambda places=places: places() == STEPS)
            dashboard.until(lambda captions=captions: what_was_shown(captions) == epochs)


def what_was_shown(captions: Callable[[], list[str]]) -> list[str]:
    return [words.split("right")[1].strip() for words in captions()]


def test_play_can_be_paused_and_of_a_long_run_the_nearest_network_before_is_shown(
    dashboard: DashboardPage, server: AppServer
) -> None:
    long_run = server.train(epochs=52, train_images=50)  # of which every second is kept
    dashboard.open_tab("Train")
    slider = show_newest_network(dashboard, long_run)
    play = play_button(dashboard)
    places = record_texts(dashboard.epoch_text)
    play.click()
    dashboard.until(lambda: "Epoch 2" in places())
    play.click()
    expect(play).to_have_attribute("aria-pressed", "false")
    assert dashboard.epoch_text.inner_text().startswith("Epoch ")
    slider.fill("30")
    expect_epoch_text(dashboard, "Epoch 30")

    open_gallery(dashboard)
    slider.fill("31")
    expect_epoch_text(dashboard, "Epoch 30")
    expect(dashboard.caption("Gallery")).to_contain_text("after 30 epochs")


def start_run_with_slider_at_end(dashboard: DashboardPage, server: AppServer) -> Locator:
    """The slider of a run that goes on and has trained at least two epochs."""
    dashboard.open_tab("Train")
    dashboard.show_run(server.start_endless_run())
    dashboard.until(lambda: last_epoch(dashboard) >= 2)
    move_slider_to_end(dashboard, server)
    return dashboard.epoch_slider


def move_slider_to_end(dashboard: DashboardPage, server: AppServer) -> None:
    with server.training_held():
        dashboard.wait_until_quiet()
        dashboard.epoch_slider.press("End")  # wherever the end is by now
        expect_newest(dashboard)


def last_epoch(dashboard: DashboardPage) -> int:
    return int(dashboard.epoch_slider.get_attribute("max") or 0)


def expect_slider_stays_at_1(dashboard: DashboardPage) -> None:
    """While the run goes on."""
    last = last_epoch(dashboard)
    dashboard.until(lambda: last_epoch(dashboard) > last)
    assert dashboard.epoch_slider.input_value() == "1"
    # Of so many epochs, 1 is not kept.
    expect(dashboard.epoch_text).to_have_text("Epoch 0")


def test_the_end_of_the_slider_goes_on_with_the_run_and_other_places_stay(
    dashboard: DashboardPage, server: AppServer
) -> None:
    slider = start_run_with_slider_at_end(dashboard, server)
    end = int(slider.input_value())
    dashboard.until(lambda: int(slider.input_value()) > end)
    expect_newest(dashboard)
    slider.fill("1")
    expect_slider_stays_at_1(dashboard)


def test_the_opinion_of_a_drawing_goes_back_too(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.text("Centred like MNIST", exact=True).click()
    slider = show_newest_network(dashboard, mlp_run)
    dashboard.button("Clear").click()
    dashboard.draw(SEVEN)
    strokes = dashboard.page.evaluate("JSON.parse(sessionStorage.getItem('drawing'))")
    bars = dashboard.page.get_by_role("list", name="Probabilities").filter(visible=True)
    for epoch in (3, 0, 1, 3):
        slider.fill(str(epoch))
        question = {"strokes": strokes, "run": mlp_run, "epoch": epoch}
        said = server.post("/api/predict", question)["probabilities"]
        # The guess of the untrained network is no answer.
        shares = [100 * share if epoch else 0 for share in said]
        expected = pytest.approx(shares, abs=0.1)
        dashboard.until(lambda expected=expected: dashboard.percentages(bars) == expected)
        assert dashboard.draw_answer().startswith("No answer yet") == (epoch == 0)
