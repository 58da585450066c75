"""On a phone: a finger draws, and the table of runs is of use."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

CANVAS = "Drawing area"


def test_a_finger_draws_and_the_table_of_runs_is_of_use(
    dashboard: DashboardPage, open_page: OpenPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.delete_drawings()

    phone = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    phone.show_run(mlp_run)
    phone.open_tab("Draw")
    empty = phone.canvas_pixels(CANVAS)
    top = phone.page.evaluate("scrollY")
    finger = phone.page.context.new_cdp_session(phone.page)
    points = phone.canvas_points([(0.3, 0.2), (0.5, 0.3), (0.5, 0.6), (0.45, 0.9)])
    for kind, (x, y) in zip(
        ("touchStart", "touchMove", "touchMove", "touchMove"), points, strict=True
    ):
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        finger.send("Input.dispatchTouchEvent", touch)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert phone.canvas_pixels(CANVAS) != empty
    phone.until(lambda: phone.predicted_digit() is not None)
    assert phone.page.evaluate("scrollY") == top  # it drew, and did not scroll

    # What it keeps is there in the other browser, too: this server has one person.
    phone.keep_drawing(1)
    dashboard.open_tab("Train")
    dashboard.open_tab("Draw")
    expect(dashboard.kept_drawings).to_have_count(1)
    dashboard.delete_drawings()

    run = server.run(server.train(epochs=1, train_images=50))
    name = f"Run {run['number']}"
    phone.open_tab("Runs")
    title = phone.page.locator(".run-name > b").filter(has_text=re.compile(f"^{name}$"))
    row = phone.page.get_by_role("row").filter(has=title)
    assert title.evaluate("element => element.scrollWidth <= element.clientWidth")
    expect(row).to_contain_text("done")  # on its second line
    row.get_by_role("checkbox").first.tap()
    expect(phone.field("from epoch")).to_be_visible()
    phone.button("Delete").tap()
    expect(row).to_have_count(0)
    phone.button("Undo").tap()
    expect(row).to_be_visible()
