"""Callbacks of the Draw tab: the history of the prediction, and the visitor's kept drawings.

While the pen moves, no callback runs: `assets/draw/prediction.js` sends the drawing to
`POST /api/predict`, and `assets/draw/pictures.js` opens pictures.
"""

import asyncio
from typing import Any

import dash_bootstrap_components as dbc
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate
from typing_extensions import Required, TypedDict

from core.config import PRESETS
from core.errors import DigitLabError, EmptyDrawingError, NoModelError
from core.records.drawings import Drawing
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.controls import display, working
from dashboard.formatting import epoch_number
from dashboard.owners import owner
from dashboard.service import TrainingService
from dashboard.tabs.draw import layout, text
from dashboard.values import Count, Digit, Text, Version


class Drawn(TypedDict, total=False):
    """What is on the canvas, and how the network gets it."""

    drawing: Required[dict[str, Any] | None]
    as_drawn: Required[bool]


class HistoryRequest(Drawn, total=False):
    version: Version


class KeepRequest(Drawn):
    label: Digit


class DeleteRequest(TypedDict):
    """The drawing to delete, or all of them; without either, the last ones come back."""

    drawing: Text | None
    all: bool


def register(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("draw", "refreshPrediction"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.DRAW_FORM, "data"),
        State(ids.OPEN_TAB, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("draw", "keepForm"),
        Output(ids.DRAW_FORM, "data"),
        Input(layout.FORM, "value"),
    )
    _register_start(app, service)
    _register_history(app, service)
    _register_collection(app, service)


def _register_start(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("draw", "refused"), Input(layout.START_ERROR, "children")
    )

    @app.callback(
        Output(layout.START_ERROR, "children"),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Input(layout.START, "n_clicks"),
        running=[working(layout.START)],
    )
    async def start(clicks: Count | None) -> tuple[str, Any]:
        if not clicks:
            raise PreventUpdate  # Dash calls it when the tab is built
        try:
            config = PRESETS[layout.START_PRESET].config
            return "", await asyncio.to_thread(service.runs.start, config)
        except DigitLabError as error:
            return str(error), no_update


def _register_history(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("drawHistory", "request"),
        Output(layout.COURSE_REQUEST, "data"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.DRAW_FORM, "data"),
        Input(layout.RESTED, "data"),
        Input(layout.LAST, "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.COURSE_REQUEST, "data"),
    )

    @app.callback(
        Output(layout.COURSE, "data"),
        Output(layout.COURSE_CAPTION, "children"),
        Input(layout.COURSE_REQUEST, "data"),
    )
    async def read_history(request: HistoryRequest | None) -> tuple[dict[str, Any] | None, str]:
        if not request:
            raise PreventUpdate
        return await asyncio.to_thread(_history, service, request)

    app.clientside_callback(ClientsideFunction("drawHistory", "show"), Input(layout.COURSE, "data"))


def _history(
    service: TrainingService, request: HistoryRequest
) -> tuple[dict[str, Any] | None, str]:
    """What the script paints, and the sentence beside it."""
    ref = CheckpointRef.parse(request.get("version"))
    try:
        image = service.inspection.drawing(request["drawing"] or {}, request["as_drawn"])
        course = service.predictions.history(image, ref.run_id)
    except NoModelError:
        return None, text.NOTHING_TRAINED
    except EmptyDrawingError:
        return None, text.NOTHING_DRAWN
    except DigitLabError as error:
        return None, str(error)
    found = {
        "epochs": course.epochs,
        "names": [epoch_number(epoch) for epoch in course.epochs],
        "probabilities": [[round(share, 4) for share in each] for each in course.probabilities],
        "shown": ref.epoch,
    }
    return found, text.history(course)


def _register_collection(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("collection", "keep"),
        Output(layout.HAND_REQUEST, "data"),
        Input(layout.keep_button(ALL), "n_clicks"),
        State(ids.DRAW_FORM, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("collection", "remove"),
        Output(layout.HAND_DELETE, "data"),
        Input(text.delete_button(ALL), "n_clicks"),
        Input(layout.HAND_DELETE_ALL, "n_clicks"),
        Input(layout.HAND_UNDO, "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("collection", "afterChange"), Input(ids.HAND_CHANGED, "data")
    )

    @app.callback(
        Output(layout.HAND_SAY, "children"),
        Output(ids.HAND_CHANGED, "data"),
        Input(layout.HAND_REQUEST, "data"),
    )
    async def keep(request: KeepRequest | None) -> tuple[str, Any]:
        if not request:
            raise PreventUpdate  # Dash calls it when the tab is built

        def keep_drawing() -> Drawing:
            image = service.inspection.drawing(request["drawing"] or {}, request["as_drawn"])
            return service.drawings.save(owner(), request["label"], image)

        try:
            drawing = await asyncio.to_thread(keep_drawing)
        except EmptyDrawingError:
            return text.NOTHING_TO_KEEP, no_update
        except DigitLabError as error:
            return str(error), no_update
        sentence = text.kept(drawing.label, is_picture="pixels" in (request["drawing"] or {}))
        return sentence, {"kept": drawing.drawing_id}

    @app.callback(
        Output(layout.HAND_SUMMARY, "children"),
        Output(layout.HAND_LIST, "children"),
        Output(layout.HAND_LESSONS, "style"),
        Output(layout.HAND_REPORT, "children"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(layout.LAST, "data"),
        Input(ids.HAND_CHANGED, "data"),
        State(ids.OPEN_TAB, "data"),
    )
    async def show_collection(version: Version, *others: Any) -> tuple[Any, ...]:
        if others[-1] != ids.TAB_DRAW:
            return (no_update,) * 4
        return await asyncio.to_thread(_collection, service, CheckpointRef.parse(version))

    @app.callback(
        Output(layout.HAND_SAY, "children", allow_duplicate=True),
        Output(ids.HAND_CHANGED, "data", allow_duplicate=True),
        Output(layout.HAND_DELETED, "is_open"),
        Output(layout.HAND_DELETED_IDS, "data"),
        Input(layout.HAND_DELETE, "data"),
        State(layout.HAND_DELETED_IDS, "data"),
    )
    async def delete(request: DeleteRequest | None, deleted: list[Text] | None) -> tuple[Any, ...]:
        if not request:
            raise PreventUpdate
        chosen = request["drawing"]
        try:
            if request["all"]:
                ids = await asyncio.to_thread(service.drawings.delete_all, owner())
            elif chosen is None:
                await asyncio.to_thread(service.drawings.restore, owner(), *(deleted or ()))
                return "", {"restored": deleted}, False, None
            else:
                await asyncio.to_thread(service.drawings.delete, owner(), chosen)
                ids = (chosen,)
        except DigitLabError as error:
            return str(error), no_update, False, None
        return "", {"deleted": ids}, True, ids

    @app.callback(
        Output(layout.HAND_REPORT, "children", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Output(ids.HAND_CHANGED, "data", allow_duplicate=True),
        Input(layout.HAND_TEACH, "n_clicks"),
        State(ids.version(ids.TAB_DRAW), "data"),
        State(layout.HAND_MIXED, "value"),
        running=[working(layout.HAND_TEACH)],
    )
    async def teach(
        clicks: Count | None, version: Version, mixed: bool | None
    ) -> tuple[Any, Any, Any]:
        if not clicks:
            raise PreventUpdate
        ref = CheckpointRef.parse(version)
        try:
            child = await asyncio.to_thread(
                service.finetuning.start, owner(), ref.run_id, ref.epoch, bool(mixed)
            )
        except DigitLabError as error:
            return dbc.Alert(str(error), color="danger"), no_update, no_update
        return no_update, child, {"taught": child}


def _collection(service: TrainingService, ref: CheckpointRef) -> tuple[Any, ...]:
    """Summary, thumbnails, style of the lesson's controls, and its report."""
    try:
        mine = service.drawings.predict(owner(), ref.run_id, ref.epoch)
        found = None if ref.run_id is None else service.finetuning.report(ref.run_id)
        report = None
        if found is not None and ref.run_id is not None:
            report = text.report(found, service.runs.snapshot(ref.run_id))
    except DigitLabError as error:
        return str(error), no_update, no_update, None
    return text.summary(mine), text.thumbnails(mine), display(mine.drawings), report
