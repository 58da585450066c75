"""The Draw tab in WebKit, Safari's engine: a dot, a pen's stroke, and pictures."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_MOUSE, POINTER_PEN
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.app_server import AppServer
from tests.browser.conftest import MakeServer

DRIVER = shutil.which("WebKitWebDriver")
XVFB = shutil.which("Xvfb")
BROWSERS = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))

pytestmark = pytest.mark.skipif(
    not (DRIVER and XVFB and BROWSERS), reason="apt install webkit2gtk-driver xvfb"
)

SECONDS = 60.0


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """The name of an X server's display that nobody sees."""
    assert XVFB
    command = [XVFB, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    yield f":{server.stdout.readline().strip()}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def served(make_server: MakeServer) -> AppServer:
    server = make_server()
    server.train(name="MLP to look at")
    return server


@pytest.fixture(scope="module")
def webkit(display: str, served: AppServer) -> Iterator[webdriver.WebKitGTK]:
    """The page in WebKit, on the Draw tab."""
    options = Options()
    options.binary_location = str(BROWSERS[-1])
    options.add_argument("--automation")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DISPLAY", display)
        driver = webdriver.WebKitGTK(options=options, service=Service(DRIVER))
    driver.set_window_size(1400, 1000)
    driver.get(f"{served.url}/?tab=draw")
    expect_text(driver, "draw-answer", "Nothing is drawn yet")
    yield driver
    driver.quit()


@pytest.fixture
def canvas(webkit: webdriver.WebKitGTK) -> WebElement:
    """The canvas, with nothing drawn."""
    webkit.find_element(By.ID, "draw-clear").click()
    expect_text(webkit, "draw-answer", "Nothing is drawn yet")
    return webkit.find_element(By.ID, "draw-canvas")


def expect_text(webkit: webdriver.WebKitGTK, element: str, words: str) -> None:
    """The element with this id shows a text that these words, a regular expression, match."""
    waiting = WebDriverWait(webkit, SECONDS, ignored_exceptions=[WebDriverException])
    waiting.until(lambda _: re.search(words, webkit.find_element(By.ID, element).text))


def draw(
    webkit: webdriver.WebKitGTK, canvas: WebElement, kind: str, *points: tuple[float, float]
) -> None:
    """Draws a stroke; points in fractions of the canvas."""
    pointer = PointerInput(kind, kind)
    actions = ActionBuilder(webkit, mouse=pointer, duration=20)
    side = canvas.size["width"]
    for number, (x, y) in enumerate(points):
        place = {"x": round((x - 0.5) * side), "y": round((y - 0.5) * side)}
        pointer.create_pointer_move(20, origin=canvas, **place)
        if number == 0:
            pointer.create_pointer_down(button=0)
    pointer.create_pointer_up(0)
    actions.perform()


def strokes(webkit: webdriver.WebKitGTK) -> list[list[list[float]]]:
    found: Any = webkit.execute_script("return window.digitlab.drawing.current()?.strokes ?? []")
    return list(found)


def ink(webkit: webdriver.WebKitGTK, canvas: WebElement) -> int:
    """How many pixels of the canvas have ink."""
    count = """const [canvas] = arguments, {width, height} = canvas;
        const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
        return data.filter((alpha, index) => index % 4 === 3 && alpha > 127).length;"""
    return int(webkit.execute_script(count, canvas))


def test_a_dot_is_seen_and_read(webkit: webdriver.WebKitGTK, canvas: WebElement) -> None:
    draw(webkit, canvas, POINTER_MOUSE, (0.5, 0.5))
    assert len(strokes(webkit)) == 1
    assert ink(webkit, canvas) == pytest.approx(np.pi * 8**2, rel=0.1)
    expect_text(webkit, "draw-answer", r"^\d")


@pytest.mark.parametrize("kind", [POINTER_MOUSE, POINTER_PEN])
def test_a_stroke_has_all_its_points(
    webkit: webdriver.WebKitGTK, canvas: WebElement, kind: str
) -> None:
    points = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]
    draw(webkit, canvas, kind, *points)
    (stroke,) = strokes(webkit)
    for x, y in points:
        gaps = np.hypot(*(np.array(stroke) - [280 * x, 280 * y]).T)
        assert gaps.min() < 4
    assert ink(webkit, canvas) > 3000
    expect_text(webkit, "draw-answer", r"^\d")


def test_ink_outside_of_the_canvas_does_not_count(
    webkit: webdriver.WebKitGTK, canvas: WebElement
) -> None:
    draw(webkit, canvas, POINTER_PEN, (0.5, 0.5), (1.2, 0.5), (1.2, 0.7), (0.5, 0.7))
    first, second = strokes(webkit)
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
    webkit: webdriver.WebKitGTK, canvas: WebElement, tmp_path: Path, name: str
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
    webkit.execute_script("document.querySelector('#draw-open').click()")
    webkit.find_elements(By.CSS_SELECTOR, "input[type=file]")[-1].send_keys(str(path))
    expect_text(webkit, "draw-hint", "Drag a box")
    assert pixels(webkit).shape == (154, 256)
    draw(webkit, canvas, POINTER_MOUSE, (0.5, 0.3), (0.8, 0.7))
    expect_text(webkit, "draw-hint", "in the box")
    part = pixels(webkit)
    assert part.shape == pytest.approx((199, 150), abs=4)
    columns = np.flatnonzero((part < 128).any(0))
    assert (columns[0], columns[-1]) == pytest.approx((50, 100), abs=4)


def pixels(webkit: webdriver.WebKitGTK) -> np.ndarray:
    script = "return window.digitlab.drawing.current()?.pixels ?? []"
    return np.array(webkit.execute_script(script))
