"""The Draw tab: mouse, finger and pictures, the way to the input, the answer and its bars.

What is kept, what is taken back, and what is refused.
"""

import base64
import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Route, expect

from tests.browser.conftest import Lab, Visit, visits
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
CROSSBAR = [(0.35, 0.5), (0.7, 0.5)]
ZIGZAG = [(0.08 + 0.07 * n, 0.2 + 0.6 * (n % 2)) for n in range(13)]
CANVAS, MARKED, INPUT = "Drawing area", "What is cut out", "Network input"
NOTHING_DRAWN = "Nothing is drawn yet."
OPEN = "Open a picture…"


def at_the_canvas(visitor: Visitor) -> Visitor:
    visitor.tab("Draw")
    return visitor


def expect_answer(visitor: Visitor) -> None:
    """The network says a digit, ten bars say why, and what it saw is shown."""

    def agree() -> bool:
        found = shares(visitor)
        return (
            len(found) == 10
            and sum(found) == pytest.approx(100, abs=0.6)
            and found.index(max(found)) == visitor.says_digit()
            and 20 < visitor.ink(INPUT) <= 28 * 28
        )

    visitor.until(agree)  # answers may follow one another while one looks


def bars(visitor: Visitor) -> Locator:
    return visitor.page.locator(".draw-says").get_by_role("listitem")


def shares(visitor: Visitor) -> list[float]:
    """The bars' per cents."""
    return [float(text.split("\n")[-1].rstrip("%")) for text in bars(visitor).all_inner_texts()]


def expect_reading(visitor: Visitor, lab: Lab) -> None:
    """The page shows what the server reads in the drawing as it now is, not in a part of it."""
    strokes = json.loads(visitor.page.evaluate("sessionStorage.getItem('drawing')"))
    reading = lab.post("/api/predict", {"strokes": strokes})
    expected = [100 * chance for chance in reading["probabilities"]]
    visitor.until(lambda: shares(visitor) == pytest.approx(expected, abs=0.06))
    expect_answer(visitor)


def expect_no_answer(visitor: Visitor, sentence: str) -> None:
    expect(visitor.page.get_by_text(sentence)).to_be_visible()
    visitor.until(lambda: visitor.ink(INPUT) == 0)
    assert visitor.says_digit() is None


def test_without_a_network_it_says_what_to_do(visit_untrained: Visit) -> None:
    visitor = at_the_canvas(visit_untrained())
    expect_no_answer(visitor, "There is no trained network yet. Press Train")
    empty = visitor.picture(CANVAS)
    visitor.draw(SEVEN)
    assert visitor.picture(CANVAS) != empty
    expect_no_answer(visitor, "There is no trained network yet. Press Train")


def test_an_empty_canvas_is_said_to_be_empty(visit: Visit, trained: Lab) -> None:
    expect_no_answer(at_the_canvas(visit()), NOTHING_DRAWN)


def test_a_digit_drawn_with_the_mouse_is_read(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    empty = visitor.picture(CANVAS)
    visitor.draw(SEVEN, CROSSBAR)
    assert visitor.picture(CANVAS) != empty
    expect_answer(visitor)


def test_the_answer_is_that_of_the_network(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    strokes = [[[280 * x, 280 * y] for x, y in SEVEN]]
    reading = trained.post("/api/predict", {"strokes": strokes})
    # The mouse moves by whole pixels, so the pictures may differ by a trifle.
    visitor.until(lambda: visitor.says_digit() == reading["digit"])
    expect_answer(visitor)


def test_undo_takes_back_one_stroke_and_clear_all(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    empty = visitor.picture(CANVAS)
    visitor.draw(SEVEN)
    expect_answer(visitor)
    one = visitor.picture(CANVAS)
    visitor.draw(CROSSBAR)
    assert visitor.picture(CANVAS) != one
    visitor.button("Undo").click()
    assert visitor.picture(CANVAS) == one
    visitor.draw(CROSSBAR)
    visitor.button("Clear").click()
    assert visitor.picture(CANVAS) == empty
    expect_no_answer(visitor, NOTHING_DRAWN)
    visitor.button("Undo").click()  # there is nothing to take back
    expect_no_answer(visitor, NOTHING_DRAWN)


def test_moving_the_mouse_without_pressing_draws_nothing(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    empty = visitor.picture(CANVAS)
    for place in visitor.places(SEVEN):
        visitor.page.mouse.move(*place, steps=5)
    visitor.page.mouse.click(*visitor.places(CROSSBAR)[0], button="right")
    assert visitor.picture(CANVAS) == empty


def test_a_stroke_that_leaves_the_canvas_ends_with_the_button(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw([(0.3, 0.3), (0.6, 0.6), (1.5, 0.6)])
    drawn = visitor.picture(CANVAS)
    for place in visitor.places(SEVEN):
        visitor.page.mouse.move(*place, steps=5)
    assert visitor.picture(CANVAS) == drawn
    expect_answer(visitor)


def test_a_drawing_survives_a_reload(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN, CROSSBAR)
    expect_reading(visitor, trained)
    drawn, said = visitor.picture(CANVAS), visitor.says_digit()
    visitor.reload()
    visitor.expect_tab("Draw")
    expect_reading(visitor, trained)
    assert visitor.picture(CANVAS) == drawn
    assert visitor.says_digit() == said


def test_a_finger_draws_too(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(
        visit(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    )
    top = visitor.page.evaluate("scrollY")
    empty = visitor.picture(CANVAS)
    finger = visitor.page.context.new_cdp_session(visitor.page)
    places = visitor.places([(0.3, 0.2), (0.5, 0.3), (0.5, 0.6), (0.45, 0.9)])
    for kind, place in zip(
        ("touchStart", "touchMove", "touchMove", "touchMove"), places, strict=True
    ):
        points = [{"x": place[0], "y": place[1]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert visitor.picture(CANVAS) != empty
    expect_answer(visitor)
    assert visitor.page.evaluate("scrollY") == top  # it drew, and did not scroll


def test_a_drawing_is_read_while_the_network_learns(visit: Visit, lab: Lab) -> None:
    visitor = at_the_canvas(visit())
    run_id = lab.begin()
    visitor.draw(SEVEN)
    expect_answer(visitor)
    expect(visitor.status("State")).to_have_text("running")
    lab.end(run_id)


@pytest.fixture
def new_lab(make_lab: Callable[[], Lab]) -> Lab:
    """A server that has no network yet, and will get one."""
    return make_lab()


@pytest.fixture
def visit_new(browser: Browser, new_lab: Lab) -> Iterator[Visit]:
    yield from visits(browser, new_lab.url)


def test_a_drawing_that_waits_is_read_as_soon_as_there_is_a_network(
    visit_new: Visit, new_lab: Lab
) -> None:
    visitor = at_the_canvas(visit_new())
    visitor.draw(SEVEN)
    expect_no_answer(visitor, "There is no trained network yet. Press Train")
    new_lab.train()
    expect_answer(visitor)


def test_a_drawing_can_be_seen_in_either_theme(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    ink = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] === 255) return `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
    }"""
    wanted = "canvas => getComputedStyle(canvas).color"
    light = visitor.canvas.evaluate(ink)
    assert light == visitor.canvas.evaluate(wanted)
    visitor.button("Light or dark").click()
    dark = visitor.canvas.evaluate(wanted)
    assert dark != light
    visitor.until(lambda: visitor.canvas.evaluate(ink) == dark)


# The way to the network's input


def choose(visitor: Visitor, form: str) -> None:
    group = visitor.page.get_by_role("radiogroup", name="The network gets it")
    group.get_by_role("radio", name=form, exact=True).check()


def test_as_drawn_the_network_gets_and_says_something_else(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw([(0.05 + x / 4, 0.05 + y / 4) for x, y in SEVEN])
    expect_reading(visitor, trained)
    as_mnist, drawn = visitor.picture(INPUT), visitor.picture(CANVAS)
    said = shares(visitor)

    choose(visitor, "as drawn")
    visitor.until(lambda: visitor.picture(INPUT) != as_mnist)
    expect_answer(visitor)
    as_drawn = visitor.picture(INPUT)
    assert shares(visitor) != said
    assert visitor.picture(CANVAS) == drawn

    visitor.reload()
    expect_answer(visitor)
    visitor.until(lambda: visitor.picture(INPUT) == as_drawn)
    choose(visitor, "as MNIST")
    visitor.until(lambda: visitor.picture(INPUT) == as_mnist)
    assert shares(visitor) == said


def marked(visitor: Visitor) -> list[float]:
    """Left, top, right and bottom of the box around the drawing, in shares of the canvas."""
    extent = """canvas => {
        const probe = document.createElement("canvas").getContext("2d");
        probe.fillStyle = getComputedStyle(canvas).getPropertyValue("--test");
        probe.fillRect(0, 0, 1, 1);
        const wanted = probe.getImageData(0, 0, 1, 1).data;
        const {width, height} = canvas;
        const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
        let box = [];
        for (let place = 0; place < width * height; place++) {
            if (!wanted.every((value, channel) => data[place * 4 + channel] === value)) continue;
            const [x, y] = [(place % width) / width, Math.floor(place / width) / height];
            const [left, top, right, bottom] = box.length ? box : [x, y, x, y];
            box = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
        }
        return box;
    }"""
    found: list[float] = visitor.page.get_by_role("img", name=MARKED).evaluate(extent)
    return found


def test_what_is_cut_out_is_marked(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    assert marked(visitor) == []
    visitor.draw(SEVEN)
    expect_answer(visitor)
    visitor.until(lambda: marked(visitor) == pytest.approx([0.25, 0.2, 0.75, 0.85], abs=0.06))
    choose(visitor, "as drawn")
    visitor.until(lambda: marked(visitor) == pytest.approx([0, 0, 1, 1], abs=0.02))
    visitor.button("Clear").click()
    visitor.until(lambda: marked(visitor) == [])


# Not sure


def test_of_a_scribble_the_network_is_not_sure(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(ZIGZAG)
    expect_reading(visitor, trained)
    assert "Not sure" in visitor.answer()


SAID = (
    (None, {7: 0.9, 1: 0.1}, r"7\s+90\.0\s% sure"),
    ("unfamiliar", {7: 0.9, 1: 0.1}, r"7\?\s+Not sure\. It looks like no 7 .*\."),
    (
        "undecided",
        {7: 0.5, 1: 0.4, 2: 0.1},
        r"7\?\s+Not sure\. .*7 \(50\.0\s%\) or 1 \(40\.0\s%\)\?",
    ),
)
"""A doubt, the probabilities, and what the page then says."""


def answering(says: dict[str, Any]) -> Callable[[Route], None]:
    """Answers as the server does, but for what the network says."""
    return lambda route: route.fulfill(json=route.fetch().json() | says)


def test_how_sure_the_network_is_can_be_seen(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    for doubt, chances, words in SAID:
        says: dict[str, Any] = {"digit": 7, "sure": doubt is None, "doubt": doubt}
        says["probabilities"] = [chances.get(digit, 0.0) for digit in range(10)]
        visitor.page.unroute_all(behavior="wait")
        visitor.page.route("**/api/predict", answering(says))
        visitor.button("Clear").click()
        visitor.draw(SEVEN)
        visitor.until(lambda words=words: re.fullmatch(words, visitor.answer()))
        assert shares(visitor)[7] == 100 * chances[7]
        colour = "fill => getComputedStyle(fill).backgroundColor"
        seven = bars(visitor).nth(7).locator(".bar-fill").evaluate(colour)
        wanted = "train" if doubt is None else "bs-secondary-color"
        probe = f"""() => {{
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = "var(--{wanted})";
            return getComputedStyle(probe).color;
        }}"""
        assert seven == visitor.page.evaluate(probe)


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


def a_one(height: int = 120, width: int = 200) -> np.ndarray:
    """Dark ink on light paper, upright, right of the middle."""
    page = np.full((height, width), 230, np.uint8)
    page[height // 6 : -height // 6, width * 6 // 10 : width * 7 // 10] = 40
    return page


def file(content: bytes, kind: str = "image/png", name: str = "one.png") -> FilePayload:
    return {"name": name, "mimeType": kind, "buffer": content}


def open_picture(visitor: Visitor, chosen: FilePayload) -> None:
    with visitor.page.expect_file_chooser() as chooser:
        visitor.button(OPEN).click()
    chooser.value.set_files(chosen)


def bring(place: Locator, event: str, chosen: FilePayload) -> bool:
    """Drops or pastes a file somewhere; whether the browser was kept from opening it itself."""
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


def test_a_picture_is_read_like_its_pixels(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    empty = visitor.picture(CANVAS)
    open_picture(visitor, file(png(a_one())))
    expect_answer(visitor)
    assert visitor.picture(CANVAS) != empty
    reading = trained.post("/api/predict", {"pixels": a_one().tolist()})
    assert visitor.says_digit() == reading["digit"]
    expected = [100 * chance for chance in reading["probabilities"]]
    visitor.until(lambda: shares(visitor) == pytest.approx(expected, abs=0.2))
    # 200 x 120, as wide as the canvas: the one's edges, as shares of it.
    visitor.until(lambda: marked(visitor) == pytest.approx([0.6, 0.3, 0.7, 0.7], abs=0.03))


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_can_be_dropped_and_pasted(visit: Visit, trained: Lab, event: str) -> None:
    visitor = at_the_canvas(visit())
    open_picture(visitor, file(png(a_one())))
    expect_answer(visitor)
    opened = visitor.picture(CANVAS)
    visitor.button("Clear").click()
    expect_no_answer(visitor, NOTHING_DRAWN)
    if event == "drop":
        assert bring(visitor.canvas, "dragover", file(png(a_one())))
    prevented = bring(visitor.canvas, event, file(png(a_one())))
    assert prevented or event == "paste"
    expect_answer(visitor)
    assert visitor.picture(CANVAS) == opened


def test_a_picture_is_squeezed_as_drawn(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    open_picture(visitor, file(png(a_one())))
    expect_answer(visitor)
    as_mnist = visitor.picture(INPUT)
    choose(visitor, "as drawn")
    visitor.until(lambda: visitor.picture(INPUT) != as_mnist)
    visitor.until(lambda: marked(visitor) == pytest.approx([0, 0.2, 1, 0.8], abs=0.02))


def test_a_large_picture_is_made_small_before_it_is_sent(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    with visitor.page.expect_request("**/api/predict") as asked:
        open_picture(visitor, file(png(a_one(1500, 3000))))
    pixels = json.loads(asked.value.post_data or "")["pixels"]
    assert (len(pixels), len(pixels[0])) == (128, 256)
    expect_answer(visitor)


def test_a_picture_can_be_taken_away(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    empty = visitor.picture(CANVAS)
    visitor.draw(SEVEN)
    for button in ("Undo", "Clear"):
        open_picture(visitor, file(png(a_one())))
        expect_answer(visitor)
        visitor.button(button).click()
        expect_no_answer(visitor, NOTHING_DRAWN)
        assert visitor.picture(CANVAS) == empty


def test_whoever_draws_on_a_picture_starts_afresh(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    expect_answer(visitor)
    drawn = visitor.picture(CANVAS)
    open_picture(visitor, file(png(a_one())))
    visitor.until(lambda: visitor.picture(CANVAS) != drawn)
    visitor.draw(SEVEN)
    assert visitor.picture(CANVAS) == drawn


def test_a_picture_survives_a_reload(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    open_picture(visitor, file(png(a_one(300, 300))))
    expect_answer(visitor)
    shown, said = visitor.picture(CANVAS), shares(visitor)
    visitor.reload()
    expect_answer(visitor)
    assert visitor.picture(CANVAS) == shown
    assert shares(visitor) == said


REFUSED = (
    (file(b"seven", "text/plain", "seven.txt"), "open a PNG, JPEG or WebP file"),
    (file(b"<svg/>", "image/svg+xml", "one.svg"), "open a PNG, JPEG or WebP file"),
    (file(png(a_one()).ljust((20 << 20) + 1)), "too large"),
    (file(b"\x89PNG and nothing else"), "cannot be decoded"),
    (file(png(a_one())[:60]), "cannot be decoded"),
    (file(png(np.zeros((2, 900), np.uint8))), "too narrow"),
)


def test_what_is_no_picture_is_refused_and_nothing_is_lost(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    expect_reading(visitor, trained)
    drawn, said = visitor.picture(CANVAS), visitor.answer()
    for refused, sentence in REFUSED:
        open_picture(visitor, refused)
        expect(visitor.page.get_by_text(sentence)).to_be_visible()
        assert visitor.picture(CANVAS) == drawn
        visitor.until(lambda: visitor.answer() == said)  # of the crossbar of the last round, too
        visitor.draw(CROSSBAR)
        expect(visitor.page.get_by_text(sentence)).to_be_hidden()
        expect(visitor.page.get_by_text("With a mouse")).to_be_visible()
        visitor.button("Undo").click()
        visitor.until(lambda: (visitor.picture(CANVAS), visitor.answer()) == (drawn, said))


def test_a_file_that_misses_the_draw_tab_does_not_replace_the_page(
    visit: Visit, trained: Lab
) -> None:
    visitor = at_the_canvas(visit())
    visitor.tab("Train")
    assert bring(visitor.button("Train"), "drop", file(png(a_one())))
    visitor.tab("Draw")
    expect_no_answer(visitor, NOTHING_DRAWN)


def test_nothing_moves_while_one_draws(visit: Visit, trained: Lab) -> None:
    visitor = at_the_canvas(visit())
    frames = """tab => JSON.stringify([...tab.querySelectorAll("*")].filter(
        element => !element.closest(".draw-answer, .bar-track, .js-plotly-plot")).map(element => [
            element.offsetLeft, element.offsetTop, element.offsetHeight]))"""

    def places() -> Any:
        return json.loads(visitor.page.locator(".draw-tab").evaluate(frames))

    for width, height in ((1440, 900), (1000, 800), (390, 844)):
        visitor.page.set_viewport_size({"width": width, "height": height})
        visitor.button("Clear").click()
        expect_no_answer(visitor, NOTHING_DRAWN)
        before = places()
        for strokes in ([SEVEN], [ZIGZAG]):
            visitor.draw(*strokes)
            expect_answer(visitor)
            assert places() == before
        open_picture(visitor, file(b"seven", "text/plain", "seven.txt"))
        expect(visitor.page.get_by_text("open a PNG, JPEG or WebP file")).to_be_visible()
        assert places() == before
