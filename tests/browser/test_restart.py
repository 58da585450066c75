"""A page outlives its server: when the server is back, so is the page, without being touched."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.app_server import ENDLESS, SHORT
from tests.browser.conftest import CONTEXT
from tests.browser.dashboard_page import DashboardPage
from tools.server import Server, get, post

pytestmark = pytest.mark.browser

LIVE = "Live loss"


@pytest.fixture
def mortal_server(data_dir: Path, tmp_path: Path) -> Iterator[Server]:
    """A server in a process of its own, which a test may kill. It serves under a path."""
    data = ("--dataset", "mnist", "--data-dir", str(data_dir))
    with Server(*data, runs=tmp_path / "runs", url_prefix="/digits") as server:
        yield server


@pytest.fixture
def page(browser: Browser, mortal_server: Server) -> Iterator[DashboardPage]:
    """Its page. A server that is gone makes errors in the console, which a test clears."""
    context = browser.new_context(**CONTEXT)
    page = DashboardPage(context, mortal_server.url).load()
    yield page
    context.close()
    assert page.problems == []


def start_run(server: Server, settings: dict[str, Any]) -> str:
    return str(post(f"{server.url}/api/runs", settings)["run_id"])


def test_a_page_says_that_its_server_is_gone_and_follows_it_when_it_is_back(
    page: DashboardPage, mortal_server: Server
) -> None:
    page.fill_form(epochs="1999")
    run_id = start_run(mortal_server, ENDLESS | {"epochs": 2000})  # no pauses here: more of them
    page.until(lambda: page.point_count(LIVE) > 10)
    assert page.problems == []

    mortal_server.kill()
    page.expect_connection("lost")
    expect(page.notice).to_contain_text("The connection to Digit Lab is lost.")
    expect(page.notice).to_contain_text("s old")
    mortal_server.start()
    page.expect_connection("open")
    expect(page.notice).to_be_hidden()
    expect(page.status("State")).to_have_text("Interrupted")
    expect(page.setting("Epochs")).to_have_value("1999")
    page.problems.clear()  # the browser's own, about requests that failed
    expect_points(page, mortal_server, run_id)

    # It follows the next run from its beginning to its end.
    run_id = start_run(mortal_server, SHORT | {"epochs": 2})
    expect(page.status("Epoch")).to_contain_text("2 of 2")
    expect(page.status("State")).to_have_text("Done")
    expect_points(page, mortal_server, run_id)

    # Its buttons work.
    expect(page.button("Train")).to_be_enabled()
    page.button("Train").click()
    expect(page.status("State")).to_have_text("Training")
    page.button("Stop").click()
    expect(page.status("State")).to_have_text("Stopped")


def expect_points(page: DashboardPage, server: Server, run_id: str) -> None:
    """The live curve shows each point of the run once."""
    events = get(f"{server.url}/api/runs/{run_id}/events")["events"]
    points = [[event["progress"], event["loss"]] for event in events if event["kind"] == "batch"]
    shown = "gd.data[0].x.map((x, at) => [x, gd.data[0].y[at]])"
    page.until(lambda: page.figure_value(LIVE, shown) == points)
