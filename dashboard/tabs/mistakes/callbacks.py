"""Callbacks of the Mistakes tab.

One answer has the matrix and the images: each callback costs more than a matrix.
"""

from functools import partial
from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory, Order, TestSetReport
from core.errors import DigitLabError, NoModelError, NotTrainedError
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.image_grid import ImageRequest, chosen_image, encode, nothing, samples
from dashboard.service import TrainingService
from dashboard.tabs.mistakes import layout, matrix, text

PAGE_SIZE = 40


def register(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("mistakes", "request"),
        Output(layout.REQUEST, "data"),
        Input(layout.CATEGORY, "value"),
        Input(layout.ORDER, "value"),
        Input(ids.version(ids.TAB_MISTAKES), "data"),
        State(ids.OPEN_TAB, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("mistakes", "show"), Input(layout.GRID.shown, "data")
    )

    layout.GRID.register(app, layout.REQUEST, layout.CAPTION, partial(_answer, service))


def _answer(service: TrainingService, request: ImageRequest) -> tuple[Any, dict[str, Any]]:
    ref = CheckpointRef.parse(request.get("version"))
    try:
        found = service.predictions.test_set_report(ref.run_id, ref.epoch)
    except (NoModelError, NotTrainedError) as error:
        return "Nothing misread yet", samples(service, request, PAGE_SIZE, error)
    except DigitLabError as error:
        return layout.TITLE, nothing(str(error))
    confusion = mistakes.confusion(found.answers.probabilities, found.answers.labels)
    choice = Choice(request.get("wrong", False), request.get("true"), request.get("predicted"))
    order, category = request.get("order", Order.INDEX), request.get("category")
    matching = find(found, choice, order, category)
    pages = max(-(-len(matching) // PAGE_SIZE), 1)
    page = min(max(request.get("page", 1), 1), pages)
    first = (page - 1) * PAGE_SIZE
    shown = matching[first : first + PAGE_SIZE]
    answer: dict[str, Any] = {
        "matrix": matrix.answer(confusion),
        "margins": text.margins(confusion),
        "categories": text.category_counts(found.categories),
        "range": text.page_range(first, len(shown), len(matching)),
        "page": page,
        "pages": pages,
    }
    if len(shown):
        images = found.answers.at(shown)
        answer |= {"images": encode(images), "chosen": chosen_image(service, request, images)}
    elif category is not None and found.categories is None:
        answer |= nothing(text.NO_CATEGORIES, show_all=True)
    else:
        answer |= nothing(text.no_images(choice, category), show_all=True)
    return text.caption(found.answers), answer


def find(
    found: TestSetReport, choice: Choice, order: Order, category: LearningCategory | None
) -> np.ndarray:
    """The indices of the images that match, in their order."""
    answers, among = found.answers, None
    if category is not None:
        # Before the first epoch no image has a category.
        none = np.zeros(len(answers.labels), bool)
        among = none if found.categories is None else found.categories == category
    return mistakes.select(answers.probabilities, answers.labels, choice, order, among)
