"""axe-core on every view: three widths, both themes, empty, while a run trains and after it."""

from typing import Any

import pytest

from tests.browser.axe import DESKTOP, PHONE, TABLET, violations_by_tab
from tests.browser.conftest import MakeServer, OpenPage

DEVICES = {"desktop": DESKTOP, "tablet": TABLET, "phone": PHONE}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_no_view_violates_a_rule(
    open_page: OpenPage, make_server: MakeServer, device: dict[str, Any], theme: str
) -> None:
    server = make_server()
    dashboard = open_page(server.url, color_scheme=theme, **device)
    found = {"empty": violations_by_tab(dashboard)}
    run_id = server.start_endless_run()
    dashboard.until(lambda: server.run(run_id)["epoch"] > 1)
    with server.training_held():  # each new network would paint all anew
        dashboard.reload()
        found["training"] = violations_by_tab(dashboard)
    server.stop_run(run_id)
    dashboard.reload()
    found["stopped"] = violations_by_tab(dashboard)
    assert found == {"empty": {}, "training": {}, "stopped": {}}
