"""What axe-core finds on each view: nothing. `make probe` looks at more widths and states."""

from typing import Any

import pytest

from tests.browser.app_server import AppServer
from tests.browser.axe import DESKTOP, PHONE, violations_by_tab
from tests.browser.conftest import MakeServer, OpenPage

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("device", "theme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop", "phone"]
)
def test_no_view_of_a_run_that_is_done_violates_a_rule(
    open_page: OpenPage, mlp_run: str, device: dict[str, Any], theme: str
) -> None:
    dashboard = open_page(color_scheme=theme, **device)
    dashboard.show_run(mlp_run)
    assert violations_by_tab(dashboard) == {}


def test_no_empty_view_violates_a_rule(open_page: OpenPage, make_server: MakeServer) -> None:
    dashboard = open_page(make_server().url, color_scheme="dark", **DESKTOP)
    assert violations_by_tab(dashboard) == {}


def test_no_view_of_a_run_that_trains_violates_a_rule(
    open_page: OpenPage, server: AppServer
) -> None:
    dashboard = open_page(color_scheme="light", **PHONE)
    server.start_endless_run()
    assert violations_by_tab(dashboard, is_training=True) == {}
