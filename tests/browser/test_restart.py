"""A page outlives its server: when the server is back, so is the page, without being touched."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.app_server import AppServer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mortal_lab(make_lab: Callable[[], AppServer]) -> AppServer:
    """A server that a test may kill."""
    return make_lab()


@pytest.fixture
def visit_mortal(browser: Browser, mortal_lab: AppServer) -> Iterator[Visit]:
    # A server that is gone makes errors in the console.
    yield from visits(browser, mortal_lab.url, quiet=False)


def test_a_page_recovers_when_its_server_was_killed_and_started_again(
    visit_mortal: Visit, mortal_lab: AppServer
) -> None:
    dashboard = visit_mortal()
    mortal_lab.train()
    expect(dashboard.status("State")).to_have_text("done")
    dashboard.fill_form(epochs="17")

    mortal_lab.kill()
    mortal_lab.start()
    # The run was stored: the page shows it as before, settings included.
    waiting = mortal_lab.begin()
    expect(dashboard.status("State")).to_have_text("running")
    mortal_lab.end(waiting)
    expect(dashboard.field("Epochs")).to_have_value("17")

    run_id = mortal_lab.train(epochs=2)
    expect(dashboard.status("State")).to_have_text("done")
    points = len(
        [e for e in mortal_lab.get(f"/api/runs/{run_id}/events")["events"] if e["kind"] == "batch"]
    )
    dashboard.until(lambda: dashboard.point_count("Live loss") == points)


def test_a_page_recovers_in_the_middle_of_a_run(visit_mortal: Visit, mortal_lab: AppServer) -> None:
    dashboard = visit_mortal()
    mortal_lab.begin()
    dashboard.until(lambda: dashboard.point_count("Live loss") > 10)
    mortal_lab.kill()
    mortal_lab.start()
    expect(dashboard.status("State")).to_have_text("interrupted")
    run_id = mortal_lab.begin(epochs=1)
    mortal_lab.wait_for_end(run_id)
    expect(dashboard.status("State")).to_have_text("done")
    expect(dashboard.button("Train")).to_be_enabled()
    dashboard.button("Train").click()
    expect(dashboard.status("State")).to_have_text("running")
    dashboard.button("Stop").click()
    expect(dashboard.status("State")).to_have_text("stopped")
