"""The Runs tab, and runs that are paused, queued, chosen, forked and compared on the page."""

import re
import urllib.request

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

COMPARISON = "Comparison"
LOSS = "Loss curve"


def at_the_runs(visitor: Visitor) -> Visitor:
    visitor.tab("Runs")
    return visitor


def row(visitor: Visitor, name: str) -> Locator:
    cell = visitor.page.get_by_role("gridcell", name=name, exact=True)
    return visitor.page.get_by_role("row").filter(has=cell)


def tick(visitor: Visitor, name: str) -> None:
    row(visitor, name).get_by_role("checkbox").first.click()


def title(lab: Lab, run_id: str) -> str:
    run = lab.get(f"/api/runs/{run_id}")
    return run["name"] or f"Run {run['number']}"


def pick(visitor: Visitor) -> Locator:
    return visitor.page.get_by_label("Run", exact=True)


def test_a_run_is_paused_and_resumed_with_the_button(visit: Visit, lab: Lab) -> None:
    visitor = visit()
    run_id = lab.begin()
    expect(visitor.status("State")).to_have_text("running")
    visitor.button("Pause").click()
    expect(visitor.status("State")).to_have_text("paused")
    expect(visitor.page.get_by_text("Resume goes on from there")).to_be_visible()
    before = lab.get(f"/api/runs/{run_id}")["progress"]
    visitor.button("Resume").click()
    expect(visitor.status("State")).to_have_text("running")
    visitor.until(lambda: lab.get(f"/api/runs/{run_id}")["progress"] > before)
    visitor.button("Stop").click()
    expect(visitor.status("State")).to_have_text("stopped")


def test_a_second_run_waits_with_its_place_and_can_be_cancelled(visit: Visit, lab: Lab) -> None:
    first = lab.begin()
    visitor = visit()
    visitor.button("Train").click()
    expect(visitor.status("State")).to_have_text("queued")
    expect(visitor.page.get_by_text("place 1 in the queue")).to_be_visible()
    visitor.button("Stop").click()
    expect(visitor.status("State")).to_have_text("stopped")
    expect(visitor.page.get_by_text("Stopped before it began; Resume puts it back")).to_be_visible()
    assert lab.get(f"/api/runs/{first}")["state"] == "running"
    pick(visitor).select_option(label="Newest run")
    expect(visitor.status("State")).to_have_text("running")


def test_while_a_run_waits_no_view_shows_the_network_of_another(visit: Visit, lab: Lab) -> None:
    lab.train()
    first = lab.begin()
    visitor = visit()
    visitor.button("Train").click()
    expect(visitor.status("State")).to_have_text("queued")
    waits = visitor.page.get_by_text("waits for its turn")
    for tab in ("Gallery", "Mistakes", "Inside", "Embedding"):
        visitor.tab(tab)
        expect(waits.locator("visible=true").first).to_be_visible()
    visitor.tab("Draw")
    visitor.draw([(0.5, 0.2), (0.5, 0.8)])
    visitor.until(lambda: "This run has learnt nothing yet" in visitor.answer())
    expect(visitor.region("Course of the drawing")).to_contain_text("waits for its turn")
    lab.end(first)
    visitor.until(lambda: visitor.says_digit() is not None)
    visitor.tab("Gallery")
    expect(visitor.page.get_by_text("of 20 right, ")).to_be_visible()


def test_each_page_looks_at_the_run_it_chose_and_its_address_says_so(
    visit: Visit, lab: Lab
) -> None:
    long, short = lab.train(epochs=4), lab.train(epochs=1)
    one, other = visit(), visit()
    for visitor in (one, other):
        visitor.tab("Curves")
        expect(visitor.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    one_label = re.compile(re.escape(title(lab, long)) + ",")
    option = pick(one).locator("option").filter(has_text=one_label)
    pick(one).select_option(value=option.get_attribute("value"))
    expect(one.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    expect(other.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    one.until(lambda: one.points(LOSS, 3) == 4)

    assert one.page.url.endswith(f"?run={long}&tab=curves")
    one.reload()
    one.expect_tab("Curves")
    expect(one.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    other.page.goto(f"{lab.url}/?run={long}&tab=gallery")
    other.wait_for_stream()
    other.expect_tab("Gallery")
    expect(other.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    assert short != long


def test_a_new_learning_rate_is_seen_on_the_curve(visit: Visit, lab: Lab) -> None:
    lab.begin()
    visitor = visit()
    visitor.page.get_by_label("Learning rate from now on").fill("0.0001")
    visitor.button("Change").click()
    visitor.tab("Curves")
    visitor.until(lambda: visitor.points(LOSS, 4) == 1)
    visitor.tab("Train")
    visitor.page.get_by_label("Learning rate from now on").fill("fast")
    visitor.button("Change").click()
    expect(visitor.page.get_by_text("Please correct: Learning rate")).to_be_visible()


def test_all_runs_are_listed_and_the_table_follows_them(visit: Visit, lab: Lab) -> None:
    done = lab.train(epochs=1)
    visitor = at_the_runs(visit())
    expect(row(visitor, title(lab, done))).to_contain_text("done")
    busy = lab.begin()
    expect(row(visitor, title(lab, busy))).to_contain_text("running")
    lab.end(busy)
    expect(row(visitor, title(lab, busy))).to_contain_text("stopped")


def test_a_name_and_a_note_are_edited_in_the_table_and_stay(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(epochs=1)
    visitor = at_the_runs(visit())
    visitor.page.get_by_role("gridcell", name=title(lab, run_id), exact=True).dblclick()
    visitor.page.keyboard.press("ControlOrMeta+A")
    visitor.page.keyboard.type("My first run")
    visitor.page.keyboard.press("Enter")
    visitor.until(lambda: lab.get(f"/api/runs/{run_id}")["name"] == "My first run")
    visitor.reload()
    expect(row(visitor, "My first run")).to_be_visible()


def test_ticked_runs_lie_over_each_other_with_what_differs(visit: Visit, lab: Lab) -> None:
    names = [
        title(lab, lab.train(epochs=2, learning_rate=rate, seed=5)) for rate in (0.001, 0.0003)
    ]
    visitor = at_the_runs(visit())
    expect(visitor.page.get_by_text("Tick runs in the table")).to_be_visible()
    for name in names:
        tick(visitor, name)
    visitor.until(lambda: visitor.look(COMPARISON, "gd.data.length") == 2)
    assert visitor.points(COMPARISON) == 2
    colours = visitor.look(COMPARISON, "gd.data.map(trace => trace.line.color)")
    details = visitor.region("Details")
    expect(details.get_by_role("row", name=re.compile("^Learning rate"))).to_be_visible()
    expect(details.get_by_role("row", name=re.compile("^Seed"))).to_have_count(0)

    tick(visitor, names[0])
    visitor.until(lambda: visitor.look(COMPARISON, "gd.data.length") == 1)
    assert visitor.look(COMPARISON, "gd.data[0].line.color") in colours
    assert visitor.look(COMPARISON, "gd.data[0].name") == names[1]


def test_a_run_is_forked_from_an_epoch_with_one_setting_changed(visit: Visit, lab: Lab) -> None:
    parent = lab.train(epochs=3)
    visitor = at_the_runs(visit())
    tick(visitor, title(lab, parent))
    visitor.page.get_by_label("After epoch", exact=True).select_option("2")
    visitor.page.get_by_label("and change").select_option(label="Learning rate")
    visitor.page.get_by_label("to", exact=True).fill("0")
    visitor.button("Fork").click()
    expect(visitor.page.get_by_text("Learning rate: This must be a number above 0")).to_be_visible()
    visitor.page.get_by_label("to", exact=True).fill("0.0001")
    visitor.button("Fork").click()

    visitor.until(lambda: lab.get("/api/runs")["runs"][0]["parent"] == parent)
    child = lab.get("/api/runs")["runs"][0]
    lab.wait_for_end(child["run_id"])
    assert child["config"]["learning_rate"] == 0.0001
    assert child["parent_epoch"] == 2
    assert pick(visitor).input_value() == child["run_id"]
    expect(visitor.page.get_by_text(f"Run {child['number']} goes on from there")).to_be_visible()


def test_a_run_is_rewound_and_its_curve_with_it(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(epochs=3)
    visitor = visit()
    visitor.tab("Curves")
    visitor.until(lambda: visitor.points(LOSS, 3) == 3)
    at_the_runs(visitor)
    tick(visitor, title(lab, run_id))
    visitor.page.get_by_label("After epoch", exact=True).select_option("1")
    visitor.button("Rewind").click()
    expect(visitor.status("State")).to_have_text("paused")
    visitor.tab("Curves")
    visitor.until(lambda: visitor.points(LOSS, 3) == 1)
    visitor.tab("Train")
    visitor.button("Resume").click()
    expect(visitor.status("State")).to_have_text("done")
    visitor.tab("Curves")
    visitor.until(lambda: visitor.points(LOSS, 3) == 3)


def test_a_deleted_run_can_be_brought_back(visit: Visit, lab: Lab) -> None:
    name = title(lab, lab.train(epochs=1))
    visitor = at_the_runs(visit())
    visitor.button("Delete").click()
    expect(visitor.page.get_by_text("Tick a run in the table first.")).to_be_visible()
    tick(visitor, name)
    visitor.button("Delete").click()
    expect(row(visitor, name)).to_have_count(0)
    expect(visitor.page.get_by_text(f"Deleted: {name}.")).to_be_visible()
    visitor.button("Undo").filter(visible=True).click()
    expect(row(visitor, name)).to_be_visible()


def test_what_is_kept_is_not_deleted_and_the_others_are(visit: Visit, lab: Lab) -> None:
    kept, other = (title(lab, lab.train(epochs=1)) for _ in range(2))
    visitor = at_the_runs(visit())
    row(visitor, kept).get_by_role("checkbox").last.click()
    visitor.until(lambda: any(run["pinned"] for run in lab.get("/api/runs")["runs"]))
    for name in (kept, other):
        tick(visitor, name)
    visitor.button("Delete").click()
    expect(row(visitor, other)).to_have_count(0)
    expect(visitor.page.get_by_text(f"{kept} cannot be deleted")).to_be_visible()
    expect(row(visitor, kept)).to_be_visible()
    expect(visitor.page.get_by_text(f"Deleted: {other}.")).to_be_visible()


def test_a_name_that_is_wiped_out_gives_back_the_number(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(epochs=1, name="Short lived")
    visitor = at_the_runs(visit())
    visitor.page.get_by_role("gridcell", name="Short lived", exact=True).dblclick()
    visitor.page.keyboard.press("ControlOrMeta+A")
    visitor.page.keyboard.press("Delete")
    visitor.page.keyboard.press("Enter")
    number = lab.get(f"/api/runs/{run_id}")["number"]
    expect(row(visitor, f"Run {number}")).to_be_visible()


def test_the_table_is_filtered_and_sorted(visit: Visit, lab: Lab) -> None:
    for number in (2, 10):
        lab.train(epochs=1, name=f"Shell {number}", train_images=50)
    visitor = at_the_runs(visit())
    visitor.page.get_by_role("textbox", name="Name Filter Input").fill("shell")
    names = visitor.page.locator('.ag-center-cols-container [col-id="name"]')
    expect(names).to_have_text(["Shell 10", "Shell 2"])  # the newest first
    visitor.page.get_by_role("columnheader", name="Name").get_by_text("Name").click()
    expect(names).to_have_text(["Shell 2", "Shell 10"])
    visitor.page.get_by_role("spinbutton", name="Best acc. Filter Input").fill("101")
    expect(names).to_have_count(0)
    visitor.page.get_by_role("spinbutton", name="Best acc. Filter Input").fill("0")
    expect(names).to_have_count(2)
    visitor.page.get_by_role("textbox", name="Started Filter Input").fill("1999-")
    expect(names).to_have_count(0)


def test_weights_are_brought_in_and_a_wrong_file_is_refused_in_a_sentence(
    visit: Visit, lab: Lab
) -> None:
    run_id = lab.train(epochs=1)
    with urllib.request.urlopen(f"{lab.url}/api/runs/{run_id}/weights?format=pth") as answer:
        weights = answer.read()
    visitor = at_the_runs(visit())
    upload = visitor.page.locator("input[type=file]").last
    upload.set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"Hello"})
    refusal = visitor.page.get_by_role("alert").filter(visible=True)
    expect(refusal).to_contain_text("file")
    upload.set_input_files({"name": "mine.pth", "mimeType": "", "buffer": weights})
    expect(visitor.page.get_by_text("mine.pth was brought in")).to_be_visible()
    expect(row(visitor, "mine.pth").first).to_contain_text("brought in")


def test_the_seeds_of_a_run_are_ticked_together(visit: Visit, lab: Lab) -> None:
    first = lab.train(epochs=1, train_images=100, seed=70)
    lab.post(f"/api/runs/{first}/repeat", {"seeds": 2})
    for run in lab.get("/api/runs")["runs"][:2]:
        lab.wait_for_end(run["run_id"])
    visitor = at_the_runs(visit())
    tick(visitor, title(lab, first))
    expect(visitor.page.get_by_text("One of 2 runs")).to_be_visible()
    visitor.button("Tick all of its seeds").click()
    visitor.until(lambda: visitor.look(COMPARISON, "gd.data.length") == 3)
    assert "2 seeds" in visitor.look(COMPARISON, "gd.data[2].name")


def test_the_table_is_of_use_on_a_phone(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(epochs=2)
    visitor = at_the_runs(visit(viewport={"width": 390, "height": 844}, has_touch=True))
    name = title(lab, run_id)
    cell = visitor.page.get_by_role("gridcell", name=name, exact=True)
    assert cell.evaluate("element => element.scrollWidth <= element.clientWidth")
    row(visitor, name).get_by_role("checkbox").first.tap()
    expect(visitor.page.get_by_label("After epoch", exact=True)).to_be_visible()
    visitor.button("Delete").tap()
    expect(row(visitor, name)).to_have_count(0)
    visitor.button("Undo").filter(visible=True).tap()
    expect(row(visitor, name)).to_be_visible()


def test_a_run_is_repeated_with_other_seeds_and_shown_as_a_band(visit: Visit, lab: Lab) -> None:
    run_id = lab.train(epochs=1, train_images=100, seed=40)
    visitor = at_the_runs(visit())
    tick(visitor, title(lab, run_id))
    visitor.button("Repeat with 5 seeds").click()
    visitor.until(lambda: len(group(lab, run_id)) == 5)
    for member in group(lab, run_id):
        lab.wait_for_end(member["run_id"])
    for member in group(lab, run_id):
        if member["run_id"] != run_id:
            tick(visitor, title(lab, member["run_id"]))
    visitor.until(lambda: "5 seeds" in visitor.look(COMPARISON, "gd.data[2].name"))
    assert visitor.look(COMPARISON, "gd.data.length") == 3


def group(lab: Lab, run_id: str) -> list[dict[str, object]]:
    return [run for run in lab.get("/api/runs")["runs"] if run["group"] == run_id]
