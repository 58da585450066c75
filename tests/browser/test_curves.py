"""The Curves tab: both curves grow, a zoom stays, the controls and the CSV do what they say."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.formatting import percent
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

LOSS, ACCURACY = "Loss curve", "Accuracy curve"
RAW, SMOOTHED, EPOCH_MEANS, TEST = range(4)
LOG = "Log scale for the loss"


def open_curves(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Curves")
    dashboard.field("Smoothing").fill("0.6")
    dashboard.field(LOG).check()
    dashboard.field("Learning rate").uncheck()
    dashboard.choose("Epochs")


def start_endless_run(dashboard: DashboardPage, server: AppServer) -> str:
    """Starts a run and waits until the curves show its points in the place of another run's."""
    run_id = server.start_endless_run()
    dashboard.until(lambda: dashboard.figure_value(LOSS, "gd.dataset.run") == run_id)
    return run_id


def show_curves(dashboard: DashboardPage, server: AppServer, run_id: str) -> None:
    open_curves(dashboard)
    dashboard.show_run(run_id)
    expect_curves(dashboard, server, run_id)


def expect_curves(dashboard: DashboardPage, server: AppServer, run_id: str) -> None:
    """Both curves show every point of the run so far."""
    for region, metric, unit in ((LOSS, "loss", 1), (ACCURACY, "accuracy", 100)):

        def agree(region: str = region, metric: str = metric, unit: int = unit) -> bool:
            raw = [unit * event[metric] for event in server.events(run_id, "batch")]
            test = [unit * event[f"test_{metric}"] for event in server.events(run_id, "epoch")]
            shown = values(dashboard, RAW, region), values(dashboard, TEST, region)
            return raw != [] and shown == (raw, test)

        dashboard.until(agree)


def values(dashboard: DashboardPage, trace: int, region: str = LOSS) -> list[float]:
    found: list[float] = dashboard.figure_value(region, f"Array.from(gd.data[{trace}]?.y ?? [])")
    return found


def shown_range(dashboard: DashboardPage, region: str) -> list[list[float]]:
    axes: list[list[float]] = dashboard.figure_value(
        region, "[gd._fullLayout.xaxis.range.slice(), gd._fullLayout.yaxis.range.slice()]"
    )
    return axes


def test_both_curves_grow_while_the_network_learns(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_curves(dashboard)
    start_endless_run(dashboard, server)
    traces = [
        (region, trace)
        for region in (LOSS, ACCURACY)
        for trace in (RAW, SMOOTHED, EPOCH_MEANS, TEST)
    ]

    def counts() -> list[int]:
        return [dashboard.point_count(*trace) for trace in traces]

    expect(dashboard.status("State")).to_have_text("Training")
    dashboard.until(lambda: all(counts()))
    before = counts()
    dashboard.until(lambda: all(now > then for now, then in zip(counts(), before, strict=True)))


def test_both_curves_and_the_csv_file_are_the_runs_own_values(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, tmp_path: Path
) -> None:
    show_curves(dashboard, server, mlp_run)
    link = dashboard.page.get_by_role("link", name="CSV").or_(dashboard.button("CSV"))
    expect(link).to_have_attribute("href", f"/api/runs/{mlp_run}/metrics.csv")
    expect(link).to_have_attribute("download", "metrics.csv")  # or it would lead to another page
    with dashboard.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "MLP-to-look-at.csv"
    download.value.save_as(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = server.events(mlp_run)
    assert [row["kind"] for row in rows] == [event["kind"] for event in events]
    assert [row["loss"] for row in rows] == [str(event.get("loss", "")) for event in events]


def test_a_zoom_survives_new_points_and_a_change_of_the_smoothing(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_curves(dashboard)
    run_id = start_endless_run(dashboard, server)
    reset = dashboard.region(LOSS).get_by_role("button", name="Reset zoom")
    for again in (None, dashboard.plot_area(LOSS).dblclick, reset.click):
        if again:
            again()
        expect(reset).to_be_hidden()
        dashboard.until(lambda: shown_range(dashboard, LOSS)[0][0] == 0)
        dashboard.zoom_in(LOSS)  # while points come
        expect(reset).to_be_visible()
        zoomed = shown_range(dashboard, LOSS)
        points = dashboard.point_count(LOSS)
        dashboard.until(lambda points=points: dashboard.point_count(LOSS) > points + 10)
        assert zoomed[0][0] > 0
        assert shown_range(dashboard, LOSS) == zoomed
    # The other curve was not touched, and still shows the whole run.
    assert shown_range(dashboard, ACCURACY)[0][1] > zoomed[0][1]

    with server.training_held():
        expect_curves(dashboard, server, run_id)
        smoothed = values(dashboard, SMOOTHED)
        dashboard.field("Smoothing").fill("0.9")
        dashboard.until(lambda: values(dashboard, SMOOTHED) != smoothed)
        assert shown_range(dashboard, LOSS) == zoomed


def test_nothing_is_drawn_while_somebody_drags(dashboard: DashboardPage, server: AppServer) -> None:
    open_curves(dashboard)
    run_id = start_endless_run(dashboard, server)
    dashboard.plot_area(LOSS).hover()
    dashboard.page.mouse.down()
    points = dashboard.point_count(LOSS)
    known = len(server.events(run_id, "batch"))
    dashboard.until(lambda: len(server.events(run_id, "batch")) > known + 10)
    # The status bar goes on.
    epoch = dashboard.status("Epoch").inner_text()
    expect(dashboard.status("Epoch")).not_to_have_text(epoch)
    assert dashboard.point_count(LOSS) == points
    dashboard.page.mouse.up()
    dashboard.until(lambda: dashboard.point_count(LOSS) > known)


def test_the_curves_wear_the_colours_of_the_theme(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    line = dashboard.figure(LOSS).locator(".scatterlayer .js-line").first
    colors = set()
    for _ in range(2):
        dashboard.button("Light or dark").click()
        wanted = dashboard.theme_color("train")
        colors.add(wanted)
        expect(line).to_have_css("stroke", wanted)
    assert len(colors) == 2
    dashboard.page.evaluate("localStorage.removeItem('theme')")


def test_a_picture_of_the_curves_is_white_and_has_the_light_themes_colours(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, tmp_path: Path
) -> None:
    show_curves(dashboard, server, mlp_run)
    dashboard.button("Light or dark").click()
    expect(dashboard.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dashboard.field("Learning rate").check()
    with dashboard.page.expect_download() as download:
        dashboard.button("SVG").click()
    assert server.run(mlp_run)["name"] == "MLP to look at"
    assert download.value.suggested_filename == "MLP-to-look-at-loss.svg"
    download.value.save_as(tmp_path / "curve.svg")
    svg = (tmp_path / "curve.svg").read_text()
    assert "rgb(0, 104, 168)" in svg
    assert "background: rgb(255, 255, 255)" in svg or "fill: rgb(255, 255, 255)" in svg
    dashboard.button("Light or dark").click()
    dashboard.page.evaluate("localStorage.removeItem('theme')")


def test_smoothed_values_are_a_debiased_moving_average(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    average, expected = 0.0, []
    for count, value in enumerate(values(dashboard, RAW), start=1):
        average = 0.6 * average + 0.4 * value
        expected.append(average / (1 - 0.6**count))
    assert values(dashboard, SMOOTHED) == pytest.approx(expected)


def test_smoothing_keeps_the_raw_points_in_sight(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    raw = values(dashboard, RAW)
    for region in (LOSS, ACCURACY):
        assert values(dashboard, SMOOTHED, region) != values(dashboard, RAW, region)
    dashboard.field("Smoothing").fill("0")
    dashboard.until(lambda: values(dashboard, SMOOTHED) == pytest.approx(raw))
    dashboard.field("Smoothing").fill("0.98")
    dashboard.until(lambda: values(dashboard, SMOOTHED) != pytest.approx(raw))
    assert values(dashboard, RAW) == raw
    assert dashboard.figure_value(LOSS, "gd.data[0].visible ?? true") is True


def test_the_scale_can_be_logarithmic(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    points = dashboard.point_count(LOSS)
    scale = "gd._fullLayout.yaxis.type"
    for wanted in ("linear", "log"):
        dashboard.field(LOG).click()
        dashboard.until(lambda wanted=wanted: dashboard.figure_value(LOSS, scale) == wanted)
    assert dashboard.point_count(LOSS) == points
    # Accuracies are percentages of an axis that ends at 100.
    assert dashboard.figure_value(ACCURACY, scale) == "linear"
    assert shown_range(dashboard, ACCURACY)[1][1] == 100


def test_the_learning_rate_can_be_added(dashboard: DashboardPage, server: AppServer) -> None:
    run_id = server.train(schedule="onecycle", epochs=1)
    rates = [event["learning_rate"] for event in server.events(run_id, "batch")]
    assert max(rates) > rates[0]
    show_curves(dashboard, server, run_id)
    dashboard.field("Learning rate").click()
    shown = "gd.data.find(({uid}) => uid === 'rate')?.y"
    dashboard.until(lambda: dashboard.figure_value(LOSS, f"Array.from({shown} ?? [])") == rates)
    dashboard.field("Learning rate").click()
    dashboard.until(lambda: not dashboard.figure_value(LOSS, "gd.data.some(t => t.uid === 'rate')"))


def test_the_table_has_a_row_for_each_epoch_as_it_ends(
    dashboard: DashboardPage, server: AppServer
) -> None:
    open_curves(dashboard)
    run_id = server.train(epochs=4, train_images=200)
    rows = dashboard.page.get_by_role("table").filter(has_text="Test accuracy").locator("tbody tr")
    expect(rows).to_have_count(4)
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == ["4", "3", "2", "1"]
    expect(rows.first).to_contain_text(percent(server.run(run_id)["test_accuracy"]))


def test_the_keyboard_walks_along_a_curve_and_moves_the_epoch_slider(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    first, second, last = server.events(mlp_run, "epoch")
    labels = dashboard.figure(ACCURACY).locator(".textpoint")
    expect(labels.filter(has_text="test")).to_contain_text(percent(last["test_accuracy"]))

    curve, page = dashboard.figure(ACCURACY), dashboard.page
    readout = dashboard.region(ACCURACY).locator("[aria-live]")
    curve.focus()
    for key, event in (("End", last), ("Home", first), ("ArrowRight", second)):
        page.keyboard.press(key)
        expect(readout).to_contain_text(f"Epoch {event['epoch']}: test accuracy")
        expect(readout).to_contain_text(percent(event["test_accuracy"]))
        expect(curve.locator(".hoverlayer")).to_contain_text(percent(event["test_accuracy"]))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Epoch shown")).to_have_value("2")
    # A band, its sentence and the table mark the epoch.
    expect(curve.locator(".infolayer")).to_contain_text(
        f"epoch 2: {percent(second['test_accuracy'])}"
    )
    expect(page.locator("tr.shown")).to_have_text(re.compile("^2"))
    dashboard.button("Latest").click()
    expect(page.locator("tr.shown")).to_have_count(0)


def test_the_axis_can_be_the_time_that_training_took(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    show_curves(dashboard, server, mlp_run)
    _, second, last = server.events(mlp_run, "epoch")
    dashboard.zoom_in(ACCURACY)
    reset = dashboard.region(ACCURACY).get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    dashboard.choose("Seconds")
    expect(reset).to_be_hidden()
    gap = """([first, second]) =>
        second.getBoundingClientRect().left - first.getBoundingClientRect().right"""
    assert dashboard.page.locator("#curves-across label").evaluate_all(gap) < 2
    expect(dashboard.figure(ACCURACY).locator(".infolayer")).to_contain_text("seconds")
    for trace, kind in ((RAW, "batch"), (TEST, "epoch")):
        seconds = [event["seconds"] for event in server.events(mlp_run, kind)]
        places = f"Array.from(gd.data[{trace}].x)"
        dashboard.until(
            lambda places=places, seconds=seconds: (
                dashboard.figure_value(ACCURACY, places) == seconds
            )
        )
    dashboard.until(lambda: shown_range(dashboard, ACCURACY)[0] == [0, last["seconds"]])
    dashboard.click_point(ACCURACY, f"[gd.data[{TEST}].x[1], gd.data[{TEST}].y[1]]")
    expect(dashboard.page.get_by_label("Epoch shown")).to_have_value("2")
    band = "gd.layout.shapes.at(-1).xanchor"
    dashboard.until(lambda: dashboard.figure_value(ACCURACY, band) == second["seconds"])
    dashboard.figure(ACCURACY).focus()
    dashboard.page.keyboard.press("End")
    hover = dashboard.figure(ACCURACY).locator(".hoverlayer")
    expect(hover).to_contain_text(percent(last["test_accuracy"]))
    expect(hover).to_contain_text(re.compile(r"after \d"))
    dashboard.choose("Epochs")
    dashboard.until(lambda: dashboard.figure_value(ACCURACY, band) == 2)
