"""Layout of the Mistakes tab: confusion matrix, table of digits, and the images that match."""

from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import dcc, html

from core.analysis.mistakes import CLASSES, Order
from dashboard.components.controls import PERSIST, button, panel, select, stores
from dashboard.components.help_link import help_link
from dashboard.components.image_grid import ImageGrid
from dashboard.tabs.mistakes import figures
from dashboard.tabs.mistakes.text import ANY, NO_MATRIX, NOTHING_TRAINED, category_options
from dashboard.theme import CLICK_GRAPH, empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService

MATRIX = "mistakes-matrix"
MATRIX_FIGURE = "mistakes-matrix-figure"
TABLE = "mistakes-table"
WRONG = "mistakes-wrong"
TRUE = "mistakes-true"
PREDICTED = "mistakes-predicted"
ORDER = "mistakes-order"
CATEGORY = "mistakes-category"
RESET = "mistakes-reset"
CAPTION = "mistakes-caption"
PAGE = "mistakes-page"
REQUEST = "mistakes-request"
GRID = ImageGrid("mistakes", "Images that fit", "Chosen image that fits")

EXPLANATION = (
    "All test images at once. Rows: true digit. Columns: prediction. Click a cell to "
    "see exactly those images."
)
ORDERS = {
    Order.CONFIDENTLY_WRONG: "Most confidently wrong",
    Order.MARGIN: "Least sure (margin)",
    Order.ENTROPY: "Least sure (entropy)",
    Order.INDEX: "As in the test set",
}


def layout(_: "TrainingService") -> html.Div:
    figure = empty_state(NO_MATRIX, figures.HEIGHT)
    matrix = dcc.Graph(id=MATRIX, figure=figure, config=CLICK_GRAPH)
    return html.Div(
        [
            help_link(EXPLANATION, "mistakes"),
            html.Div(
                [
                    panel("Confusion matrix", matrix, class_name="mistakes-matrix"),
                    panel("Each digit", id=TABLE, class_name="mistakes-table"),
                    html.Div(
                        [
                            _filters(),
                            _categories(),
                            html.P(id=CAPTION, className="text-body-secondary mb-2", role="status"),
                            GRID.layout(NOTHING_TRAINED),
                            dbc.Pagination(
                                id=PAGE,
                                max_value=1,
                                active_page=1,
                                fully_expanded=False,
                                previous_next=True,
                                size="sm",
                                class_name="d-none",
                            ),
                        ],
                        className="mistakes-images",
                    ),
                ],
                className="mistakes-tab",
            ),
            *stores(MATRIX_FIGURE, REQUEST),
        ]
    )


def _filters() -> html.Div:
    digits = [ANY, *map(str, range(CLASSES))]
    options = [{"value": digit, "label": digit} for digit in digits]
    orders = [{"value": order.value, "label": label} for order, label in ORDERS.items()]
    return html.Div(
        [
            dbc.Switch(id=WRONG, label="Only wrong ones", value=True),
            select("True digit", TRUE, options, ANY),
            select("Predicted", PREDICTED, options, ANY),
            select("Order", ORDER, orders, Order.CONFIDENTLY_WRONG.value, **PERSIST),
            button("All mistakes", RESET),
        ],
        className="controls",
    )


def _categories() -> html.Div:
    label = f"{CATEGORY}-label"
    return html.Div(
        [
            html.Span("Over the epochs", id=label),
            html.Div(
                dbc.RadioItems(id=CATEGORY, options=category_options(None), value=ANY, inline=True),
                role="group",
                **{"aria-labelledby": label},
            ),
        ],
        className="controls",
    )
