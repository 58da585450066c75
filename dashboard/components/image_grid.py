"""A grid of test images beside the one that was clicked, with its probabilities.

The Gallery and the Mistakes tab use it. The clicked image stays selected when the grid changes; it
is then shown with the probabilities of the network that the tab shows.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError
from core.records.predictions import Gallery
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.controls import panel
from dashboard.components.probability_bars import probability_bars
from dashboard.theme import CLICK_GRAPH, GRAPH, empty_state

if TYPE_CHECKING:
    from core.service.service import TrainingService

EMPTY_HEIGHT = 300
HINT = "Click an image to see how sure the network is."


@dataclass(frozen=True)
class ImageGrid:
    """The grid of a tab, whose ids begin with `prefix`, and the labels of its two parts."""

    prefix: str
    label: str
    detail_label: str

    @property
    def graph(self) -> str:
        return f"{self.prefix}-graph"

    @property
    def detail(self) -> str:
        return f"{self.prefix}-detail"

    @property
    def shown(self) -> str:
        """The store with the images in the graph, as `grid_figure` describes them."""
        return f"{self.prefix}-shown"

    @property
    def chosen(self) -> str:
        """The store with the position of the click, the grid it was made in, and `shown`."""
        return f"{self.prefix}-chosen"

    def layout(self, sentence: str) -> html.Div:
        """The grid without images, with a sentence in their place."""
        figure = empty_state(sentence, EMPTY_HEIGHT)
        graph = dcc.Graph(id=self.graph, figure=figure, config=CLICK_GRAPH)
        return html.Div(
            [
                panel(self.label, graph, class_name="gallery-mosaic"),
                panel(self.detail_label, _hint(), id=self.detail, class_name="gallery-detail"),
                dcc.Store(id=self.shown),
                dcc.Store(id=self.chosen),
            ],
            className="gallery-tab",
        )

    def register(self, app: Dash, service: "TrainingService") -> None:
        app.clientside_callback(
            ClientsideFunction("imageGrid", "selectPoint"),
            Output(self.chosen, "data"),
            Input(self.graph, "clickData"),
            Input(self.shown, "data"),
            State(self.chosen, "data"),
        )

        # The click comes from a store: Dash drops an answer when a newer request overtakes it, and
        # during fast training the next grid would take the click with it.
        @app.callback(Output(self.detail, "children"), Input(self.chosen, "data"))
        async def show_detail(chosen: dict[str, Any] | None) -> Any:
            index, shown = clicked_image(chosen or {}), (chosen or {}).get("shown")
            if chosen is None or index is None or shown is None:
                return _hint()
            if chosen["of"]["run"] != shown["run"]:  # another run may have other test images
                return _hint()
            ref = CheckpointRef.parse(shown["version"])
            read = service.predictions.test_images
            try:
                return _detail(await asyncio.to_thread(read, [index], ref.run_id, ref.epoch))
            except DigitLabError as error:
                return html.P(str(error))


def grid_figure(
    images: Gallery, request: dict[str, Any]
) -> tuple[go.Figure, dict[str, Any] | None]:
    """The figure of a grid and the data for its store `shown`.

    Args:
        request: of the page; `width` is the room for the grid in pixels.
    """
    width = min(max(int(request.get("width") or 800), 200), 2000)
    columns = min(len(images.indices), 10 if width >= 700 else 5)
    shown = {
        "mosaic": [columns, width],
        "indices": images.indices.tolist(),
        "run": CheckpointRef.parse(request.get("version")).run_id,
        "version": request.get("version"),
    }
    return digit_figures.mosaic(images, digit_figures.Mosaic(columns, width)), shown


def empty_grid(sentence: str) -> tuple[go.Figure, dict[str, Any] | None]:
    """As `grid_figure`, with a sentence in place of images."""
    return empty_state(sentence, EMPTY_HEIGHT), None


def clicked_image(chosen: dict[str, Any]) -> int | None:
    """The index of the test image that was clicked; None beside all images."""
    if "of" not in chosen:
        return None
    mosaic, indices = digit_figures.Mosaic(*chosen["of"]["mosaic"]), chosen["of"]["indices"]
    x, y = chosen["at"]
    number = mosaic.image_at(x, y, len(indices))
    return None if number is None else int(indices[number])


def _hint() -> html.P:
    return html.P(HINT, className="text-body-secondary")


def _detail(images: Gallery) -> list[Any]:
    """The first image, large, with the probabilities."""
    label, predicted = int(images.labels[0]), int(images.predictions[0])
    verdict = "right" if predicted == label else "wrong"
    return [
        html.H2(f"Test image {images.indices[0]}"),
        html.P(f"True: {label}, Pred: {predicted} ({verdict})"),
        dcc.Graph(figure=digit_figures.digit(images.images[0], 200), config=GRAPH),
        probability_bars(images.probabilities[0].tolist()),
    ]
