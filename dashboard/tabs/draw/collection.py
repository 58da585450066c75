"""One's own handwriting, on the Draw tab: where drawings are kept and deleted, and lessons begun.

This module does not know how drawings are kept, scored or taught (`core.service.drawings` and
`core.service.finetuning` do), nor how that is told.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update

from core.errors import DigitLabError, EmptyDrawing
from core.records.layers import Drawing
from dashboard import guide_page, ids
from dashboard.components.checkpoint_ref import Shown
from dashboard.components.persistence import KEEP
from dashboard.components.presses import PRESS_ONCE, Presses, working
from dashboard.tabs.draw.collection_view import NOTHING_KEPT, report, summary, thumbnails

if TYPE_CHECKING:
    from core.service.service import TrainingService

NOTHING_DRAWN = "Nothing is drawn yet: draw a digit, then say which one it is."
KEPT_HERE = "Drawings are kept on the server, under a random name that only this browser knows."
LESSON = (
    "A fork of the run that is shown trains on your drawings, five short epochs, each time changed "
    "a little. Mixed with images that it has learnt from, it forgets less of them; without, watch "
    "what becomes of the test accuracy."
)


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
                            dbc.Button(
                                "Teach it",
                                id=ids.HAND_TEACH,
                                color="primary",
                                size="sm",
                                className=PRESS_ONCE,
                            ),
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
            guide_page.explanation(KEPT_HERE, "your-handwriting"),
            dcc.Store(id=ids.HAND_OWNER, storage_type="local"),
            dcc.Store(id=ids.HAND_REQUEST),
            dcc.Store(id=ids.HAND_DELETE),
            dcc.Store(id=ids.HAND_CHANGED),
            dcc.Store(id=f"{ids.HAND_DELETED}-id"),
        ],
        className="panel draw-hand",
        **{"aria-label": "Your handwriting"},
    )


def register(app: Dash, service: "TrainingService") -> None:
    presses = Presses()

    app.clientside_callback(
        ClientsideFunction("collection", "owner"),
        Output(ids.HAND_OWNER, "data"),
        Input(ids.HAND_OWNER, "modified_timestamp"),
        State(ids.HAND_OWNER, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("collection", "keep"),
        Output(ids.HAND_REQUEST, "data"),
        Input(ids.hand_keep(ALL), "n_clicks"),
        State(ids.DRAW_FORM, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("collection", "remove"),
        Output(ids.HAND_DELETE, "data"),
        Input(ids.hand_delete(ALL), "n_clicks"),
        Input(ids.HAND_UNDO, "n_clicks"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("collection", "afterChange"), Input(ids.HAND_CHANGED, "data")
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
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.DRAW_LAST, "data"),
        Input(ids.HAND_CHANGED, "data"),
        Input(ids.HAND_OWNER, "data"),
        State(ids.TABS, "active_tab"),
        prevent_initial_call=True,
    )
    async def paint(version: str | None, *others: Any) -> tuple[Any, ...]:
        owner, tab = others[-2:]
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
        Input(ids.HAND_DELETE, "data"),
        State(f"{ids.HAND_DELETED}-id", "data"),
        State(ids.HAND_OWNER, "data"),
        prevent_initial_call=True,
    )
    async def delete(request: dict[str, Any], deleted: str | None, owner: str) -> tuple[Any, ...]:
        chosen = request["drawing"]
        try:
            if chosen is None:
                await asyncio.to_thread(service.handwriting.restore, owner, str(deleted))
                return "", {"restored": deleted}, False, None
            await asyncio.to_thread(service.handwriting.delete, owner, str(chosen))
        except DigitLabError as error:
            return str(error), no_update, False, None
        return "", {"deleted": chosen}, True, chosen

    @app.callback(
        Output(ids.HAND_REPORT, "children", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Output(ids.HAND_CHANGED, "data", allow_duplicate=True),
        Input(ids.HAND_TEACH, "n_clicks"),
        State(ids.HAND_OWNER, "data"),
        State(ids.version(ids.TAB_DRAW), "data"),
        State(ids.HAND_MIXED, "value"),
        running=[working(ids.HAND_TEACH)],
        prevent_initial_call=True,
    )
    async def teach(
        _: int, owner: str, version: str | None, mixed: bool | None
    ) -> tuple[Any, Any, Any]:
        where = Shown.parse(version)
        try:
            child = await presses.once(
                service.teaching.teach, owner, where.run_id, where.epoch, bool(mixed)
            )
        except DigitLabError as error:
            return dbc.Alert(str(error), color="danger"), no_update, no_update
        return no_update, child, {"taught": child}
