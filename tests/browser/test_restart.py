"""A page outlives its server: when the server is back, so is the page, without being touched."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Lab, Visit, visits

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def mortal_lab(make_lab: Callable[[], Lab]) -> Lab:
    """A server that a test may kill."""
    return make_lab()


@pytest.fixture
def visit_mortal(browser: Browser, mortal_lab: Lab) -> Iterator[Visit]:
    # A server that is gone makes errors in the console.
    yield from visits(browser, mortal_lab.url, quiet=False)


def test_a_page_recovers_when_its_server_was_killed_and_started_again(
    visit_mortal: Visit, mortal_lab: Lab
) -> None:
    visitor = visit_mortal()
    mortal_lab.train()
    expect(visitor.status("State")).to_have_text("done")
    visitor.choose(epochs="17")

    mortal_lab.kill()
    mortal_lab.start()
    # The run was stored: the page shows it as before, settings included.
    waiting = mortal_lab.begin()
    expect(visitor.status("State")).to_have_text("running")
    mortal_lab.end(waiting)
    expect(visitor.field("Epochs")).to_have_value("17")

    run_id = mortal_lab.train(epochs=2)
    expect(visitor.status("State")).to_have_text("done")
    points = len(
        [e for e in mortal_lab.get(f"/api/runs/{run_id}/events")["events"] if e["kind"] == "batch"]
    )
    visitor.until(lambda: visitor.points("Live loss") == points)


def test_a_page_recovers_in_the_middle_of_a_run(visit_mortal: Visit, mortal_lab: Lab) -> None:
    visitor = visit_mortal()
    mortal_lab.begin()
    visitor.until(lambda: visitor.points("Live loss") > 10)
    mortal_lab.kill()
    mortal_lab.start()
    expect(visitor.status("State")).to_have_text("interrupted")
    run_id = mortal_lab.begin(epochs=1)
    mortal_lab.wait_for_end(run_id)
    expect(visitor.status("State")).to_have_text("done")
    expect(visitor.button("Train")).to_be_enabled()
    visitor.button("Train").click()
    expect(visitor.status("State")).to_have_text("running")
    visitor.button("Stop").click()
    expect(visitor.status("State")).to_have_text("stopped")
