"""The Draw tab's course of a drawing, and one's own handwriting: kept, counted, taught.

What the strip shows is compared with what plain torch computes from the weights on disk.
"""

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file
from torch.nn import functional as F

from core.datasets import MEAN, STD
from core.preprocess import strokes_to_image
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
ONE = [(0.5, 0.15), (0.5, 0.85)]
COURSE, HAND = "Course of the drawing", "Your handwriting"


def at_the_canvas(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Draw")
    return dashboard


def digits_like(number: int) -> list[tuple[float, float]]:
    """A stroke that differs from every other number's."""
    return [(0.3, 0.15), (0.3 + number / 40, 0.5), (0.45, 0.85)]


def cells(dashboard: DashboardPage) -> list[list[float]]:
    """The strip's probabilities, a row for each digit; none while it is empty."""
    found: list[list[float]] = dashboard.figure_value(COURSE, "gd.data?.[0]?.z ?? []")
    return found


def columns(dashboard: DashboardPage) -> list[str]:
    found: list[str] = dashboard.figure_value(COURSE, "Array.from(gd.data?.[0]?.x ?? [])")
    return found


def marked(dashboard: DashboardPage) -> float:
    """The column that is framed."""
    return float(
        dashboard.figure_value(COURSE, "(gd.layout.shapes[0].x0 + gd.layout.shapes[0].x1) / 2")
    )


def plain_torch(server: AppServer, run_id: str, epoch: int, image: np.ndarray) -> list[float]:
    """What the MLP of an epoch says of an image (28, 28), 0..1: no code of ours."""
    weights = load_file(server.runs / run_id / f"{epoch:04d}.safetensors")
    x = ((torch.from_numpy(image) - MEAN) / STD).flatten()
    for name in ("fc1", "fc2"):
        x = F.relu(F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]))
    said: list[float] = F.linear(x, weights["fc3.weight"], weights["fc3.bias"]).softmax(0).tolist()
    return said


def kept(dashboard: DashboardPage) -> Locator:
    drawings = dashboard.page.get_by_role("list", name="Kept drawings")
    return drawings.get_by_role("listitem")


def keep(dashboard: DashboardPage, digit: int) -> None:
    before = kept(dashboard).count()
    dashboard.button(f"Keep as {digit}").click()
    expect(dashboard.page.get_by_text(f"Kept as {digit}.")).to_be_visible()
    expect(kept(dashboard)).to_have_count(before + 1)


def owner(dashboard: DashboardPage) -> str:
    return str(json.loads(dashboard.page.evaluate("localStorage.getItem('hand-owner')")))


def drawn(dashboard: DashboardPage) -> Any:
    return json.loads(dashboard.page.evaluate("sessionStorage.getItem('drawing')"))


def test_the_course_has_a_column_for_each_epoch_as_plain_torch_has_it(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train()
    dashboard = at_the_canvas(visit())
    expect(dashboard.region(COURSE)).to_contain_text("Draw a digit")
    dashboard.draw(SEVEN)
    dashboard.until(lambda: columns(dashboard) == ["0", "1", "2", "3"])
    image = strokes_to_image(drawn(dashboard))
    wanted = [plain_torch(server, run_id, epoch, image) for epoch in range(4)]
    expected = pytest.approx(np.array(wanted), abs=1e-4)
    dashboard.until(lambda: expected == np.array(cells(dashboard)).T)  # at first of half a drawing
    picture = dashboard.page.get_by_role("img", name="Course of the drawing")
    read = int(np.argmax(wanted[-1]))
    expect(picture).to_have_attribute("aria-label", re.compile(rf"(reads? {read}|else)"))
    dashboard.button("Clear").click()
    expect(dashboard.region(COURSE)).to_contain_text("Draw a digit")


def test_a_click_on_the_course_moves_the_epoch_slider_and_that_moves_the_frame(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    dashboard.until(lambda: len(columns(dashboard)) == 4)
    assert marked(dashboard) == 3
    dashboard.click_point(COURSE, "[1, 5]")
    expect(dashboard.epoch_slider).to_have_value("1")
    dashboard.until(lambda: marked(dashboard) == 1)
    dashboard.epoch_slider.fill("2")
    dashboard.until(lambda: marked(dashboard) == 2)


def test_the_course_grows_while_the_network_learns(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    run_id = server.start_endless_run()
    dashboard.until(lambda: len(columns(dashboard)) >= 3)
    few = len(columns(dashboard))
    dashboard.until(lambda: len(columns(dashboard)) > few)
    server.stop_run(run_id)


def test_without_a_network_both_say_what_to_do(visit_untrained: Visit) -> None:
    dashboard = at_the_canvas(visit_untrained())
    expect(dashboard.region(HAND)).to_contain_text("which one you meant")
    dashboard.draw(ONE)
    expect(dashboard.region(COURSE)).to_contain_text("Press Train first")
    keep(dashboard, 1)
    expect(dashboard.region(HAND)).to_contain_text("There is no network yet to read them")
    dashboard.button("Teach it").click()
    expect(dashboard.region(HAND).get_by_role("alert")).to_contain_text("Press Train first")
    dashboard.button("Delete this 1").click()
    expect(kept(dashboard)).to_have_count(0)


def test_drawings_are_kept_counted_deleted_and_taught(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.button("Keep as 3").click()
    expect(dashboard.page.get_by_text("Nothing is drawn yet: draw a digit")).to_be_visible()

    dashboard.draw(SEVEN)
    keep(dashboard, 7)
    dashboard.button("Keep as 3").click()
    expect(dashboard.page.get_by_text("kept already, as 7")).to_be_visible()
    dashboard.draw(ONE)  # the next stroke begins another drawing
    dashboard.until(lambda: len(drawn(dashboard)) == 1)
    keep(dashboard, 3)

    mine = f"/api/handwriting/{owner(dashboard)}"
    found = server.get(mine)
    assert [drawing["label"] for drawing in found["drawings"]] == [7, 3]
    summary = f"Right: {found['right']} of 2."
    expect(dashboard.region(HAND)).to_contain_text(summary)
    last = found["drawings"][1]
    words = f"Meant as 3, read as {last['digit']}"
    expect(kept(dashboard).first.get_by_role("img")).to_have_attribute("alt", words)

    dashboard.button("Delete this 7").click()
    expect(kept(dashboard)).to_have_count(1)
    dashboard.region(HAND).get_by_role("button", name="Undo").click()
    expect(kept(dashboard)).to_have_count(2)
    dashboard.reload()
    expect(kept(dashboard)).to_have_count(2)

    dashboard.field("Mix in images it knows").uncheck()
    dashboard.button("Teach it").click()
    expect(dashboard.region(HAND)).to_contain_text("What the lesson changed")
    child = server.get("/api/runs")["runs"][0]
    server.wait_for_end(child["run_id"])
    expect(dashboard.region(HAND)).to_contain_text(f"after (epoch {child['epochs']})")
    report = server.get(f"/api/runs/{child['run_id']}/lesson")["lesson"]
    test, taught = report["rows"]
    table = dashboard.region(HAND).get_by_role("table")
    row = table.get_by_role("row", name="test images")
    expect(row.get_by_role("cell")).to_have_text([f"{test['before']:.2%}", f"{test['after']:.2%}"])
    row = table.get_by_role("row", name="Your drawings, taught")
    counts = [f"{round(2 * taught[when])} of 2" for when in ("before", "after")]
    expect(row.get_by_role("cell")).to_have_text(counts)
    expect(dashboard.region(HAND)).to_contain_text("is no test")
    expect(dashboard.region(HAND)).to_contain_text("All of them it was taught")
    for drawing in server.get(mine)["drawings"]:
        assert drawing["taught"]


def test_a_deleted_drawing_can_be_brought_back_though_the_others_are_painted_anew(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    keep(dashboard, 7)
    painted, deleted = (
        dashboard.hold_back("hand-list.children"),
        dashboard.hold_back("hand-deleted"),
    )
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: painted)
    dashboard.button("Delete this 7").click()
    dashboard.until(lambda: deleted)
    dashboard.release(painted.pop(0))
    expect(dashboard.page.locator("#hand-list[data-dash-is-loading]")).to_have_count(0)
    dashboard.release(deleted[0])
    expect(dashboard.region(HAND).get_by_role("button", name="Undo")).to_be_visible()
    dashboard.until(lambda: painted)
    dashboard.release(painted[0])
    expect(kept(dashboard)).to_have_count(0)


def test_a_few_drawings_have_a_line_in_the_curves(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train()
    dashboard = at_the_canvas(visit())
    for number in range(5):
        dashboard.draw(digits_like(number))
        keep(dashboard, 1)
    dashboard.open_tab("Curves")
    mine = "gd.data?.find(trace => trace.name === 'your handwriting (5)')"
    dashboard.until(lambda: dashboard.figure_value("Accuracy curve", f"{mine} !== undefined"))
    scores = server.get(f"/api/handwriting/{owner(dashboard)}/scores/{run_id}")["fresh"]
    shares = dashboard.figure_value("Accuracy curve", f"Array.from({mine}.y)")
    assert shares == pytest.approx([score["right"] / 5 for score in scores])
    assert dashboard.figure_value("Accuracy curve", f"Array.from({mine}.x)") == [0, 1, 2, 3]


def test_another_browser_has_a_set_of_its_own(dashboard: DashboardPage, server: AppServer) -> None:
    one, other = at_the_canvas(visit()), at_the_canvas(visit())
    one.draw(ONE)
    keep(one, 1)
    assert owner(one) != owner(other)
    expect(kept(other)).to_have_count(0)
