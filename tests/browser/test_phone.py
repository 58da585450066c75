"""On a phone: from an empty page to a read drawing; what a finger draws, opens and deletes."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import MakeServer, OpenPage
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

CANVAS = "Drawing area"
PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}
ONE = [(0.3, 0.2), (0.5, 0.3), (0.5, 0.6), (0.45, 0.9)]


def draw_with_a_finger(phone: DashboardPage) -> None:
    finger = phone.page.context.new_cdp_session(phone.page)
    kinds = ("touchStart", "touchMove", "touchMove", "touchMove")
    for kind, (x, y) in zip(kinds, phone.canvas_points(ONE), strict=True):
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        finger.send("Input.dispatchTouchEvent", touch)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_from_an_empty_page_to_a_read_drawing_in_three_actions(
    open_page: OpenPage, make_server: MakeServer
) -> None:
    phone = open_page(url=make_server().url, **PHONE)
    phone.button("Train").tap()
    phone.page.get_by_role("tab", name="Draw", exact=True).tap()
    phone.expect_tab("Draw")
    draw_with_a_finger(phone)
    phone.until(lambda: phone.predicted_digit() is not None)

    # Answer, columns and canvas are on one screen, below the header and above the list of tabs.
    assert phone.page.evaluate("scrollY") == 0
    tops = [phone.page.get_by_role("banner"), phone.page.locator("#draw-answer strong")]
    tops += [phone.page.get_by_role("list", name="Probabilities"), phone.canvas]
    tabs = phone.page.locator("#tabs").bounding_box()
    assert tabs is not None
    edges: list[float] = []

    def is_measured() -> bool:
        """Each network that comes writes the answer anew: for a moment it has no frame."""
        frames = [part.bounding_box() for part in [*tops, phone.button("Undo")]]
        known = [frame for frame in frames if frame is not None]
        edges[:] = [edge for box in known for edge in (box["y"], box["y"] + box["height"])]
        return len(known) == len(frames)

    phone.until(is_measured)
    assert edges == sorted(edges)
    assert edges[-1] <= tabs["y"]

    # After a quick stroke a tap is a tap, and More opens above what Train has at the bottom.
    phone.page.get_by_role("tab", name="Train", exact=True).tap()
    phone.page.locator("#more").tap()
    phone.page.get_by_role("tab", name="Runs", exact=True).tap()
    phone.expect_tab("Runs")


def test_a_finger_draws_an_image_opens_a_sheet_and_the_table_of_runs_is_of_use(
    dashboard: DashboardPage, open_page: OpenPage, server: AppServer, mlp_run: str
) -> None:
    dashboard.open_tab("Draw")
    dashboard.delete_drawings()

    phone = open_page(**PHONE)
    phone.show_run(mlp_run)
    phone.open_tab("Draw")
    empty = phone.canvas_pixels(CANVAS)
    top = phone.page.evaluate("scrollY")
    draw_with_a_finger(phone)
    assert phone.canvas_pixels(CANVAS) != empty
    phone.until(lambda: phone.predicted_digit() is not None)
    assert phone.page.evaluate("scrollY") == top  # it drew, and did not scroll

    # What it keeps is there in the other browser, too: this server has one person.
    phone.keep_drawing(1)
    dashboard.open_tab("Train")
    dashboard.open_tab("Draw")
    expect(dashboard.kept_drawings).to_have_count(1)
    dashboard.delete_drawings()

    phone.open_tab("Gallery")
    chosen, image = phone.region("Chosen image"), phone.images("Test images").nth(2)
    expect(phone.caption("Gallery")).to_contain_text("after 3 epochs")
    expect(chosen).to_be_hidden()
    image.tap()
    expect(chosen).to_contain_text("read as")
    expect(chosen.get_by_role("button", name="Look inside")).to_be_visible()
    chosen.get_by_role("button", name="Close").tap()
    expect(chosen).to_be_hidden()
    expect(image).to_be_focused()

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
