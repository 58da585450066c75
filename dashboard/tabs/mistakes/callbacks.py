"""Callbacks of the Mistakes tab.

One answer has the matrix and the images: each callback costs more than a matrix.
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory, Order, TestSetReport
from core.errors import DigitLabError, NoModelError, NotTrainedError
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.image_grid import ImageRequest, chosen_image, encode, nothing, samples
from dashboard.tabs.mistakes import layout, matrix, text

if TYPE_CHECKING:
    from core.service.service import TrainingService

PAGE_SIZE = 40
CATEGORIES = [str(int(category)) for category in LearningCategory]
"""As the list on the page names them."""


@dataclass(frozen=True)
class Query:
    """The images that the page asks for. `page` counts from 1; `category` None means any."""

    choice: Choice
    order: Order
    category: LearningCategory | None
    page: int

    @classmethod
    def parse(cls, request: ImageRequest) -> "Query":
        """Reads the request of a page; an unknown category or order counts as not given."""
        category, order = request.get("category"), request.get("order")
        return cls(
            Choice(request.get("wrong", False), request.get("true"), request.get("predicted")),
            Order(order) if order in list(Order) else Order.INDEX,
            LearningCategory(int(category)) if category in CATEGORIES else None,
            max(request.get("page", 1), 1),
        )


@dataclass(frozen=True)
class Page:
    """The images of one page by their indices, of `count` that match, on page `number`."""

    images: np.ndarray
    count: int
    number: int
    pages: int

    @property
    def first(self) -> int:
        """How many images come before this page."""
        return (self.number - 1) * PAGE_SIZE


def register(app: Dash, service: "TrainingService") -> None:
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


def _answer(service: "TrainingService", request: ImageRequest) -> tuple[Any, dict[str, Any]]:
    ref, query = CheckpointRef.parse(request.get("version")), Query.parse(request)
    try:
        found = service.predictions.test_set_report(ref.run_id, ref.epoch)
    except (NoModelError, NotTrainedError) as error:
        return "Nothing misread yet", samples(service, request, PAGE_SIZE, error)
    except DigitLabError as error:
        return layout.TITLE, nothing(str(error))
    confusion = mistakes.confusion(found.answers.probabilities, found.answers.labels)
    page = find_page(found, query)
    answer: dict[str, Any] = {
        "matrix": matrix.answer(confusion),
        "margins": {"found": text.found(confusion), "correct": text.correct(confusion)},
        "categories": text.category_counts(found.categories),
        "range": text.page_range(page.first, len(page.images), page.count),
        "page": page.number,
        "pages": page.pages,
    }
    if page.count:
        images = found.answers.at(page.images)
        answer |= {"images": encode(images), "chosen": chosen_image(service, request, images)}
    else:
        no_category = query.category is not None and found.categories is None
        answer |= nothing(text.no_images(query.choice, query.category, no_category), show_all=True)
    return text.caption(found.answers), answer


def find_page(found: TestSetReport, query: Query) -> Page:
    """The page that is asked for, or the last one if there are fewer."""
    answers, among = found.answers, None
    if query.category is not None:
        # Before the first epoch no image has a category.
        none = np.zeros(len(answers.labels), bool)
        among = none if found.categories is None else found.categories == query.category
    matching = mistakes.select(
        answers.probabilities, answers.labels, query.choice, query.order, among
    )
    pages = max(-(-len(matching) // PAGE_SIZE), 1)
    number = min(query.page, pages)
    images = matching[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return Page(images, len(matching), number, pages)
