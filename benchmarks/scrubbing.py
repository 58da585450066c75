"""How soon a page follows the epoch slider: `python -m benchmarks.scrubbing --data-dir D`.

Trains a run of 20 epochs on a real server, then moves the slider in a real browser and takes the
time from its event to the frame that shows all of the tab as the network was then: the gallery,
the confusion matrix and the mistakes, the bars of a drawing. A first pass meets epochs that nobody
has asked for yet, the others those that are kept in memory. Browser and server share this machine's
processors, as they do for a student.
"""

import argparse
import random
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.latency import draw
from tools.chromium import opened_chromium
from tools.server import get, post, running, until

EPOCHS = 20
KEPT_PASSES = 5
"""Of one pass's 19 moves, the 95th percentile would be the longest."""
REST_MS = 300  # between two moves
TABS = {"Gallery": "gallery-grid", "Mistakes": "mistakes-grid", "Draw": "draw-answer"}
"""Per tab the part that is painted last."""

# The grids of Gallery and Mistakes say which network they show; on the Draw tab the answer counts
# that comes to a question about the epoch.
MOVE = """async ({ epoch, part }) => {
    const shown = document.getElementById(part);
    const painted = new Promise((resolve) => {
        if (part.endsWith("-grid")) {
            const observer = new MutationObserver(() => {
                if (shown.dataset.version.endsWith(`/e${epoch}`)) resolve(observer.disconnect());
            });
            observer.observe(shown, { attributeFilter: ["data-version"] });
            return;
        }
        const fetch = window.fetch;
        window.fetch = (address, request) => {
            if (request?.body?.includes?.(`"epoch":${epoch}}`)) {
                window.fetch = fetch;
                const observer = new MutationObserver(() => resolve(observer.disconnect()));
                observer.observe(shown, { childList: true });
            }
            return fetch(address, request);
        };
    });
    const slider = document.getElementById("epoch-slider");
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
    set.call(slider, epoch);
    const moved = performance.now();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    slider.dispatchEvent(new Event("change", { bubbles: true }));
    await painted;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - moved;
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description="How soon a page follows the epoch slider.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--train-images", type=int, default=2000, help="of the run (default: 2000)")
    options = parser.parse_args()
    data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
    with running(*data) as url, opened_chromium() as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        train(url, options.train_images)
        page.goto(url)
        for tab, part in TABS.items():
            for entry in ("Explore", tab) if tab == "Mistakes" else (tab,):
                page.get_by_role("tab", name=entry, exact=True).click()
            if tab == "Draw":
                draw(page)
                page.locator("#draw-answer").get_by_text("sure").wait_for()
            for state, passes in (("first time", 1), ("kept", KEPT_PASSES)):
                order = epochs() * passes
                times = [move(page, epoch, part) for epoch in order]
                report(f"{tab}, {state}", times)
    return 0


def train(url: str, images: int) -> None:
    settings = {"model": "simple_cnn", "epochs": EPOCHS, "train_images": images, "batch_size": 100}
    run_id = post(f"{url}/api/runs", settings)["run_id"]
    until(lambda: get(f"{url}/api/runs/{run_id}")["state"] == "done", 600)


def epochs() -> list[int]:
    """All but the untrained and the newest network, in an order without habit."""
    order = list(range(1, EPOCHS))
    random.Random(0).shuffle(order)
    return order


def move(page: Page, epoch: int, part: str) -> float:
    page.wait_for_timeout(REST_MS)
    return float(page.evaluate(MOVE, {"epoch": epoch, "part": part}))


def report(what: str, milliseconds: list[float]) -> None:
    p95 = statistics.quantiles(milliseconds, n=20)[-1]
    print(
        f"{what}: median {statistics.median(milliseconds):.0f} ms, p95 {p95:.0f} ms, "
        f"longest {max(milliseconds):.0f} ms, {len(milliseconds)} moves",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
