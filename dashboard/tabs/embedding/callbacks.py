"""The Embedding tab: test images stand near those that the network takes for alike.

This module does not know how the plane is found: `core.service.embeddings` does.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError, NoModel
from core.records.layers import Embedding
from dashboard import guide_page, ids
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import Shown
from dashboard.components.controls import choices
from dashboard.components.persistence import KEEP
from dashboard.tabs.mistakes import figures
from dashboard.theme import BARE_GRAPH, GRAPH, say

if TYPE_CHECKING:
    from core.service.service import TrainingService

NOTHING_TRAINED = "Press Train first: here test images will stand near those they resemble."
HINT = (
    "Click a point to see its image. Draw a lasso around some to see them in the gallery; "
    "a double click lets them go."
)
EXPLANATION = (
    "Before its last layer the network has a list of features of an image. Here they are laid out "
    "in a plane: what it takes for alike stands together."
)
CLOCK_MS = 500


def layout() -> html.Div:
    return html.Div(
        [
            guide_page.explanation(EXPLANATION, "embedding"),
            html.Div(
                [
                    choices(
                        "Method", ids.EMBEDDING_METHOD, {"pca": "PCA", "tsne": "t-SNE"}, **KEEP
                    ),
                    html.Span(id=ids.EMBEDDING_PROGRESS, role="status", className="small"),
                    html.Span(id=ids.EMBEDDING_CHOSEN, role="status", className="small"),
                    dbc.Button(
                        "Show them in the gallery",
                        id=ids.EMBEDDING_SEND,
                        color="primary",
                        size="sm",
                        class_name="d-none",
                    ),
                ],
                className="controls",
            ),
            html.P(
                NOTHING_TRAINED,
                id=ids.EMBEDDING_CAPTION,
                className="text-body-secondary mb-2",
                role="status",
            ),
            html.Div(
                [
                    html.Section(
                        dcc.Graph(
                            id=ids.EMBEDDING_GRAPH,
                            figure=figures.embedding(None),
                            config={**GRAPH, "scrollZoom": True},
                        ),
                        className="panel",
                        **{"aria-label": "Test images in a plane"},
                    ),
                    html.Section(
                        html.P(HINT, className="text-body-secondary"),
                        id=ids.EMBEDDING_DETAIL,
                        className="panel gallery-detail",
                        **{"aria-label": "Chosen point"},
                    ),
                ],
                className="gallery-tab",
            ),
            dcc.Store(id=ids.version(ids.TAB_EMBEDDING)),
            dcc.Store(id=ids.EMBEDDING_REQUEST),
            dcc.Store(id=ids.EMBEDDING_SHOWN),
            dcc.Interval(id=ids.EMBEDDING_CLOCK, interval=CLOCK_MS, disabled=True),
        ]
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("embedding", "request"),
        Output(ids.EMBEDDING_REQUEST, "data"),
        Input(ids.EMBEDDING_METHOD, "value"),
        Input(ids.version(ids.TAB_EMBEDDING), "data"),
        Input(ids.DRAW_FORM, "value"),
        Input(ids.EMBEDDING_CLOCK, "disabled"),
        Input(ids.GALLERY_CHOICE, "data"),
        State(ids.TABS, "active_tab"),
        State(ids.EMBEDDING_REQUEST, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "chooseImages"),
        Output(ids.GALLERY_CHOICE, "data"),
        Input(ids.EMBEDDING_GRAPH, "selectedData"),
        State(ids.EMBEDDING_SHOWN, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "describeChoice"),
        Output(ids.EMBEDDING_CHOSEN, "children"),
        Output(ids.EMBEDDING_SEND, "class_name"),
        Input(ids.GALLERY_CHOICE, "data"),
        Input(ids.version(ids.TAB_EMBEDDING), "data"),
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "openGallery"),
        Output(ids.TABS, "active_tab", allow_duplicate=True),
        Input(ids.EMBEDDING_SEND, "n_clicks"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.EMBEDDING_GRAPH, "figure"),
        Output(ids.EMBEDDING_CAPTION, "children"),
        Output(ids.EMBEDDING_SHOWN, "data"),
        Input(ids.EMBEDDING_REQUEST, "data"),
        running=[(Output(ids.EMBEDDING_CLOCK, "disabled"), False, True)],
        prevent_initial_call=True,
    )
    async def paint(request: dict[str, Any]) -> tuple[go.Figure, str, dict[str, Any]]:
        where = Shown.parse(request.get("version"))
        kept = {"run": where.run_id}
        ask = service.embeddings
        try:
            if request.get("method") == "tsne":
                begun = await asyncio.to_thread(ask.tsne, where.run_id, where.epoch)
                shown = await asyncio.wrap_future(begun)
            else:
                shown = await asyncio.to_thread(ask.pca, where.run_id, where.epoch)
        except NoModel:
            return figures.embedding(None), NOTHING_TRAINED, kept
        except DigitLabError as error:
            empty = figures.embedding(None)
            empty.layout.annotations = ()
            say(empty, str(error))
            return empty, str(error), kept

        def draw() -> go.Figure:
            point = None
            if request.get("drawing"):
                try:
                    drawn = service.insight.drawing(request["drawing"], bool(request["as_drawn"]))
                    point = ask.place(drawn, shown, where.run_id, where.epoch)
                except DigitLabError:
                    pass  # the Draw tab says what is wrong with it
            return figures.embedding(shown, point, request.get("chosen"))

        return await asyncio.to_thread(draw), caption(shown), kept

    @app.callback(
        Output(ids.EMBEDDING_PROGRESS, "children"),
        Input(ids.EMBEDDING_CLOCK, "n_intervals"),
        Input(ids.EMBEDDING_CLOCK, "disabled"),
        State(ids.EMBEDDING_METHOD, "value"),
        prevent_initial_call=True,
    )
    async def progress(ticks: int | None, idle: bool, method: Any) -> str:
        return "" if idle or method != "tsne" else f"t-SNE: {service.embeddings.progress:.0%}"

    @app.callback(
        Output(ids.EMBEDDING_DETAIL, "children"),
        Input(ids.EMBEDDING_GRAPH, "clickData"),
        State(ids.EMBEDDING_SHOWN, "data"),
        prevent_initial_call=True,
    )
    async def detail(click: dict[str, Any] | None, shown: dict[str, Any] | None) -> Any:
        point = click["points"][0] if click else {}
        if "customdata" not in point or not shown:
            return html.P(HINT, className="text-body-secondary")
        index = int(point["customdata"])
        image = await asyncio.to_thread(service.explorer.test_image, index, shown["run"])
        return [
            html.H2(f"Test image {index}"),
            html.P(f"{point['text'][0].upper()}{point['text'][1:]}"),
            dcc.Graph(figure=digit_figures.digit(image, 200), config=BARE_GRAPH),
        ]


def caption(shown: Embedding) -> str:
    """What the plane is, and how far it may be believed."""
    count = len(shown.indices)
    wrong = int((shown.predictions != shown.labels).sum())
    if shown.explained is not None:
        how = f"The plane keeps {shown.explained:.0%} of the features' variance."
    else:
        how = "Who is whose neighbour counts; how far apart groups stand does not."
    return f"{count} test images, {wrong} of them misread (✕). {how}"
