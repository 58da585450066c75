"""Callbacks of the Inside tab. The image is a test image or the drawing of the Draw tab."""

import asyncio
import base64
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import numpy as np
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from core.errors import DigitLabError, NoConvolutionError, NoModelError
from core.numbers import parse_whole
from core.records.explanations import ATTRIBUTION_METHODS, Attribution, AttributionName
from core.records.layers import ActivationView, InnerLayer, PixelStep
from core.records.predictions import TestImages
from dashboard import ids
from dashboard.components.checkpoint_ref import CheckpointRef
from dashboard.components.controls import muted
from dashboard.components.image_grid import NONE_WRONG
from dashboard.formatting import after_epochs, probability
from dashboard.service import TrainingService
from dashboard.tabs.inside import layout, panels
from dashboard.values import Count, Version

NOTHING_DRAWN = "Nothing is drawn yet. Draw a digit on the Draw tab, or choose a test image."
NO_NUMBER = "Type the number of a test image: a whole number from 0 on."
NO_FILTER = "Type the number of a filter: a whole number from 0 on."
DIGITS = [str(digit) for digit in range(10)]

Answer = TypeVar("Answer")


class Request(TypedDict, total=False):
    """The image that the page asks for. `index` is what somebody typed."""

    source: str | None
    index: str | None
    drawing: dict[str, Any] | None
    as_drawn: bool
    version: Version


class Point(TypedDict):
    """A number of a map: its layer, and channel, row and column."""

    layer: Count
    pixel: tuple[Count, Count, Count]


def pixels(image: str) -> np.ndarray:
    """The image (28, 28) of a text, as `to_store` makes it.

    Raises:
        ValueError: the text is no image.
    """
    return np.frombuffer(base64.b64decode(image), np.float32).reshape(28, 28).copy()


def _check_image(image: str) -> str:
    values = pixels(image)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a pixel is not between 0 and 1")
    return image


class Shown(TypedDict):
    """The store `SHOWN`: what further callbacks need to know of the image and the network."""

    image: Annotated[str, AfterValidator(_check_image)]
    version: Version
    filters: Annotated[list[str], Field(min_length=1)]
    convolutions: list[str]


def register(app: Dash, service: TrainingService) -> None:
    _register_layers(app, service)
    _register_step(app, service)
    _register_attribution(app, service)
    _register_filters(app, service)


def _register_layers(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(
        ClientsideFunction("inside", "request"),
        Output(layout.REQUEST, "data"),
        Input(layout.SOURCE, "value"),
        Input(layout.INDEX, "value"),
        Input(ids.version(ids.TAB_INSIDE), "data"),
        Input(ids.DRAW_FORM, "data"),
        State(ids.OPEN_TAB, "data"),
        State(layout.REQUEST, "data"),
        prevent_initial_call=False,  # without a run no version comes
    )
    app.clientside_callback(
        ClientsideFunction("inside", "found"),
        Input(layout.FOUND, "data"),
        State(layout.INDEX, "value"),
    )

    @app.callback(
        Output(layout.CAPTION, "children"),
        Output(layout.TRAIN, "hidden"),
        Output(layout.LAYERS, "children"),
        Output(layout.SHOWN, "data"),
        Input(layout.REQUEST, "data"),
    )
    async def show_layers(request: Request) -> tuple[Any, ...]:
        def look(ref: CheckpointRef) -> ActivationView:
            image: np.ndarray | int = index or 0
            if is_drawing:
                image = service.inspection.drawing(drawing, request.get("as_drawn", False))
            return service.inspection.activations(image, ref.run_id, ref.epoch)

        is_drawing = request.get("source") == "drawing"
        drawing, index = request.get("drawing") or {}, parse_whole(request.get("index") or "")
        is_there = bool(drawing) if is_drawing else index is not None
        found: ActivationView | str = NOTHING_DRAWN if is_drawing else NO_NUMBER
        if is_there:
            found = await _call(look, CheckpointRef.parse(request.get("version")))
        if isinstance(found, str):
            return found, True, muted(found), None
        trained = request.get("version") is not None
        text = caption(found, index) if trained else layout.UNTRAINED
        return text, trained, panels.layers(found), to_store(found, request.get("version"))

    @app.callback(
        Output(layout.FOUND, "data"),
        Output(layout.CAPTION, "children", allow_duplicate=True),
        Input(layout.ANOTHER, "n_clicks"),
        Input(layout.WRONG, "n_clicks"),
        State(ids.version(ids.TAB_INSIDE), "data"),
        State(layout.INDEX, "value"),
    )
    async def choose_another(
        clicks: Count | None, wrong_clicks: Count | None, version: Version, before: str | None
    ) -> Any:
        only_wrong = ctx.triggered_id == layout.WRONG
        seed = (wrong_clicks if only_wrong else clicks) or 0

        def choose(ref: CheckpointRef) -> list[int]:
            find = service.predictions
            try:
                found: TestImages = find.gallery(1, seed, only_wrong, ref.run_id, ref.epoch)
            except NoModelError:  # what an untrained network reads is not worth a search
                found = find.samples(1, seed)
            return found.indices.tolist()

        found = await _call(choose, CheckpointRef.parse(version))
        if isinstance(found, str):
            return no_update, found
        if not found:
            return no_update, NONE_WRONG
        return {"index": found[0], "before": before}, no_update


def _register_step(app: Dash, service: TrainingService) -> None:
    app.clientside_callback(ClientsideFunction("inside", "frame"), Input(layout.ORIGIN, "data"))

    @app.callback(
        Output(layout.STEP, "children"),
        Output(layout.ORIGIN, "data"),
        Input(layout.POINT, "data"),
        Input(layout.SHOWN, "data"),
    )
    async def show_step(point: Point | None, shown: Shown | None) -> Any:
        if not shown:
            return None, None
        image = pixels(shown["image"])

        def trace(ref: CheckpointRef) -> tuple[PixelStep, int]:
            maps = service.inspection.activations(image, ref.run_id, ref.epoch).view.maps
            number, values = 1, maps[1].values
            channel, row, column = map(int, np.unravel_index(values.argmax(), values.shape))
            if point and is_in(point, [one.layer for one in maps]):
                number, (channel, row, column) = point["layer"], point["pixel"]
            name = maps[number].layer.name
            step = service.inspection.pixel_step
            return step(image, name, channel, row, column, ref.run_id, ref.epoch), number

        found = await _call(trace, CheckpointRef.parse(shown["version"]))
        if isinstance(found, str):
            return muted(found), None
        step, number = found
        areas = [[area.top, area.left, area.height, area.width] for area in step.areas]
        pixel = [step.channel, step.row, step.column]
        return panels.step(step), {"layer": number, "pixel": pixel, "areas": areas, "point": point}


def is_in(point: Point, layers: list[InnerLayer]) -> bool:
    """Whether a network has the number that the page points at."""
    if point["layer"] >= len(layers):
        return False
    sizes = zip(point["pixel"], layers[point["layer"]].shape, strict=True)
    return all(place < size for place, size in sizes)


def _register_attribution(app: Dash, service: TrainingService) -> None:
    @app.callback(
        Output(layout.QUESTION, "children"),
        Output(layout.REASONS, "children"),
        Output(layout.MAPS_OF, "options"),
        Output(layout.MAPS_OF, "value"),
        Input(layout.SHOWN, "data"),
        Input(layout.DIGIT, "value"),
        Input(layout.MAPS_OF, "value"),
    )
    async def show_attribution(
        shown: Shown | None, digit: str | None, layer: str | None
    ) -> tuple[Any, ...]:
        if not shown:
            return (no_update,) * 4
        names = shown["convolutions"]
        last = names[-1] if names else None
        chosen = layer if layer in names else last
        choice = names, chosen
        image = pixels(shown["image"])
        target = int(digit) if digit in DIGITS else None

        def attribute(ref: CheckpointRef) -> list[tuple[AttributionName, Attribution | str]]:
            answers: list[tuple[AttributionName, Attribution | str]] = []
            for method in ATTRIBUTION_METHODS:
                try:
                    found = service.inspection.attribute(
                        image, method, target, ref.run_id, ref.epoch, chosen
                    )
                    answers.append((method, found))
                except NoConvolutionError as error:
                    answers.append((method, str(error)))
            return answers

        answers = await _call(attribute, CheckpointRef.parse(shown["version"]))
        if isinstance(answers, str):
            return no_update, muted(answers), *choice
        read = next(found.digit for _, found in answers if not isinstance(found, str))
        figures = [panels.attribution(image, *answer) for answer in answers]
        return f"Which pixels speak for {read}?", figures, *choice


def _register_filters(app: Dash, service: TrainingService) -> None:
    @app.callback(
        Output(layout.FILTER_LAYER, "options"),
        Output(layout.FILTER_LAYER, "value"),
        Output(layout.FILTERS, "children"),
        Input(layout.SHOWN, "data"),
        Input(layout.FILTER_LAYER, "value"),
        Input(layout.FILTER, "value"),
    )
    async def show_filters(shown: Shown | None, layer: str | None, number: str | None) -> Any:
        if not shown:
            return (no_update,) * 3
        names = shown["filters"]
        chosen = layer if layer in names else names[0]  # another network has other layers
        found = await _call(
            lambda ref: service.inspection.filters(chosen, ref.run_id, ref.epoch),
            CheckpointRef.parse(shown["version"]),
        )
        if isinstance(found, str):
            return names, chosen, muted(found)
        typed = parse_whole(number or "")
        if typed is None or typed < 0:
            return names, chosen, muted(NO_FILTER)
        return names, chosen, panels.filters(found, typed)


def to_store(found: ActivationView, version: Version) -> Shown:
    """The store for an image and the network that is shown."""
    image = np.ascontiguousarray(found.image, np.float32)
    layers = [maps.layer for maps in found.view.maps]
    return {
        "image": base64.b64encode(image.tobytes()).decode(),
        "version": version,
        "filters": [layer.name for layer in layers if layer.kernel is not None],
        "convolutions": [layer.name for layer in layers if layer.is_convolution],
    }


def caption(found: ActivationView, index: int | None) -> list[Any]:
    """The image, what the network reads in it, or why it is not sure, and its epoch."""
    probabilities = found.view.probabilities
    second, first = map(int, np.argsort(probabilities, kind="stable")[-2:])
    what = "Your drawing"
    if found.label is not None:
        what = f"Test image {index}, a {found.label}"
    when = after_epochs(found.progress)

    def chance(digit: int) -> str:
        return f"{digit} ({probability(probabilities[digit])})"

    if found.doubt == "unfamiliar":
        return [f"{what}. Not sure: it looks like no {first} that it learned from, {when}."]
    if found.doubt:
        return [f"{what}. Not sure: {chance(first)} or {chance(second)}, {when}."]
    wrong = found.label not in (None, first)
    return [
        f"{what}, read as ",
        html.B(str(first), className="wrong" if wrong else ""),
        f", {probability(probabilities[first])} sure{', misread' if wrong else ''}, {when}.",
    ]


async def _call(compute: Callable[[CheckpointRef], Answer], ref: CheckpointRef) -> Answer | str:
    """Calls `compute` in a thread; a sentence if it fails."""
    try:
        return await asyncio.to_thread(compute, ref)
    except DigitLabError as error:
        return str(error)
