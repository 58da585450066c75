"""Takes the pictures of `docs/images` anew: `python -m tools.screenshots`.

Starts Digit Lab on digits that it makes itself, trains, and looks at each tab as a visitor would,
in the light and in the dark, on a desk and on a phone.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.browser.chromium import find_chromium, launch_args, why_missing

ROOT = Path(__file__).resolve().parent.parent
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
START_SECONDS = 60.0
TRAIN_MS = 600_000
SEVEN = [[(0.2, 0.2), (0.8, 0.2), (0.45, 0.85)], [(0.35, 0.52), (0.72, 0.5)]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Take the pictures of the README anew.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    output: Path = parser.parse_args().output
    if find_chromium() is None:
        print(why_missing(), file=sys.stderr)
        return 1
    output.mkdir(parents=True, exist_ok=True)
    with server() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=launch_args())
        page = browser.new_context(viewport=DESK, color_scheme="light").new_page()
        take_all(page, url, output)
        browser.close()
    return 0


def take_all(page: Page, url: str, output: Path) -> None:
    """Every picture, from one run."""

    def take(name: str) -> None:
        page.wait_for_timeout(700)  # a transition may be on its way, and no test depends on it
        page.screenshot(path=output / f"{name}.png")
        print(f"{name}.png", flush=True)

    page.goto(url)
    page.get_by_label("Preset").select_option("fast")
    page.get_by_role("button", name="Train", exact=True).click()
    status = page.get_by_role("region", name="Run status")
    expect(status).to_contain_text("2 of 3", timeout=TRAIN_MS)
    take("train")
    expect(status).to_contain_text("done", timeout=TRAIN_MS)
    page.get_by_role("tab", name="Curves").click()
    take("curves")
    page.get_by_role("tab", name="Gallery").click()
    page.get_by_label("Images", exact=True).select_option("50")
    mosaic = page.get_by_role("region", name="Test images").locator(".nsewdrag").first
    mosaic.click(position={"x": 60, "y": 90})
    expect(page.get_by_role("region", name="Chosen image")).to_contain_text("Test image")
    take("gallery")
    page.get_by_role("tab", name="Draw").click()
    draw(page, SEVEN)
    take("draw")
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("tab", name="Curves").click()
    take("curves-dark")
    page.set_viewport_size(PHONE)
    page.get_by_role("tab", name="Train").click()
    take("train-phone")


def draw(page: Page, strokes: list[list[tuple[float, float]]]) -> None:
    """Strokes of points in shares of the canvas, with the mouse."""
    box = page.get_by_role("img", name="Drawing area").bounding_box()
    assert box is not None, "the canvas is in sight"
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=12)
        page.mouse.up()


@contextmanager
def server() -> Iterator[str]:
    """Digit Lab on a free port, with runs of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "run.py", "--no-browser", "--dataset", "synthetic"]
        command += ["--port", str(port), "--runs-dir", runs]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            wait_for(f"{url}/api/health")
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")


if __name__ == "__main__":
    sys.exit(main())
