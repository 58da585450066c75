"""The Runs tab, and runs that are paused, queued, chosen, forked and compared on the page."""

import re
import urllib.request

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

COMPARISON = "Comparison"
LOSS = "Loss curve"


def at_the_runs(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Runs")
    return dashboard


def row(dashboard: DashboardPage, name: str) -> Locator:
    cell = dashboard.page.get_by_role("gridcell", name=name, exact=True)
    return dashboard.page.get_by_role("row").filter(has=cell)


def tick(dashboard: DashboardPage, name: str) -> None:
    row(dashboard, name).get_by_role("checkbox").first.click()


def title(server: AppServer, run_id: str) -> str:
    run = server.get(f"/api/runs/{run_id}")
    return run["name"] or f"Run {run['number']}"


def pick(dashboard: DashboardPage) -> Locator:
    return dashboard.page.get_by_label("Run", exact=True)


def test_a_run_is_paused_and_resumed_with_the_button(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = visit()
    run_id = server.start_endless_run()
    expect(dashboard.status("State")).to_have_text("running")
    dashboard.button("Pause").click()
    expect(dashboard.status("State")).to_have_text("paused")
    expect(dashboard.page.get_by_text("Resume goes on from there")).to_be_visible()
    before = server.get(f"/api/runs/{run_id}")["progress"]
    dashboard.button("Resume").click()
    expect(dashboard.status("State")).to_have_text("running")
    dashboard.until(lambda: server.get(f"/api/runs/{run_id}")["progress"] > before)
    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("stopped")


def test_a_second_run_waits_with_its_place_and_can_be_cancelled(
    dashboard: DashboardPage, server: AppServer
) -> None:
    first = server.start_endless_run()
    dashboard = visit()
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("queued")
    expect(dashboard.page.get_by_text("place 1 in the queue")).to_be_visible()
    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("stopped")
    expect(
        dashboard.page.get_by_text("Stopped before it began; Resume puts it back")
    ).to_be_visible()
    assert server.get(f"/api/runs/{first}")["state"] == "running"
    pick(dashboard).select_option(label="Newest run")
    expect(dashboard.status("State")).to_have_text("running")


def test_while_a_run_waits_no_view_shows_the_network_of_another(
    dashboard: DashboardPage, server: AppServer
) -> None:
    server.train()
    first = server.start_endless_run()
    dashboard = visit()
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("queued")
    waits = dashboard.page.get_by_text("waits for its turn")
    for tab in ("Gallery", "Mistakes", "Inside", "Embedding"):
        dashboard.open_tab(tab)
        expect(waits.locator("visible=true").first).to_be_visible()
    dashboard.open_tab("Draw")
    dashboard.draw([(0.5, 0.2), (0.5, 0.8)])
    dashboard.until(lambda: "This run has learnt nothing yet" in dashboard.draw_answer())
    expect(dashboard.region("Course of the drawing")).to_contain_text("waits for its turn")
    server.stop_run(first)
    dashboard.until(lambda: dashboard.predicted_digit() is not None)
    dashboard.open_tab("Gallery")
    expect(dashboard.page.get_by_text("of 20 right, ")).to_be_visible()


def test_each_page_looks_at_the_run_it_chose_and_its_address_says_so(
    dashboard: DashboardPage, server: AppServer
) -> None:
    long, short = server.train(epochs=4), server.train(epochs=1)
    one, other = visit(), visit()
    for dashboard in (one, other):
        dashboard.open_tab("Curves")
        expect(dashboard.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    one_label = re.compile(re.escape(title(server, long)) + ",")
    option = pick(one).locator("option").filter(has_text=one_label)
    pick(one).select_option(value=option.get_attribute("value"))
    expect(one.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    expect(other.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    one.until(lambda: one.points(LOSS, 3) == 4)

    assert one.page.url.endswith(f"?run={long}&tab=curves")
    one.reload()
    one.expect_tab("Curves")
    expect(one.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    other.page.goto(f"{server.url}/?run={long}&tab=gallery")
    other.wait_for_stream()
    other.expect_tab("Gallery")
    expect(other.status("Epoch")).to_have_text(re.compile("^4 of 4"))
    assert short != long


def test_a_new_learning_rate_is_seen_on_the_curve(
    dashboard: DashboardPage, server: AppServer
) -> None:
    server.start_endless_run()
    dashboard = visit()
    dashboard.page.get_by_label("Learning rate from now on").fill("0.0001")
    dashboard.button("Change").click()
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 4) == 1)
    dashboard.open_tab("Train")
    dashboard.page.get_by_label("Learning rate from now on").fill("fast")
    dashboard.button("Change").click()
    expect(dashboard.page.get_by_text("Please correct: Learning rate")).to_be_visible()


def test_all_runs_are_listed_and_the_table_follows_them(
    dashboard: DashboardPage, server: AppServer
) -> None:
    done = server.train(epochs=1)
    dashboard = at_the_runs(visit())
    expect(row(dashboard, title(server, done))).to_contain_text("done")
    busy = server.start_endless_run()
    expect(row(dashboard, title(server, busy))).to_contain_text("running")
    server.stop_run(busy)
    expect(row(dashboard, title(server, busy))).to_contain_text("stopped")


def test_a_name_and_a_note_are_edited_in_the_table_and_stay(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(epochs=1)
    dashboard = at_the_runs(visit())
    dashboard.page.get_by_role("gridcell", name=title(server, run_id), exact=True).dblclick()
    dashboard.page.keyboard.press("ControlOrMeta+A")
    dashboard.page.keyboard.type("My first run")
    dashboard.page.keyboard.press("Enter")
    dashboard.until(lambda: server.get(f"/api/runs/{run_id}")["name"] == "My first run")
    dashboard.reload()
    expect(row(dashboard, "My first run")).to_be_visible()


def test_ticked_runs_lie_over_each_other_with_what_differs(
    dashboard: DashboardPage, server: AppServer
) -> None:
    names = [
        title(server, server.train(epochs=2, learning_rate=rate, seed=5))
        for rate in (0.001, 0.0003)
    ]
    dashboard = at_the_runs(visit())
    expect(dashboard.page.get_by_text("Tick runs in the table")).to_be_visible()
    for name in names:
        tick(dashboard, name)
    dashboard.until(lambda: dashboard.figure_value(COMPARISON, "gd.data.length") == 2)
    assert dashboard.point_count(COMPARISON) == 2
    colours = dashboard.figure_value(COMPARISON, "gd.data.map(trace => trace.line.color)")
    details = dashboard.region("Details")
    expect(details.get_by_role("row", name=re.compile("^Learning rate"))).to_be_visible()
    expect(details.get_by_role("row", name=re.compile("^Seed"))).to_have_count(0)

    tick(dashboard, names[0])
    dashboard.until(lambda: dashboard.figure_value(COMPARISON, "gd.data.length") == 1)
    assert dashboard.figure_value(COMPARISON, "gd.data[0].line.color") in colours
    assert dashboard.figure_value(COMPARISON, "gd.data[0].name") == names[1]


def test_a_run_is_forked_from_an_epoch_with_one_setting_changed(
    dashboard: DashboardPage, server: AppServer
) -> None:
    parent = server.train(epochs=3)
    dashboard = at_the_runs(visit())
    tick(dashboard, title(server, parent))
    dashboard.page.get_by_label("After epoch", exact=True).select_option("2")
    dashboard.page.get_by_label("and change").select_option(label="Learning rate")
    dashboard.page.get_by_label("to", exact=True).fill("0")
    dashboard.button("Fork").click()
    expect(
        dashboard.page.get_by_text("Learning rate: This must be a number above 0")
    ).to_be_visible()
    dashboard.page.get_by_label("to", exact=True).fill("0.0001")
    dashboard.button("Fork").click()

    dashboard.until(lambda: server.get("/api/runs")["runs"][0]["parent"] == parent)
    child = server.get("/api/runs")["runs"][0]
    server.wait_for_end(child["run_id"])
    assert child["config"]["learning_rate"] == 0.0001
    assert child["parent_epoch"] == 2
    assert pick(dashboard).input_value() == child["run_id"]
    expect(dashboard.page.get_by_text(f"Run {child['number']} goes on from there")).to_be_visible()


def test_a_run_is_rewound_and_its_curve_with_it(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(epochs=3)
    dashboard = visit()
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 3)
    at_the_runs(dashboard)
    tick(dashboard, title(server, run_id))
    dashboard.page.get_by_label("After epoch", exact=True).select_option("1")
    dashboard.button("Rewind").click()
    expect(dashboard.status("State")).to_have_text("paused")
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 1)
    dashboard.open_tab("Train")
    dashboard.button("Resume").click()
    expect(dashboard.status("State")).to_have_text("done")
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 3)


def test_a_deleted_run_can_be_brought_back(dashboard: DashboardPage, server: AppServer) -> None:
    name = title(server, server.train(epochs=1))
    dashboard = at_the_runs(visit())
    dashboard.button("Delete").click()
    expect(dashboard.page.get_by_text("Tick a run in the table first.")).to_be_visible()
    tick(dashboard, name)
    dashboard.button("Delete").click()
    expect(row(dashboard, name)).to_have_count(0)
    expect(dashboard.page.get_by_text(f"Deleted: {name}.")).to_be_visible()
    dashboard.button("Undo").filter(visible=True).click()
    expect(row(dashboard, name)).to_be_visible()


def test_what_is_kept_is_not_deleted_and_the_others_are(
    dashboard: DashboardPage, server: AppServer
) -> None:
    kept, other = (title(server, server.train(epochs=1)) for _ in range(2))
    dashboard = at_the_runs(visit())
    row(dashboard, kept).get_by_role("checkbox").last.click()
    dashboard.until(lambda: any(run["pinned"] for run in server.get("/api/runs")["runs"]))
    for name in (kept, other):
        tick(dashboard, name)
    dashboard.button("Delete").click()
    expect(row(dashboard, other)).to_have_count(0)
    expect(dashboard.page.get_by_text(f"{kept} cannot be deleted")).to_be_visible()
    expect(row(dashboard, kept)).to_be_visible()
    expect(dashboard.page.get_by_text(f"Deleted: {other}.")).to_be_visible()


def test_a_name_that_is_wiped_out_gives_back_the_number(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(epochs=1, name="Short lived")
    dashboard = at_the_runs(visit())
    dashboard.page.get_by_role("gridcell", name="Short lived", exact=True).dblclick()
    dashboard.page.keyboard.press("ControlOrMeta+A")
    dashboard.page.keyboard.press("Delete")
    dashboard.page.keyboard.press("Enter")
    number = server.get(f"/api/runs/{run_id}")["number"]
    expect(row(dashboard, f"Run {number}")).to_be_visible()


def test_the_table_is_filtered_and_sorted(dashboard: DashboardPage, server: AppServer) -> None:
    for number in (2, 10):
        server.train(epochs=1, name=f"Shell {number}", train_images=50)
    dashboard = at_the_runs(visit())
    dashboard.page.get_by_role("textbox", name="Name Filter Input").fill("shell")
    names = dashboard.page.locator('.ag-center-cols-container [col-id="name"]')
    expect(names).to_have_text(["Shell 10", "Shell 2"])  # the newest first
    dashboard.page.get_by_role("columnheader", name="Name").get_by_text("Name").click()
    expect(names).to_have_text(["Shell 2", "Shell 10"])
    dashboard.page.get_by_role("spinbutton", name="Best acc. Filter Input").fill("101")
    expect(names).to_have_count(0)
    dashboard.page.get_by_role("spinbutton", name="Best acc. Filter Input").fill("0")
    expect(names).to_have_count(2)
    dashboard.page.get_by_role("textbox", name="Started Filter Input").fill("1999-")
    expect(names).to_have_count(0)


def test_weights_are_brought_in_and_a_wrong_file_is_refused_in_a_sentence(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(epochs=1)
    with urllib.request.urlopen(f"{server.url}/api/runs/{run_id}/weights?format=pth") as answer:
        weights = answer.read()
    dashboard = at_the_runs(visit())
    upload = dashboard.page.locator("input[type=file]").last
    upload.set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"Hello"})
    refusal = dashboard.page.get_by_role("alert").filter(visible=True)
    expect(refusal).to_contain_text("file")
    upload.set_input_files({"name": "mine.pth", "mimeType": "", "buffer": weights})
    expect(dashboard.page.get_by_text("mine.pth was brought in")).to_be_visible()
    expect(row(dashboard, "mine.pth").first).to_contain_text("brought in")


def test_the_seeds_of_a_run_are_ticked_together(
    dashboard: DashboardPage, server: AppServer
) -> None:
    first = server.train(epochs=1, train_images=100, seed=70)
    server.post(f"/api/runs/{first}/repeat", {"seeds": 2})
    for run in server.get("/api/runs")["runs"][:2]:
        server.wait_for_end(run["run_id"])
    dashboard = at_the_runs(visit())
    tick(dashboard, title(server, first))
    expect(dashboard.page.get_by_text("One of 2 runs")).to_be_visible()
    dashboard.button("Tick all of its seeds").click()
    dashboard.until(lambda: dashboard.figure_value(COMPARISON, "gd.data.length") == 3)
    assert "2 seeds" in dashboard.figure_value(COMPARISON, "gd.data[2].name")


def test_the_table_is_of_use_on_a_phone(dashboard: DashboardPage, server: AppServer) -> None:
    run_id = server.train(epochs=2)
    dashboard = at_the_runs(visit(viewport={"width": 390, "height": 844}, has_touch=True))
    name = title(server, run_id)
    cell = dashboard.page.get_by_role("gridcell", name=name, exact=True)
    assert cell.evaluate("element => element.scrollWidth <= element.clientWidth")
    row(dashboard, name).get_by_role("checkbox").first.tap()
    expect(dashboard.page.get_by_label("After epoch", exact=True)).to_be_visible()
    dashboard.button("Delete").tap()
    expect(row(dashboard, name)).to_have_count(0)
    dashboard.button("Undo").filter(visible=True).tap()
    expect(row(dashboard, name)).to_be_visible()


def test_a_run_is_repeated_with_other_seeds_and_shown_as_a_band(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(epochs=1, train_images=100, seed=40)
    dashboard = at_the_runs(visit())
    tick(dashboard, title(server, run_id))
    dashboard.button("Repeat with 5 seeds").click()
    dashboard.until(lambda: len(group(server, run_id)) == 5)
    for member in group(server, run_id):
        server.wait_for_end(member["run_id"])
    for member in group(server, run_id):
        if member["run_id"] != run_id:
            tick(dashboard, title(server, member["run_id"]))
    dashboard.until(lambda: "5 seeds" in dashboard.figure_value(COMPARISON, "gd.data[2].name"))
    assert dashboard.figure_value(COMPARISON, "gd.data.length") == 3


def group(server: AppServer, run_id: str) -> list[dict[str, object]]:
    return [run for run in server.get("/api/runs")["runs"] if run["group"] == run_id]
