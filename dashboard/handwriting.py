"""One's own handwriting, on the Draw tab: drawings that are kept, how they are read, lessons.

This module does not know how drawings are kept, scored or taught: `core.handwriting` and
`core.teaching` do.
"""

import asyncio
import base64
import io
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import numpy as np
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from PIL import Image

from core.config import CHOICE_TITLES
from core.events import DigitLabError, EmptyDrawing, RunSnapshot
from core.records import Drawing, LessonReport, LessonRow, OwnSet
from dashboard import ids
from dashboard.kept import KEEP
from dashboard.shown import Shown

if TYPE_CHECKING:
    from core.service import TrainingService

NOTHING_DRAWN = "Nothing is drawn yet: draw a digit, then say which one it is."
NOTHING_KEPT = (
    "Draw a digit and press, below the canvas, which one you meant. A few of each digit make a "
    "small test set of your own: after every epoch the network is tried on it, here and in the "
    "Curves."
)
KEPT_HERE = "Drawings are kept on the server, under a random name that only this browser knows."
LESSON = (
    "A fork of the run that is shown trains on your drawings, five short epochs, each time changed "
    "a little. Mixed with images that it has learnt from, it forgets less of them; without, watch "
    "what becomes of the test accuracy."
)
NEWEST = 10**6
"""A place of the epoch slider beyond every run's end: its right end."""


def buttons() -> html.Div:
    """Below the canvas: which digit was meant."""
    digits = [
        html.Button(
            str(digit),
            id=ids.hand_keep(digit),
            className="btn btn-outline-secondary btn-sm",
            title=f"Keep it as {digit}",
            **{"aria-label": f"Keep as {digit}"},
        )
        for digit in range(10)
    ]
    return html.Div(
        [
            html.Span("Keep as", className="small"),
            html.Div(digits, className="btn-group hand-digits"),
            html.P("", id=ids.HAND_SAY, className="hand-say small", role="status"),
        ],
        className="hand-keep",
        role="group",
        **{"aria-label": "Keep the drawing"},
    )


def layout() -> html.Section:
    return html.Section(
        [
            html.H2("Your handwriting"),
            html.P(NOTHING_KEPT, id=ids.HAND_SUMMARY, role="status"),
            dbc.Alert(
                [
                    html.Span("Deleted. "),
                    dbc.Button("Undo", id=ids.HAND_UNDO, size="sm", color="link"),
                ],
                id=ids.HAND_DELETED,
                color="info",
                is_open=False,
                dismissable=True,
            ),
            html.Ul([], id=ids.HAND_LIST, className="hand-list", **{"aria-label": "Kept drawings"}),
            html.Div(
                [
                    html.Div(
                        [
                            dbc.Button("Teach it", id=ids.HAND_TEACH, color="primary", size="sm"),
                            dbc.Switch(
                                id=ids.HAND_MIXED,
                                label="Mix in images it knows",
                                value=True,
                                **KEEP,
                            ),
                        ],
                        className="controls",
                    ),
                    html.P(LESSON, className="text-body-secondary small"),
                ],
                id=ids.HAND_LESSONS,
                style={"display": "none"},
            ),
            html.Div(id=ids.HAND_REPORT),
            html.P(
                [
                    f"{KEPT_HERE} ",
                    html.A("What you see here", href="/guide#your-handwriting", target="_blank"),
                ],
                className="text-body-secondary small mb-0",
            ),
            dcc.Store(id=ids.HAND_OWNER, storage_type="local"),
            dcc.Store(id=ids.HAND_REQUEST),
            dcc.Store(id=ids.HAND_CHANGED),
            dcc.Store(id=f"{ids.HAND_DELETED}-id"),
        ],
        className="panel draw-hand",
        **{"aria-label": "Your handwriting"},
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("handwriting", "owner"),
        Output(ids.HAND_OWNER, "data"),
        Input(ids.HAND_OWNER, "modified_timestamp"),
        State(ids.HAND_OWNER, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("handwriting", "keep"),
        Output(ids.HAND_REQUEST, "data"),
        Input(ids.hand_keep(ALL), "n_clicks"),
        State(ids.DRAW_FORM, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("handwriting", "kept"), Input(ids.HAND_CHANGED, "data")
    )

    @app.callback(
        Output(ids.HAND_SAY, "children"),
        Output(ids.HAND_CHANGED, "data"),
        Input(ids.HAND_REQUEST, "data"),
        State(ids.HAND_OWNER, "data"),
        prevent_initial_call=True,
    )
    async def keep(request: dict[str, Any], owner: str) -> tuple[str, Any]:
        def keep_it() -> Drawing:
            image = service.insight.drawing(request["drawing"] or {}, bool(request["as_drawn"]))
            return service.handwriting.keep(owner, int(request["label"]), image)

        try:
            kept = await asyncio.to_thread(keep_it)
        except EmptyDrawing:
            return NOTHING_DRAWN, no_update
        except DigitLabError as error:
            return str(error), no_update
        sentence = f"Kept as {kept.label}. Your next stroke begins another drawing."
        return sentence, {"kept": kept.drawing_id}

    @app.callback(
        Output(ids.HAND_SUMMARY, "children"),
        Output(ids.HAND_LIST, "children"),
        Output(ids.HAND_LESSONS, "style"),
        Output(ids.HAND_REPORT, "children"),
        Input(ids.TABS, "active_tab"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.EPOCH_SLIDER, "max"),
        Input(ids.HAND_CHANGED, "data"),
        Input(ids.HAND_OWNER, "data"),
    )
    async def paint(tab: str, version: str | None, *changed: Any) -> tuple[Any, ...]:
        owner = changed[-1]
        if tab != ids.TAB_DRAW or not owner:
            return no_update, no_update, no_update, no_update
        return await asyncio.to_thread(answer, owner, Shown.parse(version))

    def answer(owner: str, where: Shown) -> tuple[Any, ...]:
        try:
            mine = service.handwriting.shown(owner, where.run_id, where.epoch)
            told = None if where.run_id is None else lesson(where.run_id)
        except DigitLabError as error:
            return str(error), no_update, no_update, None
        shown = {} if mine.drawings else {"display": "none"}
        return summary(mine), thumbnails(mine), shown, told

    def lesson(run_id: str) -> Any:
        found = service.teaching.report(run_id)
        return None if found is None else report(found, service.snapshot(run_id))

    @app.callback(
        Output(ids.HAND_SAY, "children", allow_duplicate=True),
        Output(ids.HAND_CHANGED, "data", allow_duplicate=True),
        Output(ids.HAND_DELETED, "is_open"),
        Output(f"{ids.HAND_DELETED}-id", "data"),
        Input(ids.hand_delete(ALL), "n_clicks"),
        Input(ids.HAND_UNDO, "n_clicks"),
        State(f"{ids.HAND_DELETED}-id", "data"),
        State(ids.HAND_OWNER, "data"),
        prevent_initial_call=True,
    )
    async def delete(
        clicks: list[int | None], undone: int | None, deleted: str | None, owner: str
    ) -> tuple[Any, ...]:
        if not ctx.triggered[0]["value"]:  # a button came into the page, and nobody pressed it
            return no_update, no_update, no_update, no_update
        try:
            if ctx.triggered_id == ids.HAND_UNDO:
                await asyncio.to_thread(service.handwriting.restore, owner, str(deleted))
                return "", {"restored": deleted}, False, None
            chosen = str(ctx.triggered_id["drawing"])
            await asyncio.to_thread(service.handwriting.delete, owner, chosen)
        except DigitLabError as error:
            return str(error), no_update, False, None
        return "", {"deleted": chosen}, True, chosen

    @app.callback(
        Output(ids.HAND_REPORT, "children", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Output(ids.EPOCH_SLIDER, "value", allow_duplicate=True),
        Input(ids.HAND_TEACH, "n_clicks"),
        State(ids.HAND_OWNER, "data"),
        State(ids.PAGE_VERSION, "data"),
        State(ids.HAND_MIXED, "value"),
        prevent_initial_call=True,
    )
    async def teach(
        _: int, owner: str, version: str | None, mixed: bool | None
    ) -> tuple[Any, Any, Any]:
        where = Shown.parse(version)
        try:
            child = await asyncio.to_thread(
                service.teaching.teach, owner, where.run_id, where.epoch, bool(mixed)
            )
        except DigitLabError as error:
            return dbc.Alert(str(error), color="danger"), no_update, no_update
        return no_update, child, NEWEST


def summary(mine: OwnSet) -> str:
    """How many are read right, and how many of them are no test."""
    count = len(mine.drawings)
    if not count:
        return NOTHING_KEPT
    if mine.right is None:
        return f"Kept: {count}. There is no trained network yet to read them."
    taught = int(mine.taught.sum())
    right = f"Right: {mine.right} of {count}."
    if not taught:
        return right
    which = "All" if taught == count else str(taught)
    return f"{right} {which} of them it was taught (▲): they are no test of it."


def thumbnails(mine: OwnSet) -> list[html.Li]:
    """The newest first; each with the digit that was meant, how it is read, a button to delete."""
    return [
        _thumbnail(
            mine.drawings[place],
            None if mine.predictions is None else int(mine.predictions[place]),
            bool(mine.taught[place]),
        )
        for place in reversed(range(len(mine.drawings)))
    ]


def _thumbnail(drawing: Drawing, digit: int | None, taught: bool) -> html.Li:
    wrong = digit is not None and digit != drawing.label
    words = f"Meant as {drawing.label}"
    if digit is not None:
        words += f", read as {digit}"
    if taught:
        words += ", taught"
    marks = "" if digit is None else f" ✗ {digit}" if wrong else " ✓"
    return html.Li(
        [
            html.Img(src=_picture(drawing.image), alt=words, title=words, width=56, height=56),
            html.Button(
                "×",
                id=ids.hand_delete(drawing.drawing_id),
                className="hand-delete",
                title="Delete it",
                **{"aria-label": f"Delete this {drawing.label}"},
            ),
            html.Span(
                [html.Strong(drawing.label), marks, " ▲" if taught else ""],
                **{"aria-hidden": "true"},
            ),
        ],
        className="wrong" if wrong else "",
    )


def _picture(image: np.ndarray) -> str:
    """(28, 28) uint8 as an address that holds the picture itself."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def report(found: LessonReport, run: RunSnapshot) -> html.Div:
    """Before and after, forgetting included, and how far the figures may be believed."""
    lesson = found.lesson
    now = "after" if found.after == found.last else "so far"
    heads = ["", f"before (epoch {found.before})"]
    heads.append(f"{now} (epoch {found.after})" if found.after is not None else "after")
    names = {
        "test": f"{CHOICE_TITLES.get(run.dataset, run.dataset)}, test images",
        "held_out": "Your drawings, held out",
        "taught": "Your drawings, taught",
    }
    rows = [
        html.Tr(
            [
                html.Th(names[row.kind], scope="row"),
                html.Td(_share(row, row.before)),
                html.Td(_share(row, row.after)),
            ]
        )
        for row in found.rows
    ]
    if lesson.held_out:
        fair = "Those held out were never trained on: they are the fair test of your handwriting."
    else:
        fair = (
            "All of your drawings were trained on (of 12 and more, a third is held out), so that "
            "it reads them now is no test: keep some new ones and see."
        )
    how = "mixed with images that it knew" if lesson.mixed else "and nothing else"
    return html.Div(
        [
            html.H2("What the lesson changed"),
            html.P(
                f"From epoch {found.before} on, {run.title} learns from "
                f"{_drawings(lesson.taught)}, {how}. {fair}",
                className="small mb-1",
            ),
            dbc.Table(
                [
                    html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
                    html.Tbody(rows),
                ],
                size="sm",
                className="hand-report",
            ),
        ]
    )


def _drawings(count: int) -> str:
    return "1 drawing" if count == 1 else f"{count} drawings"


def _share(row: LessonRow, share: float | None) -> str:
    if share is None:
        return "–"
    if row.count is None:
        return f"{share:.2%}"
    return f"{round(share * row.count)} of {row.count}"
