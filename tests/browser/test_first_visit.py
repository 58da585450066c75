"""The first visit: nothing has been trained yet, and every tab says what to do."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import MakeServer, OpenPage

pytestmark = pytest.mark.browser


def test_before_the_first_run_every_tab_says_what_to_do(
    open_page: OpenPage, make_server: MakeServer
) -> None:
    server = make_server()
    dashboard = open_page(url=server.url)
    expect(dashboard.status("State")).to_have_text("ready")
    expect(dashboard.status("Data set")).to_have_text("MNIST")
    expect(dashboard.button("Train")).to_be_enabled()
    expect(dashboard.button("Stop")).to_be_disabled()
    expect(dashboard.region("Live loss")).to_contain_text("The curve starts to move")
    expect(dashboard.epoch_slider).to_have_count(0)  # there is nothing to choose

    dashboard.open_tab("Curves")
    expect(dashboard.text("A row appears here after each epoch.")).to_be_visible()
    link = dashboard.text("Download CSV")
    assert link.evaluate("link => link.matches('.disabled, :disabled')")
    for region in ("Loss curve", "Accuracy curve"):
        expect(dashboard.region(region)).to_contain_text("The curve starts to move")

    for tab, regions in (
        ("Gallery", ["Test images"]),
        ("Mistakes", ["Confusion matrix", "Images that fit"]),
        ("Embedding", ["Test images in a plane"]),
    ):
        dashboard.open_tab(tab)
        for region in regions:
            expect(dashboard.region(region)).to_contain_text("Press Train first")
    expect(dashboard.image_titles("Test images")).to_have_count(0)

    dashboard.open_tab("Inside")
    expect(dashboard.caption("Inside")).to_contain_text("Press Train first")
    expect(dashboard.region("How one number is made")).to_contain_text("Point at a pixel")
    guide = dashboard.page.get_by_role("link", name="More in the guide").filter(visible=True)
    expect(guide).to_have_attribute("href", "/guide/#inside")

    dashboard.open_tab("CNN vs MLP")
    expect(dashboard.caption("CNN vs MLP")).to_contain_text("Press Train both")
    expect(dashboard.button("Train both")).to_be_visible()
    expect(dashboard.region("Accuracy of both")).to_be_hidden()
    assert re.search(r"\btab=compare\b", dashboard.page.url)
