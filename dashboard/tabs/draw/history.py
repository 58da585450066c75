"""A drawing's course: ten probabilities after each epoch of the run, in a strip on the Draw tab.

This module does not know how a network is asked: `core.service.prediction_history` does.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError, EmptyDrawing, NoModel
from core.records.layers import Course
from dashboard import guide_page, ids
from dashboard.components.checkpoint_ref import Shown, epoch_number
from dashboard.components.palette import VERMILION
from dashboard.theme import BARE_GRAPH, hide_axes, say
from dashboard.theme import layout as frame

if TYPE_CHECKING:
    from core.service.service import TrainingService

HEIGHT = 220
EXPLANATION = (
    "A column for each epoch, a row for each digit, the bluer the surer. Click a column to see the "
    "network as it was then."
)
NOTHING_TRAINED = "Press Train first: here stands what the network made of your drawing on its way."
NOTHING_DRAWN = "Draw a digit: here stands what the network made of it after each epoch."
_BLUES = [[0.0, "rgba(0,114,178,0)"], [1.0, "rgba(0,114,178,1)"]]
_MARK = VERMILION


def layout() -> html.Section:
    return html.Section(
        [
            html.H2("How its answer came about"),
            html.P("", id=ids.COURSE_CAPTION, className="course-caption", role="status"),
            html.Div(
                dcc.Graph(
                    id=ids.COURSE_GRAPH,
                    figure=figure(None, NOTHING_DRAWN),
                    config=BARE_GRAPH,
                    style={"height": f"{HEIGHT}px"},
                ),
                id=ids.COURSE_PICTURE,
                role="img",
                **{"aria-label": NOTHING_DRAWN},
            ),
            guide_page.explanation(EXPLANATION, "draw"),
            dcc.Store(id=ids.DRAW_RESTED),
            dcc.Store(id=ids.DRAW_LAST),
            dcc.Store(id=ids.COURSE_REQUEST),
        ],
        className="panel draw-course",
        **{"aria-label": "Course of the drawing"},
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("epochSlider", "seek"),
        Input(ids.COURSE_GRAPH, "clickData"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("drawHistory", "request"),
        Output(ids.COURSE_REQUEST, "data"),
        Input(ids.version(ids.TAB_DRAW), "data"),
        Input(ids.DRAW_FORM, "value"),
        Input(ids.DRAW_RESTED, "data"),
        Input(ids.DRAW_LAST, "data"),
        State(ids.TABS, "active_tab"),
        State(ids.COURSE_REQUEST, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.COURSE_GRAPH, "figure"),
        Output(ids.COURSE_CAPTION, "children"),
        Output(ids.COURSE_PICTURE, "aria-label"),
        Input(ids.COURSE_REQUEST, "data"),
        prevent_initial_call=True,
    )
    async def paint(request: dict[str, Any] | None) -> tuple[go.Figure, str, str]:
        return await asyncio.to_thread(answer, request or {})

    def answer(request: dict[str, Any]) -> tuple[go.Figure, str, str]:
        where = Shown.parse(request.get("version"))
        try:
            image = service.insight.drawing(request.get("drawing") or {}, bool(request["as_drawn"]))
            course = service.history.course(image, where.run_id)
        except DigitLabError as error:
            sentence = _why_not(error)
            return figure(None, sentence), "", sentence
        sentence = words(course)
        return figure(course, "", where.epoch), sentence, f"Course of the drawing. {sentence}"


def _why_not(error: DigitLabError) -> str:
    if isinstance(error, NoModel):
        return NOTHING_TRAINED
    return NOTHING_DRAWN if isinstance(error, EmptyDrawing) else str(error)


def figure(course: Course | None, sentence: str, shown: float | None = None) -> go.Figure:
    """A heatmap: epochs across, digits down, 0 at the top as in the bars; or a sentence.

    Args:
        shown: the epoch whose network the page shows, which gets a frame; None for the last.
    """
    if course is None:
        empty = go.Figure(layout=frame(HEIGHT))
        hide_axes(empty)
        say(empty, sentence)
        return empty
    # A category for each column: they are as wide as each other, however epochs are spaced.
    names = [epoch_number(epoch) for epoch in course.epochs]
    found = go.Figure(
        go.Heatmap(
            x=names,
            y=list(range(10)),
            z=course.probabilities.T.tolist(),
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            colorscale=_BLUES,
            showscale=False,
            hovertemplate="after epoch %{x}: %{z:.1%} for %{y}<extra></extra>",
        )
    )
    place = course.epochs.index(shown) if shown in course.epochs else len(names) - 1
    found.layout = frame(
        HEIGHT,
        margin=dict(l=28, r=8, t=8, b=42),
        dragmode=False,
        shapes=[
            dict(
                type="rect",
                x0=place - 0.5,
                x1=place + 0.5,
                y0=-0.5,
                y1=9.5,
                line=dict(color=_MARK, width=3),
            )
        ],
        xaxis=dict(
            type="category",
            title=dict(text="after epoch (0: untrained)", standoff=5),
            fixedrange=True,
            showgrid=False,
        ),
        yaxis=dict(
            range=[9.5, -0.5],
            tickvals=list(range(10)),
            fixedrange=True,
            showgrid=False,
            zeroline=False,
        ),
    )
    return found


def words(course: Course) -> str:
    """The course in words: what it read at first, what it reads now, and since when."""
    digits, chances = course.digits, course.probabilities.max(1)
    epochs = [epoch_number(epoch) for epoch in course.epochs]
    if len(epochs) == 1:
        return f"After epoch {epochs[0]} it reads {digits[0]} ({chances[0]:.0%})."
    turns = [place for place in range(1, len(digits)) if digits[place] != digits[place - 1]]
    first = "Untrained" if course.epochs[0] == 0 else f"After epoch {epochs[0]}"
    begun = f"{first} it read {digits[0]} ({chances[0]:.0%})"
    now = f"{chances[-1]:.0%} after epoch {epochs[-1]}"
    if not turns:
        return f"{begun}, and never anything else: {now}."
    detour = "" if len(turns) == 1 else f", after {len(turns)} changes of mind"
    return f"{begun}. It reads {digits[-1]} since epoch {epochs[turns[-1]]}{detour}: {now}."
