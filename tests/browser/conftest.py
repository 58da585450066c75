"""A server and a browser for each test process, which the tests share.

Loading the page takes seconds of a processor, so most tests use `dashboard`: one page that stays
open as long as tests of one file follow each other. A test that needs another window, a phone or an
empty browser opens a page of its own.
"""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.browser.app_server import SECONDS, AppServer, make_digits
from tests.browser.dashboard_page import DashboardPage
from tools.chromium import find_chromium, launch_args, why_missing
from tools.tiny_datasets import write_mnist

VIEWPORT = {"width": 1300, "height": 900}
CONTEXT: dict[str, Any] = {
    "viewport": VIEWPORT,
    "color_scheme": "light",
    "reduced_motion": "reduce",  # Bootstrap would scroll for a second, past the mouse
}
"""The browser of a visitor, unless a test wants another."""

RUNS_TO_LOOK_AT = {"mlp_run", "cnn_run", "untaught_run"}

FIRST_TABS = {
    "test_draw": "draw",
    "test_embedding": "embedding",
    "test_gallery": "gallery",
    "test_handwriting": "draw",
    "test_inside": "inside",
    "test_mistakes": "mistakes",
    "test_pointers": "draw",
}
"""Where the page begins for files that hardly look at Train: to draw it costs as much again."""

OpenPage = Callable[..., DashboardPage]
MakeServer = Callable[..., AppServer]


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `--data-dir` with a few digits in MNIST's own files."""
    folder = tmp_path_factory.mktemp("data")
    write_mnist(make_digits(), folder / "MNIST" / "raw")
    return folder


@pytest.fixture(scope="session")
def make_server(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeServer]:
    """`make_server()` starts another server; all end with the session.

    `make_server(token)` starts one whose visitors need a token.
    """
    servers: list[AppServer] = []

    def make(token: str | None = None) -> AppServer:
        servers.append(AppServer(data_dir, tmp_path_factory.mktemp("runs"), token))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def shared_server(make_server: MakeServer) -> AppServer:
    return make_server()


@pytest.fixture(scope="session")
def mlp_run(shared_server: AppServer) -> str:
    """A run of an MLP, done after 3 epochs: some test images are right and some are wrong."""
    return shared_server.train(name="MLP to look at")


@pytest.fixture(scope="session")
def cnn_run(shared_server: AppServer) -> str:
    """A run of a small CNN, done after 3 epochs of some of the images."""
    return shared_server.train(name="CNN to look at", model="speedrun_cnn", train_images=300)


@pytest.fixture(scope="session")
def untaught_run(shared_server: AppServer) -> str:
    """A run that learned next to nothing in its single epoch: most test images are wrong."""
    return shared_server.train(name="Untaught", learning_rate=1e-6, epochs=1, train_images=100)


@pytest.fixture
def server(shared_server: AppServer, caplog: pytest.LogCaptureFixture) -> Iterator[AppServer]:
    """A server on which nothing trains when a test begins, nothing after it, and nothing fails."""
    yield shared_server
    shared_server.stop_all_runs()
    assert [line for line in caplog.get_records("call") if line.levelno >= logging.ERROR] == []


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = find_chromium()
    if path is None and os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(why_missing(), pytrace=False)
    if path is None:
        pytest.skip(why_missing())
    expect.set_options(timeout=SECONDS * 1000)
    # All names that end in `.example` are this computer's: a proxy's, a rebound one's.
    names = "--host-resolver-rules=MAP *.example 127.0.0.1"
    opened = playwright.chromium.launch(executable_path=path, args=[*launch_args(), names])
    yield opened
    opened.close()


class _SharedBrowser:
    """A visitor's browser that tests share, and in it the page that stays open.

    Attributes:
        context: the browser. A page that it has loaded before costs it half of the work.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self.context = browser.new_context(**CONTEXT)
        self._page: DashboardPage | None = None
        self._file: Path | None = None

    def page(self, file: Path) -> DashboardPage:
        """The page for a test in this file.

        Each file begins with a page on which no other tab was opened: what tabs have built makes
        every callback slower.
        """
        if self._page is None or self._file != file:
            self._page = self._page or DashboardPage(self.context, self._url)
            self._page.load(f"?tab={FIRST_TABS.get(file.stem, 'train')}")
        self._file = file
        return self._page

    def replace(self) -> None:
        """Leaves nothing of the browser that a test used."""
        self.context.close()
        self.context = self._browser.new_context(**CONTEXT)
        self._page = None


@pytest.fixture(scope="session")
def shared_browser(browser: Browser, shared_server: AppServer) -> Iterator[_SharedBrowser]:
    shared = _SharedBrowser(browser, shared_server.url)
    yield shared
    shared.context.close()


@pytest.fixture
def dashboard(
    request: pytest.FixtureRequest, server: AppServer, shared_browser: _SharedBrowser
) -> Iterator[DashboardPage]:
    """The open page, on whichever tab it is.

    It shows the newest run, unless the test asks for one of the runs to look at: choosing a run
    paints everything anew.

    A test sets what it relies on: earlier tests leave settings, a drawing or ticks behind. A test
    that fails leaves no page behind, and none may leave an error in the browser's console.
    """
    page = shared_browser.page(request.path)
    failures = request.session.testsfailed
    page.page.set_viewport_size(VIEWPORT)
    if not RUNS_TO_LOOK_AT & set(request.fixturenames):
        page.show_newest_run(server.service.runs.latest())
    yield page
    page.stop_holding()
    problems = page.problems[:]
    if problems or request.session.testsfailed > failures:
        shared_browser.replace()
    assert problems == []


@pytest.fixture
def open_page(
    browser: Browser, server: AppServer, shared_browser: _SharedBrowser
) -> Iterator[OpenPage]:
    """`open_page()` opens the page in another window, and `open_page(color_scheme="dark")` in
    another browser: nothing may go wrong behind it."""
    pages: list[DashboardPage] = []
    contexts: list[BrowserContext] = []

    def open_(url: str = server.url, query: str = "", **options: Any) -> DashboardPage:
        context = shared_browser.context
        if options:
            context = browser.new_context(**(CONTEXT | options))
            contexts.append(context)
        pages.append(DashboardPage(context, url))
        return pages[-1].record_requests().load(query)

    yield open_
    problems = [problem for page in pages for problem in page.problems]
    for page in pages:
        if not page.page.is_closed():
            page.stop_holding()
            page.page.close()
    for context in contexts:
        context.close()
    assert problems == []
