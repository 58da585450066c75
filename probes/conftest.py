"""Checks that take long, or need programs that `make test` does without: `make probe`.

What a probe finds becomes a quick test in `tests/` wherever Chromium or plain Python can show it.
"""

from tests.browser.conftest import (  # noqa: F401
    browser,
    data_dir,
    make_server,
    open_page,
    server,
    shared_server,
)
