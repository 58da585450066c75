"""Pushes what changed to each open page, over one WebSocket a page, at most four times a second,
and less often where many are open.

A `PageStream` is the only writer of what it shows, so a full figure and the points that extend it
can never cross. It knows what a page looks at (`View`), and paints nothing that is out of sight.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, set_props
from dash.exceptions import WebsocketDisconnected

from core.errors import UnknownRun
from core.events import RunSnapshot
from core.records import OwnScores
from dashboard import curve_figures, ids, runs_table, status
from dashboard.pair_stream import PairStream
from dashboard.series import Metric, Series

if TYPE_CHECKING:
    from core.service import TrainingService

PUSH_SECONDS = 0.25
PAGES_AT_FULL_RATE = 3
"""With more open pages each is told less often, so that all together take no more from training."""
BEAT_SECONDS = 5.0
ANSWER_SECONDS = 20.0
"""As long as the page waits for its stream: on a busy machine an answer may take many seconds."""

CHANGES_REPEATED = 8
"""Of several changes of the table that reach a busy page together, Dash shows it the last alone:
each repeats the rows of those before it."""

log = logging.getLogger(__name__)

Update = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class View:
    """What one open page looks at. `page` is a name that the page was given when it loaded."""

    page: str
    tab: str = ids.TAB_TRAIN
    style: curve_figures.CurveStyle = curve_figures.PLAIN
    run: str | None = None
    """The run that the page has chosen; None for whichever trains, or else the newest."""
    owner: str | None = None
    """Whose handwriting is shown in the curves."""
    pair: str | None = None
    """The pair of runs that the page has chosen to compare; None for the newest."""
    hidden: bool = False
    """Whether nobody sees the page: its tab of the browser is not the one in front."""
    number: int = 0
    """Counts what the page has said: what was said earlier may arrive later."""

    @classmethod
    def parse(cls, data: dict[str, Any]) -> "View":
        return cls(
            page=str(data["page"]),
            tab=str(data.get("tab") or ids.TAB_TRAIN),
            style=curve_figures.CurveStyle(
                smoothing=min(max(float(data.get("smoothing") or 0.0), 0.0), 0.99),
                log=bool(data.get("log")),
                learning_rate=bool(data.get("rate")),
            ),
            run=status.chosen_run(data.get("run")),
            owner=str(data["owner"]) if data.get("owner") else None,
            pair=status.chosen_run(data.get("pair")),
            hidden=bool(data.get("hidden")),
            number=int(data.get("number") or 0),
        )


class PageStream:
    """What one page has been shown, and what it must be shown next."""

    def __init__(self, service: "TrainingService") -> None:
        self._service = service
        self._sent: dict[tuple[str, str], Any] = {}
        self._series = Series()
        self._followed: tuple[str, int] | None = None
        self._cursor = 0
        self._drawn: dict[str, _Drawn] = {}
        self._rows: dict[str, RunSnapshot] | None = None
        self._changed_rows: deque[set[str]] = deque(maxlen=CHANGES_REPEATED)
        self._pair = PairStream(service)

    def updates(self, view: View) -> list[Update]:
        """The properties that differ from what the page shows, and remembers them as shown.

        Nothing for a hidden page: painting costs the training that runs beside the browser.
        """
        if view.hidden:
            return []
        snapshot = self._follow(view.run)
        runs = self._service.runs()
        wanted: list[Update] = status.status_bar(self._service, snapshot)
        wanted.append((ids.RUN_PICK, {"options": status.run_options(runs, view.run)}))
        wanted += status.notices(self._service, snapshot)
        wanted.append((ids.EPOCH_TOLD, {"data": self._networks(snapshot)}))
        if view.tab == ids.TAB_COMPARE:
            wanted += self._pair.words(view.pair)
        updates = [update for update in map(self._changed, wanted) if update[1]]
        if view.tab == ids.TAB_TRAIN:
            updates += self._curve(ids.TRAIN_CURVE, "loss", curve_figures.PLAIN, 280)
        elif view.tab == ids.TAB_CURVES:
            self._series.own = self._own_scores(view.owner)
            for graph, metric in curve_figures.CURVES:
                updates += self._curve(graph, metric, view.style, 380)
            updates += self._table()
        elif view.tab == ids.TAB_COMPARE:
            updates += self._pair.pictures(view.pair)
        elif view.tab == ids.TAB_RUNS:
            updates += self._grid(runs)
        return updates

    def _own_scores(self, owner: str | None) -> OwnScores:
        """How the run's networks read the visitor's own drawings, as far as that is known."""
        if owner is None or self._series.run_id is None:
            return OwnScores()
        return self._service.handwriting.scores_so_far(owner, self._series.run_id)

    def _grid(self, runs: list[RunSnapshot]) -> list[Update]:
        """The table of runs, and then only the rows that changed."""
        before, self._rows = self._rows, {run.run_id: run for run in runs}
        if before is None:
            return [(ids.RUNS_GRID, {"rowData": [runs_table.row(run) for run in runs]})]
        changed = runs_table.changed(before, self._rows)
        if not changed:
            return []
        self._changed_rows.append(changed)
        recent = set().union(*self._changed_rows)
        return [(ids.RUNS_CHANGE, {"data": runs_table.change(recent, self._rows)})]

    def _follow(self, chosen: str | None) -> RunSnapshot | None:
        """Reads the new events of the run that is looked at; another run starts new curves, and so
        does one whose events were taken back."""
        snapshot = self._chosen(chosen)
        if snapshot is None:
            self._series, self._followed = Series(), None
            return None
        followed = snapshot.run_id, snapshot.revision
        if followed != self._followed:
            self._series, self._cursor, self._followed = Series(snapshot.run_id), 0, followed
        events, self._cursor = self._service.events_since(snapshot.run_id, self._cursor)
        self._series.extend(events)
        return self._service.snapshot(snapshot.run_id)

    def _chosen(self, run_id: str | None) -> RunSnapshot | None:
        """The run to look at; the default one where the chosen one is gone."""
        for wanted in (run_id, self._service.latest_run()):
            try:
                if wanted is not None:
                    return self._service.snapshot(wanted)
            except UnknownRun:
                continue
        return None

    def _networks(self, snapshot: RunSnapshot | None) -> dict[str, Any]:
        """Among which networks the page can choose: the newest one's version, the kept epochs."""
        if snapshot is None:
            return {"newest": None, "kept": []}
        newest = self._service.explorer.weights_version(snapshot.run_id)
        # Without a network of its own the run is named all the same, or another's would be shown.
        without = f"{snapshot.run_id}/{snapshot.revision}/{snapshot.state.value}"
        return {"newest": newest or without, "kept": list(snapshot.kept)}

    def _changed(self, update: Update) -> Update:
        component, properties = update
        fresh = {}
        for name, value in properties.items():
            comparable = getattr(value, "to_plotly_json", lambda value=value: value)()
            if self._sent.get((component, name), self) != comparable:
                self._sent[component, name] = comparable
                fresh[name] = value
        return component, fresh

    def _curve(
        self, graph: str, metric: Metric, style: curve_figures.CurveStyle, height: int
    ) -> list[Update]:
        series = self._series
        now = _Drawn(self._followed, len(series.batches), len(series.epochs), style)
        now = replace(now, rates=len(series.rate_changes), own=series.own)
        before = self._drawn.get(graph)
        if now == before:
            return []
        self._drawn[graph] = now
        figure: Any
        if before is None or before.followed != now.followed or before.batches == 0:
            figure = curve_figures.curve(series, metric, style, height)
        elif before.style != style or before.own != now.own:
            figure = curve_figures.restyle_curve(series, metric, style, before.style)
        else:
            known = before.batches, before.epochs, before.rates
            figure = curve_figures.extend_curve(series, metric, style, *known)
        return [(graph, {"figure": figure})]

    def _table(self) -> list[Update]:
        series = self._series
        now = _Drawn(self._followed, 0, len(series.epochs))
        if self._drawn.get(ids.CURVES_TABLE) == now:
            return []
        self._drawn[ids.CURVES_TABLE] = now
        return [
            (ids.CURVES_TABLE, {"children": status.epoch_table(series.epochs)}),
            (ids.CURVES_CSV, status.csv_link(series.run_id)),
        ]


@dataclass(frozen=True)
class _Drawn:
    """What a figure or the table on the page shows."""

    followed: tuple[str, int] | None
    batches: int
    epochs: int
    style: curve_figures.CurveStyle = curve_figures.PLAIN
    rates: int = 0
    own: OwnScores = field(default_factory=OwnScores)


class _Page:
    """An open page's place in the event loop: what it looks at, and a bell to wake its stream."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._bell = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def show(self, view: View) -> None:
        if view.number > self.view.number:
            self.view = view
            self._bell.set()

    def ring(self) -> None:
        """From any thread: something changed."""
        self._loop.call_soon_threadsafe(self._bell.set)

    async def wait(self, seconds: float) -> None:
        """Until the bell rings, but no longer than so many seconds."""
        try:
            await asyncio.wait_for(self._bell.wait(), seconds)
        except asyncio.TimeoutError:
            return
        self._bell.clear()


def pause(view: View, pages: int) -> float:
    """The seconds after which a page may be told more, while so many are open.

    On a small machine the browser takes from training what it needs to paint, and the two large
    figures of the Curves tab need as much as all the rest.
    """
    large = 2 if view.tab == ids.TAB_CURVES else 1
    return PUSH_SECONDS * large * max(1.0, pages / PAGES_AT_FULL_RATE)


def register(app: Dash, service: "TrainingService") -> None:
    """Gives every page that opens its stream.

    The callback belongs to `app` (one made with `dash.callback` would not come back after a
    restart of the server), is `async` (a synchronous one takes a worker thread for good), and asks
    the page now and then whether it is still there.
    """
    pages: dict[str, _Page] = {}

    @app.callback(websocket=True, persistent=True)
    async def stream() -> None:
        socket = ctx.websocket
        shown = PageStream(service)
        unsubscribe, page = None, None
        try:
            page = _Page(View.parse(await _ask(socket)))
            pages[page.view.page] = page
            unsubscribe = service.subscribe(page.ring)
            beat = time.monotonic()
            while not socket.is_shutdown:
                for component, properties in shown.updates(page.view):
                    set_props(component, properties)
                if time.monotonic() - beat >= BEAT_SECONDS:
                    await _ask(socket)
                    beat = time.monotonic()
                    set_props(ids.PAGE_BEAT, {"children": f"{beat:.0f}"})
                await asyncio.sleep(pause(page.view, len(pages)))
                await page.wait(BEAT_SECONDS)
        except (TimeoutError, WebsocketDisconnected):
            log.debug("A page went away")
        except UnknownRun:
            log.exception("A page followed a run that is gone")
        finally:
            if unsubscribe is not None:
                unsubscribe()
            if page is not None and pages.get(page.view.page) is page:
                del pages[page.view.page]

    app.clientside_callback(
        ClientsideFunction("digitlab", "view"),
        Output(ids.PAGE_VIEW, "data"),
        Input(ids.TABS, "active_tab"),
        Input(ids.CURVES_SMOOTHING, "value"),
        Input(ids.CURVES_LOG, "value"),
        Input(ids.CURVES_RATE, "value"),
        Input(ids.RUN_PICK, "value"),
        Input(ids.HAND_OWNER, "data"),
        Input(ids.COMPARE_PICK, "value"),
        Input(ids.PAGE_HIDDEN, "data"),
        State(ids.PAGE_VIEW, "data"),
    )

    app.clientside_callback(
        ClientsideFunction("digitlab", "arrive"),
        Output(ids.TABS, "active_tab", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Input(ids.PAGE_ADDRESS, "search"),
        prevent_initial_call="initial_duplicate",
    )

    @app.callback(Input(ids.PAGE_VIEW, "data"))
    async def look(data: dict[str, Any]) -> None:
        view = View.parse(data)
        if view.page in pages:  # else its stream is not up yet, and will ask for the view itself
            pages[view.page].show(view)


async def _ask(socket: Any) -> dict[str, Any]:
    """The page's view; proof that the page is still there.

    Raises:
        TimeoutError, WebsocketDisconnected: it is not.
    """
    view: dict[str, Any] = await socket.get_prop(ids.PAGE_VIEW, "data", timeout=ANSWER_SECONDS)
    return view
