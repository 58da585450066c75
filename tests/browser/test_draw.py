"""The Draw tab: mouse and finger, the answer and its bars, what is kept and what is taken back."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lab, Visit
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]
CROSSBAR = [(0.35, 0.5), (0.7, 0.5)]
CANVAS, INPUT = "Drawing area", "Network input"
NOTHING_DRAWN = "Nothing is drawn yet."


def at_the_canvas(visitor: Visitor) -> Visitor:
    visitor.tab("Draw")
    return visitor


def expect_answer(visitor: Visitor) -> None:
    """The network says a digit, ten bars say why, and what it saw is shown."""
    visitor.until(lambda: visitor.says_digit() is not None)
    bars = visitor.page.locator(".draw-says").get_by_role("listitem")
    expect(bars).to_have_count(10)
    shares = [float(text.split("\n")[-1].rstrip("%")) for text in bars.all_inner_texts()]
    assert sum(shares) == pytest.approx(100, abs=0.6)
    assert shares.index(max(shares)) == visitor.says_digit()
    assert 20 < visitor.ink(INPUT) < 28 * 28


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
    expect_answer(visitor)
    strokes = [[[280 * x, 280 * y] for x, y in SEVEN]]
    reading = trained.post("/api/predict", {"strokes": strokes})
    # The mouse moves by whole pixels, so the pictures may differ by a trifle.
    assert visitor.says_digit() == reading["digit"]


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
    expect_answer(visitor)
    drawn, said = visitor.picture(CANVAS), visitor.says_digit()
    visitor.reload()
    visitor.expect_tab("Draw")
    expect_answer(visitor)
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


def test_a_drawing_that_waits_is_read_as_soon_as_there_is_a_network(visit: Visit, lab: Lab) -> None:
    lab.kill()
    lab.start()
    visitor = at_the_canvas(visit())
    visitor.draw(SEVEN)
    expect_no_answer(visitor, "There is no trained network yet. Press Train")
    lab.train()
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
