"""The epoch slider: what moves it, what it says, and that all views go with it."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

SLIDER = "Network after epoch"
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]


def says(dashboard: DashboardPage, words: str) -> None:
    """What stands beside the slider."""
    expect(dashboard.page.locator("#epoch-live")).to_have_text(words)


def click_test_point(dashboard: DashboardPage, region: str, epoch: int) -> None:
    """Clicks on the diamond of an evaluation."""
    test = 'gd._fullData.find(trace => trace.name === "test")'
    dashboard.click_point(region, f"(({{x, y}}) => [{epoch}, y[x.indexOf({epoch})]])({test})")


def test_where_there_is_nothing_to_choose_there_is_no_slider(visit_untrained: Visit) -> None:
    expect(visit_untrained().field(SLIDER)).to_have_count(0)


def test_the_slider_says_which_network_is_shown(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    slider = dashboard.epoch_slider
    expect(slider).to_have_value("3")
    says(dashboard, "newest")
    for epoch, words in (("0", "0 of 3"), ("2", "2 of 3"), ("3", "newest")):
        slider.fill(epoch)
        says(dashboard, words)


SCROLLED_TO = """graph => {
    graph.scrollIntoView({block: "end"});
    const {top, bottom, height} = graph.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight + 1;
}"""


@pytest.mark.parametrize("width", [1300, 390])
def test_the_slider_stays_in_sight_wherever_one_looks(
    dashboard: DashboardPage, server: AppServer, width: int
) -> None:
    dashboard = visit(viewport={"width": width, "height": 844})
    dashboard.open_tab("Inside")
    dashboard.until(lambda: dashboard.figure("Layer fc2").evaluate(SCROLLED_TO))
    expect(dashboard.epoch_slider).to_be_in_viewport(ratio=1)
    if width > 900:
        expect(dashboard.region("Run status")).to_be_in_viewport(ratio=1)
    dashboard.epoch_slider.fill("1")
    says(dashboard, "1 of 3")


@pytest.mark.parametrize("region", ["Loss curve", "Accuracy curve"])
def test_a_click_on_a_point_of_a_curve_goes_to_its_epoch(
    dashboard: DashboardPage, server: AppServer, region: str
) -> None:
    dashboard = visit()
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(region, 3) >= 3)
    expect(dashboard.epoch_slider).to_be_visible()  # as its bar comes, all below it moves down
    click_test_point(dashboard, region, 2)
    says(dashboard, "2 of 3")
    expect(dashboard.epoch_slider).to_have_value("2")
    dashboard.open_tab("Gallery")
    expect(dashboard.page.get_by_text("of 20 right, after 2 epochs.")).to_be_visible()


def test_the_play_button_runs_through_the_epochs_and_stops_at_the_end(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    dashboard.open_tab("Gallery")
    says(dashboard, "newest")
    play = dashboard.page.get_by_title("Run through the epochs")
    places, signs = record_texts(dashboard.page.locator("#epoch-live")), record_texts(play)
    play.click()
    dashboard.until(lambda: places() == ["0 of 3", "1 of 3", "2 of 3", "newest"])
    dashboard.until(lambda: signs() == ["⏸", "▶"])
    expect(dashboard.page.locator("#gallery-caption")).to_contain_text("after 3 epochs")


def test_play_shows_every_epoch_however_late_the_answers_come(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    dashboard.open_tab("Gallery")
    caption = dashboard.page.locator("#gallery-caption")
    expect(caption).to_contain_text("after 3 epochs")
    dashboard.answer_late(1000)  # more than an epoch stands
    said = record_texts(caption)
    dashboard.page.get_by_title("Run through the epochs").click()
    epochs = ["before it has learnt anything", "after 1 epoch", "after 2 epochs", "after 3 epochs"]

    def shown() -> list[str]:
        return [words.split("right, ")[1].rstrip(".") for words in said()]

    dashboard.until(lambda: shown() == epochs)


def test_play_can_be_paused(dashboard: DashboardPage, server: AppServer) -> None:
    server.train(epochs=40, train_images=100)
    dashboard = visit()
    play = dashboard.page.get_by_title("Run through the epochs")
    live = dashboard.page.locator("#epoch-live")
    places = record_texts(live)
    play.click()
    dashboard.until(lambda: "1 of 40" in places())
    play.click()
    expect(play).to_have_text("▶")
    assert live.inner_text().endswith("of 40")
    dashboard.epoch_slider.fill("30")
    says(dashboard, "30 of 40")


def visit_a_run_that_goes_on(
    dashboard: DashboardPage, server: AppServer
) -> tuple[DashboardPage, str]:
    """A page whose slider stands at the end of a run of at least two epochs, which goes on."""
    run_id = server.start_endless_run()
    dashboard = visit()  # after the run began: the slider of an earlier one would be as long
    dashboard.until(lambda: int(dashboard.epoch_slider.get_attribute("max") or 0) >= 2)
    says(dashboard, "newest")
    return dashboard, run_id


def test_the_end_of_the_slider_goes_on_with_the_run_and_other_places_stay(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard, run_id = visit_a_run_that_goes_on(visit, server)
    slider = dashboard.epoch_slider
    assert slider.input_value() != "0"
    slider.fill("1")
    last = int(slider.get_attribute("max") or 0)
    dashboard.until(lambda: int(slider.get_attribute("max") or 0) > last)
    assert slider.input_value() == "1"
    # Of so many epochs, 1 is not kept.
    expect(dashboard.page.locator("#epoch-live")).to_contain_text("0 of ")
    server.stop_run(run_id)


MOVED_AS_NETWORKS_COME = """when => {
    // A hand that moves the slider in the very moment in which the page hears of a new network.
    const slider = document.getElementById("epoch-slider");
    const {scrubber} = window.dash_clientside;
    const {scrub} = scrubber;
    // As the browser sets it, past the setter by which React would take the move for its own.
    const {set} = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
    const move = () => {
        set.call(slider, "1");
        slider.dispatchEvent(new Event("input", {bubbles: true}));
    };
    scrubber.scrub = (...given) => {
        const {triggered} = window.dash_clientside.callback_context;
        if (!triggered.some(({prop_id}) => prop_id.startsWith("epoch-networks")))
            return scrub(...given);
        scrubber.scrub = scrub;
        if (when === "before") move();
        const answer = scrub(...given);
        if (when === "after") move();
        window.moved = true;
        return answer;
    };
}"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_move_is_not_lost_to_a_network_that_comes_in_that_moment(
    dashboard: DashboardPage, server: AppServer, when: str
) -> None:
    dashboard, run_id = visit_a_run_that_goes_on(visit, server)
    slider = dashboard.epoch_slider
    dashboard.page.evaluate(MOVED_AS_NETWORKS_COME, when)
    dashboard.until(lambda: dashboard.page.evaluate("window.moved === true"))
    last = int(slider.get_attribute("max") or 0)
    dashboard.until(lambda: int(slider.get_attribute("max") or 0) > last)
    assert slider.input_value() == "1"
    expect(dashboard.page.locator("#epoch-live")).to_contain_text("0 of ")
    server.stop_run(run_id)


def test_of_a_long_run_the_nearest_network_before_is_shown(
    dashboard: DashboardPage, server: AppServer
) -> None:
    server.train(epochs=120, train_images=50, model="mlp")  # every third epoch is kept
    dashboard = visit()
    dashboard.open_tab("Gallery")
    dashboard.epoch_slider.fill("61")
    says(dashboard, "60 of 120")
    expect(dashboard.page.get_by_text("after 60 epochs.")).to_be_visible()


def test_the_opinion_of_a_drawing_goes_back_too(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train()
    dashboard = visit()
    dashboard.open_tab("Draw")
    dashboard.draw(SEVEN)
    strokes = dashboard.page.evaluate("JSON.parse(sessionStorage.getItem('drawing'))")
    bars = dashboard.page.locator("#draw-bars .bar-value")
    for epoch in (3, 0, 1, 3):
        dashboard.epoch_slider.fill(str(epoch))
        question = {"strokes": strokes, "run": run_id, "epoch": epoch}
        said = server.post("/api/predict", question)["probabilities"]
        expected = pytest.approx([100 * share for share in said], abs=0.1)
        dashboard.until(
            lambda expected=expected: (
                [float(text.rstrip("%")) for text in bars.all_inner_texts()] == expected
            )
        )


def test_a_page_that_nobody_sees_rests_and_catches_up(
    dashboard: DashboardPage, server: AppServer
) -> None:
    server.train()
    dashboard = visit()
    expect(dashboard.epoch_slider).to_have_value("3")

    def hide(hidden: bool) -> None:
        said = f'"hidden":{json.dumps(hidden)}'
        with dashboard.page.expect_response(
            lambda answer: said in (answer.request.post_data or "")
        ):
            dashboard.page.evaluate(
                """hidden => {
                    Object.defineProperty(document, "hidden", {configurable: true, value: hidden});
                    document.dispatchEvent(new Event("visibilitychange"));
                }""",
                hidden,
            )

    hide(True)
    server.train(epochs=5)
    expect(dashboard.epoch_slider).to_have_value("3")
    hide(False)
    expect(dashboard.epoch_slider).to_have_value("5")
