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

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
CROSSBAR = [(0.35, 0.5), (0.7, 0.5)]
ZIGZAG = [(0.08 + 0.07 * n, 0.2 + 0.6 * (n % 2)) for n in range(13)]
CANVAS, MARKED, INPUT = "Drawing area", "What is cut out", "Network input"
NOTHING_DRAWN = "Nothing is drawn yet."
OPEN = "Open a picture…"


def at_the_canvas(dashboard: DashboardPage) -> DashboardPage:
    dashboard.open_tab("Draw")
    return dashboard


def expect_answer(dashboard: DashboardPage) -> None:
    """The network says a digit, ten bars say why, and what it saw is shown."""

    def agree() -> bool:
        found = shares(dashboard)
        return (
            len(found) == 10
            and sum(found) == pytest.approx(100, abs=0.6)
            and found.index(max(found)) == dashboard.predicted_digit()
            and 20 < dashboard.ink_count(INPUT) <= 28 * 28
        )

    dashboard.until(agree)  # answers may follow one another while one looks


def bars(dashboard: DashboardPage) -> Locator:
    return dashboard.page.locator(".draw-says").get_by_role("listitem")


def shares(dashboard: DashboardPage) -> list[float]:
    """The bars' per cents."""
    return [float(text.split("\n")[-1].rstrip("%")) for text in bars(dashboard).all_inner_texts()]


def expect_reading(dashboard: DashboardPage, server: AppServer) -> None:
    """The page shows what the server reads in the drawing as it now is, not in a part of it."""
    strokes = json.loads(dashboard.page.evaluate("sessionStorage.getItem('drawing')"))
    reading = server.post("/api/predict", {"strokes": strokes})
    expected = [100 * chance for chance in reading["probabilities"]]
    dashboard.until(lambda: shares(dashboard) == pytest.approx(expected, abs=0.06))
    expect_answer(dashboard)


def expect_no_answer(dashboard: DashboardPage, sentence: str) -> None:
    expect(dashboard.page.get_by_text(sentence)).to_be_visible()
    dashboard.until(lambda: dashboard.ink_count(INPUT) == 0)
    assert dashboard.predicted_digit() is None


def test_without_a_network_it_says_what_to_do(visit_untrained: Visit) -> None:
    dashboard = at_the_canvas(visit_untrained())
    expect_no_answer(dashboard, "There is no trained network yet. Press Train")
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN)
    assert dashboard.canvas_pixels(CANVAS) != empty
    expect_no_answer(dashboard, "There is no trained network yet. Press Train")


def test_an_empty_canvas_is_said_to_be_empty(dashboard: DashboardPage, server: AppServer) -> None:
    expect_no_answer(at_the_canvas(visit()), NOTHING_DRAWN)


def test_a_digit_drawn_with_the_mouse_is_read(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN, CROSSBAR)
    assert dashboard.canvas_pixels(CANVAS) != empty
    expect_answer(dashboard)


def test_the_answer_is_that_of_the_network(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    strokes = [[[280 * x, 280 * y] for x, y in SEVEN]]
    reading = server.post("/api/predict", {"strokes": strokes})
    # The mouse moves by whole pixels, so the pictures may differ by a trifle.
    dashboard.until(lambda: dashboard.predicted_digit() == reading["digit"])
    expect_answer(dashboard)


def test_undo_takes_back_one_stroke_and_clear_all(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN)
    expect_answer(dashboard)
    one = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(CROSSBAR)
    assert dashboard.canvas_pixels(CANVAS) != one
    dashboard.button("Undo").click()
    assert dashboard.canvas_pixels(CANVAS) == one
    dashboard.draw(CROSSBAR)
    dashboard.button("Clear").click()
    assert dashboard.canvas_pixels(CANVAS) == empty
    expect_no_answer(dashboard, NOTHING_DRAWN)
    dashboard.button("Undo").click()  # there is nothing to take back
    expect_no_answer(dashboard, NOTHING_DRAWN)


def test_moving_the_mouse_without_pressing_draws_nothing(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    empty = dashboard.canvas_pixels(CANVAS)
    for place in dashboard.canvas_points(SEVEN):
        dashboard.page.mouse.move(*place, steps=5)
    dashboard.page.mouse.click(*dashboard.canvas_points(CROSSBAR)[0], button="right")
    assert dashboard.canvas_pixels(CANVAS) == empty


def test_a_stroke_that_leaves_the_canvas_ends_with_the_button(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw([(0.3, 0.3), (0.6, 0.6), (1.5, 0.6)])
    drawn = dashboard.canvas_pixels(CANVAS)
    for place in dashboard.canvas_points(SEVEN):
        dashboard.page.mouse.move(*place, steps=5)
    assert dashboard.canvas_pixels(CANVAS) == drawn
    expect_answer(dashboard)


def test_a_drawing_survives_a_reload(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN, CROSSBAR)
    expect_reading(dashboard, trained)
    drawn, said = dashboard.canvas_pixels(CANVAS), dashboard.predicted_digit()
    dashboard.reload()
    dashboard.expect_tab("Draw")
    expect_reading(dashboard, trained)
    assert dashboard.canvas_pixels(CANVAS) == drawn
    assert dashboard.predicted_digit() == said


def test_a_finger_draws_too(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(
        visit(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    )
    top = dashboard.page.evaluate("scrollY")
    empty = dashboard.canvas_pixels(CANVAS)
    finger = dashboard.page.context.new_cdp_session(dashboard.page)
    places = dashboard.canvas_points([(0.3, 0.2), (0.5, 0.3), (0.5, 0.6), (0.45, 0.9)])
    for kind, place in zip(
        ("touchStart", "touchMove", "touchMove", "touchMove"), places, strict=True
    ):
        points = [{"x": place[0], "y": place[1]}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert dashboard.canvas_pixels(CANVAS) != empty
    expect_answer(dashboard)
    assert dashboard.page.evaluate("scrollY") == top  # it drew, and did not scroll


def test_a_drawing_is_read_while_the_network_learns(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    run_id = server.start_endless_run()
    dashboard.draw(SEVEN)
    expect_answer(dashboard)
    expect(dashboard.status("State")).to_have_text("running")
    server.stop_run(run_id)


@pytest.fixture
def new_lab(make_lab: Callable[[], AppServer]) -> AppServer:
    """A server that has no network yet, and will get one."""
    return make_lab()


@pytest.fixture
def visit_new(browser: Browser, new_lab: AppServer) -> Iterator[Visit]:
    yield from visits(browser, new_lab.url)


def test_a_drawing_that_waits_is_read_as_soon_as_there_is_a_network(
    visit_new: Visit, new_lab: AppServer
) -> None:
    dashboard = at_the_canvas(visit_new())
    dashboard.draw(SEVEN)
    expect_no_answer(dashboard, "There is no trained network yet. Press Train")
    new_lab.train()
    expect_answer(dashboard)


def test_a_drawing_can_be_seen_in_either_theme(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    ink = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] === 255) return `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
    }"""
    wanted = "canvas => getComputedStyle(canvas).color"
    light = dashboard.canvas.evaluate(ink)
    assert light == dashboard.canvas.evaluate(wanted)
    dashboard.button("Light or dark").click()
    dark = dashboard.canvas.evaluate(wanted)
    assert dark != light
    dashboard.until(lambda: dashboard.canvas.evaluate(ink) == dark)


# The way to the network's input


def choose(dashboard: DashboardPage, form: str) -> None:
    group = dashboard.page.get_by_role("radiogroup", name="The network gets it")
    group.get_by_role("radio", name=form, exact=True).check()


def test_as_drawn_the_network_gets_and_says_something_else(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw([(0.05 + x / 4, 0.05 + y / 4) for x, y in SEVEN])
    expect_reading(dashboard, trained)
    as_mnist, drawn = dashboard.canvas_pixels(INPUT), dashboard.canvas_pixels(CANVAS)
    said = shares(dashboard)

    choose(dashboard, "as drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    expect_answer(dashboard)
    as_drawn = dashboard.canvas_pixels(INPUT)
    assert shares(dashboard) != said
    assert dashboard.canvas_pixels(CANVAS) == drawn

    dashboard.reload()
    expect_answer(dashboard)
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) == as_drawn)
    choose(dashboard, "as MNIST")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) == as_mnist)
    assert shares(dashboard) == said


def marked(dashboard: DashboardPage) -> list[float]:
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
    found: list[float] = dashboard.page.get_by_role("img", name=MARKED).evaluate(extent)
    return found


def test_what_is_cut_out_is_marked(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    assert marked(dashboard) == []
    dashboard.draw(SEVEN)
    expect_answer(dashboard)
    dashboard.until(lambda: marked(dashboard) == pytest.approx([0.25, 0.2, 0.75, 0.85], abs=0.06))
    choose(dashboard, "as drawn")
    dashboard.until(lambda: marked(dashboard) == pytest.approx([0, 0, 1, 1], abs=0.02))
    dashboard.button("Clear").click()
    dashboard.until(lambda: marked(dashboard) == [])


# Not sure


def test_of_a_scribble_the_network_is_not_sure(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(ZIGZAG)
    expect_reading(dashboard, trained)
    assert "Not sure" in dashboard.draw_answer()


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


def test_how_sure_the_network_is_can_be_seen(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    for doubt, chances, words in SAID:
        says: dict[str, Any] = {"digit": 7, "sure": doubt is None, "doubt": doubt}
        says["probabilities"] = [chances.get(digit, 0.0) for digit in range(10)]
        dashboard.page.unroute_all(behavior="wait")
        dashboard.page.route("**/api/predict", answering(says))
        dashboard.button("Clear").click()
        dashboard.draw(SEVEN)
        dashboard.until(lambda words=words: re.fullmatch(words, dashboard.draw_answer()))
        assert shares(dashboard)[7] == 100 * chances[7]
        colour = "fill => getComputedStyle(fill).backgroundColor"
        seven = bars(dashboard).nth(7).locator(".bar-fill").evaluate(colour)
        wanted = "train" if doubt is None else "bs-secondary-color"
        probe = f"""() => {{
            const probe = document.body.appendChild(document.createElement("i"));
            probe.style.color = "var(--{wanted})";
            return getComputedStyle(probe).color;
        }}"""
        assert seven == dashboard.page.evaluate(probe)


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


def open_picture(dashboard: DashboardPage, chosen: FilePayload) -> None:
    with dashboard.page.expect_file_chooser() as chooser:
        dashboard.button(OPEN).click()
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


def test_a_picture_is_read_like_its_pixels(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    empty = dashboard.canvas_pixels(CANVAS)
    open_picture(dashboard, file(png(a_one())))
    expect_answer(dashboard)
    assert dashboard.canvas_pixels(CANVAS) != empty
    reading = server.post("/api/predict", {"pixels": a_one().tolist()})
    assert dashboard.predicted_digit() == reading["digit"]
    expected = [100 * chance for chance in reading["probabilities"]]
    dashboard.until(lambda: shares(dashboard) == pytest.approx(expected, abs=0.2))
    # 200 x 120, as wide as the canvas: the one's edges, as shares of it.
    dashboard.until(lambda: marked(dashboard) == pytest.approx([0.6, 0.3, 0.7, 0.7], abs=0.03))


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_can_be_dropped_and_pasted(
    dashboard: DashboardPage, server: AppServer, event: str
) -> None:
    dashboard = at_the_canvas(visit())
    open_picture(dashboard, file(png(a_one())))
    expect_answer(dashboard)
    opened = dashboard.canvas_pixels(CANVAS)
    dashboard.button("Clear").click()
    expect_no_answer(dashboard, NOTHING_DRAWN)
    if event == "drop":
        assert bring(dashboard.canvas, "dragover", file(png(a_one())))
    prevented = bring(dashboard.canvas, event, file(png(a_one())))
    assert prevented or event == "paste"
    expect_answer(dashboard)
    assert dashboard.canvas_pixels(CANVAS) == opened


def test_a_picture_is_squeezed_as_drawn(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    open_picture(dashboard, file(png(a_one())))
    expect_answer(dashboard)
    as_mnist = dashboard.canvas_pixels(INPUT)
    choose(dashboard, "as drawn")
    dashboard.until(lambda: dashboard.canvas_pixels(INPUT) != as_mnist)
    dashboard.until(lambda: marked(dashboard) == pytest.approx([0, 0.2, 1, 0.8], abs=0.02))


def test_a_large_picture_is_made_small_before_it_is_sent(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    with dashboard.page.expect_request("**/api/predict") as asked:
        open_picture(dashboard, file(png(a_one(1500, 3000))))
    pixels = json.loads(asked.value.post_data or "")["pixels"]
    assert (len(pixels), len(pixels[0])) == (128, 256)
    expect_answer(dashboard)


def test_a_picture_can_be_taken_away(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    empty = dashboard.canvas_pixels(CANVAS)
    dashboard.draw(SEVEN)
    for button in ("Undo", "Clear"):
        open_picture(dashboard, file(png(a_one())))
        expect_answer(dashboard)
        dashboard.button(button).click()
        expect_no_answer(dashboard, NOTHING_DRAWN)
        assert dashboard.canvas_pixels(CANVAS) == empty


def test_whoever_draws_on_a_picture_starts_afresh(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    expect_answer(dashboard)
    drawn = dashboard.canvas_pixels(CANVAS)
    open_picture(dashboard, file(png(a_one())))
    dashboard.until(lambda: dashboard.canvas_pixels(CANVAS) != drawn)
    dashboard.draw(SEVEN)
    assert dashboard.canvas_pixels(CANVAS) == drawn


def test_a_picture_survives_a_reload(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    open_picture(dashboard, file(png(a_one(300, 300))))
    expect_answer(dashboard)
    shown, said = dashboard.canvas_pixels(CANVAS), shares(dashboard)
    dashboard.reload()
    expect_answer(dashboard)
    assert dashboard.canvas_pixels(CANVAS) == shown
    assert shares(dashboard) == said


REFUSED = (
    (file(b"seven", "text/plain", "seven.txt"), "open a PNG, JPEG or WebP file"),
    (file(b"<svg/>", "image/svg+xml", "one.svg"), "open a PNG, JPEG or WebP file"),
    (file(png(a_one()).ljust((20 << 20) + 1)), "too large"),
    (file(b"\x89PNG and nothing else"), "cannot be decoded"),
    (file(png(a_one())[:60]), "cannot be decoded"),
    (file(png(np.zeros((2, 900), np.uint8))), "too narrow"),
)


def test_what_is_no_picture_is_refused_and_nothing_is_lost(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.draw(SEVEN)
    expect_reading(dashboard, trained)
    drawn, said = dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()
    for refused, sentence in REFUSED:
        open_picture(dashboard, refused)
        expect(dashboard.page.get_by_text(sentence)).to_be_visible()
        assert dashboard.canvas_pixels(CANVAS) == drawn
        dashboard.until(
            lambda: dashboard.draw_answer() == said
        )  # of the crossbar of the last round, too
        dashboard.draw(CROSSBAR)
        expect(dashboard.page.get_by_text(sentence)).to_be_hidden()
        expect(dashboard.page.get_by_text("With a mouse")).to_be_visible()
        dashboard.button("Undo").click()
        dashboard.until(
            lambda: (dashboard.canvas_pixels(CANVAS), dashboard.draw_answer()) == (drawn, said)
        )


def test_a_file_that_misses_the_draw_tab_does_not_replace_the_page(
    dashboard: DashboardPage, server: AppServer
) -> None:
    dashboard = at_the_canvas(visit())
    dashboard.open_tab("Train")
    assert bring(dashboard.button("Train"), "drop", file(png(a_one())))
    dashboard.open_tab("Draw")
    expect_no_answer(dashboard, NOTHING_DRAWN)


def test_nothing_moves_while_one_draws(dashboard: DashboardPage, server: AppServer) -> None:
    dashboard = at_the_canvas(visit())
    frames = """tab => JSON.stringify([...tab.querySelectorAll("*")].filter(
        element => !element.closest(".draw-answer, .bar-track, .js-plotly-plot")).map(element => [
            element.offsetLeft, element.offsetTop, element.offsetHeight]))"""

    def places() -> Any:
        return json.loads(dashboard.page.locator(".draw-tab").evaluate(frames))

    for width, height in ((1440, 900), (1000, 800), (390, 844)):
        dashboard.page.set_viewport_size({"width": width, "height": height})
        dashboard.button("Clear").click()
        expect_no_answer(dashboard, NOTHING_DRAWN)
        before = places()
        for strokes in ([SEVEN], [ZIGZAG]):
            dashboard.draw(*strokes)
            expect_answer(dashboard)
            assert places() == before
        open_picture(dashboard, file(b"seven", "text/plain", "seven.txt"))
        expect(dashboard.page.get_by_text("open a PNG, JPEG or WebP file")).to_be_visible()
        assert places() == before
