"""How soon the bars follow the pen: `python -m benchmarks.latency --data-dir D`.

Draws in a real browser on a real server, and takes the time from the last move of the pen to the
frame that shows its answer, first while nothing trains and then while a network learns. Browser,
server and training share this machine's processors, as they do for a student.
"""

import argparse
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page

from tools.chromium import opened_chromium
from tools.server import get, post, running, until

SEVEN = [(0.25, 0.2), (0.75, 0.22), (0.42, 0.85)]
MOVES = 10  # of the mouse, between two corners of a stroke
REST_MS = 400  # between two drawings

# `moved`: when the pen last moved. `painted`: when the first frame was painted that shows the
# answer to a question asked after that. The page asks one question at a time.
WATCH = """() => {
    window.seen = {};
    const fetch = window.fetch;
    window.fetch = (...request) => {
        seen.asked = performance.now();
        return fetch(...request);
    };
    document.addEventListener("pointermove", (event) => {
        Object.assign(seen, { moved: event.timeStamp, painted: null });
    }, true);
    new MutationObserver(() => {
        const { asked, moved } = seen;
        if (asked < moved) return;
        requestAnimationFrame(() => setTimeout(() => {
            if (seen.moved === moved) seen.painted ??= performance.now();
        }));
    }).observe(document.getElementById("draw-answer"), { childList: true });
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description="How soon the bars follow the pen.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--drawings", type=int, default=60, help="in each state (default: 60)")
    options = parser.parse_args()
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    with running(*data) as url, opened_chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        train_a_little(url)
        page.goto(url)
        page.get_by_role("tab", name="Draw").click()
        draw(page)  # the first answer also learns what the digits look like
        page.locator("#draw-answer").get_by_text("sure").wait_for()
        page.evaluate(WATCH)
        report("nothing trains", [latency(page) for _ in range(options.drawings)])
        run_id = post(f"{url}/api/runs", {"preset": "fast", "epochs": 50})["run_id"]
        until(lambda: get(f"{url}/api/runs/{run_id}")["progress"] > 0)
        report("while training", [latency(page) for _ in range(options.drawings)])
        state = get(f"{url}/api/runs/{run_id}")["state"]
        assert state == "running", f"the run is {state}: there was nothing to compete with"
    return 0


def train_a_little(url: str) -> None:
    """So that there is a network to read with."""
    settings = {"preset": "fast", "epochs": 1, "train_images": 5000}
    run_id = post(f"{url}/api/runs", settings)["run_id"]
    until(lambda: get(f"{url}/api/runs/{run_id}")["state"] == "done", 300)


def latency(page: Page) -> float:
    """Milliseconds from the last move of the pen to the frame with its answer."""
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_timeout(REST_MS)
    draw(page)
    # Not `wait_for_function`: it needs `eval`, which the page's Content-Security-Policy forbids.
    until(lambda: page.evaluate("seen.painted"))
    return float(page.evaluate("seen.painted - seen.moved"))


def draw(page: Page) -> None:
    """A seven with the mouse, at the pace at which Playwright moves it."""
    box = page.get_by_label("Drawing area").bounding_box()
    assert box is not None, "the canvas is in sight"
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=MOVES)
    page.mouse.up()


def report(state: str, milliseconds: list[float]) -> None:
    middle = statistics.median(milliseconds)
    slow = statistics.quantiles(milliseconds, n=20)[-1]
    print(f"{state}: p50 {middle:.0f} ms, p95 {slow:.0f} ms, {len(milliseconds)} drawings")


if __name__ == "__main__":
    sys.exit(main())
