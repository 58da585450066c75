"""A run as one sees it on the page: started, followed, stopped, by one dashboard and by several."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

LIVE = "Live loss"


def test_a_run_is_started_watched_and_done(dashboard: DashboardPage) -> None:
    dashboard = visit()
    dashboard.fill_form(preset="Notebook", model="MLP (no convolution)")
    dashboard.fill_form(epochs="3", batch_size="25", learning_rate="0.0005")
    dashboard.button("Train").click()
    dashboard.until(lambda: dashboard.point_count(LIVE) > 0)
    expect(dashboard.status("State")).to_have_text("done")
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^3 of 3"))
    expect(dashboard.status("Test accuracy")).to_have_text(re.compile(r"^\d+\.\d\d%$"))
    expect(dashboard.status("Images/s")).to_have_text(re.compile(r"^[\d,]+$"))
    expect(dashboard.status("Time left")).to_have_text(re.compile(r"^took \d+ s$"))
    expect(dashboard.page.get_by_text("Done: the network reads")).to_be_visible()
    # So small a run reports every batch.
    dashboard.until(lambda: dashboard.point_count(LIVE) == 3 * 1000 / 25)
    dashboard.until(lambda: dashboard.point_count(LIVE, trace=3) == 3)
    assert dashboard.figure_value(LIVE, "gd.data[0].y.at(-1)") < dashboard.figure_value(
        LIVE, "gd.data[0].y[0]"
    )
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_disabled()


def test_a_run_moves_the_page_and_stop_ends_it(dashboard: DashboardPage) -> None:
    dashboard = visit()
    dashboard.fill_form(epochs="2000", model="MLP (no convolution)")
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("running")
    expect(dashboard.button("Pause")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_enabled()
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^\d+ of 2000 \(\d+%\)$"))
    expect(dashboard.status("Time left")).to_have_text(re.compile(r"\d+ (s|min|h)"))

    epoch, points = dashboard.status("Epoch").inner_text(), dashboard.point_count(LIVE)
    expect(dashboard.status("Epoch")).not_to_have_text(epoch)
    dashboard.until(lambda: dashboard.point_count(LIVE) > points)
    width = "getComputedStyle(document.querySelector('.status-done')).width"
    dashboard.until(lambda: dashboard.page.evaluate(width) != "0px")

    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("stopped")
    expect(dashboard.page.get_by_text("Stopped.")).to_be_visible()
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_disabled()


def test_a_run_that_cannot_be_trained_says_why(dashboard: DashboardPage) -> None:
    dashboard = visit()
    # As in tests/core/test_training.py: this diverges on every processor.
    dashboard.fill_form(epochs="5", learning_rate="1", optimizer="SGD with momentum")
    dashboard.fill_form(model="MLP (no convolution)", batch_size="1")
    dashboard.page.get_by_text("More settings").click()
    dashboard.field("Momentum (beta 1)").fill("0.999")
    dashboard.field("Momentum (beta 1)").press("Tab")
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("failed")
    expect(dashboard.page.get_by_text("Choose a smaller learning rate")).to_be_visible()
    expect(dashboard.button("Train")).to_be_enabled()


def test_a_reload_in_mid_run_shows_all_of_it(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = visit()
    run_id = server.start_endless_run()
    dashboard.until(lambda: dashboard.point_count(LIVE) > 30)
    before = dashboard.figure_value(LIVE, "Array.from(gd.data[0].y)")
    dashboard.reload()
    dashboard.until(lambda: dashboard.point_count(LIVE) > len(before))
    after = dashboard.figure_value(LIVE, "Array.from(gd.data[0].y)")
    assert after[: len(before)] == before
    expect(dashboard.status("State")).to_have_text("running")
    expect(dashboard.button("Stop")).to_be_enabled()
    points = dashboard.point_count(LIVE)
    dashboard.until(lambda: dashboard.point_count(LIVE) > points)
    server.stop_run(run_id)


def test_no_point_is_shown_twice_and_none_is_lost(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    run_id = server.start_endless_run()
    for tab in ("Curves", "Draw", "Train", "Gallery", "Train"):
        dashboard.open_tab(tab)
        if tab == "Train":
            points = dashboard.point_count(LIVE)
            dashboard.until(lambda points=points: dashboard.point_count(LIVE) > points)
    server.stop_run(run_id)
    batches = [
        e for e in server.get(f"/api/runs/{run_id}/events")["events"] if e["kind"] == "batch"
    ]
    dashboard.until(lambda: dashboard.point_count(LIVE) >= len(batches))
    assert dashboard.figure_value(LIVE, "Array.from(gd.data[0].x)") == [
        e["progress"] for e in batches
    ]
    assert dashboard.figure_value(LIVE, "Array.from(gd.data[0].y)") == [e["loss"] for e in batches]


def test_what_a_page_said_earlier_and_comes_later_does_not_count(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    held = dashboard.hold_back('"tab":"curves"')
    dashboard.open_tab("Curves")
    dashboard.until(lambda: held)
    dashboard.open_tab("Train")
    run_id = server.start_endless_run()
    dashboard.until(lambda: dashboard.point_count(LIVE) > 0)
    assert len(held) == 1
    dashboard.release(held[0])
    points = dashboard.point_count(LIVE)
    dashboard.until(lambda: dashboard.point_count(LIVE) > points + 40)
    server.stop_run(run_id)


def test_the_next_run_replaces_the_curve_of_the_last(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    dashboard.until(lambda: dashboard.point_count(LIVE) == 60)
    server.train(epochs=1, batch_size=100)
    dashboard.until(lambda: dashboard.point_count(LIVE) == 10)
    expect(dashboard.status("Epoch")).to_have_text(re.compile(r"^1 of 1"))


def test_all_pages_follow_a_run_and_closing_one_leaves_the_others_going(
    browser: Browser, dashboard: DashboardPage, server: AppServer
) -> None:
    stays = visit()
    second_tab = DashboardPage(stays.page.context, server.url).arrive()
    elsewhere = visit()
    run_id = server.start_endless_run()
    pages = [stays, second_tab, elsewhere]
    for dashboard in pages:
        expect(dashboard.status("State")).to_have_text("running")
        dashboard.until(lambda dashboard=dashboard: dashboard.point_count(LIVE) > 10)
        expect(dashboard.button("Pause")).to_be_enabled()
    assert second_tab.problems == []
    second_tab.page.close()
    elsewhere.page.context.close()
    points = stays.points(LIVE)
    stays.until(lambda: stays.points(LIVE) > points + 20)
    # A tab that opens afterwards gets a stream, too.
    third_tab = DashboardPage(stays.page.context, server.url).arrive()
    third_tab.until(lambda: third_tab.points(LIVE) > points)
    server.stop_run(run_id)
    for dashboard in (stays, third_tab):
        expect(dashboard.status("State")).to_have_text("stopped")


def test_a_stop_on_one_page_is_seen_on_the_other(
    dashboard: DashboardPage, server: AppServer
) -> None:
    presses, watches = visit(), visit()
    server.start_endless_run()
    expect(watches.status("State")).to_have_text("running")
    expect(presses.button("Stop")).to_be_enabled()
    presses.button("Stop").click()
    expect(watches.status("State")).to_have_text("stopped")
    expect(watches.button("Train")).to_be_enabled()
