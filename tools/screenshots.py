"""Takes the pictures of `docs/images` anew: `python -m tools.screenshots`.

Shows digits that Digit Lab makes itself. Then starts it on them, trains, and looks at each tab as a
visitor would, in the light and in the dark, on a desk and on a phone.
"""

import argparse
import re
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, expect

from core.data import synthetic
from tools.chromium import opened_chromium
from tools.server import get, post, running, until

ROOT = Path(__file__).resolve().parent.parent
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
TRAIN_MS = 600_000
FRAMES, FRAME_MS = 40, 400
FILM_SIZE = (960, 600)
SHOWN, SEED = 20, 0  # synthetic digits of each kind
# Small and in a corner: what is cut out is then worth a look.
SEVEN = [[(0.56, 0.1), (0.86, 0.1), (0.69, 0.46)], [(0.64, 0.28), (0.83, 0.27)]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Take the pictures of the README anew.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    synthetic_digits(output / "synthetic.png")
    with running("--dataset", "synthetic") as url, opened_chromium() as browser:
        page = browser.new_context(viewport=DESK, color_scheme="light").new_page()
        take_all(page, url, output)
    return 0


def take_all(page: Page, url: str, output: Path) -> None:
    """Every picture, from one run."""

    def take(name: str) -> None:
        page.wait_for_timeout(700)  # a transition may be on its way, and no test depends on it
        page.screenshot(path=output / f"{name}.png")
        print(f"{name}.png", flush=True)

    def open_tab(name: str, group: str = "") -> None:
        for entry in filter(None, (group, name)):
            page.get_by_role("tab", name=entry, exact=True).click()

    page.goto(url)
    presets = page.get_by_role("radiogroup", name="What to train")
    expect(presets.get_by_text(re.compile("^about"))).to_have_count(4, timeout=TRAIN_MS)
    presets.get_by_text("Fast", exact=True).click()
    page.get_by_role("button", name="Train", exact=True).click()
    status = page.get_by_role("region", name="Run status")
    film(page, status, output / "run.webp")
    expect(status).to_contain_text("2 of 3", timeout=TRAIN_MS)
    take("train")
    expect(status).to_contain_text("Done", timeout=TRAIN_MS)
    open_tab("Curves")
    take("curves")
    open_tab("Gallery")
    page.get_by_label("Images", exact=True).select_option("50")
    page.get_by_role("region", name="Test images").get_by_role("button").nth(4).click()
    expect(page.get_by_role("region", name="Chosen image")).to_contain_text("Test image")
    take("gallery")
    open_tab("Mistakes", "Explore")
    expect(
        page.get_by_role("region", name="Images that match").get_by_role("button").first
    ).to_be_visible()
    take("mistakes")
    open_tab("Draw")
    draw(page, SEVEN)
    expect(page.locator("#draw-answer")).to_contain_text("sure")
    take("draw")
    open_tab("Inside", "Explore")
    page.get_by_text("My drawing", exact=True).click()
    expect(page.get_by_role("group", name="Occlusion").locator("canvas")).to_be_visible()
    take("inside")
    open_tab("Embedding", "Explore")
    page.get_by_text("t-SNE", exact=True).click()
    caption = page.locator("#embedding-caption")
    expect(caption).to_contain_text("test digits", timeout=TRAIN_MS)
    expect(caption).not_to_contain_text("variety", timeout=TRAIN_MS)  # that was PCA
    take("embedding")
    open_tab("Experiments")
    page.get_by_role("button", name="Train both").click()
    noisy = page.get_by_role("region", name="Noisy", exact=True)
    expect(noisy).to_be_visible(timeout=TRAIN_MS)
    take("experiments")
    train_a_group(url)
    open_tab("Runs")
    page.get_by_role("grid").get_by_role("checkbox").first.click()  # all of them
    expect(page.get_by_role("region", name="What differs")).to_contain_text("Seed")
    take("runs")
    page.get_by_role("button", name="Light or dark").click()
    open_tab("Draw")
    take("draw-dark")
    page.set_viewport_size(PHONE)
    open_tab("Train")
    take("train-phone")


def film(page: Page, status: Locator, path: Path) -> None:
    """The first epoch of a run as a short animated picture."""
    frames: list[Image.Image] = []
    expect(status).to_contain_text("1 of 3", timeout=TRAIN_MS)
    while len(frames) < FRAMES and "1 of 3" in status.inner_text():
        picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
        frames.append(picture.resize(FILM_SIZE, Image.Resampling.LANCZOS))
        page.wait_for_timeout(FRAME_MS)
    first, *others = frames
    first.save(path, save_all=True, append_images=others, duration=FRAME_MS, loop=0, quality=70)
    print(path.name, flush=True)


def train_a_group(url: str) -> None:
    """Three short runs that differ only in their seeds."""
    run_id = post(f"{url}/api/runs", {"preset": "speedrun", "epochs": 3})["run_id"]
    post(f"{url}/api/runs/{run_id}/repeat", {"seeds": 3})
    until(lambda: all(run["state"] == "done" for run in get(f"{url}/api/runs")["runs"]), 600)


def draw(page: Page, strokes: list[list[tuple[float, float]]]) -> None:
    """Strokes of points in shares of the canvas, with the mouse."""
    box = page.get_by_label("Drawing area").bounding_box()
    assert box is not None, "the canvas is in sight"
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=12)
        page.mouse.up()


def synthetic_digits(path: Path) -> None:
    """A row of digits made on this computer for each of the ten."""
    images, labels = synthetic.generate(SHOWN * 10, SEED)
    by_digit = images[np.argsort(labels, kind="stable")].reshape(10, SHOWN, 28, 28)
    large = by_digit.repeat(2, 2).repeat(2, 3)
    framed = np.pad(large, ((0, 0), (0, 0), (4, 0), (4, 0)), constant_values=38)
    rows = np.concatenate(np.concatenate(framed, 1), 1)
    Image.fromarray(np.pad(rows, ((0, 4), (0, 4)), constant_values=38)).save(path)
    print(path.name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
