"""The Inside tab: an image's way through the network, layer by layer, and what the answer rests on.

The image is a test image or the drawing of the Draw tab. This module does not know how anything of
it is computed (`core.service.inspection` does), nor what stands in the panels.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from core.errors import DigitLabError, NoModel
from core.records.layers import ATTRIBUTION_METHODS, Attribution, Look, PixelStep
from dashboard import ids
from dashboard.components.checkpoint_ref import Shown, when
from dashboard.components.probability_bars import bars
from dashboard.tabs.inside import figures, panels
from dashboard.tabs.inside.layout import NOTHING_SHOWN, NOTHING_TRAINED, POINT_HERE
from dashboard.tabs.inside.panels import NARROWEST, muted

if TYPE_CHECKING:
    from core.service.service import TrainingService

NOTHING_DRAWN = "Nothing is drawn yet. Draw a digit on the Draw tab, or choose a test image."
NONE_WRONG = "The network reads every test image right."
WIDEST = 640

Answer = TypeVar("Answer")


def register(app: Dash, service: "TrainingService") -> None:
    insight = service.insight
    app.clientside_callback(
        ClientsideFunction("inside", "request"),
        Output(ids.INSIDE_REQUEST, "data"),
        Input(ids.INSIDE_SOURCE, "value"),
        Input(ids.INSIDE_INDEX, "value"),
        Input(ids.version(ids.TAB_INSIDE), "data"),
        Input(ids.DRAW_FORM, "value"),
        State(ids.TABS, "active_tab"),
        State(ids.INSIDE_REQUEST, "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction("inside", "selectPoint"),
        Input(ids.inside_maps(ALL), "hoverData"),
        Input(ids.inside_maps(ALL), "clickData"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.INSIDE_CAPTION, "children"),
        Output(ids.INSIDE_BARS, "children"),
        Output(ids.INSIDE_LAYERS, "children"),
        Output(ids.INSIDE_FIGURES, "data"),
        Output(ids.INSIDE_SHOWN, "data"),
        Input(ids.INSIDE_REQUEST, "data"),
        State(ids.INSIDE_SHOWN, "data"),
        prevent_initial_call=True,
    )
    async def paint(request: dict[str, Any], before: dict[str, Any] | None) -> tuple[Any, ...]:
        width = min(max(int(request.get("width") or 0) - 30, NARROWEST), WIDEST)

        def look(where: Shown) -> tuple[Look, list[Any]]:
            image: np.ndarray | int = int(request.get("index") or 0)
            if request.get("source") == "drawing":
                image = insight.drawing(request["drawing"], bool(request.get("as_drawn")))
            found = insight.look(image, where.run_id, where.epoch)
            return found, [figures.feature_maps(maps, width) for maps in found.view.maps]

        if request.get("source") == "drawing" and not request.get("drawing"):
            return NOTHING_DRAWN, bars(), muted(NOTHING_DRAWN), no_update, None
        answer = await _ask(look, Shown.parse(request.get("version")))
        if isinstance(answer, str):
            return answer, bars(), muted(answer), no_update, None
        found, drawn = answer
        said = found.view.probabilities.tolist()
        shown = remember(found, request)
        words = caption(found, request)
        if before and before["layers"] == shown["layers"]:  # four times as fast as new graphs
            return words, bars(said), no_update, drawn, shown
        layers = [
            panels.layer(place, maps.layer, figure)
            for place, (maps, figure) in enumerate(zip(found.view.maps, drawn, strict=True))
        ]
        return words, bars(said), layers, no_update, shown

    # In two steps: where `paint` writes to ALL graphs, Dash does not drop answers that come late.
    app.clientside_callback(
        ClientsideFunction("inside", "showMaps"),
        Output(ids.inside_maps(ALL), "figure"),
        Input(ids.INSIDE_FIGURES, "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(ids.INSIDE_SOURCE, "value"),
        Output(ids.INSIDE_INDEX, "value"),
        Output(ids.INSIDE_CAPTION, "children", allow_duplicate=True),
        Input(ids.INSIDE_ANOTHER, "n_clicks"),
        Input(ids.INSIDE_WRONG, "n_clicks"),
        State(ids.version(ids.TAB_INSIDE), "data"),
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
        ClientsideFunction("inside", "outline"),
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
            return muted(POINT_HERE), None
        seen = Seen.recall(shown)

        def step(where: Shown) -> tuple[PixelStep, list[str]] | None:
            maps = insight.look(seen.image, where.run_id, where.epoch).view.maps
            if point["layer"] >= len(maps):
                return None
            layer = maps[point["layer"]].layer
            place = figures.map_tiles(layer).locate(point["x"], point["y"])
            if place is None:
                return None
            found = insight.step(seen.image, layer.name, *place, where.run_id, where.epoch)
            return found, figures.outlines(found, [one.layer for one in maps])

        found = await _ask(step, seen.where)
        if found is None:
            return muted(POINT_HERE), None
        if isinstance(found, str):
            return muted(found), None
        return panels.step(found[0]), found[1]

    @app.callback(
        Output(ids.INSIDE_REASONS, "children"),
        Output(ids.INSIDE_MAPS_OF, "options"),
        Output(ids.INSIDE_MAPS_OF, "value"),
        Output(ids.INSIDE_MAPS_CHOICE, "style"),
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
            return muted(NOTHING_SHOWN), *choice
        seen = Seen.recall(shown)
        wanted = int(digit) if str(digit or "").isdecimal() else None

        def attribute(where: Shown) -> Attribution:
            return insight.attribute(seen.image, method, wanted, where.run_id, where.epoch, chosen)

        found = await _ask(attribute, seen.where)
        if isinstance(found, str):
            return muted(found), *choice
        return panels.reasons(seen.image, found), *choice

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
            return no_update, no_update, muted(NOTHING_SHOWN)
        names = shown["filters"]
        chosen = layer if layer in names else names[0]  # another network has other layers
        found = await _ask(
            lambda where: insight.filters(chosen, where.run_id, where.epoch),
            Seen.recall(shown).where,
        )
        options = [{"value": name, "label": name} for name in names]
        if isinstance(found, str):
            return options, chosen, muted(found)
        return options, chosen, panels.kernels(found, number, shown["width"])


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
    then = when(found.progress)
    if found.label is None:
        return f"Your drawing, read as {digit} ({sure}), {then}."
    verdict = "right" if digit == found.label else "wrong"
    number = int(request.get("index") or 0)
    return f"Test image {number}, a {found.label}, read as {digit} ({sure}, {verdict}), {then}."


async def _ask(question: Callable[[Shown], Answer], where: Shown) -> Answer | str:
    """Asks in a thread, away from the event loop; a sentence where there is no answer."""
    try:
        return await asyncio.to_thread(question, where)
    except NoModel:
        return NOTHING_TRAINED
    except DigitLabError as error:
        return str(error)
