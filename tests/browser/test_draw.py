"""The Draw tab: mouse, finger and pictures, the way to the input, the answer and its bars.

What is kept, what is taken back, and what is refused.
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Locator, Route, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
SMALL_SEVEN = [(0.05 + x / 4, 0.05 + y / 4) for x, y in SEVEN]
CROSSBAR = [(0.35, 0.5), (0.7, 0.5)]
ZIGZAG = [(0.08 + 0.07 * n, 0.2 + 0.6 * (n % 2)) for n in range(13)]
CANVAS, INPUT = "Drawing area", "Network input"
COURSE, HAND = "Course of the drawing", "Your handwriting"
NOTHING_DRAWN = "Nothing is drawn yet."


def open_canvas(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the newest network of a run on the Draw tab, with nothing drawn."""
    dashboard.open_tab("Draw")
    dashboard.show_run(run_id)
    dashboard.epoch_slider.fill("3")
    dashboard.button("Clear").click()
    choose_input(dashboard, "as MNIST")
    expect_no_answer(dashboard, NOTHING_DRAWN)


def choose_input(dashboard: DashboardPage, form: str) -> None:
    group = dashboard.page.get_by_role("radiogroup", name="The network gets it")
    group.get_by_role("radio", name=form, exact=True).check()


def bars(dashboard: DashboardPage) -> Locator:
    return dashboard.page.get_by_role("list", name="Probabilities")


def percentages(dashboard: DashboardPage) -> list[float]:
    return dashboard.percentages(bars(dashboard))


def expect_answer(dashboard: DashboardPage) -> None:
    """The page shows a digit, ten bars whose longest is that digit's, and the network's input."""

    def agree() -> bool:
        found = percentages(dashboard)
        return (
            len(found) == 10
            and sum(found) == pytest.approx(100, abs=0.6)
            and found.index(max(found)) == dashboard.predicted_digit()
            and 20 < dashboard.ink_count(INPUT) <= 28 * 28
        )

    dashboard.until(agree)  # answers may follow one another meanwhile


def expect_reading(dashboard: DashboardPage, server: AppServer, run_id: str) -> None:
    """The page shows what the server reads in the drawing as it is now, not in a part of it."""
    reading = server.post("/api/predict", {"strokes": dashboard.strokes(), "run": run_id})
    expected = [100 * probability for probability in reading["probabilities"]]
    dashboard.until(lambda: percentages(dashboard) == pytest.approx(expected, abs=0.06))
    expect_answer(dashboard)


def expect_no_answer(dashboard: DashboardPage, sentence: str) -> None:
    dashboard.until(lambda: dashboard.draw_answer().startswith(sentence))
    dashboard.until(lambda: dashboard.ink_count(INPUT) == 0)


def expect_box(dashboard: DashboardPage, expected: list[float], tolerance: float) -> None:
    """The box around what is cut out has these edges."""
    dashboard.until(lambda: dashboard.cut_out_box() == pytest.approx(expected, abs=tolerance))


def test_a_digit_drawn_with_the_mouse_is_read_and_taken_back(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    empty = dashboard.canvas_pixels(CANVAS)
    assert dashboard.predicted_digit() is None

    dashboard.draw(SEVEN)
    one_stroke = dashboard.canvas_pixels(CANVAS)
    assert one_stroke != empty
    expect_reading(dashboard, server, mlp_run)
    strokes = [[[280 * x, 280 * y] for x, y in SEVEN]]
    reading = server.post("/api/predict", {"strokes": strokes, "run": mlp_run})
    # The mouse moves by whole pixels, so the probabilities may differ by a trifle.
    assert dashboard.predicted_digit() == reading["digit"]

    dashboard.draw(CROSSBAR)
    assert dashboard.canvas_pixels(CANVAS) != one_stroke
    expect_reading(dashboard, server, mlp_run)
    dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == one_stroke
    expect_reading(dashboard, server, mlp_run)

    dashboard.draw(CROSSBAR)
    dashboard.button("Clear").click()
    assert dashboard.canvas_pixels(CANVAS) == empty
    expect_no_answer(dashboard, NOTHING_DRAWN)
    dashboard.button("Undo").click()  # there is nothing to take back
    expect_no_answer(dashboard, NOTHING_DRAWN)


def test_the_mouse_draws_only_while_its_left_button_is_pressed(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)

    def move_over_canvas() -> None:
        for place in dashboard.canvas_points(SEVEN):
            dashboard.page.mouse.move(*place, steps=5)

    empty = dashboard.canvas_pixels(CANVAS)
    move_over_canvas()
    dashboard.page.mouse.click(*dashboard.canvas_points(CROSSBAR)[0], button="right")
    assert dashboard.canvas_pixels(CANVAS) == empty

    # A stroke that leaves the canvas ends with the button.
    dashboard.draw([(0.3, 0.3), (0.6, 0.6), (1.5, 0.6)])
    drawn = dashboard.canvas_pixels(CANVAS)
    assert drawn != empty
    move_over_canvas()
    assert dashboard.canvas_pixels(CANVAS) == drawn
    expect_answer(dashboard)


def test_a_drawing_is_read_while_the_network_learns_and_its_course_grows(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    run_id = server.start_endless_run()
    with server.training_held():
        dashboard.show_run(run_id)
    dashboard.draw(SEVEN)
    expect_answer(dashboard)

    def epochs() -> int:
        return int(dashboard.figure_value(COURSE, "gd.data?.[0]?.x.length ?? 0"))

    dashboard.until(lambda: epochs() > 1)
    few = epochs()
    dashboard.until(lambda: epochs() > few)
    expect(dashboard.status("State")).to_have_text("running")


def test_a_drawing_can_be_seen_in_either_theme(dashboard: DashboardPage, mlp_run: str) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.draw(SEVEN)
    first = dashboard.theme_color("bs-body-color")
    assert dashboard.ink_color() == first
    dashboard.button("Light or dark").click()
    assert dashboard.theme_color("bs-body-color") != first
    dashboard.until(lambda: dashboard.ink_color() == dashboard.theme_color("bs-body-color"))
    dashboard.button("Light or dark").click()
    dashboard.until(lambda: dashboard.ink_color() == first)


# The way to the network's input


def test_as_drawn_the_network_gets_and_says_something_else(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    assert dashboard.cut_out_box() == []
    dashboard.draw(SMALL_SEVEN)
    expect_reading(dashboard, server, mlp_run)
    expect_box(dashboard, [0.1125, 0.1, 0.2375, 0.2625], 0.06)
    drawn, as_mnist = dashboard.canvas_pixels(CANVAS), dashboard.canvas_pixels(INPUT)
    answer = percentages(dashboard)

    choose_input(dashboard, "as drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_answer(dashboard)
    assert percentages(dashboard) != answer
    assert dashboard.canvas_pixels(CANVAS) == drawn
    expect_box(dashboard, [0, 0, 1, 1], 0.02)

    choose_input(dashboard, "as MNIST")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) == as_mnist)
    assert percentages(dashboard) == answer
    dashboard.button("Clear").click()
    dashboard.until(lambda: dashboard.cut_out_box() == [])


def test_a_drawing_and_how_the_network_gets_it_and_kept_drawings_survive_a_reload(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.delete_drawings()
    dashboard.draw(SMALL_SEVEN, CROSSBAR)
    expect_reading(dashboard, server, mlp_run)
    as_mnist = dashboard.canvas_pixels(INPUT)
    choose_input(dashboard, "as drawn")
    dashboard.keep_drawing(7)
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_answer(dashboard)
    drawn, as_drawn = dashboard.canvas_pixels(CANVAS), dashboard.canvas_pixels(INPUT)
    answer = percentages(dashboard)

    dashboard.reload()
    dashboard.expect_tab("Draw")
    assert dashboard.canvas_pixels(CANVAS) == drawn
    # Until the address's run is chosen, the page may show the newest run's answer.
    dashboard.until(lambda: percentages(dashboard) == answer)
    assert dashboard.canvas_pixels(INPUT) == as_drawn
    expect(dashboard.kept_drawings).to_have_count(1)
    choose_input(dashboard, "as MNIST")
    expect_reading(dashboard, server, mlp_run)
    dashboard.delete_drawings()


# Not sure


def test_the_network_is_not_sure_of_a_scribble(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.draw(ZIGZAG)
    expect_reading(dashboard, server, mlp_run)
    assert "Not sure" in dashboard.draw_answer()


ANSWERS = (
    (None, {7: 0.9, 1: 0.1}, r"7\s+90\.0\s% sure"),
    ("unfamiliar", {7: 0.9, 1: 0.1}, r"7\?\s+Not sure\. It looks like no 7 .*\."),
    (
        "undecided",
        {7: 0.5, 1: 0.4, 2: 0.1},
        r"7\?\s+Not sure\. .*7 \(50\.0\s%\) or 1 \(40\.0\s%\)\?",
    ),
)
"""A doubt, the probabilities, and what the page then says."""


def answering(changes: dict[str, Any]) -> Callable[[Route], None]:
    """Answers as the server does, except for these changes."""
    return lambda route: route.fulfill(json=route.fetch().json() | changes)


def test_the_page_shows_how_sure_the_network_is(dashboard: DashboardPage, mlp_run: str) -> None:
    open_canvas(dashboard, mlp_run)
    for doubt, chances, words in ANSWERS:
        changes: dict[str, Any] = {"digit": 7, "sure": doubt is None, "doubt": doubt}
        changes["probabilities"] = [chances.get(digit, 0.0) for digit in range(10)]
        dashboard.page.unroute_all(behavior="wait")
        dashboard.page.route("**/api/predict", answering(changes))
        dashboard.button("Clear").click()
        dashboard.draw(CROSSBAR)
        dashboard.until(lambda words=words: re.fullmatch(words, dashboard.draw_answer()))
        assert percentages(dashboard)[7] == 100 * chances[7]
        color = dashboard.theme_color("train" if doubt is None else "bs-secondary-color")
        assert dashboard.theme_color("color", bars(dashboard)) == color


# Pictures


def png(grey: np.ndarray) -> bytes:
    """A picture (height, width) of uint8 grey levels as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    height, width = grey.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def picture_of_one(height: int = 120, width: int = 200) -> np.ndarray:
    """Dark ink on light paper, upright, right of the middle."""
    page = np.full((height, width), 230, np.uint8)
    page[height // 6 : -height // 6, width * 6 // 10 : width * 7 // 10] = 40
    return page


def file(content: bytes, kind: str = "image/png", name: str = "one.png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


ONE = file(png(picture_of_one()))


def open_picture(dashboard: DashboardPage, chosen: FilePayload | Path) -> None:
    with dashboard.page.expect_file_chooser() as chooser:
        dashboard.button("Open a picture…").click()
    chooser.value.set_files(chosen)


def bring(place: Locator, event: str, chosen: FilePayload) -> bool:
    """Drops or pastes a file somewhere; whether the page kept the browser from opening it."""
    script = """(place, [event, content, name, type]) => {
        const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], name, {type}));
        const options = {bubbles: true, cancelable: true};
        const happening = event === "paste"
            ? new ClipboardEvent(event, {...options, clipboardData: data})
            : new DragEvent(event, {...options, dataTransfer: data});
        return !place.dispatchEvent(happening);
    }"""
    content = base64.b64encode(chosen["buffer"]).decode()
    return bool(place.evaluate(script, [event, content, chosen["name"], chosen["mimeType"]]))


def test_a_picture_is_opened_dropped_or_pasted_and_read_like_its_pixels(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    empty = dashboard.canvas_pixels(CANVAS)
    reading = server.post("/api/predict", {"pixels": picture_of_one().tolist(), "run": mlp_run})
    expected = [100 * probability for probability in reading["probabilities"]]

    def expect_picture() -> None:
        expect_answer(dashboard)
        assert dashboard.predicted_digit() == reading["digit"]
        dashboard.until(lambda: percentages(dashboard) == pytest.approx(expected, abs=0.2))
        # 200 x 120, as wide as the canvas: the edges of the one, in fractions of it.
        expect_box(dashboard, [0.6, 0.3, 0.7, 0.7], 0.03)

    open_picture(dashboard, ONE)
    expect_picture()
    opened = dashboard.canvas_pixels(CANVAS)
    assert opened != empty
    for event in ("drop", "paste"):
        dashboard.button("Clear").click()
        expect_no_answer(dashboard, NOTHING_DRAWN)
        if event == "drop":
            assert bring(dashboard.canvas, "dragover", ONE)
        prevented = bring(dashboard.canvas, event, ONE)
        assert prevented or event == "paste"
        expect_picture()
        assert dashboard.canvas_pixels(CANVAS) == opened

    as_mnist = dashboard.canvas_pixels(INPUT)
    choose_input(dashboard, "as drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_box(dashboard, [0, 0.2, 1, 0.8], 0.02)  # all of it, squeezed


def test_a_large_picture_is_made_small_before_it_is_sent(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    with dashboard.page.expect_request("**/api/predict") as asked:
        open_picture(dashboard, file(png(picture_of_one(1500, 3000))))
    pixels = json.loads(asked.value.post_data or "")["pixels"]
    assert (len(pixels), len(pixels[0])) == (128, 256)
    expect_answer(dashboard)


def test_a_picture_is_taken_away_or_drawn_over(dashboard: DashboardPage, mlp_run: str) -> None:
    open_canvas(dashboard, mlp_run)
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN)
    expect_answer(dashboard)
    drawn = dashboard.canvas_pixels(CANVAS)
    for button in ("Undo", "Clear"):
        open_picture(dashboard, ONE)
        dashboard.until(lambda: dashboard.canvas_pixels(CANVAS) not in (drawn, empty))
        expect_answer(dashboard)
        dashboard.button(button).click()
        expect_no_answer(dashboard, NOTHING_DRAWN)
        assert dashboard.canvas_pixels(CANVAS) == empty
    open_picture(dashboard, ONE)
    dashboard.until(lambda: dashboard.canvas_pixels(CANVAS) != empty)
    dashboard.draw(SEVEN)
    assert dashboard.canvas_pixels(CANVAS) == drawn  # a fresh drawing, without the picture


def test_a_picture_survives_a_reload(dashboard: DashboardPage, mlp_run: str) -> None:
    open_canvas(dashboard, mlp_run)
    open_picture(dashboard, file(png(picture_of_one(300, 300))))
    expect_answer(dashboard)
    shown, answer = dashboard.canvas_pixels(CANVAS), percentages(dashboard)
    dashboard.reload()
    expect_answer(dashboard)
    assert dashboard.canvas_pixels(CANVAS) == shown
    dashboard.until(lambda: percentages(dashboard) == answer)  # at first perhaps the newest run's


REFUSED = (
    (file(b"seven", "text/plain", "seven.txt"), "open a PNG, JPEG or WebP file"),
    (file(b"<svg/>", "image/svg+xml", "one.svg"), "open a PNG, JPEG or WebP file"),
    (file(b"\x89PNG and nothing else"), "cannot be decoded"),
    (file(ONE["buffer"][:60]), "cannot be decoded"),
    (file(png(np.zeros((2, 900), np.uint8))), "too narrow"),
)


def test_what_is_no_picture_is_refused_and_nothing_is_lost(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, tmp_path: Path
) -> None:
    too_large = tmp_path / "one.png"
    too_large.write_bytes(ONE["buffer"].ljust((20 << 20) + 1))
    open_canvas(dashboard, mlp_run)
    dashboard.draw(SEVEN)
    expect_reading(dashboard, server, mlp_run)
    drawn, answer = dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()
    for refused, sentence in (*REFUSED, (too_large, "too large")):
        open_picture(dashboard, refused)
        expect(dashboard.text(sentence)).to_be_visible()
        assert dashboard.canvas_pixels(CANVAS) == drawn
        # The last round's crossbar may have been read meanwhile.
        dashboard.until(lambda: dashboard.draw_answer() == answer)
        dashboard.draw(CROSSBAR)
        expect(dashboard.text(sentence)).to_be_hidden()
        expect(dashboard.text("With a mouse")).to_be_visible()
        dashboard.button("Undo").click()
        dashboard.until(
            lambda: (dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()) == (drawn, answer)
        )


def test_a_file_that_misses_the_draw_tab_does_not_replace_the_page(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.open_tab("Train")
    assert bring(dashboard.button("Train"), "drop", ONE)
    dashboard.open_tab("Draw")
    expect_no_answer(dashboard, NOTHING_DRAWN)


def test_nothing_moves_while_one_draws(dashboard: DashboardPage, mlp_run: str) -> None:
    open_canvas(dashboard, mlp_run)
    for width, height in ((1440, 900), (390, 844)):
        dashboard.page.set_viewport_size({"width": width, "height": height})
        dashboard.button("Clear").click()
        expect_no_answer(dashboard, NOTHING_DRAWN)
        before = dashboard.draw_tab_frames()
        for stroke in (SEVEN, ZIGZAG):
            dashboard.draw(stroke)
            expect_answer(dashboard)
            assert dashboard.draw_tab_frames() == before
        open_picture(dashboard, file(b"seven", "text/plain", "seven.txt"))
        expect(dashboard.text("open a PNG, JPEG or WebP file")).to_be_visible()
        assert dashboard.draw_tab_frames() == before
