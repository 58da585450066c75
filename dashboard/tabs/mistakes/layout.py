"""Layout of the Mistakes tab: the confusion matrix, and the images behind it."""

from dash import html

from core.analysis.mistakes import Order
from dashboard.components.controls import PERSIST, choices, icon_button, select, stores
from dashboard.components.help_link import help_link
from dashboard.components.image_grid import ImageGrid
from dashboard.service import TrainingService
from dashboard.tabs.mistakes.text import category_options

ORDER = "mistakes-order"
CATEGORY = "mistakes-category"
CAPTION = "mistakes-caption"
TITLE = "Mistakes"
REQUEST = "mistakes-request"
GRID = ImageGrid("mistakes", "Images that match", "Chosen image that matches")

EXPLANATION = (
    "All test digits: rows are what they are, columns what the network reads. "
    "Press a cell or a digit to see exactly those."
)
ORDERS = {
    Order.CONFIDENTLY_WRONG: "Surest mistakes",
    Order.MARGIN: "Least sure: top two close",
    Order.ENTROPY: "Least sure: spread out",
    Order.INDEX: "As in the test set",
}
PAST = "Over the epochs"
SHOW = {"wrong": "All mistakes", "all": "All test digits", "chosen": ""}
"""What the list Show offers; the script names the last one, a chosen cell, row or column."""


def layout(service: TrainingService) -> html.Div:
    return html.Div(
        [
            html.Div(help_link(EXPLANATION, "mistakes"), className="group-help"),
            html.Div(
                [
                    html.Div(
                        [_matrix(), GRID.detail(service, "compact"), _scores()],
                        className="mistakes-all",
                    ),
                    html.Div([_tools(), GRID.tiles()], className="mistakes-images"),
                ],
                className="mistakes",
            ),
            *stores(REQUEST, GRID.shown),
        ]
    )


def _matrix() -> html.Section:
    head = [
        html.H2(html.Span(TITLE, id=CAPTION, role="status"), className="score"),
        html.Span("true digit ↓\u2002read as →", className="tiny muted"),
    ]
    explained = [
        html.B("Found: "),
        html.Span(**{"data-margin": "found"}),
        html.B(" Correct: "),
        html.Span(**{"data-margin": "correct"}),
    ]
    return html.Section(
        [
            html.Div(head, className="mistakes-head"),
            html.Table(className="cm"),
            html.P(explained, className="small soft margins"),
        ],
        id="mistakes-matrix",
        **{"aria-label": "Confusion matrix"},
    )


def _scores() -> html.Details:
    """The scores of each digit as a table."""
    scores = html.Table(className="class-table table table-sm numbers")
    return html.Details([html.Summary("As a table, with F1"), scores], className="scores")


def _tools() -> html.Div:
    show = html.Select(
        [html.Option(text, value=value, hidden=not text) for value, text in SHOW.items()],
        id="mistakes-show",
        className="form-select",
    )
    orders = [{"value": order.value, "label": label} for order, label in ORDERS.items()]
    return html.Div(
        [
            html.Div([html.Label("Show", htmlFor="mistakes-show"), show], className="control"),
            select("Sort", ORDER, orders, Order.CONFIDENTLY_WRONG.value, **PERSIST),
            html.Div(
                [
                    html.Span(id="mistakes-range", role="status", className="muted"),
                    _turn("Previous page", "previous", "-1"),
                    _turn("Next page", "next", "1"),
                ],
                className="mistakes-pages",
            ),
            html.Div(
                [
                    html.Span(PAST, className="soft"),
                    html.Div(choices(PAST, CATEGORY, category_options()), className="chips"),
                ],
                className="mistakes-categories",
            ),
        ],
        className="tools",
    )


def _turn(label: str, glyph: str, pages: str) -> html.Button:
    return icon_button(label, glyph, "icon turn-page", disabled=True, **{"data-pages": pages})
