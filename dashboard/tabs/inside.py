"""The Inside tab: an image's way through the network, layer by layer, and what the answer rests on.

The image is a test image or the drawing of the Draw tab. This module does not know how anything of
it is computed: `core.insight` does.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import dash_bootstrap_components as dbc
import numpy as np
import plotly.graph_objects as go
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update

from core.events import DigitLabError, NoModel
from core.records import ATTRIBUTION_METHODS, Attribution, Filters, InnerLayer, Look, PixelStep
from dashboard import ids, inside_figures
from dashboard.bars import bars
from dashboard.kept import KEEP
from dashboard.shown import Shown

if TYPE_CHECKING:
    from core.service import TrainingService

NOTHING_TRAINED = "Press Train first: here you will see what each layer makes of an image."
NOTHING_DRAWN = "Nothing is drawn yet. Draw a digit on the Draw tab, or choose a test image."
NONE_WRONG = "The network reads every test image right."
POINT_HERE = "Point at a pixel of a map, and see from which numbers it was made."
NOTHING_SHOWN = "There is no image yet."
STEP_WIDTH, OVERLAY_SIZE, FILTERS_WIDTH = 340, 252, 640
NARROWEST, WIDEST = 240, 640
BARE = {"displayModeBar": False, "doubleClick": False, "scrollZoom": False}

Answer = TypeVar("Answer")


def layout() -> html.Div:
    return html.Div(
        [
            html.P(
                [
                    "Every layer makes new pictures of those before it, until ten numbers are "
                    "left. ",
                    html.A("What you see here", href="/guide#inside", target="_blank"),
                ],
                className="text-body-secondary mb-2",
            ),
            _choice_of_image(),
            html.P(NOTHING_TRAINED, id=ids.INSIDE_CAPTION, role="status", className="mb-2"),
            html.Div(
                [
                    _panel("What it says", html.Div(bars(), id=ids.INSIDE_BARS)),
                    _panel("What the answer rests on", *_attribution()),
                ],
                className="inside-top",
            ),
            html.Div(
                [
                    _panel(
                        "From layer to layer",
                        html.Div(_muted(NOTHING_TRAINED), id=ids.INSIDE_LAYERS),
                        look="inside-layers",
                    ),
                    _panel(
                        "How one number is made",
                        html.Div(_muted(POINT_HERE), id=ids.INSIDE_STEP),
                        look="inside-step",
                    ),
                ],
                className="inside-way",
            ),
            _panel("Filters", *_filters()),
            dcc.Store(id=ids.version(ids.TAB_INSIDE)),
            dcc.Store(id=ids.INSIDE_REQUEST),
            dcc.Store(id=ids.INSIDE_SHOWN),
            dcc.Store(id=ids.INSIDE_POINT),
            dcc.Store(id=ids.INSIDE_OUTLINES),
        ]
    )


def register(app: Dash, service: "TrainingService") -> None:
    insight = service.insight
    app.clientside_callback(
        ClientsideFunction("digitlab", "inside"),
        Output(ids.INSIDE_REQUEST, "data"),
        Input(ids.TABS, "active_tab"),
        Input(ids.INSIDE_SOURCE, "value"),
        Input(ids.INSIDE_INDEX, "value"),
        Input(ids.version(ids.TAB_INSIDE), "data"),
        Input(ids.DRAW_FORM, "value"),
        State(ids.INSIDE_REQUEST, "data"),
    )
    app.clientside_callback(
        ClientsideFunction("digitlab", "point"),
        Input(ids.inside_maps(ALL), "hoverData"),
        Input(ids.inside_maps(ALL), "clickData"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.INSIDE_CAPTION, "children"),
        Output(ids.INSIDE_BARS, "children"),
        Output(ids.INSIDE_LAYERS, "children"),
        Output(ids.inside_maps(ALL), "figure"),
        Output(ids.INSIDE_SHOWN, "data"),
        Input(ids.INSIDE_REQUEST, "data"),
        State(ids.INSIDE_SHOWN, "data"),
        prevent_initial_call=True,
    )
    async def paint(request: dict[str, Any], before: dict[str, Any] | None) -> tuple[Any, ...]:
        kept = [no_update] * len(ctx.outputs_list[3])

        width = min(max(int(request.get("width") or 0) - 30, NARROWEST), WIDEST)

        def look(where: Shown) -> tuple[Look, list[Any]]:
            image: np.ndarray | int = int(request.get("index") or 0)
            if request.get("source") == "drawing":
                image = insight.drawing(request["drawing"], bool(request.get("as_drawn")))
            found = insight.look(image, where.run_id, where.epoch)
            return found, [inside_figures.feature_maps(maps, width) for maps in found.view.maps]

        if request.get("source") == "drawing" and not request.get("drawing"):
            return NOTHING_DRAWN, bars(), _muted(NOTHING_DRAWN), kept, None
        answer = await _ask(look, Shown.parse(request.get("version")))
        if isinstance(answer, str):
            return answer, bars(), _muted(answer), kept, None
        found, figures = answer
        said = found.view.probabilities.tolist()
        shown = remember(found, request)
        words = caption(found, request)
        if before and before["layers"] == shown["layers"]:  # four times as fast as new graphs
            return words, bars(said), no_update, figures, shown
        layers = [
            _layer(place, maps.layer, figure)
            for place, (maps, figure) in enumerate(zip(found.view.maps, figures, strict=True))
        ]
        return words, bars(said), layers, kept, shown

    @app.callback(
        Output(ids.INSIDE_SOURCE, "value"),
        Output(ids.INSIDE_INDEX, "value"),
        Output(ids.INSIDE_CAPTION, "children", allow_duplicate=True),
        Input(ids.INSIDE_ANOTHER, "n_clicks"),
        Input(ids.INSIDE_WRONG, "n_clicks"),
        State(ids.PAGE_VERSION, "data"),
        prevent_initial_call=True,
    )
    async def another(clicks: int | None, wrong_clicks: int | None, version: Any) -> Any:
        only_wrong = ctx.triggered_id == ids.INSIDE_WRONG
        seed = (wrong_clicks if only_wrong else clicks) or 0

        def choose(where: Shown) -> list[int]:
            look = service.explorer.gallery
            found: list[int] = look(1, seed, only_wrong, where.run_id, where.epoch).indices.tolist()
            return found

        found = await _ask(choose, Shown.parse(version))
        if isinstance(found, str):
            return no_update, no_update, found
        if not found:
            return no_update, no_update, NONE_WRONG
        return "test", found[0], no_update

    app.clientside_callback(
        ClientsideFunction("digitlab", "outline"),
        Input(ids.INSIDE_OUTLINES, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.INSIDE_STEP, "children"),
        Output(ids.INSIDE_OUTLINES, "data"),
        Input(ids.INSIDE_POINT, "data"),
        Input(ids.INSIDE_SHOWN, "data"),
        prevent_initial_call=True,
    )
    async def explain(point: dict[str, Any] | None, shown: dict[str, Any] | None) -> Any:
        if not point or not shown:
            return _muted(POINT_HERE), None
        seen = Seen.recall(shown)

        def step(where: Shown) -> tuple[PixelStep, list[str]] | None:
            maps = insight.look(seen.image, where.run_id, where.epoch).view.maps
            if point["layer"] >= len(maps):
                return None
            layer = maps[point["layer"]].layer
            place = inside_figures.map_tiles(layer).locate(point["x"], point["y"])
            if place is None:
                return None
            found = insight.step(seen.image, layer.name, *place, where.run_id, where.epoch)
            return found, inside_figures.outlines(found, [one.layer for one in maps])

        found = await _ask(step, seen.where)
        if found is None:
            return _muted(POINT_HERE), None
        if isinstance(found, str):
            return _muted(found), None
        return _step(found[0]), found[1]

    @app.callback(
        Output(ids.INSIDE_REASONS, "children"),
        Output(ids.INSIDE_MAPS_OF, "options"),
        Output(ids.INSIDE_MAPS_OF, "value"),
        Output(f"{ids.INSIDE_MAPS_OF}-control", "style"),
        Input(ids.INSIDE_SHOWN, "data"),
        Input(ids.INSIDE_METHOD, "value"),
        Input(ids.INSIDE_DIGIT, "value"),
        Input(ids.INSIDE_MAPS_OF, "value"),
        prevent_initial_call=True,
    )
    async def reason(
        shown: dict[str, Any] | None, method: Any, digit: Any, layer: Any
    ) -> tuple[Any, ...]:
        names = shown["convolutions"] if shown else []
        options = [{"value": name, "label": name} for name in names]
        chosen = layer if layer in names else (names or [None])[-1]
        to_choose = method == "grad_cam" and len(names) > 1
        choice = options, chosen, {} if to_choose else {"display": "none"}
        if not shown or method not in ATTRIBUTION_METHODS:
            return _muted(NOTHING_SHOWN), *choice
        seen = Seen.recall(shown)
        wanted = int(digit) if str(digit or "").isdecimal() else None

        def attribute(where: Shown) -> Attribution:
            return insight.attribute(seen.image, method, wanted, where.run_id, where.epoch, chosen)

        found = await _ask(attribute, seen.where)
        return _muted(found) if isinstance(found, str) else _reasons(seen.image, found), *choice

    @app.callback(
        Output(ids.INSIDE_FILTER_LAYER, "options"),
        Output(ids.INSIDE_FILTER_LAYER, "value"),
        Output(ids.INSIDE_FILTERS, "children"),
        Input(ids.INSIDE_SHOWN, "data"),
        Input(ids.INSIDE_FILTER_LAYER, "value"),
        Input(ids.INSIDE_FILTER, "value"),
        prevent_initial_call=True,
    )
    async def filters(shown: dict[str, Any] | None, layer: Any, number: Any) -> Any:
        if not shown:
            return no_update, no_update, _muted(NOTHING_SHOWN)
        names = shown["filters"]
        chosen = layer if layer in names else names[0]  # another network has other layers
        found = await _ask(
            lambda where: insight.filters(chosen, where.run_id, where.epoch),
            Seen.recall(shown).where,
        )
        options = [{"value": name, "label": name} for name in names]
        shapes = _muted(found) if isinstance(found, str) else _kernels(found, number, shown)
        return options, chosen, shapes


@dataclass(frozen=True, eq=False)
class Seen:
    """What the page looks at: an image (28, 28), 0..1, and the network."""

    image: np.ndarray
    where: Shown

    @classmethod
    def recall(cls, shown: dict[str, Any]) -> "Seen":
        """Out of what `remember` gave the page to keep."""
        image = np.frombuffer(base64.b64decode(shown["image"]), np.float32).reshape(28, 28)
        return cls(image.copy(), Shown.parse(shown["version"]))


def remember(found: Look, request: dict[str, Any]) -> dict[str, Any]:
    """What the page needs to ask further about an image that it shows."""
    image = np.ascontiguousarray(found.image, np.float32)
    return {
        "image": base64.b64encode(image.tobytes()).decode(),
        "version": request.get("version"),
        "width": int(request.get("width") or 0),
        "layers": [[maps.layer.name, maps.layer.size] for maps in found.view.maps],
        "filters": [maps.layer.name for maps in found.view.maps if maps.layer.kernel is not None],
        "convolutions": [maps.layer.name for maps in found.view.maps if maps.layer.is_convolution],
    }


def caption(found: Look, request: dict[str, Any]) -> str:
    """Which image is shown, what it is read as, and when."""
    digit = int(found.view.probabilities.argmax())
    sure = f"{found.view.probabilities[digit]:.1%}"
    when = (
        f"after {found.progress:.3g} epochs" if found.progress else "before it has learnt anything"
    )
    if found.label is None:
        return f"Your drawing, read as {digit} ({sure}), {when}."
    verdict = "right" if digit == found.label else "wrong"
    number = int(request.get("index") or 0)
    return f"Test image {number}, a {found.label}, read as {digit} ({sure}, {verdict}), {when}."


async def _ask(question: Callable[[Shown], Answer], where: Shown) -> Answer | str:
    """Asks in a thread, away from the event loop; a sentence where there is no answer."""
    try:
        return await asyncio.to_thread(question, where)
    except NoModel:
        return NOTHING_TRAINED
    except DigitLabError as error:
        return str(error)


def _layer(place: int, layer: InnerLayer, maps: go.Figure) -> html.Section:
    operations = ", then ".join(layer.operations) or "what the network gets"
    return html.Section(
        [
            html.H3([layer.name, html.Span(layer.size)]),
            html.P(f"{operations[0].upper()}{operations[1:]}."),
            dcc.Graph(id=ids.inside_maps(place), figure=maps, config=BARE),
        ],
        className="inside-layer",
        **{"aria-label": f"Layer {layer.name}"},
    )


def _step(found: PixelStep) -> list[Any]:
    layer = found.layer
    place = f"row {found.row}, column {found.column} of map" if layer.is_map else "number"
    return [
        html.P(
            [
                f"{layer.name}, {place} {found.channel}: ",
                html.Strong(f"{found.after:.3f}"),
            ],
            className="mb-2",
        ),
        dcc.Graph(figure=inside_figures.step(found, STEP_WIDTH), config=BARE),
        html.P(inside_figures.step_words(found), className="mt-2 mb-1"),
        _muted(_which_channels(found)),
    ]


def _which_channels(found: PixelStep) -> str:
    count = len(found.sums)
    if count <= inside_figures.STEP_CHANNELS:
        return "Blue is positive, orange negative."
    return (
        f"Of {count} maps that come in, the {inside_figures.STEP_CHANNELS} that weigh most here. "
        "Blue is positive, orange negative."
    )


def _reasons(image: np.ndarray, found: Attribution) -> list[Any]:
    method = ATTRIBUTION_METHODS[found.method]
    colours = "Blue speaks for it, orange against it." if method.signed else "The bluer, the more."
    where = f" On the maps of {found.layer}." if found.layer else ""
    return [
        dcc.Graph(
            figure=inside_figures.attribution(image, found, OVERLAY_SIZE),
            config=BARE,
        ),
        html.Div(
            [
                html.P([html.Strong(f"Why a {found.digit}? "), f"{colours}{where}"]),
                html.P([html.Strong("What it tells: "), method.tells]),
                html.P([html.Strong("What it cannot: "), method.cannot]),
                html.P(method.source, className="text-body-secondary small mb-0"),
            ]
        ),
    ]


def _kernels(found: Filters, number: Any, shown: dict[str, Any]) -> list[Any]:
    out, channels, height, width = found.weights.shape
    channel = min(max(int(number or 0), 0), out - 1)
    size = f"{channels} × {height} × {width}" if (height, width) != (1, 1) else f"{channels}"
    words = f"{found.layer.name} has {out} filters of {size} numbers. "
    if channels == 1:
        words += "Here are all of them. "
    else:
        some = min(channels, inside_figures.MOST_TILES)
        which = f"the first {some}" if some < channels else f"all {channels}"
        words += f"Here is filter {channel}: {which} of its kernels, one for each map before it. "
    room = min(max(shown["width"] - 30, NARROWEST), FILTERS_WIDTH)
    return [
        _muted(f"{words}Blue is positive, orange negative."),
        dcc.Graph(figure=inside_figures.filters(found, room, channel), config=BARE),
    ]


def _choice_of_image() -> html.Div:
    return html.Div(
        [
            html.Div(
                dbc.RadioItems(
                    id=ids.INSIDE_SOURCE,
                    options=[
                        {"value": "test", "label": "Test image"},
                        {"value": "drawing", "label": "My drawing"},
                    ],
                    value="test",
                    inline=True,
                    **KEEP,
                ),
                role="radiogroup",
                **{"aria-label": "Look at"},
            ),
            html.Div(
                [
                    dbc.Label("Number", html_for=ids.INSIDE_INDEX, className="mb-0"),
                    dbc.Input(
                        id=ids.INSIDE_INDEX,
                        type="number",
                        min=0,
                        step=1,
                        value=0,
                        size="sm",
                        className="inside-number",
                        **KEEP,
                    ),
                ],
                className="control",
            ),
            dbc.Button("Another", id=ids.INSIDE_ANOTHER, color="primary", size="sm"),
            dbc.Button(
                "Another wrong one",
                id=ids.INSIDE_WRONG,
                color="secondary",
                outline=True,
                size="sm",
            ),
        ],
        className="controls inside-choice",
    )


def _attribution() -> list[Any]:
    methods = [{"value": name, "label": m.title} for name, m in ATTRIBUTION_METHODS.items()]
    digits = [{"value": str(digit), "label": str(digit)} for digit in range(10)]
    return [
        html.Div(
            [
                _select("Method", ids.INSIDE_METHOD, methods, "saliency"),
                _select(
                    "Speaks for",
                    ids.INSIDE_DIGIT,
                    [{"value": "read", "label": "the answer"}, *digits],
                    "read",
                ),
                _select("On the maps of", ids.INSIDE_MAPS_OF, [], None, style={"display": "none"}),
            ],
            className="controls",
        ),
        html.Div(_muted(NOTHING_SHOWN), id=ids.INSIDE_REASONS, className="inside-reasons"),
    ]


def _filters() -> list[Any]:
    return [
        html.Div(
            [
                _select("Layer", ids.INSIDE_FILTER_LAYER, [], None),
                html.Div(
                    [
                        dbc.Label("Filter", html_for=ids.INSIDE_FILTER, className="mb-0"),
                        dbc.Input(
                            id=ids.INSIDE_FILTER,
                            type="number",
                            min=0,
                            step=1,
                            value=0,
                            size="sm",
                            className="inside-number",
                        ),
                    ],
                    className="control",
                ),
            ],
            className="controls",
        ),
        html.Div(_muted(NOTHING_SHOWN), id=ids.INSIDE_FILTERS),
    ]


def _select(
    label: str, name: str, options: list[dict[str, str]], value: str | None, **more: Any
) -> html.Div:
    return html.Div(
        [
            dbc.Label(label, html_for=name, className="mb-0"),
            dbc.Select(id=name, options=options, value=value, size="sm"),
        ],
        id=f"{name}-control",
        className="control",
        **more,
    )


def _panel(title: str, *parts: Any, look: str = "") -> html.Section:
    return html.Section(
        [html.H2(title), *parts], className=f"panel {look}".strip(), **{"aria-label": title}
    )


def _muted(sentence: str) -> html.P:
    return html.P(sentence, className="text-body-secondary small")
