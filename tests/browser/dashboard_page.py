"""The page as a visitor uses it, found by roles and labels: the one place that knows its markup."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator, Page, Route, expect

from tests.browser.app_server import SECONDS

Stroke = Sequence[tuple[float, float]]

CAPTIONS = {
    "Gallery": "#gallery-caption",
    "Mistakes": "#mistakes-caption",
    "Inside": "#inside-caption",
    "Experiments": "#pair-sentence",
}
"""What a tab says about the images, the layers or the networks that it shows."""

GROUPS = {"Mistakes": "Explore", "Inside": "Explore", "Embedding": "Explore"}
"""Tabs that share an entry of the strip."""

OPEN_PARTS = "header, #notice, .tab-panel:not([hidden])"
"""The page without the tabs that are not open. One ":not()" alone would look at every element."""

STATUS = {
    "State": "state",
    "Epoch": "epoch",
    "Time left": "time",
    "Images/s": "speed",
    "Test accuracy": "accuracy",
    "Data set": "dataset",
    "Computes on": "device",
}
"""What the header says about the run."""

SLOW_NETWORK = bool(os.environ.get("DIGITLAB_SLOW_NETWORK"))
"""Whether every other answer takes up to 0.9 s longer, as `make probe` wants it: races show up."""

_FOLLOW_ANSWERS = """slowNetwork => {
    // Counts the requests that wait for an answer; `answerDelay` makes every answer late.
    window.openRequests = 0;
    window.answerDelay = 0;
    const chance = () => slowNetwork && Math.random() < 0.5 ? 900 * Math.random() : 0;
    const fetch = window.fetch;
    window.fetch = async (...request) => {
        window.openRequests++;
        try {
            const answer = await fetch(...request);
            const delay = window.answerDelay || chance();
            if (delay) await new Promise(done => setTimeout(done, delay));
            return answer;
        } finally {
            setTimeout(() => window.openRequests--);
        }
    };
}"""

_IS_QUIET = """async () => {
    const idle = () => new Promise(done => requestIdleCallback(done, {timeout: 500}));
    const quiet = () => window.openRequests === 0
        && !document.querySelector(".tab-panel:not([hidden]) [data-dash-is-loading]");
    for (let look = 0; look < 3; look++) {
        await idle();
        if (!quiet()) return false;
    }
    return true;
}"""

_SET_HIDDEN = """hidden => {
    if (hidden) Object.defineProperty(document, "hidden", {configurable: true, value: true});
    else delete document.hidden;
    document.dispatchEvent(new Event("visibilitychange"));
}"""

_POINT_IN_WINDOW = """([x, y]) => {
    const box = gd.querySelector(".nsewdrag").getBoundingClientRect();
    const {xaxis, yaxis} = gd._fullLayout;
    return [box.x + xaxis.d2p(x), box.y + yaxis.d2p(y)];
}"""
"""Where a point of a figure is in the window."""

_OUTLINE = """canvas => {
    // Left, top, right and bottom of what has the colour of the outline, as fractions.
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = getComputedStyle(canvas).getPropertyValue("--ink");
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

_DRAW_TAB_FRAMES = """tab => [...tab.querySelectorAll("*")]
    .filter(element => !element.closest(".draw-answer, .draw-hint, .course-strip, .hand-say"))
    .map(element => [element.offsetLeft, element.offsetTop, element.offsetHeight].join())
    .join(" ")"""

_DELETE_DRAWINGS = """async (path) => {
    const {drawings} = await (await fetch(path)).json();
    for (const {id} of drawings) await fetch(`${path}/${id}`, {method: "DELETE"});
}"""

_RECORD_TEXTS = """element => {
    const texts = element.recordedTexts = [];
    new MutationObserver(() => {
        if (element.textContent !== texts.at(-1)) texts.push(element.textContent);
    }).observe(element, {childList: true, characterData: true, subtree: true});
}"""


def record_texts(element: Locator) -> Callable[[], list[str]]:
    """Records every text that an element shows from now on, however briefly."""
    element.evaluate(_RECORD_TEXTS)
    return lambda: list(element.evaluate("element => element.recordedTexts"))


class DashboardPage:
    """One open page. Records everything that goes wrong behind it.

    Attributes:
        page: Playwright's page.
        problems: errors in the console and exceptions.
        requests: the addresses that the page asked for, from `record_requests` on.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.add_init_script(f"({_FOLLOW_ANSWERS})({str(SLOW_NETWORK).lower()})")
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._held: list[Route] = []
        self._holds = False
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}"))
        self.page.on("console", self._record_console)
        self.page.on("domcontentloaded", lambda _: self._record_load())
        self._loads_wanted = 1

    def _record_console(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"{message.text} {message.location}")

    def _record_load(self) -> None:
        self._loads_wanted -= 1
        if self._loads_wanted < 0:
            self.problems.append("the page loaded itself anew")

    def record_requests(self) -> "DashboardPage":
        """Begins with `requests`: each makes work for the browser's driver and for the test."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        return self

    def load(self, query: str = "") -> "DashboardPage":
        """Loads the page and waits until the server sends it the state."""
        self._loads_wanted = 1
        self.page.goto(f"{self.url}/{query}")
        self._wait_for_first_message()
        return self

    def reload(self) -> None:
        self._loads_wanted = 1
        self.page.reload()
        self._wait_for_first_message()

    def _wait_for_first_message(self) -> None:
        # The first message names the data set of the newest run.
        expect(self.status("Data set")).not_to_have_text("")

    # Parts of the page

    def open_tab(self, name: str) -> None:
        entry = self._tab(GROUPS.get(name, name))
        if not entry.is_visible():  # on a phone
            self.button("More").click()
        entry.click()
        if name in GROUPS:
            self._tab(name).click()
        self.expect_tab(name)

    def expect_tab(self, name: str) -> None:
        expect(self._tab(name)).to_have_attribute("aria-selected", "true")
        expect(self.page.get_by_role("tabpanel", name=name, exact=True)).not_to_be_empty()

    def _tab(self, name: str) -> Locator:
        # A phone hides some of them under More.
        return self.page.get_by_role("tab", name=name, exact=True, include_hidden=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True).filter(visible=True)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).filter(visible=True)

    def choose(self, option: str) -> None:
        """Chooses one of several segments; their radio buttons are out of sight."""
        if not self.field(option).is_checked():
            self.page.locator(".segments label").get_by_text(option, exact=True).filter(
                visible=True
            ).click()

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def text(self, words: str | re.Pattern[str], exact: bool = False) -> Locator:
        # Not in all that nine tabs have built: that takes five times as long, and is asked often.
        return self.page.locator(OPEN_PARTS).get_by_text(words, exact=exact)

    def status(self, name: str) -> Locator:
        """What the header says about the run; `name` is one of `STATUS`."""
        # By a role, it would be looked for among all that tabs have built, and that often.
        return self.page.locator(f"[aria-label='Run status'] [data-live={STATUS[name]}]")

    def caption(self, tab: str) -> Locator:
        """The sentence of a tab about what it shows."""
        return self.page.locator(CAPTIONS[tab])

    def image_titles(self, region: str) -> Locator:
        """The texts below the images of a grid."""
        return self.region(region).locator(".said")

    def images(self, region: str) -> Locator:
        """The images of a grid, each a button."""
        return self.region(region).locator(".shot")

    def pick(self, label: str) -> None:
        """Presses a radio button that is shown as its label alone."""
        named = self.page.locator("label").filter(has_text=re.compile(rf"^{re.escape(label)}$"))
        named.filter(visible=True).click()
        expect(self.field(label)).to_be_checked()

    def percentages(self, part: Locator) -> list[float]:
        """The probability bars in a part of the page, in per cent, digits 0 to 9."""
        bars = part.get_by_role("listitem").all_inner_texts()
        return [0.0 if text == "–" else float(text.rstrip("%")) for text in bars]

    def expect_best_digit(self, part: Locator, digit: int) -> None:
        """The bar of this digit is marked in a part of the page."""
        expect(part.locator(".bar.best")).to_have_attribute("data-digit", str(digit))

    def theme_color(self, name: str, part: Locator | None = None) -> str:
        """A colour that the style sheet names, as the browser writes it: on the page or a part."""
        return str(
            (part or self.page.locator("body")).evaluate(
                """(part, name) => {
                    const probe = part.appendChild(document.createElement("i"));
                    probe.style.color = `var(--${name})`;
                    const {color} = getComputedStyle(probe);
                    probe.remove();
                    return color;
                }""",
                name,
            )
        )

    def expect_painted(self, part: Locator) -> None:
        """No answer for this part of the page is on its way."""
        expect(part).not_to_have_attribute("data-dash-is-loading", "true")

    @property
    def epoch_slider(self) -> Locator:
        return self.field("Epoch shown")

    @property
    def epoch_text(self) -> Locator:
        """The words beside the epoch slider."""
        return self.page.locator("#epoch-live")

    def set_hidden(self, hidden: bool) -> None:
        """Lets the page believe that nobody sees it, or somebody sees it again."""
        self.page.evaluate(_SET_HIDDEN, hidden)
        self.expect_connection("paused" if hidden else "open")

    def expect_connection(self, state: str) -> None:
        """The connection to the server is "open", "lost" or "paused"."""
        expect(self.page.locator("body")).to_have_attribute("data-connection", state)

    @property
    def notice(self) -> Locator:
        """What the page says of its connection."""
        return self.page.locator("#notice")

    def progress_width(self) -> float:
        """How many pixels long the progress of the run is on the tape."""
        bar = self.page.locator("#epoch-reel .trained")
        return float(bar.evaluate("bar => bar.getBoundingClientRect().width"))

    @property
    def run_picker(self) -> Locator:
        return self.page.get_by_label("Run shown", exact=True)

    def show_run(self, run_id: str) -> None:
        """Chooses a run that has a network; waits until the open tab shows its last epoch."""
        self._choose_run(run_id, run_id)
        self.wait_until_quiet()

    def show_newest_run(self, run_id: str | None = None) -> None:
        """Chooses "Newest run"; waits until the page shows `run_id`, if that is given."""
        self._choose_run("newest", run_id)

    def choose_run(self, run_id: str) -> None:
        """Chooses a run, or "newest", and waits for nothing.

        As "Show" on the Runs tab does: the picker offers only the newest runs.
        """
        self.page.evaluate("value => dash_clientside.set_props('run-pick', {value})", run_id)

    def _choose_run(self, choice: str, run_id: str | None) -> None:
        self.page.get_by_label("Epoch shown", exact=True).press("End")  # hidden or not
        if self.run_picker.input_value() != choice:
            self.choose_run(choice)
            self.wait_until_quiet()
        if run_id is not None:
            shown = f"{run_id}/"  # RUN/REVISION/POSITION
            bar = self.page.locator("#epoch-bar")
            self.until(lambda: (bar.get_attribute("data-version") or "").startswith(shown))

    def _property(self, component: str, name: str) -> Any:
        """A property of a Dash component as it is now."""
        find = "([id, name]) => window.dash_component_api.getLayout(id).props[name] ?? null"
        return self.page.evaluate(find, [component, name])

    def wait_until_quiet(self) -> None:
        """Returns when the open tab waits for no answer and the browser has nothing to do."""
        self.until(lambda: self.page.evaluate(_IS_QUIET))

    def until(self, condition: Callable[..., object], seconds: float = SECONDS) -> None:
        """Returns when a condition is true; the browser goes on meanwhile.

        A condition that looks at what the page has not drawn yet, and raises, is not true yet.
        """
        deadline = time.monotonic() + seconds
        while True:
            found: object = None
            try:
                if found := condition():
                    return
            except Error as error:
                found = error
            late = f"not within {seconds:g} s: {condition}, last {found!r}"
            assert time.monotonic() < deadline, late
            self.page.wait_for_timeout(50)

    # Slow networks

    def hold_back(self, words: str) -> list[Route]:
        """Holds back the page's requests with these words; the list fills with them."""
        held: list[Route] = []
        self._holds = True

        def hold(route: Route) -> None:
            if self._holds and words in (route.request.post_data or ""):
                held.append(route)
                self._held.append(route)
            else:
                route.fallback()

        self.page.route("**/_dash-update-component*", hold)
        return held

    def stop_holding(self) -> None:
        """Lets requests go on that are still held back, and holds back no more."""
        self._holds = False
        while self._held:
            with suppress(Error):  # the page may be gone
                self._held.pop().continue_()
        self.page.unroute_all(behavior="ignoreErrors")  # a request may still be on its way

    def release(self, held: Route) -> None:
        """Lets a request go on that was held back, and returns when it is answered."""
        if held in self._held:
            self._held.remove(held)
        with self.page.expect_request_finished(lambda request: request == held.request):
            held.continue_()

    @contextmanager
    def server_silent(self) -> Iterator[None]:
        """What the page asks Dash's callbacks and tells runs reaches the server only afterwards."""
        held: list[Route] = []
        silent = True
        self.page.route(
            re.compile("/_dash-update-component|/api/runs$"),
            lambda route: held.append(route) if silent else route.fallback(),
        )
        yield
        silent = False
        assert held, "the page asked nothing meanwhile"
        for request in held:
            request.continue_()

    @contextmanager
    def slow_answers(self, milliseconds: int) -> Iterator[None]:
        """Every answer of the server takes so much longer."""
        self.page.evaluate("late => { window.answerDelay = late; }", milliseconds)
        yield
        self.page.evaluate("window.answerDelay = 0")

    @contextmanager
    def no_answers(self, path: str) -> Iterator[None]:
        """The server does not answer requests of these paths."""
        self.page.route(path, lambda route: route.abort())
        yield
        self.page.unroute(path)
        self.problems.clear()  # the browser has logged them

    def expect_refusals(self, *codes: int) -> None:
        """The console names the requests that were refused, by their codes, and nothing else."""
        self.until(lambda: len(self.problems) >= len(codes))
        named = [re.findall("status of ([0-9]+)", problem) for problem in self.problems]
        assert named == [[str(code)] for code in codes], self.problems
        self.problems.clear()

    # Settings

    def preset(self, title: str) -> Locator:
        """The radio button of a preset."""
        return self.page.get_by_role("radio", name=re.compile(f"^{title}"))

    def choose_preset(self, title: str) -> None:
        cards = self.page.get_by_role("radiogroup", name="What to train")
        cards.get_by_text(title, exact=True).click()

    @property
    def settings(self) -> Locator:
        """The drawer with the settings of the next run."""
        return self.page.get_by_role("dialog", name="Settings of the next run")

    @property
    def settings_button(self) -> Locator:
        """Opens the drawer, and tells the most important settings."""
        return self.page.get_by_role("button", name=re.compile("epochs?, rate"))

    @contextmanager
    def open_settings(self) -> Iterator[Locator]:
        """Opens the drawer and its groups, and closes it afterwards."""
        self.settings_button.click()
        expect(self.settings.get_by_label("Find a setting")).to_be_visible()
        self.settings.evaluate(
            "drawer => drawer.querySelectorAll('details').forEach(group => (group.open = true))"
        )
        yield self.settings
        self.settings.get_by_role("button", name="Done").click()
        expect(self.settings).to_be_hidden()

    def fill_form(self, preset: str = "", **settings: str) -> None:
        """Chooses a preset; then fills in fields by their labels, options by their text.

        `batch_size` stands for `Batch size`.
        """
        if preset:
            self.choose_preset(preset)
        if not settings:
            return
        with self.open_settings():
            for name, value in settings.items():
                field = self.field(name.replace("_", " ").capitalize())
                if field.evaluate("element => element.tagName") == "SELECT":
                    field.select_option(label=value)
                else:
                    field.fill(value)
                    field.press("Tab")

    def setting(self, label: str) -> Locator:
        """The field of a setting, in sight or not; the drawer is built if it was never opened."""
        if not self.page.locator("#settings-body > *").count():
            with self.open_settings():
                pass
        return self.page.locator("#settings").get_by_label(label, exact=True)

    # Train

    @property
    def wall_tiles(self) -> Locator:
        """The sixty test digits of the Train tab."""
        return self.page.locator("#wall-tiles > button")

    def wall_labels(self) -> list[str]:
        """What each of the sixty digits is, and as what it is read if that is wrong."""
        found: list[str] = self.wall_tiles.evaluate_all("tiles => tiles.map(one => one.ariaLabel)")
        return found

    def wall_images(self) -> list[int]:
        """The indices of the sixty test digits."""
        looked_at = "tiles => tiles.map(one => Number(one.dataset.lookInside))"
        found: list[int] = self.wall_tiles.evaluate_all(looked_at)
        return found

    @property
    def wall_score(self) -> Locator:
        return self.page.locator("#wall-score")

    @property
    def number(self) -> Locator:
        """The large accuracy."""
        return self.page.locator("#number")

    # Figures

    def figure(self, region: str) -> Locator:
        return self.region(region).locator(".js-plotly-plot")

    def figure_value(self, region: str, expression: str) -> Any:
        """Evaluates a JavaScript expression about a Plotly figure, `gd`."""
        return self.figure(region).evaluate(f"gd => {expression}")

    def plot_area(self, region: str) -> Locator:
        """The part of a figure in which the mouse drags and double-clicks."""
        return self.figure(region).locator(".nsewdrag")

    def point_count(self, region: str, trace: int = 0) -> int:
        """How many points a trace has; 0 while there is no figure."""
        return int(self.figure_value(region, f"gd.data?.[{trace}]?.x?.length ?? 0"))

    def click_point(self, region: str, point: str) -> None:
        """Clicks once on a point of a figure, as `hover_point` describes it."""
        self.page.mouse.click(*self.hover_point(region, point))

    def hover_point(self, region: str, point: str) -> tuple[float, float]:
        """Moves the mouse to a point of a figure, and returns where that is in the window.

        Waits until the figure stands still and Plotly has noticed the mouse, which it does only
        now and then.

        Args:
            point: `[x, y]` on the figure's axes, `gd` in a JavaScript expression.
        """
        self.figure(region).scroll_into_view_if_needed()
        noticed = "Boolean(gd._hoverdata) && !gd.matches('.dash-graph--pending')"  # Dash listens
        position: list[float] = []

        def is_noticed() -> bool:
            nonlocal position
            before = position
            position = self.figure_value(region, f"({_POINT_IN_WINDOW})({point})")
            if position == before and self.figure_value(region, noticed):
                return True
            self.figure_value(region, "void (gd._hoverdata = undefined)")
            self.page.mouse.move(position[0] - 2, position[1])
            self.page.mouse.move(*position)
            return False

        self.until(is_noticed)
        return position[0], position[1]

    # Inside

    def hover_number(self, region: str, tile: int, row: int, column: int) -> None:
        """Moves the mouse to a number of a picture on the Inside tab: row and column of a map."""
        canvas = self.region(region).locator("canvas")
        canvas.scroll_into_view_if_needed()
        place = """(canvas, [tile, row, column]) => {
            const {shape: [, height, width], columns, side} = JSON.parse(canvas.dataset.picture);
            const scale = canvas.getBoundingClientRect().width / canvas.width;
            const across = (tile % columns) * (width * side + 1) + (column + 0.5) * side;
            const down = Math.floor(tile / columns) * (height * side + 1) + (row + 0.5) * side;
            return {x: across * scale, y: down * scale};
        }"""
        canvas.hover(position=canvas.evaluate(place, [tile, row, column]))

    # Embedding

    def digit_places(self) -> dict[int, tuple[float, float]]:
        """Where each digit of the embedding is, in pixels of its plane, by its test image."""
        places = """plane => (plane.digits ?? []).map(({index, x, y}) =>
            [index, x * plane.clientWidth / 1036, y * plane.clientWidth / 1036])"""
        found = self.page.locator("#embedding-plane").evaluate(places)
        return {int(index): (x, y) for index, x, y in found}

    def zoom_in(self, region: str) -> None:
        """Drags a rectangle over the left half of a figure with axes."""
        area = self.figure(region).locator(".nsewdrag").first
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        assert box is not None, "the figure is in sight"
        mouse = self.page.mouse
        mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
        mouse.down()
        mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.8 * box["height"], steps=10)
        mouse.up()

    # Drawing

    @property
    def canvas(self) -> Locator:
        return self.page.get_by_role("application", name="Drawing area")

    def draw(self, *strokes: Stroke) -> None:
        """Draws with the mouse; points in fractions of the canvas."""
        for stroke in strokes:
            first, *others = self.canvas_points(stroke)
            self.page.mouse.move(*first)
            self.page.mouse.down()
            for point in others:
                self.page.mouse.move(*point, steps=3)
            self.page.mouse.up()

    def canvas_points(self, stroke: Stroke) -> list[tuple[float, float]]:
        """Converts fractions of the canvas to points of the window."""
        self.canvas.scroll_into_view_if_needed()
        box = self.canvas.bounding_box()
        assert box is not None, "the canvas is in sight"
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]

    def draw_answer(self) -> str:
        return self.page.locator("#draw-answer").inner_text()

    def predicted_digit(self) -> int | None:
        """The digit that the network reads in the drawing, sure or not, if it says one."""
        says = r"(\d)(\s+[\d.]+\s% sure\s|( or \d|\?)\s+Not sure)"
        found = re.match(says, self.draw_answer())
        return int(found.group(1)) if found else None

    def canvas_pixels(self, canvas: str) -> str:
        """The pixels of a canvas, for comparisons."""
        return str(self.field(canvas).evaluate("one => one.toDataURL()"))

    def ink_count(self, canvas: str) -> int:
        """How many pixels of a canvas are neither transparent nor black."""
        count = """canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let inked = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] && data[i] + data[i + 1] + data[i + 2]) inked++;
            return inked;
        }"""
        return int(self.field(canvas).evaluate(count))

    def strokes(self) -> list[list[list[float]]]:
        """The drawing as the page keeps it and sends it to the server."""
        found: list[list[list[float]]] = json.loads(
            self.page.evaluate("sessionStorage.getItem('drawing') ?? '[]'")
        )
        return found

    def ink_color(self) -> str:
        """The colour of the drawing."""
        first = """canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] === 255) return `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
        }"""
        return str(self.canvas.evaluate(first))

    def cut_out_box(self) -> list[float]:
        """Left, top, right and bottom of the box that marks what is cut out, if there is one.

        In fractions of the canvas.
        """
        marked = self.page.get_by_role("img", name="What is cut out")
        found: list[float] = marked.evaluate(_OUTLINE)
        return found

    def draw_tab_frames(self) -> str:
        """Where everything on the Draw tab is, except what moves within its frame."""
        return str(self.page.locator(".draw-tab").evaluate(_DRAW_TAB_FRAMES))

    # Handwriting

    @property
    def kept_drawings(self) -> Locator:
        return self.page.get_by_role("list", name="Kept drawings").get_by_role("listitem")

    def keep_drawing(self, digit: int) -> None:
        """Keeps the drawing as this digit, and waits until it is in the list."""
        before = self.kept_drawings.count()
        self.button(f"Keep as {digit}").click()
        expect(self.text(f"Kept as {digit}.")).to_be_visible()
        expect(self.kept_drawings).to_have_count(before + 1)

    def delete_drawings(self) -> None:
        """Deletes all kept drawings. Wants the Draw tab."""
        self.page.evaluate(_DELETE_DRAWINGS, f"{self.url}/api/handwriting")
        self.page.evaluate("dash_clientside.set_props('hand-changed', {data: {at: Date.now()}})")
        expect(self.kept_drawings).to_have_count(0)
        self.wait_until_quiet()
