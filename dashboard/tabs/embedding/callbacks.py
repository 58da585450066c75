"""Callbacks of the Embedding tab."""

import asyncio
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError, NoModelError
from core.records.explanations import Embedding
from dashboard import ids
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.formatting import capitalised, percent
from dashboard.tabs.embedding import figures, layout
from dashboard.theme import GRAPH, empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("embedding", "request"),
        Output(layout.REQUEST, "data"),
        Input(layout.METHOD, "value"),
        Input(ids.version(ids.TAB_EMBEDDING), "data"),
        Input(ids.DRAW_FORM, "data"),
        Input(layout.CLOCK, "disabled"),
        Input(ids.GALLERY_CHOICE, "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "chooseImages"),
        Output(ids.GALLERY_CHOICE, "data"),
        Input(layout.GRAPH_ID, "selectedData"),
        State(layout.SHOWN, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "describeChoice"),
        Output(layout.CHOSEN, "children"),
        Output(layout.SEND, "class_name"),
        Input(ids.GALLERY_CHOICE, "data"),
        Input(ids.version(ids.TAB_EMBEDDING), "data"),
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "openGallery"),
        Output(ids.OPEN_TAB, "data", allow_duplicate=True),
        Input(layout.SEND, "n_clicks"),
    )

    @app.callback(
        Output(layout.GRAPH_ID, "figure"),
        Output(layout.CAPTION, "children"),
        Output(layout.SHOWN, "data"),
        Input(layout.REQUEST, "data"),
        running=[(Output(layout.CLOCK, "disabled"), False, True)],
    )
    async def show_embedding(request: dict[str, Any]) -> tuple[go.Figure, str, dict[str, Any]]:
        ref = CheckpointRef.parse(request.get("version"))
        shown = {"run": ref.run_id}
        try:
            if request.get("method") == "tsne":
                future = await asyncio.to_thread(service.embeddings.tsne, ref.run_id, ref.epoch)
                embedding = await asyncio.wrap_future(future)
            else:
                embedding = await asyncio.to_thread(service.embeddings.pca, ref.run_id, ref.epoch)
        except NoModelError:
            sentence = layout.NOTHING_TRAINED
            return empty_state(sentence, figures.HEIGHT), sentence, shown
        except DigitLabError as error:
            return empty_state(str(error), figures.HEIGHT), str(error), shown
        figure = await asyncio.to_thread(_figure, service, embedding, ref, request)
        return figure, caption(embedding), shown

    @app.callback(
        Output(layout.PROGRESS, "children"),
        Input(layout.CLOCK, "n_intervals"),
        Input(layout.CLOCK, "disabled"),
        State(layout.METHOD, "value"),
    )
    async def show_progress(_: int | None, idle: bool, method: Any) -> str:
        return (
            "" if idle or method != "tsne" else f"t-SNE: {percent(service.embeddings.progress, 0)}"
        )

    @app.callback(
        Output(layout.DETAIL, "children"),
        Input(layout.GRAPH_ID, "clickData"),
        State(layout.SHOWN, "data"),
    )
    async def show_image(click: dict[str, Any] | None, shown: dict[str, Any] | None) -> Any:
        point = click["points"][0] if click else {}
        if "customdata" not in point or not shown:
            return layout.hint()
        index = int(point["customdata"])
        image = await asyncio.to_thread(service.predictions.test_image, index, shown["run"])
        return [
            html.H2(f"Test image {index}"),
            html.P(capitalised(point["text"])),
            dcc.Graph(figure=digit_figures.digit(image, 200), config=GRAPH),
        ]


def _figure(
    service: "TrainingService", embedding: Embedding, ref: CheckpointRef, request: dict[str, Any]
) -> go.Figure:
    """The embedding, with a point for the drawing on the Draw tab if that can be read."""
    point = None
    if request.get("drawing"):
        try:
            image = service.inspection.drawing(request["drawing"], bool(request["as_drawn"]))
            point = service.embeddings.place(image, embedding, ref.run_id, ref.epoch)
        except DigitLabError:
            pass  # the Draw tab explains the error
    return figures.embedding(embedding, point, request.get("chosen"))


def caption(embedding: Embedding) -> str:
    """How many images there are, and what distances in the plane mean."""
    count = len(embedding.indices)
    wrong = int((embedding.predictions != embedding.labels).sum())
    if embedding.explained is not None:
        how = f"The plane keeps {percent(embedding.explained, 0)} of the features' variance."
    else:
        how = "Who is whose neighbour counts; how far apart groups stand does not."
    return f"{count} test images, {wrong} of them misread (✕). {how}"
