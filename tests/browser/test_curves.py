"""The Curves tab: both curves grow, a zoom stays, the controls and the CSV do what they say."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import FloatRect, expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

LOSS, ACCURACY = "Loss curve", "Accuracy curve"
RAW, SMOOTHED, EPOCH_MEANS, TEST = range(4)


def on_curves(visitor: Visitor) -> Visitor:
    visitor.tab("Curves")
    return visitor


def values(visitor: Visitor, trace: int, region: str = LOSS) -> list[float]:
    found: list[float] = visitor.look(region, f"Array.from(gd.data[{trace}]?.y ?? [])")
    return found


def zoom(visitor: Visitor, region: str) -> None:
    """Drags a rectangle over the left part of a curve; points on their way may end a drag."""
    area = visitor.figure(region).locator(".nsewdrag").first
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None, "the curve is in sight"

    def drag(box: FloatRect = box) -> bool:
        mouse = visitor.page.mouse
        mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
        mouse.up()
        return visitor.look(region, "gd._fullLayout.xaxis.autorange") is False

    visitor.until(drag)


def shown_range(visitor: Visitor, region: str) -> list[list[float]]:
    axes: list[list[float]] = visitor.look(
        region, "[gd._fullLayout.xaxis.range.slice(), gd._fullLayout.yaxis.range.slice()]"
    )
    return axes


def test_both_curves_grow_while_the_network_learns(visit: Visit, lab: Lab) -> None:
    visitor = on_curves(visit())
    run_id = lab.begin()
    for region in (LOSS, ACCURACY):
        for trace in (RAW, SMOOTHED, EPOCH_MEANS, TEST):
            visitor.until(lambda r=region, t=trace: visitor.points(r, t) > 0)
            points = visitor.points(region, trace)
            visitor.until(lambda r=region, t=trace, p=points: visitor.points(r, t) > p)
    lab.end(run_id)


def test_both_curves_are_the_runs_own_values(visit: Visit, trained: Lab) -> None:
    run_id = trained.train()
    events = trained.get(f"/api/runs/{run_id}/events")["events"]
    visitor = on_curves(visit())
    for region, metric in ((LOSS, "loss"), (ACCURACY, "accuracy")):
        raw = [event[metric] for event in events if event["kind"] == "batch"]
        test = [event[f"test_{metric}"] for event in events if event["kind"] == "epoch"]
        visitor.until(lambda region=region, raw=raw: values(visitor, RAW, region) == raw)
        assert values(visitor, TEST, region) == test


def test_a_zoom_survives_the_points_that_come_after_it(visit: Visit, lab: Lab) -> None:
    visitor = on_curves(visit())
    run_id = lab.begin()
    visitor.until(lambda: visitor.points(LOSS) > 20)
    zoom(visitor, LOSS)
    zoomed = shown_range(visitor, LOSS)
    points = visitor.points(LOSS)
    visitor.until(lambda: visitor.points(LOSS) > points + 40)
    assert shown_range(visitor, LOSS) == zoomed
    # The other curve was not touched, and still shows the whole run.
    visitor.until(lambda: shown_range(visitor, ACCURACY)[0][1] > zoomed[0][1])
    lab.end(run_id)


def test_a_zoom_survives_a_change_of_the_smoothing(visit: Visit, trained: Lab) -> None:
    visitor = on_curves(visit())
    visitor.until(lambda: visitor.points(LOSS) > 20)
    zoom(visitor, LOSS)
    zoomed, smoothed = shown_range(visitor, LOSS), values(visitor, SMOOTHED)
    visitor.field("Smoothing").fill("0.9")
    visitor.until(lambda: values(visitor, SMOOTHED) != smoothed)
    assert shown_range(visitor, LOSS) == zoomed


def test_smoothing_keeps_the_raw_points_in_sight(visit: Visit, trained: Lab) -> None:
    visitor = on_curves(visit())
    visitor.until(lambda: visitor.points(LOSS) > 20)
    raw = values(visitor, RAW)
    for region in (LOSS, ACCURACY):
        assert values(visitor, SMOOTHED, region) != values(visitor, RAW, region)
    visitor.field("Smoothing").fill("0")
    visitor.until(lambda: values(visitor, SMOOTHED) == pytest.approx(raw))
    visitor.field("Smoothing").fill("0.98")
    visitor.until(lambda: values(visitor, SMOOTHED) != pytest.approx(raw))
    assert values(visitor, RAW) == raw
    assert visitor.look(LOSS, "gd.data[0].visible ?? true") is True


def test_the_scale_can_be_logarithmic(visit: Visit, trained: Lab) -> None:
    visitor = on_curves(visit())
    visitor.until(lambda: visitor.points(LOSS) > 20)
    for kind in ("log", "linear"):
        visitor.field("Logarithmic scale").click()
        for region in (LOSS, ACCURACY):
            visitor.until(
                lambda region=region, kind=kind: (
                    visitor.look(region, "gd._fullLayout.yaxis.type") == kind
                )
            )
    assert visitor.points(LOSS) > 20


def test_the_learning_rate_can_be_added(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(schedule="onecycle")
    events = lab.get(f"/api/runs/{run_id}/events")["events"]
    rates = [event["learning_rate"] for event in events if event["kind"] == "batch"]
    visitor = on_curves(visit())
    visitor.field("Learning rate").click()
    visitor.until(lambda: values(visitor, 5) == rates)
    assert max(rates) > rates[0]
    visitor.field("Learning rate").click()
    visitor.until(lambda: visitor.look(LOSS, "gd.data.length") == 5)


def test_the_table_has_a_row_for_each_epoch_as_it_ends(visit: Visit, lab: Lab) -> None:
    visitor = on_curves(visit())
    run_id = lab.begin(epochs=4)
    rows = visitor.page.get_by_role("table").filter(has_text="Test acc.").locator("tbody tr")
    expect(rows).to_have_count(4)
    lab.wait_for_end(run_id)
    assert [row.split("\t")[0].strip() for row in rows.all_inner_texts()] == ["4", "3", "2", "1"]
    accuracy = lab.get(f"/api/runs/{run_id}")["test_accuracy"]
    expect(rows.first).to_contain_text(f"{accuracy:.2%}")


def test_the_csv_has_all_of_the_run(visit: Visit, trained: Lab, tmp_path: Path) -> None:
    run_id = trained.train()
    visitor = on_curves(visit())
    link = visitor.page.get_by_role("link", name="Download CSV").or_(visitor.button("Download CSV"))
    expect(link).to_have_attribute("href", f"/api/runs/{run_id}/metrics.csv")
    with visitor.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"{run_id}.csv"
    download.value.save_as(tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    events = trained.get(f"/api/runs/{run_id}/events")["events"]
    assert [row["kind"] for row in rows] == [event["kind"] for event in events]
    assert [row["loss"] for row in rows] == [str(event.get("loss", "")) for event in events]


def test_without_a_run_there_is_nothing_to_download(visit_untrained: Visit) -> None:
    visitor = on_curves(visit_untrained())
    expect(visitor.page.get_by_text("A row appears here after each epoch.")).to_be_visible()
    link = visitor.page.get_by_text("Download CSV")
    assert link.evaluate("link => link.matches('.disabled, :disabled')")
    for region in (LOSS, ACCURACY):
        expect(visitor.region(region)).to_contain_text("The curve starts to move")
