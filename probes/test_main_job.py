"""The page's main job in Firefox and in WebKit, Safari's engine: train, watch, look, draw.

Also what a day brings: a reload, files to take away, a server that is restarted.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probes.visitors import Visitor
from tests.browser.app_server import ENDLESS, SHORT
from tools.server import Server, get, post, until

STATE = "[data-live=state]"
POINTS = """() => document.querySelector("[aria-label^='Live loss'] .js-plotly-plot, "
    + ".js-plotly-plot[aria-label^='Live loss']")?.data?.[0]?.x?.length ?? 0"""
CURVES = """() => [...document.querySelectorAll(".live-curve")]
    .filter(one => one.checkVisibility() && one.data?.[0].x.length).length"""
CSV_IS_READY = "() => document.querySelector('#curves-csv')?.matches('[href]:not(.disabled)')"
CLICK_ALL_FILES = """() => {
    const links = document.querySelectorAll("#runs-bulk a.file");
    for (const link of links) link.click();
    return links.length;
}"""
WALL = "() => [...document.querySelectorAll('#wall-tiles > button')].map(one => one.ariaLabel)"
NUMBER = "() => document.querySelector('#number-value').innerText"
TITLES = "() => [...document.querySelectorAll('.shot .said')].map(one => one.innerText)"


@pytest.fixture
def server(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server in a process of its own, which a test may kill."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for one another are slow
    data = ("--dataset", "mnist", "--data-dir", str(data_dir))
    with Server(*data, runs=tmp_path / "runs") as server:
        yield server


def train(server: Server, **settings: object) -> str:
    """Trains a short run from beginning to end; its id."""
    run_id = str(post(f"{server.url}/api/runs", SHORT | settings)["run_id"])
    until(lambda: get(f"{server.url}/api/runs/{run_id}")["state"] == "done")
    return run_id


def test_one_trains_watches_draws_and_comes_back(
    visitor: Visitor, server: Server, tmp_path: Path
) -> None:
    visitor.load(server.url)
    visitor.expect_text(STATE, "Ready")
    visitor.click("#train-button")
    visitor.expect_text(STATE, "Done")  # the first preset trains for one epoch

    visitor.click("[data-opens=settings]")
    visitor.click("#field-epochs")
    visitor.fill("#field-epochs", "2000")
    visitor.click("#settings button", "Done")
    visitor.click("#train-button")
    visitor.expect_text(STATE, "Training")
    for what in (WALL, NUMBER, POINTS):
        seen = set()

        def moves(what: str = what, seen: set[str] = seen) -> bool:
            seen.add(str(visitor.evaluate(what)))
            return len(seen) > 2

        visitor.until(moves, f"this changes and changes again: {what}")
    visitor.click("#stop-button")
    visitor.expect_text(STATE, "Stopped")

    visitor.click("[role=tab]", "Gallery")
    visitor.until(lambda: len(visitor.evaluate(TITLES)) == 20, "there are 20 images")
    for title in visitor.evaluate(TITLES):
        assert re.fullmatch(r"True \d\sPred \d", title)

    visitor.click("[role=tab]", "Draw")
    visitor.expect_text("#draw-answer", "Nothing is drawn yet")
    visitor.draw("#draw-canvas", (0.5, 0.15), (0.5, 0.5), (0.5, 0.85))
    visitor.expect_text("#draw-answer", r"^\d")

    visitor.click("#draw-clear")
    visitor.expect_text("#draw-answer", "Nothing is drawn yet")
    picture = np.full((300, 500), 230, np.uint8)
    picture[50:250, 230:270] = 40
    Image.fromarray(picture).save(tmp_path / "one.png")
    visitor.choose_file("#draw-open", tmp_path / "one.png")
    visitor.expect_text("#draw-hint", "Drag a box")
    visitor.expect_text("#draw-answer", r"^\d")

    answer = visitor.text("#draw-answer")
    assert visitor.problems() == []
    visitor.reload()
    visitor.expect_text("#draw-answer", f"^{re.escape(answer)}$")
    visitor.expect_text(STATE, "Stopped")
    assert visitor.text("[role=tab][aria-selected=true]").strip() == "Draw"
    assert visitor.problems() == []


def test_no_download_is_lost(visitor: Visitor, server: Server) -> None:
    """Also where the page starts several at once, or somebody clicks faster than they come."""
    train(server, name="Taken away")
    visitor.load(f"{server.url}/?tab=curves")
    visitor.until(lambda: visitor.evaluate(CURVES) == 2, "there are two curves")
    visitor.until(lambda: visitor.evaluate(CSV_IS_READY), "the link leads to a file")
    visitor.click("#curves-csv")
    expect_files(visitor, "Taken-away.csv")
    for kind in ("png", "svg"):
        visitor.click(f"#curves-{kind}")
        expect_files(visitor, f"Taken-away-loss.{kind}", f"Taken-away-accuracy.{kind}")
    for file in visitor.downloads.glob("Taken-away*"):
        file.unlink()

    visitor.click("[role=tab]", "Runs")
    visitor.click("#runs-grid .ag-row input[type=checkbox]")
    visitor.click("#runs-bulk .dropdown-toggle", "Download")
    count = visitor.evaluate(CLICK_ALL_FILES)
    visitor.until(lambda: len(arrived(visitor)) >= count, f"{count} files of a run arrive")
    assert visitor.problems() == []


def arrived(visitor: Visitor) -> set[str]:
    """The names of the files in the folder for downloads."""
    return {file.name for file in visitor.downloads.glob("Taken-away*")}


def expect_files(visitor: Visitor, *names: str) -> None:
    visitor.until(lambda: set(names) <= arrived(visitor), f"{names} arrive")


def test_the_page_follows_a_server_that_is_restarted(visitor: Visitor, server: Server) -> None:
    visitor.load(server.url)
    visitor.expect_text(STATE, "Ready")
    post(f"{server.url}/api/runs", ENDLESS | {"epochs": 2000})
    visitor.expect_text(STATE, "Training")
    visitor.until(lambda: visitor.evaluate(POINTS) > 10, "the curve grows")
    visitor.evaluate("() => { window.isTheSame = true; }")
    assert visitor.problems() == []

    server.kill()
    visitor.expect_text("#notice", "The connection to Digit Lab is lost.")
    server.start()
    visitor.expect_text(STATE, "Interrupted")
    visitor.expect_text("#notice", "^$")
    train(server)
    visitor.expect_text(STATE, "Done")
    visitor.until(lambda: visitor.evaluate(POINTS) == 3 * 1000 / 50, "it shows the new curve")
    assert visitor.evaluate("() => window.isTheSame")
