"""The Runs tab, and runs that are paused, queued, chosen, forked and compared on the page."""

import re
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Route, expect

from core.errors import WrongStateError
from tests.browser.app_server import AppServer
from tests.browser.conftest import OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

COMPARISON = "Compared"
LOSS = "Loss curve"
TINY = {"epochs": 1, "train_images": 50}


def open_runs(dashboard: DashboardPage, server: AppServer) -> None:
    """Opens the table with all runs, the newest first and none selected."""
    dashboard.open_tab("Runs")
    dashboard.field("Find runs").fill("")
    started = dashboard.page.get_by_role("columnheader", name="Started")
    while started.get_attribute("aria-sort") != "descending":
        started.get_by_text("Started").click()
    rows = str(1 + len(server.all_runs()))  # and the head
    expect(dashboard.page.get_by_role("grid")).to_have_attribute("aria-rowcount", rows)
    # Its header would select all runs first, and draw their curves.
    dashboard.page.evaluate("dash_clientside.set_props('runs-grid', {selectedRows: []})")
    expect(dashboard.region(COMPARISON)).to_contain_text("Select runs in the table")


def row(dashboard: DashboardPage, name: str) -> Locator:
    return dashboard.page.get_by_role("row").filter(has=cell(dashboard, name))


def cell(dashboard: DashboardPage, name: str) -> Locator:
    """The cell with a run's name."""
    cells = dashboard.page.get_by_role("gridcell")
    return cells.filter(has=dashboard.page.locator(".run-name > b", has_text=exactly(name)))


def exactly(text: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(text)}$")


def select(dashboard: DashboardPage, name: str) -> None:
    row(dashboard, name).get_by_role("checkbox").first.click()


def rename(dashboard: DashboardPage, before: str, *keys: str) -> None:
    """Double-clicks a name in the table, selects it all and presses keys."""
    cell(dashboard, before).dblclick()
    for key in ("ControlOrMeta+A", *keys, "Enter"):
        dashboard.page.keyboard.press(key)


def title(server: AppServer, run_id: str) -> str:
    run = server.run(run_id)
    return run["name"] or f"Run {run['number']}"


CURVES = "gd.data.filter(trace => trace.mode !== 'text')"  # the others are names at their ends


def train_tiny(server: AppServer, **settings: Any) -> str:
    """Trains a run that is only to be listed; its title."""
    return title(server, server.train(**TINY | settings))


def test_a_run_is_paused_and_resumed_with_the_button(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    run_id = server.start_endless_run()
    expect(dashboard.status("State")).to_have_text("Training")
    dashboard.button("Pause").dblclick(delay=100)  # the second click does not resume it
    expect(dashboard.button("Resume")).to_be_enabled()
    expect(dashboard.status("State")).to_have_text("Paused")
    expect(dashboard.text("Resume goes on from there").filter(visible=True)).to_have_count(1)
    before = server.run(run_id)["progress"]
    dashboard.button("Resume").click()
    expect(dashboard.status("State")).to_have_text("Training")
    dashboard.until(lambda: server.run(run_id)["progress"] > before)
    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("Stopped")


def test_a_second_run_waits_with_its_place_and_can_be_cancelled(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Train")
    dashboard.fill_form(preset="Notebook")
    first = server.start_endless_run()
    dashboard.button("Queue next").click()
    expect(dashboard.text("Queued.").filter(visible=True)).to_be_visible()
    queued = next(run["run_id"] for run in server.all_runs() if run["state"] == "queued")
    dashboard.choose_run(queued)
    expect(dashboard.status("State")).to_have_text("Waiting")
    expect(dashboard.text("waits for").filter(visible=True).first).to_be_visible()
    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("Stopped")
    expect(dashboard.text("Stopped before it began.").filter(visible=True)).to_have_count(1)
    assert server.run(first)["state"] == "running"
    dashboard.show_newest_run()
    expect(dashboard.status("State")).to_have_text("Training")


def test_while_a_run_waits_no_view_shows_the_network_of_another(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.button("Clear").click()
    dashboard.draw([(0.5, 0.2), (0.5, 0.8)])
    dashboard.show_run(mlp_run)
    dashboard.until(lambda: dashboard.predicted_digit() is not None)
    first, waiting = server.start_endless_run(), server.start_endless_run()
    dashboard.run_picker.select_option(value=waiting)
    expect(dashboard.status("State")).to_have_text("Waiting")
    dashboard.until(lambda: "This run has learned nothing yet" in dashboard.draw_answer())
    expect(dashboard.region("How the answer came about")).to_contain_text("waits for its turn")
    for tab in ("Gallery", "Mistakes", "Inside", "Embedding"):
        dashboard.open_tab(tab)
        expect(dashboard.text("waits for its turn").filter(visible=True).first).to_be_visible()
    server.stop_run(first)
    dashboard.open_tab("Draw")
    dashboard.until(lambda: dashboard.predicted_digit() is not None)
    dashboard.open_tab("Gallery")
    dashboard.pick("Random")
    expect(dashboard.text(re.compile(r"of \d+ right"))).to_be_visible()


def test_each_page_looks_at_the_run_it_chose_and_its_address_says_so(
    dashboard: DashboardPage, server: AppServer, open_page: OpenPage
) -> None:
    chosen = server.train(train_images=100)
    dashboard.show_newest_run(server.train(**TINY, name="Seen by all"))
    dashboard.open_tab("Curves")
    expect(dashboard.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    dashboard.run_picker.select_option(value=chosen)
    expect(dashboard.status("Epoch")).to_have_text(re.compile("^3 of 3"))
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 3)
    assert dashboard.page.url.endswith(f"?run={chosen}&tab=curves")

    other = open_page(query=f"?run={chosen}&tab=runs")
    other.expect_tab("Runs")
    expect(row(other, "Seen by all")).to_contain_text("done")
    expect(other.status("Epoch")).to_have_text(re.compile("^3 of 3"))
    other.show_newest_run()
    expect(other.status("Epoch")).to_have_text(re.compile("^1 of 1"))
    expect(dashboard.status("Epoch")).to_have_text(re.compile("^3 of 3"))


def test_all_runs_are_listed_and_the_table_and_the_comparison_follow_them(
    dashboard: DashboardPage, server: AppServer
) -> None:
    done = train_tiny(server)
    open_runs(dashboard, server)
    expect(row(dashboard, done)).to_contain_text("done")
    run_id = server.start_endless_run()
    busy = title(server, run_id)
    expect(row(dashboard, busy)).to_contain_text("training")
    select(dashboard, busy)
    dashboard.until(lambda: dashboard.point_count(COMPARISON) > 1)
    before = dashboard.point_count(COMPARISON)
    dashboard.until(lambda: dashboard.point_count(COMPARISON) > before + 1)
    expect(row(dashboard, busy).locator(".run-curve path")).to_have_attribute("d", re.compile("L"))
    server.stop_run(run_id)
    expect(row(dashboard, busy)).to_contain_text("stopped")


def test_the_table_is_loaded_when_it_is_first_seen(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard.open_tab("Curves")
    dashboard.record_requests()
    dashboard.reload()
    dashboard.expect_tab("Curves")
    assert not [url for url in dashboard.requests if "dash_ag_grid" in url]
    open_runs(dashboard, server)
    assert [url for url in dashboard.requests if "dash_ag_grid" in url]


def test_a_name_is_edited_in_the_table_and_wiping_it_out_gives_back_the_number(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(**TINY)
    number = title(server, run_id)
    open_runs(dashboard, server)
    rename(dashboard, number, *"Anna")
    expect(row(dashboard, "Anna")).to_be_visible()
    dashboard.until(lambda: server.run(run_id)["name"] == "Anna")
    rename(dashboard, "Anna", "Delete")
    expect(row(dashboard, number)).to_be_visible()
    dashboard.until(lambda: title(server, run_id) == number)


def test_selected_runs_lie_over_each_other_with_what_differs(
    dashboard: DashboardPage, server: AppServer
) -> None:
    names = [train_tiny(server, epochs=2, learning_rate=rate, seed=5) for rate in (0.001, 0.0003)]
    open_runs(dashboard, server)
    for name in names:
        select(dashboard, name)
    dashboard.until(lambda: dashboard.figure_value(COMPARISON, f"{CURVES}.length") == 2)
    assert dashboard.point_count(COMPARISON) == 2
    colours = dashboard.figure_value(COMPARISON, f"{CURVES}.map(trace => trace.line.color)")
    details = dashboard.region("What differs")
    expect(details.get_by_role("row", name=re.compile("^Learning rate"))).to_be_visible()
    expect(details.get_by_role("row", name=re.compile("^Seed"))).to_have_count(0)

    select(dashboard, names[0])
    dashboard.until(lambda: dashboard.figure_value(COMPARISON, f"{CURVES}.length") == 1)
    assert dashboard.figure_value(COMPARISON, "gd.data[0].line.color") in colours
    assert dashboard.figure_value(COMPARISON, "gd.data[0].name") == names[1]


def test_a_run_is_forked_from_an_epoch_with_one_setting_changed(
    dashboard: DashboardPage, server: AppServer
) -> None:
    parent = server.train(**TINY | {"epochs": 3})
    open_runs(dashboard, server)
    select(dashboard, title(server, parent))
    expect(dashboard.field("from epoch")).to_have_value("2")  # there is nothing after the third
    dashboard.field("with").select_option(label="Learning rate")
    dashboard.field("= value").fill("0")
    dashboard.button("Fork").click()
    expect(dashboard.text("Learning rate: This must be a number above 0")).to_be_visible()
    dashboard.expect_refusals(422)
    dashboard.field("= value").fill("0,0001")
    dashboard.button("Fork").click()

    dashboard.until(lambda: server.all_runs()[0]["parent"] == parent)
    child = server.all_runs()[0]
    assert child["config"]["learning_rate"] == 0.0001
    assert child["parent_epoch"] == 2
    expect(dashboard.text(f"Run {child['number']} goes on from there")).to_be_visible()
    expect(dashboard.run_picker).to_have_value(child["run_id"])


def test_a_run_is_rewound_and_its_curve_with_it(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(**TINY | {"epochs": 3})
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 3)
    open_runs(dashboard, server)
    select(dashboard, title(server, run_id))
    expect(dashboard.field("from epoch")).to_have_value("2")
    held: list[Route] = []
    dashboard.page.route(f"**/api/runs/{run_id}", lambda route: held.append(route))
    server.service.runs.update_metadata(run_id, note="The table changes.")
    dashboard.until(lambda: held)
    dashboard.field("from epoch").select_option("1")
    dashboard.release(held[0])  # the answer is to a question from before the choice
    dashboard.wait_until_quiet()
    expect(dashboard.field("from epoch")).to_have_value("1")
    dashboard.page.unroute_all(behavior="ignoreErrors")
    dashboard.button("Rewind").click()
    expect(dashboard.status("State")).to_have_text("Paused")
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 1)
    dashboard.open_tab("Train")
    dashboard.button("Resume").click()
    expect(dashboard.status("State")).to_have_text("Done")
    dashboard.open_tab("Curves")
    dashboard.until(lambda: dashboard.point_count(LOSS, 3) == 3)


def test_selected_runs_are_deleted_but_not_locked_ones_and_can_be_brought_back(
    dashboard: DashboardPage, server: AppServer
) -> None:
    kept_id = server.train(**TINY)
    kept, other = title(server, kept_id), train_tiny(server)
    open_runs(dashboard, server)
    expect(dashboard.button("Delete")).to_have_count(0)  # nothing is selected
    row(dashboard, kept).get_by_role("checkbox").last.click()
    dashboard.until(lambda: server.run(kept_id)["pinned"])
    for name in (kept, other):
        select(dashboard, name)
    expect(dashboard.page.get_by_role("toolbar", name="Selected runs")).to_contain_text(
        "2 selected"
    )
    dashboard.button("Delete").dblclick(delay=100)  # it deletes once
    expect(row(dashboard, other)).to_have_count(0)
    expect(dashboard.text(f"{kept} cannot be deleted")).to_be_visible()
    dashboard.expect_refusals(409)
    expect(row(dashboard, kept)).to_be_visible()
    expect(dashboard.text(f"Deleted: {other}.")).to_be_visible()

    with dashboard.no_answers("**/restore"):
        dashboard.button("Undo").click()
        expect(dashboard.text("Digit Lab did not answer")).to_be_visible()
    dashboard.button("Undo").click()
    expect(row(dashboard, other)).to_be_visible()
    expect(dashboard.button("Undo")).to_have_count(0)


def test_runs_are_found_by_any_word_and_sorted(
    dashboard: DashboardPage, server: AppServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now()
    clock = type("Clock", (), {"now": staticmethod(lambda: now)})
    monkeypatch.setattr("core.runs.registry.datetime", clock)  # both start in the same second
    for number in (2, 10):
        train_tiny(server, name=f"Shell {number}")
    open_runs(dashboard, server)
    names = dashboard.page.locator(".run-name > b")
    find = dashboard.field("Find runs")
    find.fill("shell done")
    expect(names).to_have_text(["Shell 10", "Shell 2"])  # the newest first
    dashboard.page.get_by_role("columnheader", name="Name").get_by_text("Name").click()
    expect(names).to_have_text(["Shell 2", "Shell 10"])
    find.fill("shell paused")
    expect(names).to_have_count(0)
    dashboard.button("Show all").click()
    expect(find).to_have_value("")
    expect(names.first).to_be_visible()


def test_weights_are_imported_and_a_wrong_file_is_refused_in_a_sentence(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    weights = dashboard.page.request.get(
        f"{server.url}/api/runs/{mlp_run}/weights?format=pth"
    ).body()
    open_runs(dashboard, server)

    def import_weights(name: str, content: bytes) -> None:
        with dashboard.page.expect_file_chooser() as chooser:
            dashboard.button("Import weights…").click()
        chooser.value.set_files({"name": name, "mimeType": "", "buffer": content})

    import_weights("a.txt", b"Hello")
    alert = dashboard.region("All runs").get_by_role("alert")
    expect(alert.filter(has_text="The file is neither a .pth")).to_be_visible()
    dashboard.expect_refusals(422)
    import_weights("mine.pth", weights)
    expect(dashboard.text("Imported from mine.pth. Every view shows it now.")).to_be_visible()
    dashboard.field("Find runs").fill("mine.pth")
    mine = row(dashboard, "mine.pth")
    expect(mine).to_contain_text("imported")
    # Nothing is offered that would only be refused: how it was trained is not known.
    mine.get_by_role("checkbox").first.click()
    expect(dashboard.text("they have no curve")).to_be_visible()
    for name in ("Repeat with 5 seeds", "Pause", "Resume", "Stop", "Fork", "Rewind"):
        expect(dashboard.button(name)).to_have_count(0)
    dashboard.button("Download").click()
    files = dashboard.page.get_by_role("toolbar", name="Selected runs").get_by_role("link")
    expect(files).to_have_text(["Weights (.pth)", "Weights (.safetensors)", "Weights (.onnx)"])
    with dashboard.page.expect_download() as download:
        files.first.click()
    assert download.value.suggested_filename == "mine-pth-epoch-0.pth"


def test_files_that_are_clicked_quickly_are_saved_in_turn_and_a_refused_one_gets_a_sentence(
    dashboard: DashboardPage, server: AppServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WebKit keeps one of two downloads that begin within 50 ms."""
    name = train_tiny(server)
    open_runs(dashboard, server)
    select(dashboard, name)
    dashboard.button("Download").click()
    files = dashboard.page.get_by_role("toolbar", name="Selected runs").get_by_role("link")
    expect(files).to_have_count(8)
    follow = """() => {
        window.savesBegan = [];
        const {click} = HTMLAnchorElement.prototype;
        HTMLAnchorElement.prototype.click = function () {
            if (this.href.startsWith("blob:")) window.savesBegan.push(performance.now());
            click.call(this);
        };
        return () => { HTMLAnchorElement.prototype.click = click; };
    }"""
    stop_following = dashboard.page.evaluate_handle(follow)
    with dashboard.page.expect_download():
        files.evaluate_all("links => links.forEach(link => link.click())")
        dashboard.until(lambda: dashboard.page.evaluate("window.savesBegan.length") == 8)
    stop_following.evaluate("stop => stop()")
    began = dashboard.page.evaluate("window.savesBegan")
    assert np.diff(began).min() > 100

    def refuse(run_id: str) -> None:
        raise WrongStateError("This run has no script.")

    monkeypatch.setattr(server.service.exports, "script", refuse)
    dashboard.button("Download").click()  # the menu closed with the clicks
    files.filter(has_text="Script (.py)").click()
    expect(dashboard.text("This run has no script.")).to_be_visible()
    dashboard.expect_tab("Runs")
    dashboard.expect_refusals(409)


def test_a_run_is_repeated_with_other_seeds_which_one_click_shows_as_a_band(
    dashboard: DashboardPage, server: AppServer
) -> None:
    run_id = server.train(**TINY, seed=40)

    def group() -> list[str]:
        return [run["run_id"] for run in server.all_runs() if run["group"] == run_id]

    open_runs(dashboard, server)
    select(dashboard, title(server, run_id))
    with server.training_held():
        dashboard.button("Repeat with 5 seeds").dblclick(delay=100)  # it repeats it once
        dashboard.until(lambda: len(group()) == 5)
        dashboard.open_tab("Train")
        dashboard.wait_until_quiet()
        assert len(group()) == 5
    for member in group():
        server.wait_for_end(member)
    open_runs(dashboard, server)
    select(dashboard, title(server, run_id))
    expect(dashboard.text("One of 5 runs")).to_be_visible()
    dashboard.button("Select all of them").click()
    dashboard.until(lambda: "5 seeds" in dashboard.figure_value(COMPARISON, "gd.data[2].name"))
    assert dashboard.figure_value(COMPARISON, f"{CURVES}.length") == 3
