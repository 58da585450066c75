"""Callbacks of the Embedding tab. `assets/tabs/embedding.js` paints what they answer."""

import asyncio
from typing import Any

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, html
from typing_extensions import Required, TypedDict

from core.errors import DigitLabError
from core.records.explanations import Embedding
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.png import black_ink, data_url
from dashboard.formatting import percent
from dashboard.service import TrainingService
from dashboard.tabs.embedding import layout
from dashboard.values import Count, Version

ACROSS = 32
"""Digits side by side in the picture of all."""


class Request(TypedDict, total=False):
    """The embedding that the page asks for, and the drawing to place in it."""

    version: Version
    method: str
    drawing: dict[str, Any] | None
    as_drawn: Required[bool]


class OfARun(TypedDict):
    run: str | None


def register(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("embedding", "request"),
        Output(layout.REQUEST, "data"),
        Output(layout.RUN, "data"),
        Input(layout.METHOD, "value"),
        Input(ids.version(ids.TAB_EMBEDDING), "data"),
        Input(ids.DRAW_FORM, "data"),
        Input(layout.CLOCK, "disabled"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
        prevent_initial_call=False,  # without a run no version comes
    )
    app.clientside_callback(
        ClientsideFunction("embedding", "show"),
        Output(layout.CHOSEN, "children"),
        Output(layout.SEND, "disabled"),
        Input(layout.SHOWN, "data"),
        Input(layout.IMAGES, "data"),
        Input(ids.GALLERY_CHOICE, "data"),
    )

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.TRAIN, "hidden"),
        Output(layout.SHOWN, "data"),
        Input(layout.REQUEST, "data"),
        running=[(Output(layout.CLOCK, "disabled"), False, True)],
    )
    async def show_embedding(request: Request) -> tuple[Any, bool, dict[str, Any] | None]:
        ref = CheckpointRef.parse(request.get("version"))
        try:
            if request.get("method") == "tsne":
                future = await asyncio.to_thread(service.embeddings.tsne, ref.run_id, ref.epoch)
                embedding = await asyncio.wrap_future(future)
            else:
                embedding = await asyncio.to_thread(service.embeddings.pca, ref.run_id, ref.epoch)
        except DigitLabError as error:
            return str(error), True, None
        drawing = await asyncio.to_thread(_place, service, embedding, ref, request)
        trained = request.get("version") is not None
        text = caption(embedding) if trained else layout.UNTRAINED
        return text, trained, to_store(embedding, drawing, request)

    @app.callback(Output(layout.IMAGES, "data"), Input(layout.RUN, "data"))
    async def show_images(run: OfARun) -> str | None:
        def read() -> str:
            return picture(service.embeddings.images(run["run"]))

        try:
            return await asyncio.to_thread(read)
        except DigitLabError:
            return None  # the caption explains it

    @app.callback(
        Output(layout.PROGRESS, "children"),
        Input(layout.CLOCK, "n_intervals"),
        Input(layout.CLOCK, "disabled"),
        State(layout.METHOD, "value"),
    )
    async def show_progress(_: Count | None, idle: bool, method: Any) -> str:
        share = None if idle or method != "tsne" else service.embeddings.progress
        return "" if share is None else f"t-SNE: {percent(share, 0)}"


def _place(
    service: TrainingService, embedding: Embedding, ref: CheckpointRef, request: Request
) -> np.ndarray | None:
    """The point of the drawing on the Draw tab, if there is one that can be read."""
    drawing = request.get("drawing")
    if not drawing:
        return None
    try:
        image = service.inspection.drawing(drawing, request["as_drawn"])
        return service.embeddings.place(image, embedding, ref.run_id, ref.epoch)
    except DigitLabError:
        return None  # the Draw tab explains the error


def to_store(embedding: Embedding, drawing: np.ndarray | None, request: Request) -> dict[str, Any]:
    """An embedding for the page; `drawing` (2,) is the point of the visitor's drawing."""
    return {
        "run": CheckpointRef.parse(request.get("version")).run_id,
        "version": request.get("version"),
        "indices": embedding.indices.tolist(),
        "labels": embedding.labels.tolist(),
        "predictions": embedding.predictions.tolist(),
        "points": np.round(embedding.points.astype(float), 4).tolist(),
        "drawing": None if drawing is None else np.round(drawing.astype(float), 4).tolist(),
    }


def picture(images: np.ndarray) -> str:
    """Images (N, 28, 28) uint8 in rows of `ACROSS`, as the address of a PNG: ink as opacity."""
    rows = -(-len(images) // ACROSS)
    padded = np.zeros((rows * ACROSS, 28, 28), np.uint8)
    padded[: len(images)] = images
    sheet = padded.reshape(rows, ACROSS, 28, 28).swapaxes(1, 2).reshape(rows * 28, ACROSS * 28)
    return data_url(black_ink(sheet))


def caption(embedding: Embedding) -> list[Any]:
    """How many digits there are, how many are misread, and what the plane keeps."""
    wrong = int((embedding.predictions != embedding.labels).sum())
    parts = [
        html.B(f"{len(embedding.indices):,}"),
        " test digits, ",
        html.B(f"{wrong:,}"),
        " misread",
        html.I(className="embedding-key"),
    ]
    if embedding.explained is not None:
        parts.append(f" The plane keeps {percent(embedding.explained, 0)} of their variety.")
    return parts
