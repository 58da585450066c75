"""The Gallery tab: test images as heatmaps, what the network says of them, and how sure it is."""

import asyncio
from typing import TYPE_CHECKING, Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from core.events import DigitLabError, Gallery, NoModel
from dashboard import figures, ids
from dashboard.bars import bars
from dashboard.kept import KEEP
from dashboard.shown import Shown

if TYPE_CHECKING:
    from core.service import TrainingService

COUNTS = (5, 10, 20, 50, 100)
NOTHING_TRAINED = "Press Train first: here you will see what the network says of test images."
NONE_WRONG = "The network reads every test image right. There is nothing to show."
HINT = "Click an image to see how sure the network is."


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
            html.Div(
                [
                    html.Section(
                        dcc.Graph(
                            id=ids.GALLERY_GRAPH,
                            figure=figures.no_gallery(NOTHING_TRAINED),
                            # Two images clicked one soon after the other are no double click,
                            # which Plotly would take them for and not report the second.
                            config={
                                "displayModeBar": False,
                                "doubleClick": False,
                                "doubleClickDelay": 1,
                            },
                        ),
                        className="panel gallery-mosaic",
                        **{"aria-label": "Test images"},
                    ),
                    html.Section(
                        html.P(HINT, className="text-body-secondary"),
                        id=ids.GALLERY_DETAIL,
                        className="panel gallery-detail",
                        **{"aria-label": "Chosen image"},
                    ),
                ],
                className="gallery-tab",
            ),
            dcc.Store(id=ids.GALLERY_REQUEST),
            dcc.Store(id=ids.GALLERY_SHOWN),
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
    async def paint(request: dict[str, Any]) -> tuple[go.Figure, str, dict[str, Any] | None]:
        count, seed, only_wrong = _wanted(request)
        width = min(max(int(request.get("width") or 800), 200), 2000)
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
        mosaic = figures.Mosaic(_columns(len(shown.indices), width), width)
        figure = figures.gallery(shown, mosaic)
        remembered = {**_remember(shown, mosaic), "run": where.run_id}
        return figure, caption(shown, only_wrong), remembered

    @app.callback(
        Output(ids.GALLERY_DETAIL, "children"),
        Input(ids.GALLERY_GRAPH, "clickData"),
        State(ids.GALLERY_SHOWN, "data"),
        prevent_initial_call=True,
    )
    async def detail(click: dict[str, Any] | None, shown: dict[str, Any] | None) -> Any:
        place = _clicked(click, shown)
        if place is None or shown is None:
            return html.P(HINT, className="text-body-secondary")
        index, label = shown["indices"][place], shown["labels"][place]
        probabilities = shown["probabilities"][place]
        digit = max(range(10), key=probabilities.__getitem__)
        verdict = "right" if digit == label else "wrong"
        image = await asyncio.to_thread(service.explorer.test_image, index, shown["run"])
        return [
            html.H2(f"Test image {index}"),
            html.P(f"True: {label}, Pred: {digit} ({verdict})"),
            dcc.Graph(
                figure=figures.digit(image, 200),
                config={"displayModeBar": False},
            ),
            bars(probabilities),
        ]


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


def _columns(count: int, width: int) -> int:
    """As many columns as leave room for the titles, in rows that come out even."""
    return min(count, 10 if width >= 700 else 5)


def _remember(shown: Gallery, mosaic: figures.Mosaic) -> dict[str, Any]:
    return {
        "mosaic": [mosaic.columns, mosaic.width],
        "indices": shown.indices.tolist(),
        "labels": shown.labels.tolist(),
        "probabilities": shown.probabilities.round(4).tolist(),
    }


def _clicked(click: dict[str, Any] | None, shown: dict[str, Any] | None) -> int | None:
    if not click or not shown:
        return None
    point = click["points"][0]
    return figures.Mosaic(*shown["mosaic"]).place(point["x"], point["y"], len(shown["indices"]))
