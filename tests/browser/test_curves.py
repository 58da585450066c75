"""The Curves tab: both curves grow, a zoom stays, the controls and the CSV do what they say."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

LOSS, ACCURACY = "Loss curve", "Accuracy curve"
RAW, SMOOTHED, EPOCH_MEANS, TEST = range(4)


def on_curves(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Curves")
    return dashboard


def values(dashboard: DashboardPage, trace: int, region: str = LOSS) -> list[float]:
    found: list[float] = dashboard.figure_value(region, f"Array.from(gd.data[{trace}]?.y ?? [])")
    return found


def zoom(dashboard: DashboardPage, region: str) -> None:
    """Drags a rectangle over the left part of a curve; points on their way may end a drag."""
    area = dashboard.figure(region).locator(".nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None, "the curve is in sight"

    def drag(box: FloatRect = box) -> bool:
        mouse = dashboard.page.mouse
        mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
        mouse.up()
        return dashboard.figure_value(region, "gd._fullLayout.xaxis.autorange") is False

    dashboard.until(drag)


def shown_range(dashboard: DashboardPage, region: str) -> list[list[float]]:
    axes: list[list[float]] = dashboard.figure_value(
        region, "[gd._fullLayout.xaxis.range.slice(), gd._fullLayout.yaxis.range.slice()]"
    )
    return axes


def test_both_curves_grow_while_the_network_learns(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = on_curves(visit())
    run_id = server.start_endless_run()
    for region in (LOSS, ACCURACY):
        for trace in (RAW, SMOOTHED, EPOCH_MEANS, TEST):
            dashboard.until(lambda r=region, t=trace: dashboard.point_count(r, t) > 0)
            points = dashboard.point_count(region, trace)
            dashboard.until(lambda r=region, t=trace, p=points: dashboard.point_count(r, t) > p)
    server.stop_run(run_id)


def test_both_curves_are_the_runs_own_values(dashboard: DashboardPage, server: AppServer) -> None:
    run_id = server.train()
    events = server.get(f"/api/runs/{run_id}/events")["events"]
    dashboard = on_curves(visit())
    for region, metric in ((LOSS, "loss"), (ACCURACY, "accuracy")):
        raw = [event[metric] for event in events if event["kind"] == "batch"]
        test = [event[f"test_{metric}"] for event in events if event["kind"] == "epoch"]
        dashboard.until(lambda region=region, raw=raw: values(dashboard, RAW, region) == raw)
        assert values(dashboard, TEST, region) == test


def test_a_zoom_survives_the_points_that_come_after_it(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = on_curves(visit())
    run_id = server.start_endless_run()
    dashboard.until(lambda: dashboard.point_count(LOSS) > 20)
    zoom(dashboard, LOSS)
    zoomed = shown_range(dashboard, LOSS)
    points = dashboard.point_count(LOSS)
    dashboard.until(lambda: dashboard.point_count(LOSS) > points + 40)
    assert shown_range(dashboard, LOSS) == zoomed
    # The other curve was not touched, and still shows the whole run.
    dashboard.until(lambda: shown_range(dashboard, ACCURACY)[0][1] > zoomed[0][1])
    server.stop_run(run_id)


def test_a_zoom_survives_a_change_of_the_smoothing(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = on_curves(visit())
    dashboard.until(lambda: dashboard.point_count(LOSS) > 20)
    zoom(dashboard, LOSS)
    zoomed, smoothed = shown_range(dashboard, LOSS), values(dashboard, SMOOTHED)
    dashboard.field("Smoothing").fill("0.9")
    dashboard.until(lambda: values(dashboard, SMOOTHED) != smoothed)
    assert shown_range(dashboard, LOSS) == zoomed


def test_smoothing_keeps_the_raw_points_in_sight(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = on_curves(visit())
    dashboard.until(lambda: dashboard.point_count(LOSS) > 20)
    raw = values(dashboard, RAW)
    for region in (LOSS, ACCURACY):
        assert values(dashboard, SMOOTHED, region) != values(dashboard, RAW, region)
    dashboard.field("Smoothing").fill("0")
    dashboard.until(lambda: values(dashboard, SMOOTHED) == pytest.approx(raw))
    dashboard.field("Smoothing").fill("0.98")
    dashboard.until(lambda: values(dashboard, SMOOTHED) != pytest.approx(raw))
    assert values(dashboard, RAW) == raw
    assert dashboard.figure_value(LOSS, "gd.data[0].visible ?? true") is True


def test_the_scale_can_be_logarithmic(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = on_curves(visit())
    dashboard.until(lambda: dashboard.point_count(LOSS) > 20)
    for kind in ("log", "linear"):
        dashboard.field("Logarithmic scale").click()
        for region in (LOSS, ACCURACY):
            dashboard.until(
                lambda region=region, kind=kind: (
                    dashboard.figure_value(region, "gd._fullLayout.yaxis.type") == kind
                )
            )
    assert dashboard.point_count(LOSS) > 20


def test_the_learning_rate_can_be_added(dashboard: DashboardPage, server: AppServer) -> None:
    run_id = server.train(schedule="onecycle")
    events = server.get(f"/api/runs/{run_id}/events")["events"]
    rates = [event["learning_rate"] for event in events if event["kind"] == "batch"]
    dashboard = on_curves(visit())
    dashboard.field("Learning rate").click()
    dashboard.until(lambda: values(dashboard, 5) == rates)
    assert max(rates) > rates[0]
    dashboard.field("Learning rate").click()
    dashboard.until(lambda: dashboard.figure_value(LOSS, "gd.data.length") == 5)


def test_the_table_has_a_row_for_each_epoch_as_it_ends(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = on_curves(visit())
    run_id = server.start_endless_run(epochs=4)
    rows = dashboard.page.get_by_role("table").filter(has_text="Test acc.").locator("tbody tr")
    expect(rows).to_have_count(4)
    server.wait_for_end(run_id)
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == ["4", "3", "2", "1"]
    accuracy = server.get(f"/api/runs/{run_id}")["test_accuracy"]
    expect(rows.first).to_contain_text(f"{accuracy:.2%}")


def test_the_csv_has_all_of_the_run(
    dashboard: DashboardPage, server: AppServer, tmp_path: Path
) -> None:
    run_id = server.train()
    dashboard = on_curves(visit())
    link = dashboard.page.get_by_role("link", name="Download CSV").or_(
        dashboard.button("Download CSV")
    )
    expect(link).to_have_attribute("href", f"/api/runs/{run_id}/metrics.csv")
    with dashboard.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"{run_id}.csv"
    download.value.save_as(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = server.get(f"/api/runs/{run_id}/events")["events"]
    assert [row["kind"] for row in rows] == [event["kind"] for event in events]
    assert [row["loss"] for row in rows] == [str(event.get("loss", "")) for event in events]


def test_without_a_run_there_is_nothing_to_download(visit_untrained: Visit) -> None:
    dashboard = on_curves(visit_untrained())
    expect(dashboard.page.get_by_text("A row appears here after each epoch.")).to_be_visible()
    link = dashboard.page.get_by_text("Download CSV")
    assert link.evaluate("link => link.matches('.disabled, :disabled')")
    for region in (LOSS, ACCURACY):
        expect(dashboard.region(region)).to_contain_text("The curve starts to move")
