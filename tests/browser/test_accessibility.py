"""Walks through all views: axe-core finds nothing, nothing sticks out, each shows what is its own.

`make probe` lets axe-core look at more widths and states; test_first_visit.py does before the first
run.
"""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.app_server import AppServer
from tests.browser.axe import DESKTOP, PHONE, violations, violations_by_tab
from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser

IDS = "[...document.querySelectorAll('[id]')].map(element => element.id)"
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def test_each_view_of_a_run_that_is_done_shows_what_is_its_own(
    open_page: OpenPage, mlp_run: str
) -> None:
    dashboard = open_page()  # in the light theme
    dashboard.page.set_viewport_size(DESKTOP["viewport"])
    dashboard.show_run(mlp_run)
    inside = {
        "Train": dashboard.region("Live loss"),
        "Curves": dashboard.region("Accuracy curve"),
        "Gallery": dashboard.region("Test images"),
        "Draw": dashboard.canvas,
    }

    def only_its_own(tab: str) -> None:
        for name, part in inside.items():
            expect(part).to_be_visible(visible=name == tab)

    assert violations_by_tab(dashboard, also=only_its_own) == {}
    ids = dashboard.page.evaluate(IDS)  # of all tabs: each was looked at alone
    assert len(ids) == len(set(ids))
    addresses = [urlsplit(address) for address in dashboard.requests]
    hosts = {address.netloc for address in addresses if address.scheme not in ("blob", "data")}
    assert hosts == {urlsplit(dashboard.url).netloc}


def test_no_view_on_a_phone_sticks_out_or_violates_a_rule(
    open_page: OpenPage, server: AppServer, mlp_run: str
) -> None:
    phone = open_page(color_scheme="dark", **PHONE)
    phone.show_run(mlp_run)

    def nothing_sticks_out(_: str) -> None:
        for width in (900, 320):
            phone.page.set_viewport_size({"width": width, "height": 844})
            phone.until(lambda: phone.page.evaluate(OVERHANG) <= 0)

    assert violations_by_tab(phone, also=nothing_sticks_out) == {}

    phone.page.emulate_media(color_scheme="light")
    phone.open_tab("Train")
    phone.show_newest_run()
    run_id = server.start_endless_run()
    phone.until(lambda: server.run(run_id)["epoch"] > 1)
    with server.training_held():  # each new network would paint all anew
        expect(phone.status("State")).to_have_text("Training")
        assert violations(phone.page) == []
