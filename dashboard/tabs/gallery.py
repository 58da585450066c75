"""The Gallery tab: test images as heatmaps, what the network says of them, and how sure it is."""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.events import DigitLabError, Gallery, NoModel
from dashboard import figures, ids
from dashboard.kept import KEEP
from dashboard.mosaic_view import MosaicView, page_width, paint
from dashboard.shown import Shown

if TYPE_CHECKING:
    from core.service import TrainingService

COUNTS = (5, 10, 20, 50, 100)
NOTHING_TRAINED = "Press Train first: here you will see what the network says of test images."
NONE_WRONG = "The network reads every test image right. There is nothing to show."
VIEW = MosaicView(
    ids.GALLERY_GRAPH,
    ids.GALLERY_DETAIL,
    ids.GALLERY_SHOWN,
    ids.GALLERY_CHOSEN,
    "Test images",
    "Chosen image",
)


def layout() -> html.Div:
    return html.Div(
        [
            html.Div(
                [
                    html.Div(
                        [
                            dbc.Label("Images", html_for=ids.GALLERY_COUNT, className="mb-0"),
                            dbc.Select(
                                id=ids.GALLERY_COUNT,
                                options=[{"value": n, "label": str(n)} for n in COUNTS],
                                value=20,
                                size="sm",
                                **KEEP,
                            ),
                        ],
                        className="control",
                    ),
                    dbc.Switch(
                        id=ids.GALLERY_WRONG,
                        label="Only wrong ones",
                        value=False,
                        **KEEP,
                    ),
                    dbc.Button("Draw others", id=ids.GALLERY_AGAIN, color="primary", size="sm"),
                ],
                className="controls",
            ),
            html.P(id=ids.GALLERY_CAPTION, className="text-body-secondary mb-2", role="status"),
            VIEW.layout(NOTHING_TRAINED),
            dcc.Store(id=ids.GALLERY_REQUEST),
        ]
    )


def register(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("digitlab", "gallery"),
        Output(ids.GALLERY_REQUEST, "data"),
        Input(ids.TABS, "active_tab"),
        Input(ids.GALLERY_COUNT, "value"),
        Input(ids.GALLERY_WRONG, "value"),
        Input(ids.GALLERY_AGAIN, "n_clicks"),
        Input(ids.PAGE_VERSION, "data"),
        State(ids.GALLERY_REQUEST, "data"),
    )

    @app.callback(
        Output(ids.GALLERY_GRAPH, "figure"),
        Output(ids.GALLERY_CAPTION, "children"),
        Output(ids.GALLERY_SHOWN, "data"),
        Input(ids.GALLERY_REQUEST, "data"),
        prevent_initial_call=True,
    )
    async def show(request: dict[str, Any]) -> tuple[go.Figure, str, dict[str, Any] | None]:
        count, seed, only_wrong = _wanted(request)
        look = service.explorer.gallery
        try:
            where = Shown.parse(request.get("version"))
            shown = await asyncio.to_thread(
                look, count, seed, only_wrong, where.run_id, where.epoch
            )
        except NoModel:
            return figures.no_gallery(NOTHING_TRAINED), "", None
        except DigitLabError as error:
            return figures.no_gallery(str(error)), "", None
        if not len(shown.indices):
            return figures.no_gallery(NONE_WRONG), "", None
        figure, remembered = paint(shown, page_width(request), request.get("version"))
        return figure, caption(shown, only_wrong), remembered

    VIEW.register(app, service)


def caption(shown: Gallery, only_wrong: bool) -> str:
    """How the network did on the images shown, and when that was."""
    count = len(shown.indices)
    right = int((shown.predictions == shown.labels).sum())
    when = (
        f"after {shown.progress:.3g} epochs" if shown.progress else "before it has learnt anything"
    )
    if only_wrong:
        return f"{count} test images that the network gets wrong, {when}."
    return f"{right} of {count} right, {when}."


def _wanted(request: dict[str, Any]) -> tuple[int, int, bool]:
    count = min(max(int(request.get("count") or 5), 1), max(COUNTS))
    return count, abs(int(request.get("seed") or 0)), bool(request.get("wrong"))
