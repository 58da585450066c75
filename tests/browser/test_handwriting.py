"""The Draw tab's course of a drawing, and one's own handwriting: kept, counted, taught.

What the course shows is compared with what plain torch computes from the weights on disk.
"""

import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect
from safetensors.torch import load_file
from torch.nn import functional as F

from core.data.dataset import MEAN, STD
from core.drawing.strokes import preprocess_strokes
from dashboard.formatting import percent
from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
ONE = [(0.5, 0.15), (0.5, 0.85)]
COURSE, HAND = "How the answer came about", "Your handwriting"


def open_draw(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the newest network of a run on the Draw tab, with nothing drawn."""
    dashboard.open_tab("Draw")
    dashboard.show_run(run_id)
    dashboard.epoch_slider.fill("3")
    dashboard.button("Clear").click()
    dashboard.text("Centred like MNIST", exact=True).click()


@pytest.fixture(autouse=True)
def no_drawings(dashboard: DashboardPage) -> Iterator[None]:
    """Nothing is kept when a test begins, and nothing after it."""
    dashboard.open_tab("Draw")
    dashboard.delete_drawings()
    yield
    dashboard.open_tab("Draw")
    dashboard.delete_drawings()


def course_probabilities(dashboard: DashboardPage) -> list[list[float]]:
    """A row for each digit, a column for each epoch; empty while there is no course."""
    rows = """rows => rows.map(row => [...row.querySelectorAll("td")].map(
        cell => Number(cell.style.getPropertyValue("--share"))))"""
    found: list[list[float]] = dashboard.region(COURSE).locator("tbody tr").evaluate_all(rows)
    return found


def course_epochs(dashboard: DashboardPage) -> list[str]:
    names = "epochs => epochs.map(epoch => epoch.ariaLabel.replace('Epoch ', ''))"
    found: list[str] = dashboard.region(COURSE).locator("th button").evaluate_all(names)
    return found


def course_epoch(dashboard: DashboardPage, epoch: int) -> Locator:
    """The button of a column."""
    return dashboard.region(COURSE).get_by_role("button", name=f"Epoch {epoch}", exact=True)


def plain_torch(server: AppServer, run_id: str, epoch: int, image: np.ndarray) -> list[float]:
    """What the MLP of an epoch predicts for an image (28, 28), 0..1, without the app's code."""
    weights = load_file(server.runs / run_id / f"{epoch:04d}.safetensors")
    x = ((torch.from_numpy(image) - MEAN) / STD).flatten()
    for name in ("fc1", "fc2"):
        x = F.relu(F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"]))
    logits = F.linear(x, weights["fc3.weight"], weights["fc3.bias"])
    probabilities: list[float] = logits.softmax(0).tolist()
    return probabilities


def test_the_course_has_a_column_for_each_epoch_as_plain_torch_has_it(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_draw(dashboard, mlp_run)
    expect(dashboard.region(COURSE)).to_contain_text("Draw a digit")
    dashboard.draw(SEVEN)
    dashboard.until(lambda: course_epochs(dashboard) == ["0", "1", "2", "3"])
    image = preprocess_strokes(dashboard.strokes()).image
    wanted = [plain_torch(server, mlp_run, epoch, image) for epoch in range(4)]
    expected = pytest.approx(np.array(wanted), abs=1e-4)
    # The first course may be that of half a drawing.
    dashboard.until(lambda: expected == np.array(course_probabilities(dashboard)).T)
    read = int(np.argmax(wanted[-1]))
    expect(dashboard.region(COURSE)).to_contain_text(re.compile(rf"(reads {read} since|else)"))
    seven = dashboard.region(COURSE).get_by_role("row", name=re.compile("^7 ")).get_by_role("cell")
    shares = [0.0 if share < 0.0005 else 100 * share for share in (row[7] for row in wanted)]
    texts = [text.rstrip("\u202f%").replace("–", "0") for text in seven.all_text_contents()]
    assert [float(text) for text in texts] == pytest.approx(shares, abs=0.06)

    # A click on a column moves the epoch slider, and that marks the column. So do the arrow keys.
    def expect_marked(epoch: int) -> None:
        expect(dashboard.epoch_slider).to_have_value(str(epoch))
        expect(course_epoch(dashboard, epoch)).to_have_attribute("aria-current", "true")
        expect(dashboard.region(COURSE).locator("[aria-current]")).to_have_count(1)

    expect_marked(3)
    cell = seven.nth(1).bounding_box()
    assert cell is not None
    dashboard.page.mouse.click(cell["x"] + 5, cell["y"] + 5)
    expect_marked(1)
    dashboard.epoch_slider.fill("2")
    expect_marked(2)
    course_epoch(dashboard, 2).focus()
    dashboard.page.keyboard.press("ArrowRight")
    dashboard.page.keyboard.press("Enter")
    expect_marked(3)
    expect(course_epoch(dashboard, 3)).to_be_focused()

    dashboard.button("Clear").click()
    expect(dashboard.region(COURSE)).to_contain_text("Draw a digit")


def test_drawings_are_kept_counted_deleted_and_taught(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_draw(dashboard, mlp_run)
    expect(dashboard.region(HAND)).to_contain_text("press the one you meant")
    dashboard.button("Keep as 3").click()
    expect(dashboard.text("Nothing is drawn yet: draw a digit")).to_be_visible()

    dashboard.draw(SEVEN)
    dashboard.keep_drawing(7)
    dashboard.button("Keep as 3").click()
    expect(dashboard.text("kept already, as 7")).to_be_visible()
    dashboard.expect_refusals(409)
    dashboard.draw(ONE)  # the next stroke begins another drawing
    dashboard.until(lambda: len(dashboard.strokes()) == 1)
    dashboard.keep_drawing(3)

    mine = "/api/handwriting"
    found = server.get(f"{mine}?run={mlp_run}")
    assert [drawing["label"] for drawing in found["drawings"]] == [7, 3]
    expect(dashboard.region(HAND)).to_contain_text(f"{found['right']} of 2 right")
    words = f"Meant as 3, read as {found['drawings'][1]['digit']}"
    expect(dashboard.kept_drawings.first.get_by_role("img", name=words)).to_be_visible()

    dashboard.button("Delete this 7").click()
    expect(dashboard.kept_drawings).to_have_count(1)
    undo = dashboard.region(HAND).get_by_role("button", name="Undo")
    with dashboard.no_answers("**/restore"):
        undo.click()
        expect(dashboard.text("Digit Lab did not answer")).to_be_visible()
    undo.click()
    expect(dashboard.kept_drawings).to_have_count(2)

    dashboard.field("Also show it MNIST digits (it forgets less)").uncheck()
    before = len(server.all_runs())
    dashboard.button("Teach it these").dblclick(delay=100)  # it teaches it once
    expect(dashboard.region(HAND)).to_contain_text("What that changed")
    child = server.all_runs()[0]
    assert len(server.all_runs()) == before + 1
    server.wait_for_end(child["run_id"])
    expect(dashboard.region(HAND)).to_contain_text(f"after (epoch {child['epochs']})")
    report = server.get(f"/api/runs/{child['run_id']}/lesson")["lesson"]
    test, taught = report["rows"]
    table = dashboard.region(HAND).get_by_role("table")
    row = table.get_by_role("row", name="test digits")
    expect(row.get_by_role("cell")).to_have_text([percent(test["before"]), percent(test["after"])])
    row = table.get_by_role("row", name="Your drawings, taught")
    counts = [f"{round(2 * taught[when])} of 2" for when in ("before", "after")]
    expect(row.get_by_role("cell")).to_have_text(counts)
    expect(dashboard.region(HAND)).to_contain_text("they do not test it")
    expect(dashboard.region(HAND)).to_contain_text("It was taught all of them")
    assert [drawing["taught"] for drawing in server.get(mine)["drawings"]] == [True, True]


def test_a_deleted_drawing_can_be_brought_back_though_the_others_are_painted_anew(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_draw(dashboard, mlp_run)
    dashboard.draw(SEVEN)
    dashboard.keep_drawing(7)
    dashboard.wait_until_quiet()
    painted = dashboard.hold_back("hand-list.children")
    dashboard.epoch_slider.fill("1")
    dashboard.until(lambda: painted)
    dashboard.button("Delete this 7").click()
    dashboard.until(lambda: len(painted) == 2)
    dashboard.release(painted[0])
    undo = dashboard.region(HAND).get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    dashboard.release(painted[1])
    expect(dashboard.kept_drawings).to_have_count(0)
    dashboard.stop_holding()
    undo.click()
    expect(dashboard.kept_drawings).to_have_count(1)
    expect(undo).to_be_hidden()
    dashboard.button("Delete all my drawings").click()
    expect(dashboard.kept_drawings).to_have_count(0)
    expect(dashboard.button("Delete all my drawings")).to_have_count(0)
    undo.click()
    expect(dashboard.kept_drawings).to_have_count(1)


def test_a_few_drawings_have_a_line_in_the_curves(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.open_tab("Train")
    for number in range(4):
        stroke = [[84, 42], [84 + 7 * number, 140], [126, 238]]
        server.post("/api/handwriting", {"strokes": [stroke], "label": 1})
    open_draw(dashboard, mlp_run)
    expect(dashboard.kept_drawings).to_have_count(4)
    dashboard.draw(ONE)
    dashboard.keep_drawing(1)
    dashboard.open_tab("Curves")
    line = "gd.data?.find(trace => trace.name === 'your handwriting (5)')"
    dashboard.until(lambda: dashboard.figure_value("Accuracy curve", f"{line} !== undefined"))
    scores = server.get(f"/api/handwriting/scores/{mlp_run}")["fresh"]
    shares = dashboard.figure_value("Accuracy curve", f"Array.from({line}.y)")
    assert shares == pytest.approx([100 * score["right"] / 5 for score in scores])
    assert dashboard.figure_value("Accuracy curve", f"Array.from({line}.x)") == [0, 1, 2, 3]
