"""Somebody who uses the page in a browser other than Chromium: the same few acts in each of them.

Playwright drives Firefox, Selenium drives WebKit. Parts of the page are found by CSS selectors
and words.
"""

import os
import re
import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright
from selenium import webdriver
from selenium.common.exceptions import ElementNotInteractableException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_MOUSE
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from tests.browser.app_server import SECONDS

Point = tuple[float, float]

WIDTH, HEIGHT = 1400, 1000

_IN_SIGHT = """([css, words]) => [...document.querySelectorAll(css)].find(one =>
    one.checkVisibility() && (one.ariaLabel ?? one.innerText).trim().startsWith(words))"""

_IS_IN_SIGHT = f"place => Boolean(({_IN_SIGHT})(place))"

_SHOWN = """css => {
    const part = document.querySelector(css);
    return part?.checkVisibility() ? part.innerText : "";
}"""

_PLACES = """([css, points]) => {
    const part = document.querySelector(css);
    part.scrollIntoView({block: "center", behavior: "instant"});
    const box = part.getBoundingClientRect();
    return points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height]);
}"""

_COLLECT_PROBLEMS = """() => {
    if (window.isOld) return false;
    window.problems = [];
    const collect = what => window.problems.push(String(what));
    addEventListener("error", event => collect(event.message));
    addEventListener("unhandledrejection", event => collect(event.reason));
    const {error} = console;
    console.error = (...said) => (collect(said), error(...said));
    return true;
}"""
"""Does so in a document that is not marked as the old one."""


class Visitor(ABC):
    """One window with the page.

    Attributes:
        downloads: the folder in which the browser saves files.
    """

    downloads: Path

    @abstractmethod
    def load(self, address: str) -> None: ...

    @abstractmethod
    def reload(self) -> None: ...

    @abstractmethod
    def evaluate(self, function: str, argument: Any = None) -> Any:
        """Calls a function of JavaScript with an argument; both that and its value are JSON."""

    @abstractmethod
    def press(self, css: str, words: str) -> None:
        """Clicks at once on what `click` waits for."""

    def click(self, css: str, words: str = "") -> None:
        """Clicks on the first part whose name begins with these words, once it is in sight."""
        self.until(lambda: self.evaluate(_IS_IN_SIGHT, [css, words]), f"{css} {words} is in sight")
        self.press(css, words)

    @abstractmethod
    def fill(self, css: str, text: str) -> None: ...

    @abstractmethod
    def choose_file(self, css: str, path: Path) -> None:
        """Presses a button that asks for a file, and gives it this one."""

    @abstractmethod
    def drag(self, points: Sequence[Point]) -> None:
        """Drags the mouse from point to point of the window."""

    @abstractmethod
    def problems(self) -> list[str]:
        """What went wrong behind the page since it was loaded."""

    def text(self, css: str) -> str:
        """What a part of the page shows, if it is in sight."""
        return str(self.evaluate(_SHOWN, css))

    def expect_text(self, css: str, words: str) -> None:
        """Waits until a part of the page shows what these words, a regular expression, match."""
        self.until(lambda: re.search(words, self.text(css)), f"{css} shows {words!r}")

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Waits until a condition is true; `what` says which, if it does not become so."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"not within {SECONDS:g} s: {what}"
            time.sleep(0.05)

    def places(self, css: str, points: Sequence[Point]) -> list[Point]:
        """Converts fractions of a part of the page, which comes into sight, to the window's."""
        return [(x, y) for x, y in self.evaluate(_PLACES, [css, points])]

    def draw(self, css: str, *points: Point) -> None:
        """Drags the mouse over a part of the page; points in fractions of it."""
        self.drag(self.places(css, points))


class FirefoxVisitor(Visitor):
    def __init__(self, page: Page, downloads: Path) -> None:
        self.downloads = downloads
        self._page = page
        self._problems: list[str] = []
        page.on("pageerror", lambda error: self._problems.append(str(error)))
        page.on(
            "console",
            lambda said: self._problems.append(said.text) if said.type == "error" else None,
        )

    def load(self, address: str) -> None:
        self._page.goto(address)

    def reload(self) -> None:
        self._page.reload()

    def evaluate(self, function: str, argument: Any = None) -> Any:
        return self._page.evaluate(function, argument)

    def press(self, css: str, words: str) -> None:
        element = self._page.evaluate_handle(_IN_SIGHT, [css, words]).as_element()
        assert element
        element.click()

    def fill(self, css: str, text: str) -> None:
        self._page.fill(css, text)
        self._page.press(css, "Tab")

    def choose_file(self, css: str, path: Path) -> None:
        with self._page.expect_file_chooser() as chooser:
            self._page.click(css)
        chooser.value.set_files(path)

    def drag(self, points: Sequence[Point]) -> None:
        mouse = self._page.mouse
        mouse.move(*points[0])
        mouse.down()
        for point in points[1:]:
            mouse.move(*point, steps=8)
        mouse.up()

    def problems(self) -> list[str]:
        self._page.evaluate("0")  # what the browser has reported meanwhile arrives
        return self._problems


class WebKitVisitor(Visitor):
    """Its `problems` lack what happens before the document is there: the driver tells none."""

    def __init__(self, driver: webdriver.WebKitGTK, downloads: Path) -> None:
        self.downloads = downloads
        self.driver = driver

    def load(self, address: str) -> None:
        self._go(lambda: self.driver.get(address))

    def reload(self) -> None:
        self._go(self.driver.refresh)

    def _go(self, navigate: Callable[[], None]) -> None:
        # The driver's own ways of waiting for a document end too late or, at times, never.
        self.evaluate("() => { window.isOld = true; }")
        navigate()
        self.until(lambda: self.evaluate(_COLLECT_PROBLEMS), "the document is there")

    def evaluate(self, function: str, argument: Any = None) -> Any:
        return self.driver.execute_script(f"return ({function})(arguments[0])", argument)

    def press(self, css: str, words: str) -> None:
        self.until(lambda: self._is_pressed(css, words), f"{css} {words} stands still")

    def _is_pressed(self, css: str, words: str) -> bool:
        try:
            self.evaluate(_IN_SIGHT, [css, words]).click()
        except ElementNotInteractableException:  # the driver did not press what moves
            return False
        return True

    def fill(self, css: str, text: str) -> None:
        field = self.driver.find_element(By.CSS_SELECTOR, css)
        field.clear()
        field.send_keys(text, Keys.TAB)

    def choose_file(self, css: str, path: Path) -> None:
        self.evaluate("css => document.querySelector(css).click()", css)  # opens no dialog
        self.driver.find_elements(By.CSS_SELECTOR, "input[type=file]")[-1].send_keys(str(path))

    def drag(self, points: Sequence[Point], kind: str = POINTER_MOUSE) -> None:
        pointer = PointerInput(kind, kind)
        actions = ActionBuilder(self.driver, mouse=pointer, duration=20)
        for number, (x, y) in enumerate(points):
            pointer.create_pointer_move(20, round(x), round(y))
            if number == 0:
                pointer.create_pointer_down(button=0)
        pointer.create_pointer_up(0)
        actions.perform()

    def problems(self) -> list[str]:
        return list(self.evaluate("() => window.problems"))


@contextmanager
def firefox(playwright: Playwright, home: Path) -> Iterator[FirefoxVisitor]:
    """Firefox without a window; `home` is a folder for what it saves."""
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("There is no Firefox: python -m tools.setup_probes")
    # With this channel it drives an ordinary Firefox, not the one that it brings itself.
    browser = playwright.firefox.launch(
        executable_path=path, channel="moz-firefox", downloads_path=home
    )
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield FirefoxVisitor(page, home)
    browser.close()


@contextmanager
def webkit(home: Path) -> Iterator[WebKitVisitor]:
    """WebKit, Safari's engine, on a display that nobody sees; `home` is for what it saves."""
    driver, xvfb = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    if not (driver and xvfb and browsers):
        pytest.skip("There is no WebKit: python -m tools.setup_probes")
    command = [xvfb, "-displayfd", "1", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    display = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert display.stdout
        name = f":{display.stdout.readline().strip()}"
        options = Options()
        options.binary_location = str(browsers[-1])
        options.add_argument("--automation")
        options.page_load_strategy = "none"
        environment = os.environ | {"DISPLAY": name, "HOME": str(home)}
        opened = webdriver.WebKitGTK(options=options, service=Service(driver, env=environment))
        opened.set_window_size(WIDTH, HEIGHT)
        yield WebKitVisitor(opened, home)
        opened.quit()
    finally:
        display.terminate()
        display.wait()
