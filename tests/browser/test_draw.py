"""The Draw tab: mouse, finger and pictures, the way to the input, the answer and its bars.

What is kept, what is taken back, and what is refused.
"""

import base64
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Route, expect

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
SMALL_SEVEN = [(0.05 + x / 4, 0.05 + y / 4) for x, y in SEVEN]
CROSSBAR = [(0.35, 0.5), (0.7, 0.5)]
ZIGZAG = [(0.08 + 0.07 * n, 0.2 + 0.6 * (n % 2)) for n in range(13)]
CANVAS, INPUT = "Drawing area", "Network input"
COURSE = "How the answer came about"
NOTHING_DRAWN = "Nothing is drawn yet."


def open_canvas(dashboard: DashboardPage, run_id: str) -> None:
    """Shows the newest network of a run on the Draw tab, with nothing drawn."""
    dashboard.open_tab("Draw")
    dashboard.show_run(run_id)
    dashboard.epoch_slider.fill("3")
    dashboard.button("Clear").click()
    choose_input(dashboard, "Centred like MNIST")
    expect_no_answer(dashboard, NOTHING_DRAWN)


def choose_input(dashboard: DashboardPage, form: str) -> None:
    group = dashboard.page.get_by_role("radiogroup", name="How the drawing is prepared")
    group.get_by_text(form, exact=True).click()
    expect(group.get_by_role("radio", name=form, exact=True)).to_be_checked()


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
        return dashboard.region(COURSE).get_by_role("columnheader").count()

    dashboard.until(lambda: epochs() > 1)
    few = epochs()
    dashboard.until(lambda: epochs() > few)
    expect(dashboard.status("State")).to_have_text("Training")


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


# The keyboard


def press(dashboard: DashboardPage, *keys: str) -> None:
    for key in keys:
        dashboard.page.keyboard.press(key)


def test_the_keyboard_draws_takes_back_and_clears(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    expect(dashboard.canvas).to_have_accessible_description(re.compile("arrow keys move a pen"))
    cursor = dashboard.page.locator("#draw-cursor")
    expect(cursor).to_be_hidden()
    dashboard.canvas.focus()
    press(dashboard, "ArrowDown", "ArrowLeft", "Shift+ArrowLeft")
    expect(dashboard.text("Pen up, column 10, row 7.")).to_be_visible()
    assert dashboard.strokes() == []
    press(dashboard, "Space", "Shift+ArrowRight", "Shift+ArrowRight", "ArrowDown")
    expect(dashboard.text("Pen down, column 18, row 8.")).to_be_visible()
    assert dashboard.strokes() == [[[95, 65], [135, 65], [175, 65], [175, 75]]]
    box, field = cursor.bounding_box(), dashboard.canvas.bounding_box()
    assert box is not None
    assert field is not None
    assert (box["x"] - field["x"]) / field["width"] == pytest.approx(17 / 28, abs=0.01)
    press(dashboard, "Space", "ArrowRight", "ArrowRight", "Space", "Shift+ArrowDown")
    assert len(dashboard.strokes()) == 2
    expect_reading(dashboard, server, mlp_run)

    press(dashboard, "Control+z")
    assert len(dashboard.strokes()) == 1
    press(dashboard, "c")
    expect_no_answer(dashboard, NOTHING_DRAWN)
    press(dashboard, "Control+z")
    assert len(dashboard.strokes()) == 1
    press(dashboard, "Escape")
    expect(cursor).to_be_hidden()


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

    choose_input(dashboard, "As drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_answer(dashboard)
    assert percentages(dashboard) != answer
    assert dashboard.canvas_pixels(CANVAS) == drawn
    expect_box(dashboard, [0, 0, 1, 1], 0.02)

    choose_input(dashboard, "Centred like MNIST")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) == as_mnist)
    assert percentages(dashboard) == answer
    dashboard.button("Clear").click()
    dashboard.until(lambda: dashboard.cut_out_box() == [])


def test_a_drawing_with_its_undo_and_its_way_to_the_input_and_kept_drawings_survive_a_reload(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.delete_drawings()
    dashboard.draw(SMALL_SEVEN)
    one_stroke = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(CROSSBAR)
    expect_reading(dashboard, server, mlp_run)
    as_mnist = dashboard.canvas_pixels(INPUT)
    choose_input(dashboard, "As drawn")
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
    choose_input(dashboard, "Centred like MNIST")
    expect_reading(dashboard, server, mlp_run)
    dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == one_stroke
    dashboard.delete_drawings()


def test_what_another_page_has_stored_under_the_same_name_is_no_drawing(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    for foreign in ("a house", '{"of": "another"}', '[["a"]]'):
        dashboard.page.evaluate("text => sessionStorage.setItem('drawing', text)", foreign)
        dashboard.reload()
        dashboard.draw(SMALL_SEVEN)
        assert len(dashboard.strokes()) == 1
        expect_answer(dashboard)
        dashboard.button("Clear").click()


# Not sure


ANSWERS = (
    (None, {7: 0.9, 1: 0.1}, r"7\s+90\.0\s% sure\s+after epoch 3", {7}),
    ("unfamiliar", {7: 0.9, 1: 0.1}, r"7\?\s+Not sure\s+It looks like no 7 that .*\.", {7}),
    ("undecided", {7: 0.5, 1: 0.4, 2: 0.1}, r"7 or 1\s+Not sure\s+It wavers .*\.", {7, 1}),
    ("undecided", {7: 0.3, 1: 0.2}, r"7\?\s+Not sure\s+No digit stands out\.", {7}),
)
"""A doubt, the probabilities, what the page then says, and the bars that it marks."""


def answering(answer: dict[str, Any]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json=answer)


def test_the_page_shows_how_sure_the_network_is_and_it_is_not_of_a_scribble(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.draw(ZIGZAG)
    expect_reading(dashboard, server, mlp_run)
    assert "Not sure" in dashboard.draw_answer()
    reading = server.post("/api/predict", {"strokes": dashboard.strokes(), "run": mlp_run})
    for doubt, chances, words, marked in ANSWERS:
        changes: dict[str, Any] = {"digit": 7, "sure": doubt is None, "doubt": doubt}
        changes["probabilities"] = [chances.get(digit, 0.0) for digit in range(10)]
        dashboard.page.unroute_all()
        dashboard.page.route("**/api/predict", answering(reading | changes))
        dashboard.button("Clear").click()
        dashboard.draw(CROSSBAR)
        dashboard.until(lambda words=words: re.fullmatch(words, dashboard.draw_answer()))
        assert percentages(dashboard)[7] == 100 * chances[7]
        answer = dashboard.page.locator("#draw-answer strong")
        color = dashboard.theme_color("ink" if doubt is None else "ink-3")
        dashboard.until(
            lambda answer=answer, color=color: (
                answer.evaluate("answer => getComputedStyle(answer).color") == color
            )
        )
        best = dashboard.page.locator("#draw-bars .best")
        assert set(best.evaluate_all("bars => bars.map(bar => +bar.dataset.digit)")) == marked
        bar = best.first.evaluate("bar => getComputedStyle(bar, '::after').backgroundImage")
        assert ("repeating" in bar) == (doubt is not None)  # hatched


# Pictures


def encode(pixels: np.ndarray, kind: str = "png", **options: Any) -> bytes:
    """A picture (height, width) or (height, width, 4) of uint8 as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def picture_of_one(height: int = 120, width: int = 200) -> np.ndarray:
    """Dark ink on light paper, upright, right of the middle."""
    page = np.full((height, width), 230, np.uint8)
    page[height // 6 : -height // 6, width * 6 // 10 : width * 7 // 10] = 40
    return page


def file(content: bytes, kind: str = "image/png", name: str = "one.png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


ONE = file(encode(picture_of_one()))


def open_picture(dashboard: DashboardPage, chosen: FilePayload | Path) -> None:
    with dashboard.page.expect_file_chooser() as chooser:
        dashboard.button("Open a photo…").click()
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
    choose_input(dashboard, "As drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_box(dashboard, [0, 0.2, 1, 0.8], 0.02)  # all of it, squeezed


def test_a_large_picture_is_made_small_before_it_is_sent(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    with dashboard.page.expect_request("**/api/predict") as asked:
        open_picture(dashboard, file(encode(picture_of_one(1500, 3000))))
    pixels = json.loads(asked.value.post_data or "")["pixels"]
    assert (len(pixels), len(pixels[0])) == (128, 256)
    expect_answer(dashboard)


def sent_pixels(dashboard: DashboardPage) -> np.ndarray:
    """The grey levels that the page has the server read; empty if it shows no picture."""
    pixels = dashboard.page.evaluate("window.digitlab.drawing.current()?.pixels ?? []")
    return np.array(pixels)


def open_and_get(dashboard: DashboardPage, chosen: FilePayload) -> np.ndarray:
    """Drops a picture where nothing is drawn; the grey levels that are read."""
    dashboard.page.evaluate("document.querySelector('#draw-clear').click()")
    bring(dashboard.canvas, "drop", chosen)
    dashboard.until(lambda: sent_pixels(dashboard).size)
    return sent_pixels(dashboard)


TURNED = Image.Exif()
TURNED[0x112] = 6  # a phone held upright: turn the picture clockwise to see it

SVG = """<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="200" height="120">
<script>window.hacked = true</script><image href="/api/health" width="9" height="9"/>
<rect width="200" height="120" fill="#e6e6e6"/>
<rect x="120" y="20" width="20" height="80" fill="#282828"/></svg>"""

TAKEN = {
    "no name, no type": file(encode(picture_of_one()), "", "one"),
    "a false type": file(encode(picture_of_one()), "text/plain", "one.txt"),
    "BMP": file(encode(picture_of_one(), "bmp"), "image/bmp", "one.bmp"),
    "BMP without type": file(encode(picture_of_one(), "bmp"), "", "one"),
    "GIF": file(encode(picture_of_one(), "gif"), "image/gif", "one.gif"),
    "moving GIF": file(
        encode(
            picture_of_one(),
            "gif",
            save_all=True,
            append_images=[Image.fromarray(255 - picture_of_one())],
            duration=20,
        )
    ),
    "AVIF": file(encode(picture_of_one(), "avif", quality=90), "image/avif", "one.avif"),
    "WebP": file(encode(picture_of_one(), "webp", quality=90), "image/webp", "one.webp"),
    "turned JPEG": file(
        encode(np.rot90(picture_of_one()).copy(), "jpeg", exif=TURNED), "image/jpeg", "one.jpg"
    ),
    "SVG": file(SVG.encode(), "image/svg+xml", "one.svg"),
    "SVG without type": file(SVG.encode(), "", "one"),
}


def test_a_picture_is_taken_by_its_bytes_not_by_its_name(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    for name, chosen in TAKEN.items():
        pixels = open_and_get(dashboard, chosen)
        assert pixels.shape == (120, 200), name
        assert np.abs(pixels - picture_of_one()).mean() < 2, name
    assert not dashboard.page.evaluate("Boolean(window.hacked)")
    expect_answer(dashboard)


CLEAR = (0, 0, 0, 0)
TRANSPARENT = {  # paper, ink (RGBA), and the grey levels of both that are read
    "white ink": (CLEAR, (255, 255, 255, 255), 0, 255),
    "black ink": (CLEAR, (0, 0, 0, 255), 255, 0),
    "faint white ink": (CLEAR, (255, 255, 255, 128), 0, 128),
    "faint black ink": ((255, 255, 255, 0), (0, 0, 0, 128), 255, 127),
    "blue ink": (CLEAR, (0, 0, 255, 255), 255, 29),
    "yellow ink": (CLEAR, (255, 255, 0, 255), 0, 226),
    "dark grey ink": (CLEAR, (110, 110, 110, 255), 255, 110),
    "light grey ink": (CLEAR, (150, 150, 150, 255), 0, 150),
    "nothing transparent": ((255, 255, 255, 255), (0, 0, 0, 255), 255, 0),
}


def test_ink_stands_out_where_a_picture_is_transparent(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    script = """async file => {
        const bytes = Uint8Array.from(atob(file), letter => letter.charCodeAt(0));
        const whole = {left: 0, top: 0, right: 1, bottom: 1};
        return [...(await digitlab.pictures.cutOut(new Blob([bytes]), whole)).grey];
    }"""

    def grey_levels(picture: bytes) -> np.ndarray:
        levels = dashboard.page.evaluate(script, base64.b64encode(picture).decode())
        return np.array(levels).reshape(120, 200)

    is_ink = picture_of_one() < 128
    for name, (paper, ink, paper_level, ink_level) in TRANSPARENT.items():
        picture = np.where(is_ink[..., None], ink, paper).astype(np.uint8)
        for kind in ("png", "webp"):
            options = {"lossless": True} if kind == "webp" else {}
            pixels = grey_levels(encode(picture, kind, **options))
            expected = np.where(is_ink, ink_level, paper_level)
            assert np.abs(pixels - expected).max() <= 1, (name, kind)

    # A sticker: its own paper goes on where the picture is transparent, light or dark.
    for paper_level, ink_level in ((230, 40), (40, 230)):
        grey = np.where(is_ink, ink_level, paper_level)
        sticker = np.stack([grey, grey, grey, np.full_like(grey, 255)], -1).astype(np.uint8)
        sticker[:10] = sticker[-10:] = sticker[:, :10] = sticker[:, -10:] = 0
        pixels = grey_levels(encode(sticker))
        assert np.abs(pixels - grey).max() <= 1


def test_a_box_around_one_digit_of_a_picture_is_read(
    dashboard: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.delete_drawings()
    # A wide page, upright only after it is turned: a small one on the left, a blot on the right.
    page = np.full((1000, 2000), 230, np.uint8)
    page[400:600, 380:420] = 40
    page[100:900, 1400:1900] = 40
    turned = encode(np.rot90(page).copy(), "jpeg", exif=TURNED)
    whole = open_and_get(dashboard, file(turned, "image/jpeg", "page.jpg"))
    assert whole.shape == (128, 256)
    expect(dashboard.text("Drag a box")).to_be_visible()
    expect(dashboard.button("Use the whole picture")).to_have_count(0)
    unboxed = dashboard.canvas_pixels(CANVAS)

    # The picture is as wide as the canvas and half as high. A tap is no box.
    dashboard.page.mouse.click(*dashboard.canvas_points([(0.5, 0.5)])[0])
    dashboard.draw([(0.1, 0.35), (0.3, 0.65)])
    expect(dashboard.text("Only what is in the box is read.")).to_be_visible()
    part = sent_pixels(dashboard)
    assert part.shape == pytest.approx((256, 170), abs=4)  # 600 x 400 pixels made small
    rows, columns = np.nonzero(part < 128)
    edges = [rows.min() / 256, rows.max() / 256, columns.min() / 171, columns.max() / 171]
    assert edges == pytest.approx([1 / 3, 2 / 3, 0.45, 0.55], abs=0.03)
    reading = server.post("/api/predict", {"pixels": part.tolist(), "run": mlp_run})
    expected = [100 * probability for probability in reading["probabilities"]]
    dashboard.until(lambda: percentages(dashboard) == pytest.approx(expected, abs=0.06))
    boxed = dashboard.canvas_pixels(CANVAS)
    assert boxed != unboxed

    dashboard.keep_drawing(1)
    expect(dashboard.text("Box another digit")).to_be_visible()
    dashboard.draw([(0.9, 0.74), (0.6, 0.26)])  # from the other corner
    dashboard.until(lambda: sent_pixels(dashboard).shape == pytest.approx((256, 160), abs=4))
    dashboard.draw([(0.9, 0.9), (0.65, -0.5)])  # what is outside of the picture is cut off
    dashboard.until(lambda: sent_pixels(dashboard).shape == pytest.approx((256, 128), abs=4))
    dashboard.button("Use the whole picture").click()
    assert dashboard.canvas_pixels(CANVAS) == unboxed
    assert np.array_equal(sent_pixels(dashboard), whole)
    for _ in range(3):
        dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == boxed
    assert np.array_equal(sent_pixels(dashboard), part)

    # The keyboard moves the box, and Space reads it. A key before that changes nothing yet.
    dashboard.canvas.focus()
    press(dashboard, "ArrowLeft", "Shift+ArrowDown")
    assert np.array_equal(sent_pixels(dashboard), part)
    press(dashboard, "Space")
    dashboard.until(lambda: sent_pixels(dashboard).shape[0] > sent_pixels(dashboard).shape[1])
    assert not np.array_equal(sent_pixels(dashboard), part)
    dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == boxed

    # After a reload the box is still there, and another one comes out of what was stored.
    dashboard.reload()
    dashboard.until(lambda: dashboard.canvas_pixels(CANVAS) == boxed)
    expect(dashboard.button("Use the whole picture")).to_be_visible()
    dashboard.draw([(0.1, 0.35), (0.3, 0.65)])
    dashboard.until(lambda: sent_pixels(dashboard).shape == pytest.approx((77, 51), abs=3))
    dashboard.delete_drawings()


def test_undo_brings_back_what_clear_or_a_picture_removed(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN)
    seven = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(CROSSBAR)
    crossed = dashboard.canvas_pixels(CANVAS)
    dashboard.button("Clear").click()
    dashboard.button("Clear").click()  # nothing to clear, nothing to undo
    dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == crossed
    open_picture(dashboard, ONE)
    dashboard.until(lambda: sent_pixels(dashboard).size)
    one = dashboard.canvas_pixels(CANVAS)
    dashboard.button("Clear").click()
    expect(dashboard.text("With a mouse")).to_be_visible()
    dashboard.draw(SEVEN)
    assert dashboard.canvas_pixels(CANVAS) == seven

    for before in (empty, one, crossed, seven):
        dashboard.button("Undo").click()
        assert dashboard.canvas_pixels(CANVAS) == before


def test_of_two_pictures_that_open_at_once_the_newer_one_is_shown_and_survives_a_reload(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.page.evaluate(
        """() => {
            const decode = window.createImageBitmap;
            const held = new Promise(release => { window.releasePicture = release; });
            window.createImageBitmap = async (...picture) => {
                window.createImageBitmap = decode;
                await held;
                return decode(...picture);
            };
        }"""
    )
    open_picture(dashboard, ONE)
    expect(dashboard.text("Opening…")).to_be_visible()
    open_picture(dashboard, file(encode(picture_of_one(150, 150))))
    dashboard.until(lambda: sent_pixels(dashboard).shape == (150, 150))
    expect(dashboard.text("Opening…")).to_be_hidden()
    expect_answer(dashboard)
    shown, answer = dashboard.canvas_pixels(CANVAS), percentages(dashboard)
    dashboard.page.evaluate("window.releasePicture()")
    dashboard.wait_until_quiet()
    assert dashboard.canvas_pixels(CANVAS) == shown

    dashboard.reload()
    expect_answer(dashboard)
    assert dashboard.canvas_pixels(CANVAS) == shown
    dashboard.until(lambda: percentages(dashboard) == answer)  # at first perhaps the newest run's


EMBEDS = SVG.replace("<rect", "<foreignObject width='9' height='9'/><rect", 1)
REFUSED = (
    (file(b"seven", "text/plain", "seven.txt"), "no picture that this browser can read"),
    (file(b"<svg/>", "image/svg+xml", "one.svg"), "cannot be decoded"),
    (file(b"seven", "image/png", "seven.png"), "no picture that this browser can read"),
    (file(b"\x89PNG and nothing else"), "cannot be decoded"),
    (file(b"", "image/png", "empty.png"), "empty"),
    (file(ONE["buffer"][:60]), "cannot be decoded"),
    (file(EMBEDS.encode(), "image/svg+xml", "one.svg"), "Save it as PNG"),
    (file(encode(picture_of_one(), "jpeg")[:500]), "cannot be decoded"),
    (file(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", "photo.heic"), "Save it as JPEG"),
    (file(encode(np.zeros((2, 900), np.uint8))), "too narrow"),
    (file(b"%PDF-1.7 ", "application/pdf", "one.pdf"), "no picture that this browser can read"),
)
"""No two that follow each other get the same sentence: whoever sees one knows which file it is."""


def test_what_is_no_picture_is_refused_and_nothing_is_lost(
    dashboard: DashboardPage, server: AppServer, mlp_run: str, tmp_path: Path
) -> None:
    too_large = tmp_path / "one.png"
    too_large.write_bytes(ONE["buffer"])
    os.truncate(too_large, (100 << 20) + 1)
    too_many = tmp_path / "pixels.png"
    Image.new("1", (12000, 10001)).save(too_many)
    open_canvas(dashboard, mlp_run)
    dashboard.draw(SEVEN)
    expect_reading(dashboard, server, mlp_run)
    drawn, answer = dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()
    for refused, sentence in (
        *REFUSED,
        (too_large, "too large"),
        (too_many, "has 120 megapixels"),
    ):
        open_picture(dashboard, refused)
        expect(dashboard.text(sentence)).to_be_visible()
        assert dashboard.canvas_pixels(CANVAS) == drawn
    dashboard.wait_until_quiet()
    assert (dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()) == (drawn, answer)
    dashboard.draw(CROSSBAR)
    expect(dashboard.text(sentence)).to_be_hidden()
    dashboard.button("Undo").click()
    dashboard.until(
        lambda: (dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()) == (drawn, answer)
    )


def test_the_refusal_of_a_picture_goes_with_the_next_one_and_with_clear(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    refusal = dashboard.text("no picture that this browser can read")
    seven = file(b"seven", "text/plain", "seven.txt")
    bring(dashboard.canvas, "drop", seven)
    expect(refusal).to_be_visible()
    bring(dashboard.canvas, "drop", ONE)
    expect(dashboard.text("Drag a box")).to_be_visible()
    expect(refusal).to_have_count(0)
    dashboard.button("Clear").click()
    bring(dashboard.canvas, "drop", seven)
    expect(refusal).to_be_visible()
    dashboard.button("Clear").click()
    expect(refusal).to_have_count(0)


def test_a_file_that_misses_the_draw_tab_does_not_replace_the_page(
    dashboard: DashboardPage, mlp_run: str
) -> None:
    open_canvas(dashboard, mlp_run)
    dashboard.open_tab("Train")
    assert bring(dashboard.button("Train"), "drop", ONE)
    dashboard.open_tab("Draw")
    expect_no_answer(dashboard, NOTHING_DRAWN)


SAY_LONG_COURSE = """() => {
    document.getElementById("course-caption").textContent =
        "Untrained it guessed 8 (100 %). It reads 7 since epoch 12.67, after 12 changes of mind.";
}"""


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
        open_picture(dashboard, file(encode(picture_of_one(), "tiff"), "image/tiff", "one.tif"))
        expect(dashboard.text("Save it as JPEG")).to_be_visible()  # the longest refusal
        dashboard.wait_until_quiet()  # how the answer came about is the last to come
        dashboard.page.evaluate(SAY_LONG_COURSE)
        assert dashboard.draw_tab_frames() == before
