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
from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
ONE = [(0.5, 0.15), (0.5, 0.85)]
COURSE, HAND = "Course of the drawing", "Your handwriting"


def at_the_canvas(visitor: Visitor) -> Visitor:
    visitor.tab("Draw")
    return visitor


def digits_like(number: int) -> list[tuple[float, float]]:
    """A stroke that differs from every other number's."""
    return [(0.3, 0.15), (0.3 + number / 40, 0.5), (0.45, 0.85)]


def cells(visitor: Visitor) -> list[list[float]]:
    """The strip's probabilities, a row for each digit; none while it is empty."""
    found: list[list[float]] = visitor.look(COURSE, "gd.data?.[0]?.z ?? []")
    return found


def columns(visitor: Visitor) -> list[str]:
    found: list[str] = visitor.look(COURSE, "Array.from(gd.data?.[0]?.x ?? [])")
    return found


def marked(visitor: Visitor) -> float:
    """The column that is framed."""
    return float(visitor.look(COURSE, "(gd.layout.shapes[0].x0 + gd.layout.shapes[0].x1) / 2"))


def plain_torch(lab: Lab, run_id: str, epoch: int, image: np.ndarray) -> list[float]:
    """What the MLP of an epoch says of an image (28, 28), 0..1: no code of ours."""
    weights = load_file(lab.runs / run_id / f"{epoch:04d}.safetensors")
    x = ((torch.from_numpy(image) - MEAN) / STD).flatten()
    for name in ("fc1", "fc2"):
        x = F.relu(F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]))
    said: list[float] = F.linear(x, weights["fc3.weight"], weights["fc3.bias"]).softmax(0).tolist()
    return said


def kept(visitor: Visitor) -> Locator:
    drawings = visitor.page.get_by_role("list", name="Kept drawings")
    return drawings.get_by_role("listitem")


def keep(visitor: Visitor, digit: int) -> None:
    before = kept(visitor).count()
    visitor.button(f"Keep as {digit}").click()
    expect(visitor.page.get_by_text(f"Kept as {digit}.")).to_be_visible()
    expect(kept(visitor)).to_have_count(before + 1)


def owner(visitor: Visitor) -> str:
    return str(json.loads(visitor.page.evaluate("localStorage.getItem('hand-owner')")))


def drawn(visitor: Visitor) -> Any:
    return json.loads(visitor.page.evaluate("sessionStorage.getItem('drawing')"))


def test_the_course_has_a_column_for_each_epoch_as_plain_torch_has_it(
    visit: Visit, lab: Lab
) -> None:
    run_id = lab.train()
    visitor = at_the_canvas(visit())
    expect(visitor.region(COURSE)).to_contain_text("Draw a digit")
    visitor.draw(SEVEN)
    visitor.until(lambda: columns(visitor) == ["0", "1", "2", "3"])
    image = strokes_to_image(drawn(visitor))
    wanted = [plain_torch(lab, run_id, epoch, image) for epoch in range(4)]
    expected = pytest.approx(np.array(wanted), abs=1e-4)
    visitor.until(lambda: expected == np.array(cells(visitor)).T)  # at first of half a drawing
    picture = visitor.page.get_by_role("img", name="Course of the drawing")
    read = int(np.argmax(wanted[-1]))
    expect(picture).to_have_attribute("aria-label", re.compile(rf"(reads? {read}|else)"))
    visitor.button("Clear").click()
    expect(visitor.region(COURSE)).to_contain_text("Draw a digit")


def test_a_click_on_the_course_moves_the_epoch_slider_and_that_moves_the_frame(
    visit: Visit, trained: Lab
) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    visitor.until(lambda: len(columns(visitor)) == 4)
    assert marked(visitor) == 3
    visitor.click_point(COURSE, "[1, 5]")
    expect(visitor.field("Network after epoch")).to_have_value("1")
    visitor.until(lambda: marked(visitor) == 1)
    visitor.field("Network after epoch").fill("2")
    visitor.until(lambda: marked(visitor) == 2)


def test_the_course_grows_while_the_network_learns(visit: Visit, lab: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    run_id = lab.begin()
    visitor.until(lambda: len(columns(visitor)) >= 3)
    few = len(columns(visitor))
    visitor.until(lambda: len(columns(visitor)) > few)
    lab.end(run_id)


def test_without_a_network_both_say_what_to_do(visit_untrained: Visit) -> None:
    visitor = at_the_canvas(visit_untrained())
    expect(visitor.region(HAND)).to_contain_text("which one you meant")
    visitor.draw(ONE)
    expect(visitor.region(COURSE)).to_contain_text("Press Train first")
    keep(visitor, 1)
    expect(visitor.region(HAND)).to_contain_text("There is no network yet to read them")
    visitor.button("Teach it").click()
    expect(visitor.region(HAND).get_by_role("alert")).to_contain_text("Press Train first")
    visitor.button("Delete this 1").click()
    expect(kept(visitor)).to_have_count(0)


def test_drawings_are_kept_counted_deleted_and_taught(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.button("Keep as 3").click()
    expect(visitor.page.get_by_text("Nothing is drawn yet: draw a digit")).to_be_visible()

    visitor.draw(SEVEN)
    keep(visitor, 7)
    visitor.button("Keep as 3").click()
    expect(visitor.page.get_by_text("kept already, as 7")).to_be_visible()
    visitor.draw(ONE)  # the next stroke begins another drawing
    visitor.until(lambda: len(drawn(visitor)) == 1)
    keep(visitor, 3)

    mine = f"/api/handwriting/{owner(visitor)}"
    found = trained.get(mine)
    assert [drawing["label"] for drawing in found["drawings"]] == [7, 3]
    summary = f"Right: {found['right']} of 2."
    expect(visitor.region(HAND)).to_contain_text(summary)
    last = found["drawings"][1]
    words = f"Meant as 3, read as {last['digit']}"
    expect(kept(visitor).first.get_by_role("img")).to_have_attribute("alt", words)

    visitor.button("Delete this 7").click()
    expect(kept(visitor)).to_have_count(1)
    visitor.region(HAND).get_by_role("button", name="Undo").click()
    expect(kept(visitor)).to_have_count(2)
    visitor.reload()
    expect(kept(visitor)).to_have_count(2)

    visitor.field("Mix in images it knows").uncheck()
    visitor.button("Teach it").click()
    expect(visitor.region(HAND)).to_contain_text("What the lesson changed")
    child = trained.get("/api/runs")["runs"][0]
    trained.wait_for_end(child["run_id"])
    expect(visitor.region(HAND)).to_contain_text(f"after (epoch {child['epochs']})")
    report = trained.get(f"/api/runs/{child['run_id']}/lesson")["lesson"]
    test, taught = report["rows"]
    table = visitor.region(HAND).get_by_role("table")
    row = table.get_by_role("row", name="test images")
    expect(row.get_by_role("cell")).to_have_text([f"{test['before']:.2%}", f"{test['after']:.2%}"])
    row = table.get_by_role("row", name="Your drawings, taught")
    counts = [f"{round(2 * taught[when])} of 2" for when in ("before", "after")]
    expect(row.get_by_role("cell")).to_have_text(counts)
    expect(visitor.region(HAND)).to_contain_text("is no test")
    expect(visitor.region(HAND)).to_contain_text("All of them it was taught")
    for drawing in trained.get(mine)["drawings"]:
        assert drawing["taught"]


def test_a_deleted_drawing_can_be_brought_back_though_the_others_are_painted_anew(
    visit: Visit, trained: Lab
) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    keep(visitor, 7)
    painted, deleted = visitor.hold_back("hand-list.children"), visitor.hold_back("hand-deleted")
    visitor.field("Network after epoch").fill("1")
    visitor.until(lambda: painted)
    visitor.button("Delete this 7").click()
    visitor.until(lambda: deleted)
    visitor.let_go(painted.pop(0))
    expect(visitor.page.locator("#hand-list[data-dash-is-loading]")).to_have_count(0)
    visitor.let_go(deleted[0])
    expect(visitor.region(HAND).get_by_role("button", name="Undo")).to_be_visible()
    visitor.until(lambda: painted)
    visitor.let_go(painted[0])
    expect(kept(visitor)).to_have_count(0)


def test_a_few_drawings_have_a_line_in_the_curves(visit: Visit, lab: Lab) -> None:
    run_id = lab.train()
    visitor = at_the_canvas(visit())
    for number in range(5):
        visitor.draw(digits_like(number))
        keep(visitor, 1)
    visitor.tab("Curves")
    mine = "gd.data?.find(trace => trace.name === 'your handwriting (5)')"
    visitor.until(lambda: visitor.look("Accuracy curve", f"{mine} !== undefined"))
    scores = lab.get(f"/api/handwriting/{owner(visitor)}/scores/{run_id}")["fresh"]
    shares = visitor.look("Accuracy curve", f"Array.from({mine}.y)")
    assert shares == pytest.approx([score["right"] / 5 for score in scores])
    assert visitor.look("Accuracy curve", f"Array.from({mine}.x)") == [0, 1, 2, 3]


def test_another_browser_has_a_set_of_its_own(visit: Visit, trained: Lab) -> None:
    one, other = at_the_canvas(visit()), at_the_canvas(visit())
    one.draw(ONE)
    keep(one, 1)
    assert owner(one) != owner(other)
    expect(kept(other)).to_have_count(0)
