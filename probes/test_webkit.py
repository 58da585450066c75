"""The Draw tab in WebKit, Safari's engine: a dot, a pen's stroke, and pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.actions.interaction import POINTER_MOUSE, POINTER_PEN

from probes.visitors import Point, WebKitVisitor
from tests.browser.app_server import AppServer
from tests.browser.conftest import MakeServer

CANVAS, ANSWER, HINT = "#draw-canvas", "#draw-answer", "#draw-hint"


@pytest.fixture(scope="module")
def served(make_server: MakeServer, webkit: WebKitVisitor) -> AppServer:
    """A server with a run, whose Draw tab is open."""
    server = make_server()
    server.train(name="MLP to look at")
    webkit.load(f"{server.url}/?tab=draw")
    webkit.expect_text(ANSWER, "Nothing is drawn yet")
    return server


@pytest.fixture
def canvas(webkit: WebKitVisitor, served: AppServer) -> WebKitVisitor:
    """The Draw tab, with nothing drawn."""
    webkit.click("#draw-clear")
    webkit.expect_text(ANSWER, "Nothing is drawn yet")
    return webkit


def draw(canvas: WebKitVisitor, kind: str, *points: Point) -> None:
    canvas.drag(canvas.places(CANVAS, points), kind)


def strokes(canvas: WebKitVisitor) -> list[list[list[float]]]:
    return list(canvas.evaluate("() => window.digitlab.drawing.current()?.strokes ?? []"))


def ink(canvas: WebKitVisitor) -> float:
    """How much of the canvas, which is 280 units wide, has ink."""
    count = """css => {
        const canvas = document.querySelector(css), {width, height} = canvas;
        const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
        const inked = data.filter((alpha, index) => index % 4 === 3 && alpha > 127).length;
        return inked * (280 / width) ** 2;
    }"""
    return float(canvas.evaluate(count, CANVAS))


def test_a_dot_is_seen_and_read(canvas: WebKitVisitor) -> None:
    draw(canvas, POINTER_MOUSE, (0.5, 0.5))
    assert len(strokes(canvas)) == 1
    assert ink(canvas) == pytest.approx(np.pi * 9.5**2, rel=0.1)
    canvas.expect_text(ANSWER, r"^\d")


@pytest.mark.parametrize("kind", [POINTER_MOUSE, POINTER_PEN])
def test_a_stroke_has_all_its_points(canvas: WebKitVisitor, kind: str) -> None:
    points = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]
    draw(canvas, kind, *points)
    (stroke,) = strokes(canvas)
    for x, y in points:
        gaps = np.hypot(*(np.array(stroke) - [280 * x, 280 * y]).T)
        assert gaps.min() < 4
    assert ink(canvas) > 3000
    canvas.expect_text(ANSWER, r"^\d")


def test_ink_outside_of_the_canvas_does_not_count(canvas: WebKitVisitor) -> None:
    draw(canvas, POINTER_PEN, (0.5, 0.5), (1.2, 0.5), (1.2, 0.7), (0.5, 0.7))
    first, second = strokes(canvas)
    assert first[-1][0] == second[0][0] == 280


PICTURES = {
    "one.png": ("png", {}),
    "one": ("png", {}),
    "one.bmp": ("bmp", {}),
    "one.gif": ("gif", {}),
    "one.webp": ("webp", {"lossless": True}),
    "turned.jpg": ("jpeg", {"quality": 95}),
    "one.svg": ("svg", {}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_opened_and_a_box_in_it_is_read(
    canvas: WebKitVisitor, tmp_path: Path, name: str
) -> None:
    page = np.full((300, 500), 230, np.uint8)
    page[50:250, 300:350] = 40
    path = tmp_path / name
    kind, options = PICTURES[name]
    if kind == "svg":
        path.write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="500" height="300">'
            '<rect width="500" height="300" fill="#e6e6e6"/>'
            '<rect x="300" y="50" width="50" height="200" fill="#282828"/></svg>'
        )
    elif name.startswith("turned"):
        turned = Image.Exif()
        turned[0x112] = 6
        Image.fromarray(np.rot90(page).copy()).save(path, kind, exif=turned, **options)
    else:
        Image.fromarray(page).save(path, kind, **options)
    canvas.choose_file("#draw-open", path)
    canvas.expect_text(HINT, "Drag a box")
    assert pixels(canvas).shape == (154, 256)
    draw(canvas, POINTER_MOUSE, (0.5, 0.3), (0.8, 0.7))
    canvas.expect_text(HINT, "in the box")
    part = pixels(canvas)
    assert part.shape == pytest.approx((199, 150), abs=4)
    columns = np.flatnonzero((part < 128).any(0))
    assert (columns[0], columns[-1]) == pytest.approx((50, 100), abs=4)


def pixels(canvas: WebKitVisitor) -> np.ndarray:
    return np.array(canvas.evaluate("() => window.digitlab.drawing.current()?.pixels ?? []"))
