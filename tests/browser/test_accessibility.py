"""What axe-core finds on each view: nothing. `make probe` looks at more widths and states."""

import pytest

from tests.browser.axe import DESKTOP, PHONE, violations_by_tab
from tests.browser.conftest import MakeServer, OpenPage

pytestmark = pytest.mark.browser


def test_no_view_of_a_run_that_is_done_violates_a_rule(open_page: OpenPage, mlp_run: str) -> None:
    dashboard = open_page(color_scheme="light", **DESKTOP)
    dashboard.show_run(mlp_run)
    assert violations_by_tab(dashboard) == {}


def test_no_empty_view_violates_a_rule_on_a_phone(
    open_page: OpenPage, make_server: MakeServer
) -> None:
    dashboard = open_page(make_server().url, color_scheme="dark", **PHONE)
    assert violations_by_tab(dashboard) == {}
