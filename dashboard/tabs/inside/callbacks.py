"""Callbacks of the Inside tab. The image is a test image or the drawing of the Draw tab."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update

from core.errors import DigitLabError, NoModelError
from core.numbers import parse_whole
from core.records.explanations import ATTRIBUTION_METHODS, Attribution
from core.records.layers import ActivationView, PixelStep
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.controls import display, muted
from dashboard.components.probability_bars import probability_bars
from dashboard.formatting import after_epochs, probability
from dashboard.tabs.inside import figures, layout, panels
from dashboard.tabs.inside.layout import NOTHING_SHOWN, POINT_HERE

if TYPE_CHECKING:
    from core.service.service import TrainingService

NOTHING_DRAWN = "Nothing is drawn yet. Draw a digit on the Draw tab, or choose a test image."
NO_NUMBER = "Type the number of a test image: a whole number from 0 on."
NO_FILTER = "Type the number of a filter: a whole number from 0 on."
NONE_WRONG = "The network reads every test image right."
MAX_WIDTH = 640

Answer = TypeVar("Answer")


def register(app: Dash, service: "TrainingService") -> None:
    _register_layers(app, service)
    _register_step(app, service)
    _register_attribution(app, service)
    _register_filters(app, service)


def _register_layers(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("inside", "request"),
        Output(layout.REQUEST, "data"),
        Input(layout.SOURCE, "value"),
        Input(layout.INDEX, "value"),
        Input(ids.version(ids.TAB_INSIDE), "data"),
        Input(ids.DRAW_FORM, "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
    )

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.BARS, "children"),
        Output(layout.LAYERS, "children"),
        Output(layout.FIGURES, "data"),
        Output(layout.SHOWN, "data"),
        Input(layout.REQUEST, "data"),
        State(layout.SHOWN, "data"),
    )
    async def show_layers(
        request: dict[str, Any], before: dict[str, Any] | None
    ) -> tuple[Any, ...]:
        width = min(max(int(request.get("width") or 0) - 30, panels.MIN_WIDTH), MAX_WIDTH)

        def look(ref: CheckpointRef) -> tuple[ActivationView, list[Any]]:
            image: np.ndarray | int = request["index"]
            if is_drawing:
                image = service.inspection.drawing(
                    request["drawing"], bool(request.get("as_drawn"))
                )
            found = service.inspection.activations(image, ref.run_id, ref.epoch)
            return found, [figures.feature_maps(maps, width) for maps in found.view.maps]

        is_drawing = request.get("source") == "drawing"
        request = {**request, "index": parse_whole(str(request.get("index")))}
        if is_drawing and not request.get("drawing"):
            return NOTHING_DRAWN, probability_bars(), muted(NOTHING_DRAWN), no_update, None
        if not is_drawing and (request["index"] is None or request["index"] < 0):
            return NO_NUMBER, probability_bars(), muted(NO_NUMBER), no_update, None
        answer = await _call(look, CheckpointRef.parse(request.get("version")))
        if isinstance(answer, str):
            return answer, probability_bars(), muted(answer), no_update, None
        found, maps = answer
        bars = probability_bars(found.view.probabilities.tolist())
        shown = to_store(found, request)
        text = caption(found, request)
        if before and before["layers"] == shown["layers"]:  # four times as fast as new graphs
            return text, bars, no_update, maps, shown
        layers = [
            panels.layer(number, one.layer, figure)
            for number, (one, figure) in enumerate(zip(found.view.maps, maps, strict=True))
        ]
        return text, bars, layers, no_update, shown

    # Through a store: Dash does not drop late answers of a server callback that writes to ALL.
    app.clientside_callback(
        ClientsideFunction("inside", "showMaps"),
        Output(panels.maps_graph(ALL), "figure"),
        Input(layout.FIGURES, "data"),
    )

    @app.callback(
        Output(layout.SOURCE, "value"),
        Output(layout.INDEX, "value"),
        Output(layout.CAPTION, "children", allow_duplicate=True),
        Input(layout.ANOTHER, "n_clicks"),
        Input(layout.WRONG, "n_clicks"),
        State(ids.version(ids.TAB_INSIDE), "data"),
    )
    async def choose_another(clicks: int | None, wrong_clicks: int | None, version: Any) -> Any:
        only_wrong = ctx.triggered_id == layout.WRONG
        seed = (wrong_clicks if only_wrong else clicks) or 0

        def choose(ref: CheckpointRef) -> list[int]:
            gallery = service.predictions.gallery(1, seed, only_wrong, ref.run_id, ref.epoch)
            return list(map(int, gallery.indices))

        found = await _call(choose, CheckpointRef.parse(version))
        if isinstance(found, str):
            return no_update, no_update, found
        if not found:
            return no_update, no_update, NONE_WRONG
        return "test", str(found[0]), no_update


def _register_step(app: Dash, service: "TrainingService") -> None:
    app.clientside_callback(
        ClientsideFunction("inside", "selectPoint"),
        Input(panels.maps_graph(ALL), "hoverData"),
        Input(panels.maps_graph(ALL), "clickData"),
    )
    app.clientside_callback(ClientsideFunction("inside", "outline"), Input(layout.OUTLINES, "data"))

    @app.callback(
        Output(layout.STEP, "children"),
        Output(layout.OUTLINES, "data"),
        Input(layout.POINT, "data"),
        Input(layout.SHOWN, "data"),
    )
    async def show_step(point: dict[str, Any] | None, shown: dict[str, Any] | None) -> Any:
        if not point or not shown:
            return muted(POINT_HERE), None
        image = ShownImage.parse(shown)

        def trace(ref: CheckpointRef) -> tuple[PixelStep, list[str]] | None:
            maps = service.inspection.activations(image.pixels, ref.run_id, ref.epoch).view.maps
            if point["layer"] >= len(maps):
                return None
            layer = maps[point["layer"]].layer
            pixel = figures.map_tiles(layer).locate(point["x"], point["y"])
            if pixel is None:
                return None
            step = service.inspection.pixel_step(
                image.pixels, layer.name, *pixel, ref.run_id, ref.epoch
            )
            return step, figures.outlines(step, [one.layer for one in maps])

        found = await _call(trace, image.ref)
        if found is None:
            return muted(POINT_HERE), None
        if isinstance(found, str):
            return muted(found), None
        return panels.step(found[0]), found[1]


def _register_attribution(app: Dash, service: "TrainingService") -> None:
    @app.callback(
        Output(layout.REASONS, "children"),
        Output(layout.MAPS_OF, "options"),
        Output(layout.MAPS_OF, "value"),
        Output(layout.MAPS_CHOICE, "style"),
        Input(layout.SHOWN, "data"),
        Input(layout.METHOD, "value"),
        Input(layout.DIGIT, "value"),
        Input(layout.MAPS_OF, "value"),
    )
    async def show_attribution(
        shown: dict[str, Any] | None, method: Any, digit: Any, layer: Any
    ) -> tuple[Any, ...]:
        names = shown["convolutions"] if shown else []
        chosen = layer if layer in names else (names or [None])[-1]
        choice = _options(names), chosen, display(method == "grad_cam" and len(names) > 1)
        if not shown or method not in ATTRIBUTION_METHODS:
            return muted(NOTHING_SHOWN), *choice
        image = ShownImage.parse(shown)
        target = int(digit) if str(digit or "").isdecimal() else None

        def attribute(ref: CheckpointRef) -> Attribution:
            return service.inspection.attribute(
                image.pixels, method, target, ref.run_id, ref.epoch, chosen
            )

        found = await _call(attribute, image.ref)
        if isinstance(found, str):
            return muted(found), *choice
        return panels.attribution(image.pixels, found), *choice


def _register_filters(app: Dash, service: "TrainingService") -> None:
    @app.callback(
        Output(layout.FILTER_LAYER, "options"),
        Output(layout.FILTER_LAYER, "value"),
        Output(layout.FILTERS, "children"),
        Input(layout.SHOWN, "data"),
        Input(layout.FILTER_LAYER, "value"),
        Input(layout.FILTER, "value"),
    )
    async def show_filters(shown: dict[str, Any] | None, layer: Any, number: Any) -> Any:
        if not shown:
            return no_update, no_update, muted(NOTHING_SHOWN)
        names = shown["filters"]
        chosen = layer if layer in names else names[0]  # another network has other layers
        found = await _call(
            lambda ref: service.inspection.filters(chosen, ref.run_id, ref.epoch),
            CheckpointRef.parse(shown["version"]),
        )
        if isinstance(found, str):
            return _options(names), chosen, muted(found)
        typed = parse_whole(str(number))
        if typed is None or typed < 0:
            return _options(names), chosen, muted(NO_FILTER)
        return _options(names), chosen, panels.filters(found, typed, shown["width"])


@dataclass(frozen=True, eq=False)
class ShownImage:
    """The image on the page, (28, 28), 0..1, and the network that reads it."""

    pixels: np.ndarray
    ref: CheckpointRef

    @classmethod
    def parse(cls, shown: dict[str, Any]) -> "ShownImage":
        """Reads what `to_store` wrote."""
        pixels = np.frombuffer(base64.b64decode(shown["image"]), np.float32).reshape(28, 28)
        return cls(pixels.copy(), CheckpointRef.parse(shown["version"]))


def to_store(found: ActivationView, request: dict[str, Any]) -> dict[str, Any]:
    """The store `SHOWN`: what further callbacks need to know of the image and the network."""
    image = np.ascontiguousarray(found.image, np.float32)
    layers = [maps.layer for maps in found.view.maps]
    return {
        "image": base64.b64encode(image.tobytes()).decode(),
        "version": request.get("version"),
        "width": int(request.get("width") or 0),
        "layers": [[layer.name, layer.size] for layer in layers],
        "filters": [layer.name for layer in layers if layer.kernel is not None],
        "convolutions": [layer.name for layer in layers if layer.is_convolution],
    }


def caption(found: ActivationView, request: dict[str, Any]) -> str:
    """The image, its prediction, and the epoch of the network."""
    digit = int(found.view.probabilities.argmax())
    sure = probability(found.view.probabilities[digit])
    when = after_epochs(found.progress)
    if found.label is None:
        return f"Your drawing, read as {digit} ({sure}), {when}."
    verdict = "right" if digit == found.label else "wrong"
    number = request["index"]
    return f"Test image {number}, a {found.label}, read as {digit} ({sure}, {verdict}), {when}."


def _options(names: list[str]) -> list[dict[str, str]]:
    return [{"value": name, "label": name} for name in names]


async def _call(compute: Callable[[CheckpointRef], Answer], ref: CheckpointRef) -> Answer | str:
    """Calls `compute` in a thread; a sentence if it fails."""
    try:
        return await asyncio.to_thread(compute, ref)
    except NoModelError:
        return layout.NOTHING_TRAINED
    except DigitLabError as error:
        return str(error)
