"""The Mistakes tab: what is taken for what, how well each digit does, and which images they are."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import numpy as np
import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.analysis import mistakes
from core.analysis.mistakes import CLASSES, Assessment, Choice, Confusion, Course, Courses, Order
from core.errors import DigitLabError, NoModel
from core.records.runs import Gallery
from dashboard import guide_page, ids
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import Shown, when
from dashboard.components.controls import select
from dashboard.components.image_grid import MosaicView, page_width, paint
from dashboard.components.persistence import KEEP
from dashboard.tabs.mistakes import figures
from dashboard.theme import BARE_GRAPH

if TYPE_CHECKING:
    from core.service.service import TrainingService

PAGE = 40
"""Images that are shown at once."""
ANY = "any"
NOTHING_TRAINED = "Press Train first: here you will see which images the network gets wrong."
NONE_WRONG = "The network reads every test image right. Move the slider back to see mistakes."
NONE_FIT = "No image fits all of this. Press All mistakes, or choose less."
NO_COURSES = "The network has learnt nothing yet: courses begin with the first epoch."
EXPLANATION = (
    "All test images at once: what they are down, what the network says across. Click a cell to "
    "see exactly those images."
)
ORDERS = {
    Order.CONFIDENTLY_WRONG: "Most confidently wrong",
    Order.MARGIN: "Least sure (margin)",
    Order.ENTROPY: "Least sure (entropy)",
    Order.INDEX: "As in the test set",
}
COURSES = {
    Course.LEARNED: "learned",
    Course.RELEARNED: "relearned",
    Course.FORGOTTEN: "forgotten",
    Course.NEVER_LEARNED: "never learned",
    Course.ALWAYS_RIGHT: "always right",
}
VIEW = MosaicView(
    ids.MISTAKES_GRAPH,
    ids.MISTAKES_DETAIL,
    ids.MISTAKES_SHOWN,
    ids.MISTAKES_CHOSEN,
    "Images that fit",
    "Chosen image that fits",
)


@dataclass(frozen=True)
class Wanted:
    """What a page asks for; `page` counts from 1, no `course` means any."""

    choice: Choice
    order: Order
    course: Course | None
    page: int

    @classmethod
    def parse(cls, request: dict[str, Any]) -> "Wanted":
        """The wishes of a page's request; what makes no sense counts as no wish."""
        course = _whole(request.get("course"), len(Course))
        order = request.get("order")
        return cls(
            Choice(
                bool(request.get("wrong")),
                _whole(request.get("true"), CLASSES),
                _whole(request.get("predicted"), CLASSES),
            ),
            Order(order) if order in list(Order) else Order.INDEX,
            None if course is None else Course(course),
            max(_whole(request.get("page"), 10**6) or 1, 1),
        )


def layout() -> html.Div:
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "mistakes"),
            html.Div(
                [
                    html.Section(
                        dcc.Graph(
                            id=ids.MISTAKES_MATRIX,
                            figure=figures.confusion(None),
                            config={
                                **BARE_GRAPH,
                                "doubleClick": False,
                                "doubleClickDelay": 1,
                            },
                        ),
                        className="panel mistakes-matrix",
                        **{"aria-label": "Confusion matrix"},
                    ),
                    html.Section(
                        id=ids.MISTAKES_TABLE,
                        className="panel mistakes-table",
                        **{"aria-label": "Each digit"},
                    ),
                    html.Div(
                        [
                            _controls(),
                            html.P(
                                id=ids.MISTAKES_CAPTION,
                                className="text-body-secondary mb-2",
                                role="status",
                            ),
                            VIEW.layout(NOTHING_TRAINED),
                            dbc.Pagination(
                                id=ids.MISTAKES_PAGE,
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
            dcc.Store(id=ids.version(ids.TAB_MISTAKES)),
            dcc.Store(id=ids.MISTAKES_REQUEST),
        ]
    )


def _controls() -> html.Div:
    any_digit = [{"value": ANY, "label": "any"}]
    digits = any_digit + [{"value": str(digit), "label": str(digit)} for digit in range(CLASSES)]
    orders = [{"value": order.value, "label": words} for order, words in ORDERS.items()]
    return html.Div(
        [
            html.Div(
                [
                    dbc.Switch(id=ids.MISTAKES_WRONG, label="Only wrong ones", value=True),
                    select("True digit", ids.MISTAKES_TRUE, digits, ANY),
                    select("Predicted", ids.MISTAKES_PREDICTED, digits, ANY),
                    select(
                        "Order", ids.MISTAKES_ORDER, orders, Order.CONFIDENTLY_WRONG.value, **KEEP
                    ),
                    dbc.Button(
                        "All mistakes",
                        id=ids.MISTAKES_RESET,
                        size="sm",
                        color="secondary",
                        outline=True,
                    ),
                ],
                className="controls",
            ),
            html.Div(
                [
                    html.Span("Over the epochs", id=f"{ids.MISTAKES_COURSE}-label"),
                    html.Div(
                        dbc.RadioItems(
                            id=ids.MISTAKES_COURSE,
                            options=course_options(None),
                            value=ANY,
                            inline=True,
                        ),
                        role="group",
                        **{"aria-labelledby": f"{ids.MISTAKES_COURSE}-label"},
                    ),
                ],
                className="controls",
            ),
        ]
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("mistakes", "filterFromCell"),
        Output(ids.MISTAKES_TRUE, "value"),
        Output(ids.MISTAKES_PREDICTED, "value"),
        Output(ids.MISTAKES_WRONG, "value"),
        Output(ids.MISTAKES_COURSE, "value"),
        Input(ids.MISTAKES_MATRIX, "clickData"),
        Input(ids.MISTAKES_RESET, "n_clicks"),
        Input(ids.MISTAKES_COURSE, "value"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("mistakes", "request"),
        Output(ids.MISTAKES_REQUEST, "data"),
        Output(ids.MISTAKES_PAGE, "active_page"),
        Input(ids.MISTAKES_WRONG, "value"),
        Input(ids.MISTAKES_TRUE, "value"),
        Input(ids.MISTAKES_PREDICTED, "value"),
        Input(ids.MISTAKES_COURSE, "value"),
        Input(ids.MISTAKES_ORDER, "value"),
        Input(ids.MISTAKES_PAGE, "active_page"),
        Input(ids.version(ids.TAB_MISTAKES), "data"),
        State(ids.TABS, "active_tab"),
        State(ids.MISTAKES_REQUEST, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.MISTAKES_MATRIX, "figure"),
        Output(ids.MISTAKES_TABLE, "children"),
        Output(ids.MISTAKES_COURSE, "options"),
        Output(ids.MISTAKES_CAPTION, "children"),
        Output(ids.MISTAKES_GRAPH, "figure"),
        Output(ids.MISTAKES_SHOWN, "data"),
        Output(ids.MISTAKES_PAGE, "max_value"),
        Output(ids.MISTAKES_PAGE, "class_name"),
        Input(ids.MISTAKES_REQUEST, "data"),
        prevent_initial_call=True,
    )
    async def show(request: dict[str, Any]) -> tuple[Any, ...]:
        return await asyncio.to_thread(_answer, service, request)

    VIEW.register(app, service)


def _answer(service: "TrainingService", request: dict[str, Any]) -> tuple[Any, ...]:
    version = request.get("version")
    where, wanted = Shown.parse(version), Wanted.parse(request)
    try:
        found = service.explorer.assessment(where.run_id, where.epoch)
    except NoModel:
        return _nothing(figures.confusion(None), NOTHING_TRAINED)
    except DigitLabError as error:
        return _nothing(digit_figures.no_gallery(str(error)), str(error))
    answers = found.answers
    confused = mistakes.confusion(answers.probabilities, answers.labels)
    places, page, pages = fitting(found, wanted)
    if len(places):
        mosaic, remembered = paint(
            answers.at(places_on(places, page)), page_width(request), version
        )
    else:
        mosaic, remembered = digit_figures.no_gallery(why_none(found, wanted)), None
    return (
        matrix(confused, wanted.choice, min(max(int(request.get("matrix") or 0), 300), 520)),
        class_table(confused),
        course_options(found.courses),
        caption(answers, confused, len(places), page, pages),
        mosaic,
        remembered,
        pages,
        "" if pages > 1 else "d-none",
    )


def _nothing(figure: go.Figure, sentence: str) -> tuple[Any, ...]:
    options = course_options(None)
    return figure, None, options, "", digit_figures.no_gallery(sentence), None, 1, "d-none"


def fitting(found: Assessment, wanted: Wanted) -> tuple[np.ndarray, int, int]:
    """The places of all images that fit, sorted, and which page of how many is to be shown."""
    among = None
    if wanted.course is not None:
        # Before the first epoch no image has a course.
        kinds = found.courses.kinds if found.courses else np.full(len(found.answers.labels), -1)
        among = kinds == wanted.course
    answers = found.answers
    places = mistakes.select(
        answers.probabilities, answers.labels, wanted.choice, wanted.order, among
    )
    pages = max(-(-len(places) // PAGE), 1)
    return places, min(wanted.page, pages), pages


def places_on(places: np.ndarray, page: int) -> np.ndarray:
    """Those on one page, counted from 1."""
    return places[(page - 1) * PAGE : page * PAGE]


def why_none(found: Assessment, wanted: Wanted) -> str:
    """A sentence for a choice that no image fits."""
    if wanted.course is not None and found.courses is None:
        return NO_COURSES
    everything = wanted.course is None and wanted.choice == Choice(only_wrong=True)
    return NONE_WRONG if everything else NONE_FIT


def caption(answers: Gallery, confused: Confusion, fit: int, page: int, pages: int) -> str:
    """How many images fit, and how the network does on all of them."""
    total = len(answers.labels)
    wrong = total - int(np.trace(confused.counts))
    which = f", page {page} of {pages}" if pages > 1 else ""
    return (
        f"{fit:,} of {total:,} test images fit{which}. "
        f"The network gets {wrong:,} wrong ({confused.accuracy:.2%} right), "
        f"{when(answers.progress)}."
    )


def matrix(confused: Confusion, choice: Choice, size: int) -> go.Figure:
    """The confusion matrix with a frame around the row, the column or the cell that is chosen."""
    figure = figures.confusion(confused, size)
    if choice.true is not None or choice.predicted is not None:
        left, right = _span(choice.predicted)
        top, bottom = _span(choice.true)
        figure.add_shape(
            type="rect", x0=left, x1=right, y0=top, y1=bottom, line=dict(color="#888", width=3)
        )
    return figure


def class_table(confused: Confusion) -> dbc.Table:
    """Precision, recall and F1 of each digit, with how many images of it there are."""
    head = html.Tr([html.Th(name) for name in ("digit", "images", "precision", "recall", "F1")])
    shares = (confused.precision, confused.recall, confused.f1)
    rows = [
        html.Tr(
            [
                html.Th(str(digit), scope="row"),
                html.Td(f"{confused.support[digit]:,}"),
                *(html.Td(_share(share[digit])) for share in shares),
            ]
        )
        for digit in range(CLASSES)
    ]
    return dbc.Table([html.Thead(head), html.Tbody(rows)], size="sm", class_name="class-table")


def course_options(courses: Courses | None) -> list[dict[str, Any]]:
    """The courses to choose from, with how many images took each."""
    options: list[dict[str, Any]] = [{"value": ANY, "label": ANY}]
    for course, words in COURSES.items():
        count = "" if courses is None else f" ({courses.count(course):,})"
        options.append({"value": str(int(course)), "label": f"{words}{count}"})
    return options


def _span(digit: int | None) -> tuple[float, float]:
    return (-0.5, CLASSES - 0.5) if digit is None else (digit - 0.5, digit + 0.5)


def _share(value: float) -> str:
    """A share in per cent; a dash where there was nothing to take a share of."""
    return "–" if np.isnan(value) else f"{value:.1%}"


def _whole(value: Any, below: int) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() and text.isascii() and int(text) < below else None
