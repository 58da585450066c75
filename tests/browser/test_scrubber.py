"""The epoch slider: what moves it, what it says, and that all views go with it."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor, note

pytestmark = pytest.mark.browser

SLIDER = "Network after epoch"
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]


def says(visitor: Visitor, words: str) -> None:
    """What stands beside the slider."""
    expect(visitor.page.locator("#epoch-live")).to_have_text(words)


def click_test_point(visitor: Visitor, region: str, epoch: int) -> None:
    """Clicks on the diamond of an evaluation."""
    test = 'gd._fullData.find(trace => trace.name === "test")'
    visitor.click_point(region, f"(({{x, y}}) => [{epoch}, y[x.indexOf({epoch})]])({test})")


def test_where_there_is_nothing_to_choose_there_is_no_slider(visit_untrained: Visit) -> None:
    expect(visit_untrained().field(SLIDER)).to_have_count(0)


def test_the_slider_says_which_network_is_shown(visit: Visit, trained: Lab) -> None:
    visitor = visit()
    slider = visitor.field(SLIDER)
    expect(slider).to_have_value("3")
    says(visitor, "newest")
    for epoch, words in (("0", "0 of 3"), ("2", "2 of 3"), ("3", "newest")):
        slider.fill(epoch)
        says(visitor, words)


SCROLLED_TO = """graph => {
    graph.scrollIntoView({block: "end"});
    const {top, bottom, height} = graph.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight + 1;
}"""


@pytest.mark.parametrize("width", [1300, 390])
def test_the_slider_stays_in_sight_wherever_one_looks(
    visit: Visit, trained: Lab, width: int
) -> None:
    visitor = visit(viewport={"width": width, "height": 844})
    visitor.tab("Inside")
    visitor.until(lambda: visitor.figure("Layer fc2").evaluate(SCROLLED_TO))
    expect(visitor.field(SLIDER)).to_be_in_viewport(ratio=1)
    if width > 900:
        expect(visitor.region("Run status")).to_be_in_viewport(ratio=1)
    visitor.field(SLIDER).fill("1")
    says(visitor, "1 of 3")


@pytest.mark.parametrize("region", ["Loss curve", "Accuracy curve"])
def test_a_click_on_a_point_of_a_curve_goes_to_its_epoch(
    visit: Visit, trained: Lab, region: str
) -> None:
    visitor = visit()
    visitor.tab("Curves")
    visitor.until(lambda: visitor.points(region, 3) >= 3)
    expect(visitor.field(SLIDER)).to_be_visible()  # as its bar comes, all below it moves down
    click_test_point(visitor, region, 2)
    says(visitor, "2 of 3")
    expect(visitor.field(SLIDER)).to_have_value("2")
    visitor.tab("Gallery")
    expect(visitor.page.get_by_text("of 20 right, after 2 epochs.")).to_be_visible()


def test_the_play_button_runs_through_the_epochs_and_stops_at_the_end(
    visit: Visit, trained: Lab
) -> None:
    visitor = visit()
    visitor.tab("Gallery")
    says(visitor, "newest")
    play = visitor.page.get_by_title("Run through the epochs")
    places, signs = note(visitor.page.locator("#epoch-live")), note(play)
    play.click()
    visitor.until(lambda: places() == ["0 of 3", "1 of 3", "2 of 3", "newest"])
    visitor.until(lambda: signs() == ["⏸", "▶"])
    expect(visitor.page.locator("#gallery-caption")).to_contain_text("after 3 epochs")


def test_play_shows_every_epoch_however_late_the_answers_come(visit: Visit, trained: Lab) -> None:
    visitor = visit()
    visitor.tab("Gallery")
    caption = visitor.page.locator("#gallery-caption")
    expect(caption).to_contain_text("after 3 epochs")
    visitor.answer_late(1000)  # more than an epoch stands
    said = note(caption)
    visitor.page.get_by_title("Run through the epochs").click()
    epochs = ["before it has learnt anything", "after 1 epoch", "after 2 epochs", "after 3 epochs"]

    def shown() -> list[str]:
        return [words.split("right, ")[1].rstrip(".") for words in said()]

    visitor.until(lambda: shown() == epochs)


def test_play_can_be_paused(visit: Visit, lab: Lab) -> None:
    lab.train(epochs=40, train_images=100)
    visitor = visit()
    play = visitor.page.get_by_title("Run through the epochs")
    live = visitor.page.locator("#epoch-live")
    places = note(live)
    play.click()
    visitor.until(lambda: "1 of 40" in places())
    play.click()
    expect(play).to_have_text("▶")
    assert live.inner_text().endswith("of 40")
    visitor.field(SLIDER).fill("30")
    says(visitor, "30 of 40")


def visit_a_run_that_goes_on(visit: Visit, lab: Lab) -> tuple[Visitor, str]:
    """A page whose slider stands at the end of a run of at least two epochs, which goes on."""
    run_id = lab.begin()
    visitor = visit()  # after the run began: the slider of an earlier one would be as long
    visitor.until(lambda: int(visitor.field(SLIDER).get_attribute("max") or 0) >= 2)
    says(visitor, "newest")
    return visitor, run_id


def test_the_end_of_the_slider_goes_on_with_the_run_and_other_places_stay(
    visit: Visit, lab: Lab
) -> None:
    visitor, run_id = visit_a_run_that_goes_on(visit, lab)
    slider = visitor.field(SLIDER)
    assert slider.input_value() != "0"
    slider.fill("1")
    last = int(slider.get_attribute("max") or 0)
    visitor.until(lambda: int(slider.get_attribute("max") or 0) > last)
    assert slider.input_value() == "1"
    # Of so many epochs, 1 is not kept.
    expect(visitor.page.locator("#epoch-live")).to_contain_text("0 of ")
    lab.end(run_id)


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
    visit: Visit, lab: Lab, when: str
) -> None:
    visitor, run_id = visit_a_run_that_goes_on(visit, lab)
    slider = visitor.field(SLIDER)
    visitor.page.evaluate(MOVED_AS_NETWORKS_COME, when)
    visitor.until(lambda: visitor.page.evaluate("window.moved === true"))
    last = int(slider.get_attribute("max") or 0)
    visitor.until(lambda: int(slider.get_attribute("max") or 0) > last)
    assert slider.input_value() == "1"
    expect(visitor.page.locator("#epoch-live")).to_contain_text("0 of ")
    lab.end(run_id)


def test_of_a_long_run_the_nearest_network_before_is_shown(visit: Visit, lab: Lab) -> None:
    lab.train(epochs=120, train_images=50, model="mlp")  # every third epoch is kept
    visitor = visit()
    visitor.tab("Gallery")
    visitor.field(SLIDER).fill("61")
    says(visitor, "60 of 120")
    expect(visitor.page.get_by_text("after 60 epochs.")).to_be_visible()


def test_the_opinion_of_a_drawing_goes_back_too(visit: Visit, lab: Lab) -> None:
    run_id = lab.train()
    visitor = visit()
    visitor.tab("Draw")
    visitor.draw(SEVEN)
    strokes = visitor.page.evaluate("JSON.parse(sessionStorage.getItem('drawing'))")
    bars = visitor.page.locator("#draw-bars .bar-value")
    for epoch in (3, 0, 1, 3):
        visitor.field(SLIDER).fill(str(epoch))
        question = {"strokes": strokes, "run": run_id, "epoch": epoch}
        said = lab.post("/api/predict", question)["probabilities"]
        expected = pytest.approx([100 * share for share in said], abs=0.1)
        visitor.until(
            lambda expected=expected: (
                [float(text.rstrip("%")) for text in bars.all_inner_texts()] == expected
            )
        )


def test_a_page_that_nobody_sees_rests_and_catches_up(visit: Visit, lab: Lab) -> None:
    lab.train()
    visitor = visit()
    expect(visitor.field(SLIDER)).to_have_value("3")

    def hide(hidden: bool) -> None:
        said = f'"hidden":{json.dumps(hidden)}'
        with visitor.page.expect_response(lambda answer: said in (answer.request.post_data or "")):
            visitor.page.evaluate(
                """hidden => {
                    Object.defineProperty(document, "hidden", {configurable: true, value: hidden});
                    document.dispatchEvent(new Event("visibilitychange"));
                }""",
                hidden,
            )

    hide(True)
    lab.train(epochs=5)
    expect(visitor.field(SLIDER)).to_have_value("3")
    hide(False)
    expect(visitor.field(SLIDER)).to_have_value("5")
