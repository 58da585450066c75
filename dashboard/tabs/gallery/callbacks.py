"""The Gallery tab: test images as heatmaps, what the network says of them, and how sure it is."""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import numpy as np
import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError, NoModel, NotThere
from core.records.runs import Gallery
from dashboard import guide_page, ids
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import Shown, when
from dashboard.components.controls import select
from dashboard.components.image_grid import MosaicView, page_width, paint
from dashboard.components.persistence import KEEP

if TYPE_CHECKING:
    from core.service.service import TrainingService

COUNTS = (5, 10, 20, 50, 100)
MOST_CHOSEN = 200
"""Images of a choice that are shown: more would take long to paint."""
EXPLANATION = (
    "What the network says of test images, which it never learns from. What it gets wrong has a "
    "cross and a frame. Click an image to see how sure it is."
)
NOTHING_TRAINED = "Press Train first: here you will see what the network says of test images."
NONE_WRONG = "The network reads every test image right. There is nothing to show."
NONE_OF_THEM_WRONG = "The network reads all the chosen images right. There is nothing to show."
OTHER_TEST_SET = "This run's test set has no such images. Press Back to all images."
VIEW = MosaicView(
    ids.GALLERY_GRAPH,
    ids.GALLERY_DETAIL,
    ids.GALLERY_SHOWN,
    ids.GALLERY_CHOSEN,
    "Test images",
    "Chosen image",
)


def layout() -> html.Div:
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "gallery"),
            html.Div(
                [
                    select(
                        "Images",
                        ids.GALLERY_COUNT,
                        [{"value": n, "label": str(n)} for n in COUNTS],
                        20,
                        **KEEP,
                    ),
                    dbc.Switch(
                        id=ids.GALLERY_WRONG,
                        label="Only wrong ones",
                        value=False,
                        **KEEP,
                    ),
                    dbc.Button("Draw others", id=ids.GALLERY_AGAIN, color="primary", size="sm"),
                    dbc.Button(
                        "Back to all images",
                        id=ids.GALLERY_ALL,
                        color="secondary",
                        outline=True,
                        size="sm",
                        class_name="d-none",
                    ),
                ],
                className="controls",
            ),
            html.P(id=ids.GALLERY_CAPTION, className="text-body-secondary mb-2", role="status"),
            VIEW.layout(NOTHING_TRAINED),
            dcc.Store(id=ids.version(ids.TAB_GALLERY)),
            dcc.Store(id=ids.GALLERY_REQUEST),
            dcc.Store(id=ids.GALLERY_CHOICE),
        ]
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("gallery", "request"),
        Output(ids.GALLERY_REQUEST, "data"),
        Output(ids.GALLERY_ALL, "class_name"),
        Output(ids.GALLERY_COUNT, "disabled"),
        Output(ids.GALLERY_AGAIN, "disabled"),
        Input(ids.GALLERY_COUNT, "value"),
        Input(ids.GALLERY_WRONG, "value"),
        Input(ids.GALLERY_AGAIN, "n_clicks"),
        Input(ids.GALLERY_CHOICE, "data"),
        Input(ids.version(ids.TAB_GALLERY), "data"),
        State(ids.TABS, "active_tab"),
        State(ids.GALLERY_REQUEST, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("gallery", "clearChoice"),
        Output(ids.GALLERY_CHOICE, "data", allow_duplicate=True),
        Input(ids.GALLERY_ALL, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.GALLERY_GRAPH, "figure"),
        Output(ids.GALLERY_CAPTION, "children"),
        Output(ids.GALLERY_SHOWN, "data"),
        Input(ids.GALLERY_REQUEST, "data"),
        prevent_initial_call=True,
    )
    async def show(request: dict[str, Any]) -> tuple[go.Figure, str, dict[str, Any] | None]:
        chosen = request.get("chosen")
        only_wrong = bool(request.get("wrong"))
        try:
            shown = await asyncio.to_thread(_look, service, request)
        except NoModel:
            return digit_figures.no_gallery(NOTHING_TRAINED), "", None
        except DigitLabError as error:
            return digit_figures.no_gallery(str(error)), "", None
        if not len(shown.indices):
            sentence = NONE_OF_THEM_WRONG if chosen else NONE_WRONG
            return digit_figures.no_gallery(sentence), "", None
        figure, remembered = paint(shown, page_width(request), request.get("version"))
        return figure, caption(shown, only_wrong, len(chosen or [])), remembered

    VIEW.register(app, service)


def _look(service: "TrainingService", request: dict[str, Any]) -> Gallery:
    """The images that a page asks for: the chosen ones if there is a choice, else random ones."""
    where, only_wrong = Shown.parse(request.get("version")), bool(request.get("wrong"))
    chosen = request.get("chosen")
    if not chosen:
        count = min(max(int(request.get("count") or 5), 1), max(COUNTS))
        seed = abs(int(request.get("seed") or 0))
        return service.explorer.gallery(count, seed, only_wrong, where.run_id, where.epoch)
    try:
        places = [int(place) for place in chosen]
        shown = service.explorer.test_images(places, where.run_id, where.epoch)
    except IndexError as error:
        raise NotThere(OTHER_TEST_SET) from error
    fitting = shown.predictions != shown.labels if only_wrong else np.ones(len(places), bool)
    return shown.at(np.flatnonzero(fitting)[:MOST_CHOSEN])


def caption(shown: Gallery, only_wrong: bool, chosen: int = 0) -> str:
    """How the network did on the images shown, and when that was.

    Args:
        chosen: how many were chosen in the embedding; 0 where the images are random.
    """
    count = len(shown.indices)
    right = int((shown.predictions == shown.labels).sum())
    then = when(shown.progress)
    if chosen:
        some = f", {count} of them here" if count < chosen else ""
        return f"{_images(chosen)} chosen in the embedding{some}: {right} right, {then}."
    if only_wrong:
        return f"{count} test images that the network gets wrong, {then}."
    return f"{right} of {count} right, {then}."


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"
