"""Makes sure that there is a Chromium for the browser tests: `python -m tools.setup_browser`.

Takes one that is there, else lets Playwright download its own, else asks apt for Debian's. Ends
with 0 in any case: without a browser, the other tests still run, and the browser tests say why
they do not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tools import apt
from tools.chromium import find_chromium, why_missing

PLAYWRIGHT_SECONDS = 600  # some 200 MB; a machine without a way out gives up long before
PACKAGES = ("chromium-headless-shell", "chromium")
"""The first needs a fifth less time for the tests; not every release has it."""


def main() -> int:
    path = find_chromium()
    if path is None and "CHROMIUM" not in os.environ:
        for install in (install_with_playwright, install_with_apt):
            install()
            find_chromium.cache_clear()
            path = find_chromium()
            if path:
                break
    print(f"Browser for the tests: {path}" if path else why_missing(), flush=True)
    return 0


def install_with_playwright() -> None:
    print("No Chromium found: Playwright downloads its own.", flush=True)
    # A connection that stays silent is given up after 10 seconds; Playwright tries a few times.
    env = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000", **os.environ}
    # --no-shell: the full browser alone will do.
    command = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
    # A session of its own: Playwright's installer is a child of this child, and both must end.
    # Its stderr is one stack trace per attempt; the sentence at the end has to do.
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(PLAYWRIGHT_SECONDS)
    except subprocess.TimeoutExpired:
        print("Playwright's download takes too long: given up.", flush=True)
    finally:
        if process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGTERM)
            else:
                process.terminate()
            process.wait()


def install_with_apt() -> None:
    """Installs the first of `PACKAGES` that Debian's index has."""
    any(apt.install(package) for package in PACKAGES)


if __name__ == "__main__":
    sys.exit(main())
