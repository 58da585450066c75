"""Callbacks of the Draw tab: the history of the prediction, and the visitor's kept drawings.

While the pen moves, no callback runs: `assets/draw/prediction.js` sends the drawing to
`POST /api/predict`, `assets/draw/pictures.js` opens pictures, `assets/draw/collection.js` keeps
drawings.
"""

import asyncio
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate
from typing_extensions import Required, TypedDict

from core.errors import DigitLabError, EmptyDrawingError, NoModelError
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.formatting import epoch_number
from dashboard.server.owners import owner
from dashboard.service import TrainingService
from dashboard.tabs.draw import layout, text
from dashboard.values import Version


class HistoryRequest(TypedDict, total=False):
    """What is on the canvas, how the network gets it, and which network is shown."""

    drawing: Required[dict[str, Any] | None]
    as_drawn: Required[bool]
    version: Version


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

    @app.callback(
        Output(layout.HAND_SUMMARY, "children"),
        Output(layout.HAND_LIST, "children"),
        Output(layout.HAND_LESSONS, "hidden"),
        Output(layout.HAND_REPORT, "children"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(layout.LAST, "data"),
        Input(layout.HAND_CHANGED, "data"),
        State(ids.OPEN_TAB, "data"),
    )
    async def show_collection(version: Version, *others: Any) -> tuple[Any, ...]:
        if others[-1] != ids.TAB_DRAW:
            return (no_update,) * 4
        return await asyncio.to_thread(_collection, service, CheckpointRef.parse(version))


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


def _collection(service: TrainingService, ref: CheckpointRef) -> tuple[Any, ...]:
    """Summary, thumbnails, whether the lesson's controls are hidden, and its report."""
    try:
        mine = service.drawings.predict(owner(), ref.run_id, ref.epoch)
        found = None if ref.run_id is None else service.finetuning.report(ref.run_id)
        report = None
        if found is not None and ref.run_id is not None:
            report = text.report(found, service.runs.snapshot(ref.run_id))
    except DigitLabError as error:
        return str(error), no_update, no_update, None
    return text.summary(mine), text.thumbnails(mine), not mine.drawings, report
