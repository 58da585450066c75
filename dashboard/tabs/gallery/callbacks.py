"""Callbacks of the Gallery tab."""

from functools import partial
from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, html

from core.analysis import mistakes
from core.analysis.mistakes import Choice, Order
from core.errors import DigitLabError, NoModelError, NotTrainedError
from core.records.predictions import Gallery
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.image_grid import (
    NONE_WRONG,
    ImageRequest,
    chosen_image,
    encode,
    nothing,
    samples,
)
from dashboard.formatting import after_epochs, plural
from dashboard.service import TrainingService
from dashboard.tabs.gallery import layout

MAX_CHOSEN = 200
"""Images of a selection that are shown: more would take long to draw."""
NONE_OF_THEM = "None of the chosen images matches."


def register(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("gallery", "request"),
        Output(layout.REQUEST, "data"),
        Output(layout.ALL, "class_name"),
        Output(layout.COUNT, "disabled"),
        Output(layout.SHUFFLE, "disabled"),
        Input(layout.COUNT, "value"),
        Input(layout.WHICH, "value"),
        Input(layout.DIGIT, "value"),
        Input(layout.SHUFFLE, "n_clicks"),
        Input(ids.GALLERY_CHOICE, "data"),
        Input(ids.version(ids.TAB_GALLERY), "data"),
        State(ids.OPEN_TAB, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("gallery", "show"),
        Input(layout.GRID.shown, "data"),
        Input(layout.COLOURS, "value"),
    )

    layout.GRID.register(app, layout.REQUEST, layout.CAPTION, partial(_answer, service))


def _answer(service: TrainingService, request: ImageRequest) -> tuple[Any, dict[str, Any]]:
    try:
        images = find_images(service, request)
    except (NoModelError, NotTrainedError) as error:
        answer = samples(service, request, _count(request), error)
        count = len(answer.get("images", {}).get("indices", ()))
        return [f"{plural(count, 'test image')} ", html.Small("not read yet")], answer
    except DigitLabError as error:
        return layout.GRID.label, nothing(str(error))
    chosen = len(request.get("chosen") or [])
    if not len(images.indices):
        return layout.GRID.label, nothing(NONE_OF_THEM if chosen else NONE_WRONG, show_all=True)
    answer = {"images": encode(images), "chosen": chosen_image(service, request, images)}
    return caption(images, chosen), answer


def find_images(service: TrainingService, request: ImageRequest) -> Gallery:
    """The images selected in the embedding if there is a selection, else random or doubtful ones.

    Raises:
        DigitLabError: there is no such network, or its test set lacks selected images.
    """
    ref, which = CheckpointRef.parse(request.get("version")), request.get("which")
    digit, chosen, look = request.get("digit"), request.get("chosen"), service.predictions
    order = Order.MARGIN if which == layout.UNSURE else Order.INDEX
    choice = Choice(which == layout.WRONG, digit)
    if chosen or order is Order.MARGIN:
        if chosen:
            answers = look.test_images(chosen, ref.run_id, ref.epoch)
        else:
            answers = look.test_set_report(ref.run_id, ref.epoch).answers
        matching = mistakes.select(answers.probabilities, answers.labels, choice, order)
        return answers.at(matching[: MAX_CHOSEN if chosen else _count(request)])
    seed = request.get("seed", 0)
    return look.gallery(_count(request), seed, choice.only_wrong, ref.run_id, ref.epoch, digit)


def _count(request: ImageRequest) -> int:
    return min(max(request.get("count", 5), 1), max(layout.COUNTS))


def caption(images: Gallery, chosen: int = 0) -> list[Any]:
    """How many of the images the network reads right, and after how many epochs.

    `chosen` is the number of images selected in the embedding, 0 if the images are random.
    """
    count = len(images.indices)
    right = int(np.sum(images.predictions == images.labels))
    when = after_epochs(images.progress)
    if chosen:
        some = f", {count} of them here" if count < chosen else ""
        when = f"{plural(chosen, 'image')} chosen in the embedding{some}, {when}"
    return [f"{right} of {count} right ", html.Small(when)]
