"""Callbacks of the Gallery tab."""

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State

from core.errors import DigitLabError, NoModelError, OutOfRangeError
from core.records.predictions import Gallery
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.image_grid import empty_grid, grid_figure
from dashboard.formatting import after_epochs, plural
from dashboard.tabs.gallery import layout

if TYPE_CHECKING:
    from core.service.service import TrainingService

MAX_CHOSEN = 200
"""Images of a selection that are shown: more would take long to draw."""
NONE_WRONG = "The network reads every test image right. There is nothing to show."
NONE_OF_THEM_WRONG = "The network reads all the chosen images right. There is nothing to show."
OTHER_TEST_SET = "This run's test set has no such images. Press Back to all images."


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("gallery", "request"),
        Output(layout.REQUEST, "data"),
        Output(layout.ALL, "class_name"),
        Output(layout.COUNT, "disabled"),
        Output(layout.AGAIN, "disabled"),
        Input(layout.COUNT, "value"),
        Input(layout.WRONG, "value"),
        Input(layout.AGAIN, "n_clicks"),
        Input(ids.GALLERY_CHOICE, "data"),
        Input(ids.version(ids.TAB_GALLERY), "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("gallery", "clearChoice"),
        Output(ids.GALLERY_CHOICE, "data", allow_duplicate=True),
        Input(layout.ALL, "n_clicks"),
    )

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.GRID.graph, "figure"),
        Output(layout.GRID.shown, "data"),
        Input(layout.REQUEST, "data"),
    )
    async def show(request: dict[str, Any]) -> tuple[Any, ...]:
        only_wrong, chosen = bool(request.get("wrong")), len(request.get("chosen") or [])
        try:
            images = await asyncio.to_thread(find_images, service, request)
        except NoModelError:
            return "", *empty_grid(layout.NOTHING_TRAINED)
        except DigitLabError as error:
            return "", *empty_grid(str(error))
        if not len(images.indices):
            return "", *empty_grid(NONE_OF_THEM_WRONG if chosen else NONE_WRONG)
        return caption(images, only_wrong, chosen), *grid_figure(images, request)

    layout.GRID.register(app, service)


def find_images(service: "TrainingService", request: dict[str, Any]) -> Gallery:
    """The images selected in the embedding if there is a selection, else random ones.

    Raises:
        OutOfRangeError: the run's test set lacks selected images.
        DigitLabError: there is no such network.
    """
    ref, only_wrong = CheckpointRef.parse(request.get("version")), bool(request.get("wrong"))
    chosen = request.get("chosen")
    if not chosen:
        count = min(max(int(request.get("count") or 5), 1), max(layout.COUNTS))
        seed = abs(int(request.get("seed") or 0))
        return service.predictions.gallery(count, seed, only_wrong, ref.run_id, ref.epoch)
    try:
        images = service.predictions.test_images(list(map(int, chosen)), ref.run_id, ref.epoch)
    except IndexError as error:
        raise OutOfRangeError(OTHER_TEST_SET) from error
    matching = images.predictions != images.labels if only_wrong else np.ones(len(chosen), bool)
    return images.at(np.flatnonzero(matching)[:MAX_CHOSEN])


def caption(images: Gallery, only_wrong: bool, chosen: int = 0) -> str:
    """How many of the images the network reads right, and after how many epochs.

    Args:
        chosen: the number of images selected in the embedding; 0 if the images are random.
    """
    count = len(images.indices)
    right = int((images.predictions == images.labels).sum())
    when = after_epochs(images.progress)
    if chosen:
        some = f", {count} of them here" if count < chosen else ""
        return f"{plural(chosen, 'image')} chosen in the embedding{some}: {right} right, {when}."
    if only_wrong:
        return f"{count} test images that the network gets wrong, {when}."
    return f"{right} of {count} right, {when}."
