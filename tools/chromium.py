"""Where the Chromium for browser tests and screenshots is: the one place that knows.

Playwright is asked to start this executable instead of its own download, so that a browser that
is already on the machine will do.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

WITHOUT_TABS = "chromium-headless-shell"
"""Chromium without windows: the tests take a fifth less time, but each page is always in sight."""
NAMES = (
    WITHOUT_TABS,
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "chrome",
    # macOS and Windows do not put it on PATH.
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)


def launch_args() -> list[str]:
    """Arguments for `playwright.chromium.launch(executable_path=find_chromium(), args=...)`."""
    args = [
        # Only the page under test may use the network: no calls home, no updates.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--no-first-run",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        args.append("--no-sandbox")  # Chromium's sandbox refuses to start as root
    return args


@contextmanager
def opened_chromium() -> Iterator[Browser]:
    """Chromium, closed at the end.

    Raises:
        SystemExit: there is none; the message says what to do.
    """
    path = find_chromium()
    if path is None:
        raise SystemExit(why_missing())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=launch_args())
        yield browser
        browser.close()


@functools.cache
def find_chromium(tabs: bool = False) -> str | None:
    """The path of a Chromium that starts, or None; with `tabs`, one that can hide a page.

    The environment variable CHROMIUM (a path or a name) decides alone where it is set; otherwise
    the usual names come first and then Playwright's own download.
    """
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        return _runnable(chosen)
    for name in NAMES:
        if not (tabs and name == WITHOUT_TABS) and (path := _runnable(name)):
            return path
    own = _playwrights_own()
    return _runnable(own) if own else None


def why_missing() -> str:
    """One sentence for a test report or a terminal."""
    if chosen := os.environ.get("CHROMIUM"):
        return f"The environment variable CHROMIUM is set to {chosen!r}, which does not start."
    return (
        "No Chromium found: install Chromium or Chrome, run `python -m playwright install "
        "chromium`, or set CHROMIUM to the path of one."
    )


def _runnable(name: str) -> str | None:
    path = shutil.which(name)
    if path is None or sys.platform == "win32":  # there, --version would open a window
        return path
    # Being there is not enough: Ubuntu's chromium-browser only says that it moved to a snap, and
    # Playwright's download may lack system libraries.
    try:
        done = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if done.returncode == 0 else None


def _playwrights_own() -> str | None:
    """Where Playwright would have put its download.

    Asked in a process of its own, as Playwright refuses to start twice in one.
    """
    code = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as p: print(p.chromium.executable_path)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() or None
