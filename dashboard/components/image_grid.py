"""A mosaic of test images beside the one that was clicked, with its ten bars: Gallery and Mistakes.

The chosen image stays chosen when the mosaic changes, and is shown as the network then on the page
reads it. This module does not know how the images were chosen.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.errors import DigitLabError
from core.records.runs import Gallery
from dashboard.components import digit_figures
from dashboard.components.checkpoint_ref import Shown
from dashboard.components.probability_bars import bars
from dashboard.theme import BARE_GRAPH

if TYPE_CHECKING:
    from core.service.service import TrainingService

HINT = "Click an image to see how sure the network is."


@dataclass(frozen=True)
class MosaicView:
    """The ids of one such view, and the names of its two parts.

    `shown` is the id of a store with what stands where, as `paint` gives it; `chosen` that of one
    with where in which mosaic was clicked, and what is shown now.
    """

    graph: str
    detail: str
    shown: str
    chosen: str
    name: str
    detail_name: str

    def layout(self, sentence: str) -> html.Div:
        """Mosaic and detail, with a sentence in place of images."""
        return html.Div(
            [
                html.Section(
                    dcc.Graph(
                        id=self.graph,
                        figure=digit_figures.no_gallery(sentence),
                        # Two images clicked one soon after the other are no double click,
                        # which Plotly would take them for and not report the second.
                        config={
                            **BARE_GRAPH,
                            "doubleClick": False,
                            "doubleClickDelay": 1,
                        },
                    ),
                    className="panel gallery-mosaic",
                    **{"aria-label": self.name},
                ),
                html.Section(
                    _hint(),
                    id=self.detail,
                    className="panel gallery-detail",
                    **{"aria-label": self.detail_name},
                ),
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
            prevent_initial_call=True,
        )

        # Asked by what the page remembers of the click: Dash drops an answer that is overtaken, and
        # while a network learns quickly the next mosaic would take the click with it.
        @app.callback(
            Output(self.detail, "children"),
            Input(self.chosen, "data"),
            prevent_initial_call=True,
        )
        async def detail(chosen: dict[str, Any] | None) -> Any:
            shown = (chosen or {}).get("shown")
            if chosen is None or shown is None:
                return _hint()
            index = picked(chosen)
            if index is None or chosen["of"]["run"] != shown["run"]:  # it may have other images
                return _hint()
            where = Shown.parse(shown["version"])
            look = service.explorer.test_images
            try:
                found = await asyncio.to_thread(look, [index], where.run_id, where.epoch)
            except DigitLabError as error:
                return html.P(str(error))
            return _one(found)


def paint(shown: Gallery, width: int, version: str | None) -> tuple[go.Figure, dict[str, Any]]:
    """The mosaic, so many pixels wide, and what the view's store remembers of it."""
    mosaic = digit_figures.Mosaic(columns(len(shown.indices), width), width)
    remembered = {
        "mosaic": [mosaic.columns, mosaic.width],
        "indices": shown.indices.tolist(),
        "run": Shown.parse(version).run_id,
        "version": version,
    }
    return digit_figures.gallery(shown, mosaic), remembered


def page_width(request: dict[str, Any]) -> int:
    """How many pixels a page has for its mosaic, within reason whatever it says."""
    return min(max(int(request.get("width") or 800), 200), 2000)


def columns(count: int, width: int) -> int:
    """As many columns as leave room for the titles, in rows that come out even."""
    return min(count, 10 if width >= 700 else 5)


def picked(chosen: dict[str, Any]) -> int | None:
    """Which test image was clicked, as the page remembers it; None beside all images."""
    mosaic, indices = digit_figures.Mosaic(*chosen["of"]["mosaic"]), chosen["of"]["indices"]
    x, y = chosen["at"]
    place = mosaic.place(x, y, len(indices))
    return None if place is None else int(indices[place])


def _hint() -> html.P:
    return html.P(HINT, className="text-body-secondary")


def _one(shown: Gallery) -> list[Any]:
    """The first image of a gallery, large, and what the network says of it."""
    label, digit = int(shown.labels[0]), int(shown.predictions[0])
    verdict = "right" if digit == label else "wrong"
    return [
        html.H2(f"Test image {shown.indices[0]}"),
        html.P(f"True: {label}, Pred: {digit} ({verdict})"),
        dcc.Graph(figure=digit_figures.digit(shown.images[0], 200), config=BARE_GRAPH),
        bars(shown.probabilities[0].tolist()),
    ]
