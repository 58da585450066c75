"""A run as one sees it on the page: started, followed, stopped, by one visitor and by several."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

LIVE = "Live loss"


def test_a_run_is_started_watched_and_done(visit: Visit) -> None:
    visitor = visit()
    visitor.choose(preset="Notebook", model="MLP (no convolution)")
    visitor.choose(epochs="3", batch_size="25", learning_rate="0.0005")
    visitor.button("Train").click()
    visitor.until(lambda: visitor.points(LIVE) > 0)
    expect(visitor.status("State")).to_have_text("done")
    expect(visitor.status("Epoch")).to_have_text(re.compile(r"^3 of 3"))
    expect(visitor.status("Test accuracy")).to_have_text(re.compile(r"^\d+\.\d\d%$"))
    expect(visitor.status("Images/s")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(visitor.status("Time left")).to_have_text(re.compile(r"^took \d+ s$"))
    expect(visitor.page.get_by_text("Done: the network reads")).to_be_visible()
    # So small a run reports every batch.
    visitor.until(lambda: visitor.points(LIVE) == 3 * 1000 / 25)
    visitor.until(lambda: visitor.points(LIVE, trace=3) == 3)
    assert visitor.look(LIVE, "gd.data[0].y.at(-1)") < visitor.look(LIVE, "gd.data[0].y[0]")
    expect(visitor.button("Train")).to_be_enabled()
    expect(visitor.button("Stop")).to_be_disabled()


def test_a_run_moves_the_page_and_stop_ends_it(visit: Visit) -> None:
    visitor = visit()
    visitor.choose(epochs="2000", model="MLP (no convolution)")
    visitor.button("Train").click()
    expect(visitor.status("State")).to_have_text("running")
    expect(visitor.button("Pause")).to_be_enabled()
    expect(visitor.button("Stop")).to_be_enabled()
    expect(visitor.status("Epoch")).to_have_text(re.compile(r"^\d+ of 2000 \(\d+%\)$"))
    expect(visitor.status("Time left")).to_have_text(re.compile(r"\d+ (s|min|h)"))

    epoch, points = visitor.status("Epoch").inner_text(), visitor.points(LIVE)
    expect(visitor.status("Epoch")).not_to_have_text(epoch)
    visitor.until(lambda: visitor.points(LIVE) > points)
    width = "getComputedStyle(document.querySelector('.status-done')).width"
    visitor.until(lambda: visitor.page.evaluate(width) != "0px")

    visitor.button("Stop").click()
    expect(visitor.status("State")).to_have_text("stopped")
    expect(visitor.page.get_by_text("Stopped.")).to_be_visible()
    expect(visitor.button("Train")).to_be_enabled()
    expect(visitor.button("Stop")).to_be_disabled()


def test_a_run_that_cannot_be_trained_says_why(visit: Visit) -> None:
    visitor = visit()
    # As in tests/core/test_training.py: this diverges on every processor.
    visitor.choose(epochs="5", learning_rate="1", optimizer="SGD with momentum")
    visitor.choose(model="MLP (no convolution)", batch_size="1")
    visitor.page.get_by_text("More settings").click()
    visitor.field("Momentum (beta 1)").fill("0.999")
    visitor.field("Momentum (beta 1)").press("Tab")
    visitor.button("Train").click()
    expect(visitor.status("State")).to_have_text("failed")
    expect(visitor.page.get_by_text("Choose a smaller learning rate")).to_be_visible()
    expect(visitor.button("Train")).to_be_enabled()


def test_a_reload_in_mid_run_shows_all_of_it(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    run_id = lab.begin()
    visitor.until(lambda: visitor.points(LIVE) > 30)
    before = visitor.look(LIVE, "Array.from(gd.data[0].y)")
    visitor.reload()
    visitor.until(lambda: visitor.points(LIVE) > len(before))
    after = visitor.look(LIVE, "Array.from(gd.data[0].y)")
    assert after[: len(before)] == before
    expect(visitor.status("State")).to_have_text("running")
    expect(visitor.button("Stop")).to_be_enabled()
    points = visitor.points(LIVE)
    visitor.until(lambda: visitor.points(LIVE) > points)
    lab.end(run_id)


def test_no_point_is_shown_twice_and_none_is_lost(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    run_id = lab.begin()
    for tab in ("Curves", "Draw", "Train", "Gallery", "Train"):
        visitor.tab(tab)
        if tab == "Train":
            points = visitor.points(LIVE)
            visitor.until(lambda points=points: visitor.points(LIVE) > points)
    lab.end(run_id)
    batches = [e for e in lab.get(f"/api/runs/{run_id}/events")["events"] if e["kind"] == "batch"]
    visitor.until(lambda: visitor.points(LIVE) >= len(batches))
    assert visitor.look(LIVE, "Array.from(gd.data[0].x)") == [e["progress"] for e in batches]
    assert visitor.look(LIVE, "Array.from(gd.data[0].y)") == [e["loss"] for e in batches]


def test_what_a_page_said_earlier_and_comes_later_does_not_count(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    held = visitor.hold_back('"tab":"curves"')
    visitor.tab("Curves")
    visitor.until(lambda: held)
    visitor.tab("Train")
    run_id = lab.begin()
    visitor.until(lambda: visitor.points(LIVE) > 0)
    assert len(held) == 1
    visitor.let_go(held[0])
    points = visitor.points(LIVE)
    visitor.until(lambda: visitor.points(LIVE) > points + 40)
    lab.end(run_id)


def test_the_next_run_replaces_the_curve_of_the_last(visit: Visit, trained: Lab) -> None:
    visitor = visit()
    visitor.until(lambda: visitor.points(LIVE) == 60)
    trained.train(epochs=1, batch_size=100)
    visitor.until(lambda: visitor.points(LIVE) == 10)
    expect(visitor.status("Epoch")).to_have_text(re.compile(r"^1 of 1"))


def test_all_pages_follow_a_run_and_closing_one_leaves_the_others_going(
    browser: Browser, visit: Visit, lab: Lab
) -> None:
    stays = visit()
    second_tab = Visitor(stays.page.context, lab.url).arrive()
    elsewhere = visit()
    run_id = lab.begin()
    pages = [stays, second_tab, elsewhere]
    for visitor in pages:
        expect(visitor.status("State")).to_have_text("running")
        visitor.until(lambda visitor=visitor: visitor.points(LIVE) > 10)
        expect(visitor.button("Pause")).to_be_enabled()
    assert second_tab.problems == []
    second_tab.page.close()
    elsewhere.page.context.close()
    points = stays.points(LIVE)
    stays.until(lambda: stays.points(LIVE) > points + 20)
    # A tab that opens afterwards gets a stream, too.
    third_tab = Visitor(stays.page.context, lab.url).arrive()
    third_tab.until(lambda: third_tab.points(LIVE) > points)
    lab.end(run_id)
    for visitor in (stays, third_tab):
        expect(visitor.status("State")).to_have_text("stopped")


def test_a_stop_on_one_page_is_seen_on_the_other(visit: Visit, lab: Lab) -> None:
    presses, watches = visit(), visit()
    lab.begin()
    expect(watches.status("State")).to_have_text("running")
    expect(presses.button("Stop")).to_be_enabled()
    presses.button("Stop").click()
    expect(watches.status("State")).to_have_text("stopped")
    expect(watches.button("Train")).to_be_enabled()
