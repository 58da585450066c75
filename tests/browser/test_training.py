"""A run as it looks on the page: started, followed, stopped, in one window and in several."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import SHORT, AppServer
from tests.browser.conftest import OpenPage
from tests.browser.dashboard_page import DashboardPage, record_texts

pytestmark = pytest.mark.browser

LIVE = "Live loss"


def fill_form(dashboard: DashboardPage, **settings: str) -> None:
    """Opens the Train tab and fills in its form for a small network, the rest as the notebook."""
    dashboard.open_tab("Train")
    dashboard.fill_form(preset="Notebook", model="MLP (no convolution)", **settings)


def live_values(dashboard: DashboardPage, axis: str) -> list[float]:
    found: list[float] = dashboard.figure_value(LIVE, f"Array.from(gd.data[0].{axis})")
    return found


def expect_more_points(*pages: DashboardPage) -> None:
    """All pages go on showing new points."""
    points = [page.point_count(LIVE) for page in pages]
    for page, before in zip(pages, points, strict=True):
        page.until(lambda page=page, before=before: page.point_count(LIVE) > before)


def test_a_run_is_started_watched_and_done(dashboard: DashboardPage) -> None:
    fill_form(dashboard, epochs="3", batch_size="50", learning_rate="0,0005")
    states = record_texts(dashboard.status("State"))
    dashboard.button("Train").click()
    dashboard.until(lambda: "Training" in states())  # for less than a second
    dashboard.until(lambda: dashboard.point_count(LIVE) > 0)
    expect(dashboard.status("State")).to_have_text("Done")
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^3 of 3"))
    expect(dashboard.status("Test accuracy")).to_have_text(re.compile(r"^\d+\.\d\d\u202f%$"))
    expect(dashboard.status("Images/s")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(dashboard.status("Time left")).to_have_text(re.compile(r"^took [\d.]+ s$"))
    told = dashboard.text(re.compile(r"\d\d\.\d\u202f% in \d")).filter(visible=True)
    expect(told).to_have_count(1)
    # So small a run reports every batch.
    dashboard.until(lambda: dashboard.point_count(LIVE) == 3 * 1000 / 50)
    dashboard.until(lambda: dashboard.point_count(LIVE, trace=2) == 3)
    losses = live_values(dashboard, "y")
    assert losses[-1] < losses[0]
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_have_count(0)
    dashboard.button("Draw a digit").click()
    dashboard.expect_tab("Draw")


def test_a_run_moves_the_page_and_stop_ends_it(dashboard: DashboardPage, server: AppServer) -> None:
    fill_form(dashboard, epochs="2000", batch_size="200")
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("Training")
    expect(dashboard.button("Pause")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_enabled()
    expect(dashboard.button("Train")).to_have_count(0)
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^\d+ of 2000$"))
    expect(dashboard.status("Time left")).to_have_text(re.compile(r"\d+ (s|min|h)"))

    epoch = dashboard.status("Epoch").inner_text()
    expect_more_points(dashboard)
    expect(dashboard.status("Epoch")).not_to_have_text(epoch)
    dashboard.until(lambda: dashboard.progress_width() > 0)

    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("Stopped")
    expect(dashboard.text("It keeps what it learned.").filter(visible=True)).to_have_count(1)
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_have_count(0)
    expect(dashboard.button("Resume")).to_be_visible()


def test_a_double_click_starts_one_run_and_the_button_shows_at_once_that_it_works(
    dashboard: DashboardPage, server: AppServer
) -> None:
    fill_form(dashboard, epochs="1", batch_size="500")
    before = len(server.all_runs())
    with server.training_held():
        with dashboard.server_silent():
            dashboard.button("Train").dblclick(delay=100)
            expect(dashboard.button("Starting…")).to_be_visible()
            # Later than a second, by the page's own clock: the button still works.
            dashboard.page.evaluate("() => new Promise(done => setTimeout(done, 1100))")
            dashboard.page.keyboard.press("Enter")
        expect(dashboard.button("Pause")).to_be_visible()
        assert len(server.all_runs()) == before + 1
    server.wait_for_end(server.all_runs()[0]["run_id"])


def test_a_press_that_the_server_does_not_answer_is_not_forgotten(
    dashboard: DashboardPage,
) -> None:
    dashboard.open_tab("Train")
    dashboard.wait_until_quiet()
    dashboard.page.route("**/api/runs", lambda route: route.fulfill(status=503))
    dashboard.button("Train").click()
    expect(dashboard.page.get_by_text("Digit Lab did not answer")).to_be_visible()
    expect(dashboard.button("Train")).to_be_visible()
    dashboard.expect_refusals(503)


def test_a_run_that_cannot_be_trained_says_why_and_offers_a_rate_that_can(
    dashboard: DashboardPage, server: AppServer
) -> None:
    # As in tests/core/training/test_loop.py: this diverges on every processor.
    fill_form(
        dashboard,
        epochs="5",
        learning_rate="1",
        optimizer="SGD with momentum",
        batch_size="1",
    )
    with dashboard.open_settings():
        momentum = dashboard.field("Momentum (beta 1)")
        momentum.fill("0.999")
        momentum.press("Tab")
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("Failed")
    expect(dashboard.text("Choose a smaller learning rate").filter(visible=True)).to_be_visible()
    expect(dashboard.button("Train")).to_be_enabled()
    with server.training_held():
        dashboard.button("Train with 0.1").click()
        expect(dashboard.button("Stop")).to_be_visible()
        assert server.all_runs()[0]["config"]["learning_rate"] == 0.1


def test_no_point_is_shown_twice_and_none_is_lost(
    dashboard: DashboardPage, server: AppServer
) -> None:
    """At full speed, while tabs change: points come faster than the page is told of them."""
    run_id = server.post("/api/runs", SHORT | {"epochs": 15})["run_id"]
    for number, tab in enumerate(("Curves", "Draw", "Train", "Gallery", "Train")):
        dashboard.open_tab(tab)
        wanted = 2.5 * (number + 1)  # epochs
        dashboard.until(lambda wanted=wanted: server.run(run_id)["progress"] > wanted)
    server.wait_for_end(run_id)
    batches = server.events(run_id, "batch")
    assert len(batches) == 300
    dashboard.until(lambda: dashboard.point_count(LIVE) >= len(batches))
    assert live_values(dashboard, "x") == [event["progress"] for event in batches]
    assert live_values(dashboard, "y") == [event["loss"] for event in batches]


def test_the_next_run_replaces_the_curve_of_the_last(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    server.train(epochs=1)
    dashboard.until(lambda: dashboard.point_count(LIVE) == 20)
    server.train(epochs=1, batch_size=100)
    dashboard.until(lambda: dashboard.point_count(LIVE) == 10)
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^1 of 1"))


def test_all_windows_follow_a_run_whichever_of_them_come_go_or_stop_it(
    dashboard: DashboardPage, server: AppServer, open_page: OpenPage
) -> None:
    dashboard.open_tab("Train")
    other = open_page()
    pages = (dashboard, other)
    run_id = server.start_endless_run()
    for page in pages:
        expect(page.status("State")).to_have_text("Training")
        expect(page.button("Pause")).to_be_enabled()
    expect_more_points(*pages)

    # One goes and comes back in the middle of the run: it shows all of it, and both follow it.
    with server.training_held():
        losses = [event["loss"] for event in server.events(run_id, "batch")]
        other.reload()
        expect(other.status("State")).to_have_text("Training")
        expect(other.button("Stop")).to_be_enabled()
        for page in pages:
            page.until(lambda page=page: live_values(page, "y") == losses)
    expect_more_points(*pages)

    # One stops the run; the other sees it.
    other.button("Stop").click()
    for page in pages:
        expect(page.status("State")).to_have_text("Stopped")
        expect(page.button("Train")).to_be_enabled()

    # One is closed; the other goes on.
    server.start_endless_run()
    expect(dashboard.status("State")).to_have_text("Training")
    other.page.close()
    expect_more_points(dashboard)
