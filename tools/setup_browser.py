"""Makes sure that there is a Chromium for the browser tests: `python -m tools.setup_browser`.

Takes one that is there, else lets Playwright download its own, else asks apt for Debian's. Ends
with 0 in any case: without a browser, the other tests still run, and the browser tests say why
they do not.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

from tools.chromium import find_chromium, why_missing

PLAYWRIGHT_SECONDS = 600  # some 200 MB; a machine without a way out gives up long before
APT_SECONDS = 600
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
    if not (shutil.which("apt-get") and shutil.which("timeout")):
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and not (shutil.which("sudo") and _succeeds([*prefix, "true"])):
        print(f"Debian's package would need root: apt install {PACKAGES[0]}", flush=True)
        return
    # `timeout` runs behind sudo, where it may end what root started.
    prefix += ["env", "DEBIAN_FRONTEND=noninteractive", "timeout", "--foreground", str(APT_SECONDS)]
    apt_get = [*prefix, "apt-get", "-q", "-o", "DPkg::Lock::Timeout=60"]
    install = [*apt_get, "install", "-y", "--no-install-recommends"]
    print(f"Installing Debian's package {' or '.join(PACKAGES)}.", flush=True)
    # A fresh machine has no package lists yet, and old ones name files that are gone.
    if not _succeeds([*install, PACKAGES[0]]):
        _succeeds([*apt_get, "update"])
        any(_succeeds([*install, package]) for package in PACKAGES)


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
