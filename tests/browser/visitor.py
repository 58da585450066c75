"""What a visitor does with the page and sees on it, in the words of its labels and roles."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator, Page, Route, expect

SECONDS = 90.0
"""How long a visitor waits for anything. Generous: only failures take so long."""

Stroke = Sequence[tuple[float, float]]

_PLACE = """([x, y]) => {
    const box = gd.querySelector(".nsewdrag").getBoundingClientRect();
    const {xaxis, yaxis} = gd._fullLayout;
    return [box.x + xaxis.l2p(x), box.y + yaxis.l2p(y)];
}"""
"""Where a point of a figure is in the window."""

_NOTE_ALL_IT_SAYS = """element => {
    const said = element.said = [];
    new MutationObserver(() => {
        if (element.textContent !== said.at(-1)) said.push(element.textContent);
    }).observe(element, {childList: true, characterData: true, subtree: true});
}"""


def note(element: Locator) -> Callable[[], list[str]]:
    """What an element says from now on; some of it stands for less than a second."""
    element.evaluate(_NOTE_ALL_IT_SAYS)
    return lambda: list(element.evaluate("element => element.said"))


class Visitor:
    """One open page. Notes all that goes wrong behind it."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.page.set_default_timeout(SECONDS * 1000)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.problems.append(f"{error}"))
        self.page.on("console", self._note)

    def _note(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(f"{message.text} {message.location}")

    def arrive(self) -> "Visitor":
        """Opens the page and waits until the server speaks to it."""
        self.page.goto(self.url)
        self.wait_for_stream()
        return self

    def reload(self) -> None:
        self.page.reload()
        self.wait_for_stream()

    def wait_for_stream(self) -> None:
        # The data set's name is nowhere in the page as it is loaded: the stream brings it.
        expect(self.status("Data set")).to_contain_text("MNIST")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()
        self.expect_tab(name)

    def expect_tab(self, name: str) -> None:
        tab = self.page.get_by_role("tab", name=name, exact=True)
        expect(tab).to_have_attribute("aria-selected", "true")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True).filter(visible=True)

    def region(self, name: str) -> Locator:
        return self.page.get_by_role("region", name=name, exact=True)

    def status(self, name: str) -> Locator:
        """An item of the status bar, by the word above it."""
        items = self.region("Run status").locator(".status-items > div")
        named = items.filter(has=self.page.get_by_text(name, exact=True))
        return named.locator(":scope > :last-child")

    def until(self, condition: Callable[..., object], seconds: float = SECONDS) -> None:
        """Returns when a condition is true; the browser goes on meanwhile.

        A condition that looks at what the page has not drawn yet, and errs, is not true yet.
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
        """The page's questions with these words, which do not reach the server: it fills."""
        held: list[Route] = []

        def hold(route: Route) -> None:
            if words in (route.request.post_data or ""):
                held.append(route)
            else:
                route.fallback()

        self.page.route("**/_dash-update-component*", hold)
        return held

    def answer_late(self, milliseconds: int) -> None:
        """From now on the server's answers take so much longer."""
        self.page.evaluate(
            """late => {
                const fetch = window.fetch;
                window.fetch = async (...request) => {
                    const answer = await fetch(...request);
                    await new Promise(done => setTimeout(done, late));
                    return answer;
                };
            }""",
            milliseconds,
        )

    def let_go(self, held: Route) -> None:
        """Returns when a question that was held back is answered."""
        with self.page.expect_request_finished(lambda request: request == held.request):
            held.continue_()

    # Settings

    def choose(self, **settings: str) -> None:
        """Fills the form by its labels, `batch_size` for `Batch size`, choices by their titles."""
        for name, value in settings.items():
            field = self.field(name.replace("_", " ").capitalize())
            if field.evaluate("element => element.tagName") == "SELECT":
                field.select_option(label=value)
            else:
                field.fill(value)
                field.press("Tab")

    # Figures

    def figure(self, region: str) -> Locator:
        return self.region(region).locator(".js-plotly-plot")

    def look(self, region: str, expression: str) -> Any:
        """Something of a Plotly figure, `gd` in a JavaScript expression."""
        return self.figure(region).evaluate(f"gd => {expression}")

    def points(self, region: str, trace: int = 0) -> int:
        """How many points a trace has; 0 while there is no figure."""
        return int(self.look(region, f"gd.data?.[{trace}]?.x?.length ?? 0"))

    def click_point(self, region: str, point: str) -> None:
        """Clicks where `point_at` points, again if the figure was painted elsewhere meanwhile."""
        hears = f"""({{event}}) => {{
            const [x, y] = ({_PLACE})({point});
            if (Math.hypot(event.clientX - x, event.clientY - y) < 2) gd.wasHit = true;
        }}"""

        def hit() -> bool:
            place = self.point_at(region, point)
            self.look(region, f"void gd.once('plotly_click', {hears})")
            self.page.mouse.click(*place)
            return bool(self.look(region, "gd.wasHit"))

        self.look(region, "void (gd.wasHit = false)")
        self.until(hit)

    def point_at(self, region: str, point: str) -> tuple[float, float]:
        """Moves the mouse to a point of a figure, and returns where that is in the window.

        The point is `[x, y]` on the figure's axes, `gd` in a JavaScript expression. Plotly looks
        at the mouse now and then only, and forgets it when it paints the figure anew, perhaps
        elsewhere: this waits until the figure has seen the mouse.
        """
        self.figure(region).scroll_into_view_if_needed()
        seen = "Boolean(gd._hoverdata) && !gd.matches('.dash-graph--pending')"  # Dash listens
        place: list[float] = []

        def is_seen() -> bool:
            nonlocal place
            before, place = place, self.look(region, f"({_PLACE})({point})")
            if place == before and self.look(region, seen):
                return True
            self.look(region, "void (gd._hoverdata = undefined)")
            self.page.mouse.move(place[0] - 2, place[1])
            self.page.mouse.move(*place)
            return False

        self.until(is_seen)
        return place[0], place[1]

    # Drawing

    @property
    def canvas(self) -> Locator:
        return self.page.get_by_role("img", name="Drawing area")

    def draw(self, *strokes: Stroke) -> None:
        """With the mouse; points in shares of the canvas."""
        for stroke in strokes:
            places = self.places(stroke)
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place, steps=8)
            self.page.mouse.up()

    def places(self, stroke: Stroke) -> list[tuple[float, float]]:
        """Points in shares of the canvas as points of the window."""
        self.canvas.scroll_into_view_if_needed()
        box = self.canvas.bounding_box()
        assert box is not None, "the canvas is in sight"
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]

    def answer(self) -> str:
        return self.page.locator("#draw-answer").inner_text()

    def says_digit(self) -> int | None:
        """The digit that the network reads in the drawing, sure or not, if it says one."""
        said = re.match(r"(\d)(\s+[\d.]+\s% sure$|\?\s+Not sure)", self.answer())
        return int(said.group(1)) if said else None

    def picture(self, canvas: str) -> str:
        """A canvas's pixels, to compare them."""
        shown = self.page.get_by_role("img", name=canvas)
        return str(shown.evaluate("canvas => canvas.toDataURL()"))

    def ink(self, canvas: str) -> int:
        """How many pixels of a canvas are neither transparent nor black."""
        count = """canvas => {
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let inked = 0;
            for (let i = 0; i < data.length; i += 4)
                if (data[i + 3] && data[i] + data[i + 1] + data[i + 2]) inked++;
            return inked;
        }"""
        return int(self.page.get_by_role("img", name=canvas).evaluate(count))
