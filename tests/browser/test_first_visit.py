"""The first visit: nothing has been trained yet, and every tab says what to do."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.data import mnist_download
from tests.browser.app_server import TEST_IMAGES, AppServer
from tests.browser.axe import DESKTOP, violations
from tests.browser.conftest import MakeServer, OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

NO_NETWORK = "Nothing has learned yet."
OTHER_IMAGES = """() => {
    const data = structuredClone(dash_component_api.getLayout("gallery-shown").props.data);
    data.images.pixels = btoa("\\xff".repeat(atob(data.images.pixels).length));
    dash_clientside.set_props("gallery-shown", {data});
}"""
"""The answer for another data set, whose images have the same numbers."""


def test_before_the_first_run_every_tab_says_what_to_do_and_a_drawing_waits(
    open_page: OpenPage, make_server: MakeServer
) -> None:
    server = make_server()
    dashboard = open_page(url=server.url, query="?tab=x", color_scheme="dark", **DESKTOP)
    dashboard.expect_tab("Train")  # there is no tab x
    dashboard.until(lambda: dashboard.page.url.endswith("?tab=train"))
    look_at_train(dashboard)
    look_at_the_wall_and_the_chosen_network(dashboard, server)
    look_at_curves(dashboard)
    look_at_images(dashboard)
    look_at_explore_experiments_and_runs(dashboard)
    draw_before_and_after_training(dashboard, server)
    delete_the_only_run_and_bring_it_back(dashboard, server)


def expect_no_violations(dashboard: DashboardPage) -> None:
    """axe-core finds nothing wrong with the open tab."""
    dashboard.wait_until_quiet()
    assert violations(dashboard.page) == []


def look_at_train(dashboard: DashboardPage) -> None:
    expect(dashboard.status("State")).to_have_text("Ready")
    expect(dashboard.status("Data set")).to_have_text("Images in data0")
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_have_count(0)
    expect(dashboard.preset("Speedrun")).to_be_checked()
    expect(dashboard.text("Images in data0: 1,000 to train on")).to_be_visible()
    expect(dashboard.region("Live loss")).to_contain_text("The curve starts to move")
    expect(dashboard.epoch_slider).to_have_count(0)  # there is nothing to choose


def look_at_the_wall_and_the_chosen_network(dashboard: DashboardPage, server: AppServer) -> None:
    """The digits are unmarked, and the drawn network is the one that the form names."""
    expect(dashboard.wall_score).to_have_text(re.compile("never seen a digit. Press Train"))
    assert dashboard.wall_labels() == [f"a {digit}" for digit in range(10)] * 6
    told = server.get("/api/preview")
    assert told["labels"] == [*range(10)] * 6
    assert dashboard.wall_images() == told["images"]
    expect(dashboard.number).to_have_text("10\u202f%", use_inner_text=True)
    expect(dashboard.text("pure guessing")).to_be_visible()
    expect(dashboard.button("Watch again")).to_have_count(0)

    network = dashboard.region("The network")
    dashboard.fill_form(model="SimpleCNN")
    expect(network).to_contain_text("SimpleCNN, untrained")
    expect(network).to_contain_text("98.8\u202f% of its 1,625,866 weights sit in one layer, fc1")
    expect(network.locator("img").filter(visible=True)).to_have_count(0)
    dashboard.button("As a table").click()
    table = network.get_by_role("table")
    expect(table).to_contain_text("conv2")
    expect(table).to_contain_text("1,625,866")
    dashboard.fill_form(model="MLP (no convolution)")
    expect(table).not_to_contain_text("conv")
    assert dashboard.requests
    assert not [url for url in dashboard.requests if "/activations" in url]  # there are none
    dashboard.choose_preset("Speedrun")
    expect_no_violations(dashboard)


def look_at_curves(dashboard: DashboardPage) -> None:
    """Axes wait for points, and Plotly is not loaded."""
    dashboard.open_tab("Curves")
    expect(dashboard.text("A row appears here after each epoch.")).to_be_visible()
    link = dashboard.page.get_by_text("CSV", exact=True)
    assert link.evaluate("link => link.matches('.disabled, :disabled')")
    for region in ("Loss curve", "Accuracy curve"):
        expect(dashboard.region(region)).to_contain_text("The curve starts to move")
        expect(dashboard.region(region)).to_contain_text("guessing")
    assert not [address for address in dashboard.requests if "plotly.min" in address]
    expect_no_violations(dashboard)
    dashboard.button("Train a network").click()
    dashboard.expect_tab("Train")


def look_at_images(dashboard: DashboardPage) -> None:
    for tab, region in (("Gallery", "Test images"), ("Mistakes", "Images that match")):
        dashboard.open_tab(tab)
        expect(dashboard.image_titles(region).first).to_have_text(re.compile(r"^True \d$"))
        expect(dashboard.region(region)).not_to_contain_text("Pred")
        expect(dashboard.button("Train")).to_be_visible()
        expect_no_violations(dashboard)
    dashboard.open_tab("Gallery")
    digits = [re.compile(r"^True \d$")] * 20
    expect(dashboard.image_titles("Test images")).to_have_text(digits)
    expect(dashboard.region("Chosen image")).to_contain_text(NO_NETWORK)
    dashboard.page.evaluate(OTHER_IMAGES)
    first = "canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0]"
    for region in ("Test images", "Chosen image"):
        canvas = dashboard.region(region).locator("canvas").first
        dashboard.until(lambda canvas=canvas: canvas.evaluate(first) == 255)


def look_at_explore_experiments_and_runs(dashboard: DashboardPage) -> None:
    dashboard.open_tab("Inside")
    expect(dashboard.caption("Inside")).to_contain_text("Nothing has learned yet")
    expect(dashboard.button("Train")).to_be_visible()
    expect(dashboard.region("Layer conv2").locator("canvas")).to_be_visible()
    expect(dashboard.region("One number, step by step")).to_contain_text("Point at any map")
    guide = dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True)
    expect(guide).to_have_attribute("href", "/guide/#inside")
    expect_no_violations(dashboard)
    dashboard.open_tab("Embedding")
    expect(dashboard.text("what a network with random weights finds similar")).to_be_visible()
    dashboard.until(lambda: len(dashboard.digit_places()) == TEST_IMAGES)
    expect_no_violations(dashboard)

    dashboard.open_tab("Experiments")
    expect(dashboard.caption("Experiments")).to_contain_text("Press Train both")
    expect(dashboard.button("Train both")).to_be_visible()
    expect(dashboard.region("Accuracy of both")).to_contain_text("A point comes")
    assert re.search(r"\btab=experiments\b", dashboard.page.url)
    expect_no_violations(dashboard)

    dashboard.open_tab("Runs")
    expect(dashboard.page.get_by_role("columnheader").first).to_be_visible()
    expect_no_violations(dashboard)


def draw_before_and_after_training(dashboard: DashboardPage, server: AppServer) -> None:
    """A drawing waits for a network, which Draw itself can train."""
    dashboard.open_tab("Draw")
    canvas, course = "Drawing area", "How the answer came about"
    hand = dashboard.region("Your handwriting")
    dashboard.until(lambda: dashboard.draw_answer().startswith(NO_NETWORK))
    expect(hand).to_contain_text("press the one you meant")
    expect_no_violations(dashboard)
    empty = dashboard.canvas_pixels(canvas)
    dashboard.draw([(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)])
    assert dashboard.canvas_pixels(canvas) != empty
    expect(dashboard.region(course)).to_contain_text("Nothing has learned yet")
    assert dashboard.draw_answer().startswith(NO_NETWORK)
    assert dashboard.ink_count("Network input") == 0

    dashboard.keep_drawing(1)
    expect(hand).to_contain_text("1 kept. Train a network to read them.")
    dashboard.reload()
    expect(dashboard.kept_drawings).to_have_count(1)
    dashboard.button("Teach it these").click()
    expect(hand.get_by_role("alert")).to_contain_text("Press Train first")
    dashboard.expect_refusals(409)
    dashboard.button("Delete this 1").click()
    expect(dashboard.kept_drawings).to_have_count(0)

    # Draw trains a network itself, and reads the drawing; without an answer it says so.
    train = dashboard.page.locator(".draw-tab").get_by_role("button", name=re.compile("^Train"))
    runs = "**/api/runs"
    dashboard.page.route(runs, lambda route: route.fulfill(status=503))
    expect(train).to_have_accessible_name(re.compile(r"^Train, about \d+ s$"))
    train.click()
    expect(dashboard.text("Digit Lab did not answer")).to_be_visible()
    expect(train).to_be_visible()
    dashboard.page.unroute(runs)
    dashboard.expect_refusals(503)
    train.click()
    dashboard.until(lambda: dashboard.predicted_digit() is not None)
    epochs = dashboard.region(course).get_by_role("columnheader")
    expect(epochs).to_have_count(2)
    assert [run["config"]["model"] for run in server.all_runs()] == ["speedrun_cnn"]


def delete_the_only_run_and_bring_it_back(dashboard: DashboardPage, server: AppServer) -> None:
    """The page says that there is no run as long as that is so."""
    server.stop_all_runs()
    (run,) = server.all_runs()
    dashboard.open_tab("Train")
    dashboard.run_picker.select_option(value=run["run_id"])
    dashboard.wait_until_quiet()  # what it still asks of the run would be refused
    server.service.runs.delete(run["run_id"])
    gone = "The run that you looked at is gone. There is no run yet: press Train to start one."
    expect(dashboard.notice).to_contain_text(gone)
    expect(dashboard.status("State")).to_have_text("Ready")
    server.service.runs.restore(run["run_id"])
    expect(dashboard.status("State")).not_to_have_text("Ready")
    expect(dashboard.notice).to_be_hidden()


def test_whoever_named_a_folder_reads_what_it_lacks_and_can_look_again_and_train(
    open_page: OpenPage, tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist_download, "mirrors", list)
    folder = tmp_path / ("Digits" * 12)  # neither the notice nor the title may stretch the page
    shutil.copytree(data_dir / "MNIST" / "raw", folder)
    labels = (folder / "t10k-labels-idx1-ubyte").rename(tmp_path / "labels")
    server = AppServer(folder, tmp_path / "runs")
    try:
        dashboard = open_page(url=server.url, viewport={"width": 390, "height": 844})
        notice = dashboard.page.get_by_role("alert").filter(has_text=str(folder))
        expect(notice).to_contain_text("; t10k-labels-idx1-ubyte is missing.")
        expect(notice).not_to_contain_text("--data-dir")
        width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert dashboard.page.evaluate(width) == 0

        labels.rename(folder / "t10k-labels-idx1-ubyte")
        dashboard.button("Look for MNIST again").click()
        expect(notice).to_be_hidden()
        expect(dashboard.status("Data set")).to_have_text(f"Images in {folder.name}")
        assert dashboard.page.evaluate(width) == 0

        # A view that waits for a network trains one.
        dashboard.open_tab("Gallery")
        dashboard.button("Train").click()
        dashboard.expect_tab("Train")
        dashboard.until(lambda: len(server.all_runs()) == 1)
        server.stop_all_runs()
    finally:
        server.close()
