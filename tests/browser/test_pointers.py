"""Mouse, fingers, palm and pen on the canvas: which of them draws, and what counts as ink."""

import time
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from playwright.sync_api import CDPSession

from tests.browser.app_server import AppServer
from tests.browser.dashboard_page import DashboardPage

pytestmark = pytest.mark.browser

Point = tuple[float, float]

SIDE = 280
TOLERANCE = 0.02  # of the canvas, whose border is not ink


@pytest.fixture
def canvas(dashboard: DashboardPage, mlp_run: str) -> DashboardPage:
    """The Draw tab with nothing drawn. The mouse is where no button is."""
    dashboard.open_tab("Draw")
    dashboard.show_run(mlp_run)
    dashboard.button("Clear").click()
    return dashboard


@pytest.fixture
def cdp(canvas: DashboardPage) -> CDPSession:
    return canvas.page.context.new_cdp_session(canvas.page)


class Hand:
    """Fingers and a pen on the screen, at fractions of the canvas.

    Events follow each other by their own clock, however busy the machine is.
    """

    def __init__(self, dashboard: DashboardPage, cdp: CDPSession) -> None:
        self._dashboard, self._cdp = dashboard, cdp
        self._fingers: dict[int, Point] = {}
        self._time = time.time()

    def _send(self, method: str, event: dict[str, Any]) -> None:
        self._time += 0.01
        self._cdp.send(method, event | {"timestamp": self._time})

    def _send_touch(self, kind: str, points: dict[int, Point]) -> None:
        places = zip(points, self._dashboard.canvas_points(list(points.values())), strict=True)
        touches = [{"id": finger, "x": x, "y": y} for finger, (x, y) in places]
        self._send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def touch(self, finger: int, *points: Point) -> None:
        """Puts a finger down, or moves it, from point to point."""
        for point in points:
            kind = "touchMove" if finger in self._fingers else "touchStart"
            self._fingers[finger] = point
            self._send_touch(kind, self._fingers)

    def lift(self, finger: int) -> None:
        self._send_touch("touchEnd", {finger: self._fingers.pop(finger)})

    def cancel(self) -> None:
        """The browser takes all fingers away."""
        self._fingers.clear()
        self._send_touch("touchCancel", {})

    def pen(self, kind: str, *points: Point, buttons: int = 1) -> None:
        for x, y in self._dashboard.canvas_points(points):
            event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons}
            self._send("Input.dispatchMouseEvent", event | {"pointerType": "pen"})

    def pen_down(self, point: Point) -> None:
        self.pen("mousePressed", point)

    def pen_move(self, *points: Point) -> None:
        self.pen("mouseMoved", *points)

    def pen_up(self, point: Point) -> None:
        self.pen("mouseReleased", point, buttons=0)


@pytest.fixture
def hand(canvas: DashboardPage, cdp: CDPSession) -> Hand:
    return Hand(canvas, cdp)


def expect_strokes(dashboard: DashboardPage, *strokes: list[Point]) -> None:
    """The drawing has these strokes, in fractions of the canvas. Points may be there twice."""

    wanted = [[value for point in stroke for value in point] for stroke in strokes]

    drawn = dashboard.strokes

    def agree() -> bool:
        found = [[value / SIDE for point, _ in groupby(one) for value in point] for one in drawn()]
        return len(found) == len(wanted) and all(map(is_near, found, wanted))

    def is_near(stroke: list[float], other: list[float]) -> bool:
        return stroke == pytest.approx(other, abs=TOLERANCE)

    dashboard.until(agree, 20)


A, B, C, D = (0.2, 0.2), (0.3, 0.4), (0.4, 0.6), (0.5, 0.8)
FAR, FARTHER = (0.9, 0.9), (0.8, 0.9)
BESIDE = (-0.02, 1.1)
"""Next to the canvas, where a thumb holds a phone."""


def test_one_finger_draws_whatever_others_do(canvas: DashboardPage, hand: Hand) -> None:
    hand.touch(1, BESIDE)  # it is the primary one
    hand.touch(2, A, B)
    hand.lift(1)
    hand.touch(2, C)
    hand.touch(3, FAR, FARTHER)  # another comes, moves and goes
    hand.touch(2, D)
    hand.lift(3)
    hand.touch(2, C)
    expect_strokes(canvas, [A, B, C, D, C])
    hand.touch(4, FAR)
    hand.lift(2)
    hand.touch(4, FARTHER)  # it came while another one drew
    hand.lift(4)
    hand.touch(5, FAR)
    hand.lift(5)
    expect_strokes(canvas, [A, B, C, D, C], [FAR])


def test_a_pen_beats_a_palm(canvas: DashboardPage, hand: Hand) -> None:
    hand.touch(1, FAR, FARTHER)
    hand.pen_down(A)
    hand.pen_move(B)
    hand.touch(1, FAR)
    hand.touch(2, FARTHER, FAR)  # the palm comes down after the pen
    hand.pen_move(C)
    hand.lift(2)
    hand.lift(1)
    hand.pen_move(D)
    hand.pen_up(D)
    expect_strokes(canvas, [A, B, C, D])
    hand.touch(1, FAR, FARTHER)
    hand.cancel()  # the browser has seen the pen come
    hand.pen_down(A)
    hand.pen_up(A)
    expect_strokes(canvas, [A, B, C, D], [A])
    hand.touch(1, FAR)
    hand.lift(1)  # before the pen: a dot, which may be the palm's
    hand.pen_down(B)
    hand.pen_up(B)
    expect_strokes(canvas, [A, B, C, D], [A], [B])
    for _ in range(3):
        canvas.button("Undo").click()
    expect_strokes(canvas)
    hand.touch(1, FAR, FARTHER)
    hand.lift(1)  # a line is no palm's
    hand.pen_down(A)
    hand.pen_up(A)
    expect_strokes(canvas, [FAR, FARTHER], [A])


def test_a_stroke_ends_with_its_pointer_however_that_ends(
    canvas: DashboardPage, hand: Hand
) -> None:
    release = """canvas => {
        const down = event => canvas.addEventListener("pointermove", () =>
            canvas.releasePointerCapture(event.pointerId), {once: true});
        canvas.addEventListener("pointerdown", down, {once: true});
    }"""
    mouse = canvas.page.mouse
    first, second, third = canvas.canvas_points([A, B, C])

    def lose_capture() -> None:
        canvas.canvas.evaluate(release)
        mouse.move(*first)
        mouse.down()
        mouse.move(*second)

    def lose_focus() -> None:
        mouse.move(*first)
        mouse.down()
        mouse.move(*second)
        canvas.page.evaluate("window.dispatchEvent(new Event('blur'))")

    def let_go_of_the_left_button_only() -> None:
        mouse.move(*first)
        mouse.down()
        mouse.move(*second)
        mouse.down(button="right")
        mouse.up()

    ways: list[Callable[[], Any]] = [lose_capture, lose_focus, let_go_of_the_left_button_only]
    for way in ways:
        way()
        mouse.move(*third)
        expect_strokes(canvas, [A, B])
        mouse.up()
        mouse.up(button="right")
        canvas.button("Clear").click()

    hand.touch(1, A, B)
    hand.cancel()
    hand.touch(2, C)
    hand.lift(2)
    expect_strokes(canvas, [A, B], [C])


# What counts as ink


def test_ink_outside_of_the_canvas_does_not_count(
    canvas: DashboardPage, server: AppServer, mlp_run: str
) -> None:
    mouse = canvas.page.mouse

    def draw(*points: Point) -> None:
        first, *others = canvas.canvas_points(points)
        mouse.move(*first)
        mouse.down()
        for place in others:
            mouse.move(*place)
        mouse.up()

    draw((0.5, 0.5), (1.5, 0.5), (1.5, 1.4), (0.5, 0.7), (0.4, 0.7))  # it comes back
    low = (0.5 + 0.3 / 0.7, 1.0)
    expect_strokes(canvas, [(0.5, 0.5), (1, 0.5)], [low, (0.5, 0.7), (0.4, 0.7)])
    canvas.button("Undo").click()  # both pieces are one stroke
    expect_strokes(canvas)
    draw((0.5, 0.2), (0.5, -0.3), (1.3, 0.5), (1.3, 1.2), (0.5, 1.2), (0.5, 0.9))
    # Past the corner in one quick move, it leaves a line there.
    corner = [(0.8, 0.0), (1.0, 0.2)]
    expect_strokes(canvas, [(0.5, 0.2), (0.5, 0)], corner, [(0.5, 1), (0.5, 0.9)])

    # What is seen, painted on a larger canvas, has all the ink there is.
    for point in (point for stroke in canvas.strokes() for point in stroke):
        assert min(point) >= 0
        assert max(point) <= SIDE
    canvas.until(lambda: canvas.predicted_digit() is not None)


def test_a_dot_is_drawn_as_a_disc(canvas: DashboardPage) -> None:
    # In WebKit a line without a length paints nothing.
    canvas.page.evaluate("CanvasRenderingContext2D.prototype.stroke = () => {}")
    try:
        (place,) = canvas.canvas_points([(0.5, 0.5)])
        canvas.page.mouse.click(*place)
        assert canvas.ink_count("Drawing area") == pytest.approx(19 * 19 * 3.14, rel=0.2)
    finally:
        canvas.reload()
