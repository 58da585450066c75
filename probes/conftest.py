"""Checks that take long, or need programs that `make test` does without: `make probe`.

What a probe finds becomes a quick test in `tests/` wherever Chromium or plain Python can show it.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Playwright

from probes import visitors
from probes.visitors import Visitor, WebKitVisitor
from tests.browser.conftest import (  # noqa: F401
    browser,
    data_dir,
    make_server,
    open_page,
    playwright,
    server,
    shared_browser,
    shared_server,
)


@pytest.fixture(scope="module")
def webkit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebKitVisitor]:
    with visitors.webkit(tmp_path_factory.mktemp("webkit")) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def firefox(
    playwright: Playwright,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Visitor]:
    with visitors.firefox(playwright, tmp_path_factory.mktemp("firefox")) as visitor:
        yield visitor


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def visitor(request: pytest.FixtureRequest) -> Visitor:
    """Somebody in each of these browsers, one after the other."""
    found: Visitor = request.getfixturevalue(request.param)
    return found
