"""Callbacks of the Mistakes tab.

The matrix, the table and the counts depend on the network alone. A click on a cell changes the
filters, and with them only the images.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State

from core.analysis import mistakes
from core.analysis.mistakes import CLASSES, Choice, LearningCategory, Order, TestSetReport
from core.errors import DigitLabError, NoModelError
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.image_grid import EMPTY_HEIGHT, empty_grid, grid_figure
from dashboard.tabs.mistakes import figures, layout, text
from dashboard.theme import empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService

PAGE_SIZE = 40


@dataclass(frozen=True)
class Query:
    """The images that the page asks for. `page` counts from 1; `category` None means any."""

    choice: Choice
    order: Order
    category: LearningCategory | None
    page: int

    @classmethod
    def parse(cls, request: dict[str, Any]) -> "Query":
        """Reads the request of a page; values that make no sense count as not given."""
        category = _integer(request.get("category"), len(LearningCategory))
        order = request.get("order")
        return cls(
            Choice(
                bool(request.get("wrong")),
                _integer(request.get("true"), CLASSES),
                _integer(request.get("predicted"), CLASSES),
            ),
            Order(order) if order in list(Order) else Order.INDEX,
            None if category is None else LearningCategory(category),
            max(_integer(request.get("page"), 10**6) or 1, 1),
        )


@dataclass(frozen=True)
class Page:
    """The images of one page by their indices, of `count` that match, on page `number`."""

    images: np.ndarray
    count: int
    number: int
    pages: int


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("mistakes", "filterFromCell"),
        Output(layout.TRUE, "value"),
        Output(layout.PREDICTED, "value"),
        Output(layout.WRONG, "value"),
        Output(layout.CATEGORY, "value"),
        Input(layout.MATRIX, "clickData"),
        Input(layout.RESET, "n_clicks"),
        Input(layout.CATEGORY, "value"),
    )
    app.clientside_callback(
        ClientsideFunction("mistakes", "request"),
        Output(layout.REQUEST, "data"),
        Output(layout.PAGE, "active_page"),
        Input(layout.WRONG, "value"),
        Input(layout.TRUE, "value"),
        Input(layout.PREDICTED, "value"),
        Input(layout.CATEGORY, "value"),
        Input(layout.ORDER, "value"),
        Input(layout.PAGE, "active_page"),
        Input(ids.version(ids.TAB_MISTAKES), "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("mistakes", "matrix"),
        Output(layout.MATRIX, "figure"),
        Input(layout.MATRIX_FIGURE, "data"),
        Input(layout.TRUE, "value"),
        Input(layout.PREDICTED, "value"),
    )

    @app.callback(
        Output(layout.MATRIX_FIGURE, "data"),
        Output(layout.TABLE, "children"),
        Output(layout.CATEGORY, "options"),
        Input(ids.version(ids.TAB_MISTAKES), "data"),
    )
    async def show_network(version: str | None) -> tuple[Any, ...]:
        return await asyncio.to_thread(_network, service, CheckpointRef.parse(version))

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.GRID.graph, "figure"),
        Output(layout.GRID.shown, "data"),
        Output(layout.PAGE, "max_value"),
        Output(layout.PAGE, "class_name"),
        Input(layout.REQUEST, "data"),
    )
    async def show_images(request: dict[str, Any]) -> tuple[Any, ...]:
        return await asyncio.to_thread(_images, service, request)

    layout.GRID.register(app, service)


def _network(service: "TrainingService", ref: CheckpointRef) -> tuple[Any, ...]:
    try:
        found = service.predictions.test_set_report(ref.run_id, ref.epoch)
    except NoModelError:
        return empty_state(text.NO_MATRIX, figures.HEIGHT), None, text.category_options(None)
    except DigitLabError as error:
        return empty_state(str(error), EMPTY_HEIGHT), None, text.category_options(None)
    confusion = mistakes.confusion(found.answers.probabilities, found.answers.labels)
    options = text.category_options(found.categories)
    return figures.confusion(confusion), text.class_table(confusion), options


def _images(service: "TrainingService", request: dict[str, Any]) -> tuple[Any, ...]:
    ref, query = CheckpointRef.parse(request.get("version")), Query.parse(request)
    try:
        found = service.predictions.test_set_report(ref.run_id, ref.epoch)
    except NoModelError:
        return "", *empty_grid(text.NOTHING_TRAINED), 1, "d-none"
    except DigitLabError as error:
        return "", *empty_grid(str(error)), 1, "d-none"
    page = find_page(found, query)
    if page.count:
        grid = grid_figure(found.answers.at(page.images), request)
    else:
        no_category = query.category is not None and found.categories is None
        grid = empty_grid(text.no_images(query.choice, query.category, no_category))
    caption = text.caption(found.answers, page.count, page.number, page.pages)
    return caption, *grid, page.pages, "" if page.pages > 1 else "d-none"


def find_page(found: TestSetReport, query: Query) -> Page:
    """The page that is asked for, or the last one if there are fewer."""
    answers, among = found.answers, None
    if query.category is not None:
        # Before the first epoch no image has a category.
        kinds = found.categories.values if found.categories else np.full(len(answers.labels), -1)
        among = kinds == query.category
    matching = mistakes.select(
        answers.probabilities, answers.labels, query.choice, query.order, among
    )
    pages = max(-(-len(matching) // PAGE_SIZE), 1)
    number = min(query.page, pages)
    images = matching[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return Page(images, len(matching), number, pages)


def _integer(value: Any, below: int) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and text.isascii() and int(text) < below else None
