"""An image's way through a network: feature maps, filters, and the making of a single number.

This module does not know which run a network comes from, or how its inside is drawn.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor
from torch.nn.utils.fusion import fuse_conv_bn_weights

from core import models
from core.data.dataset import normalize
from core.errors import OutOfRangeError
from core.explain.tracing import LayerTracer, TracedLayer, parts
from core.records.layers import Area, FeatureMaps, Filters, InnerLayer, InsideView, PixelStep
from core.training.state import StateDict

CHUNK = 250

Watch = Callable[[InnerLayer, Tensor], Tensor]
"""Sees a layer and what came out of it, with the images first; gives what is passed on."""


def pass_on(layer: InnerLayer, values: Tensor) -> Tensor:
    return values


class Network:
    """A network with fixed weights whose layers can be looked into, in float32 on the CPU.

    Safe to use from several threads: nothing changes after it is made.
    """

    def __init__(self, name: str, state_dict: StateDict) -> None:
        """
        Raises:
            KeyError: there is no model of that name in `core.models`.
            RuntimeError: the weights are those of another model.
        """
        self._model = models.load(name, state_dict).requires_grad_(False)
        self._parts = parts(name)
        self._by_call = {part.call: part.layer for part in self._parts}

    @property
    def layers(self) -> tuple[InnerLayer, ...]:
        """From the input to the ten scores."""
        return tuple(part.layer for part in self._parts)

    def logits(self, pixels: Tensor, watch: Watch = pass_on) -> Tensor:
        """Scores (N, 10) of normalised images (N, 1, 28, 28); every layer is shown to `watch`."""

        def seen(
            number: int, call: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor
        ) -> Tensor:
            layer = self._by_call.get(number)
            return result if layer is None else watch(layer, result)

        pixels = watch(self._parts[0].layer, pixels)
        with LayerTracer(seen):
            scores: Tensor = self._model(pixels)
        return scores

    def look(self, image: np.ndarray) -> InsideView:
        """What every layer makes of one image (28, 28), 0..1 with ink 1."""
        maps: list[FeatureMaps] = []

        def keep(layer: InnerLayer, values: Tensor) -> Tensor:
            maps.append(FeatureMaps(layer, values[0].reshape(layer.shape).numpy()))
            return values

        with torch.inference_mode():
            probabilities = self.logits(to_pixels(image), keep).softmax(1)[0].numpy()
        return InsideView(tuple(maps), probabilities)

    def filters(self, layer: str) -> Filters:
        """What a layer multiplies with; the arrays may be the weights themselves: only read them.

        Raises:
            OutOfRangeError: the network has no such layer, or nothing is multiplied there.
        """
        part = self._parts[self._place(layer)]
        module: Any = self._model.get_submodule(layer)
        weight, bias = module.weight, module.bias
        if part.normalisation is not None:
            norm: Any = self._model.get_submodule(part.normalisation)
            weight, bias = fuse_conv_bn_weights(
                weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
        weights = weight.detach().numpy().reshape(len(weight), *(part.layer.kernel or ()))
        return Filters(part.layer, weights, bias.detach().numpy())

    def step(
        self, view: InsideView, layer: str, channel: int, row: int = 0, column: int = 0
    ) -> PixelStep:
        """How the number at a place of a layer's maps was made of the maps before.

        Args:
            view: what this network made of the image; the maps before are taken from it.

        Raises:
            OutOfRangeError: there is no such layer, channel or pixel, or nothing is multiplied there.
        """
        place = self._place(layer)
        part = self._parts[place]
        _check_place(part, channel, row, column)
        filters = self.filters(layer)
        kernel = filters.weights[channel].astype(np.float64)
        (_, height, width), pool, edge = kernel.shape, part.layer.pool, part.padding
        top, left = row * pool, column * pool
        before = np.pad(view.maps[place - 1].values, ((0, 0), (edge, edge), (edge, edge)))
        region = before[:, top : top + height + pool - 1, left : left + width + pool - 1]
        patches = sliding_window_view(region.astype(np.float64), (height, width), axis=(1, 2))
        sums = np.einsum("cpqij,cij->cpq", patches, kernel)
        bias = float(filters.bias[channel])
        window = sums.sum(0) + bias
        down, across = (int(index) for index in np.unravel_index(window.argmax(), window.shape))
        return PixelStep(
            layer=part.layer,
            channel=channel,
            row=row,
            column=column,
            patch=patches[:, down, across],
            kernel=kernel,
            sums=sums[:, down, across],
            bias=bias,
            before=float(window[down, across]),
            after=float(view.maps[place].values[channel, row, column]),
            areas=self._areas(place, Area(top - edge + down, left - edge + across, height, width)),
            window=window,
            chosen=(down, across),
        )

    def _areas(self, place: int, patch: Area) -> tuple[Area, ...]:
        """From the image to the patch in the layer before `place`: all of which it was made."""
        areas = [patch]
        for number in range(place - 1, 0, -1):
            part, area, pool = self._parts[number], areas[-1], self._parts[number].layer.pool
            _, height, width = part.layer.kernel or (0, 0, 0)
            if part.layer.is_convolution:
                area = Area(
                    area.top * pool - part.padding,
                    area.left * pool - part.padding,
                    area.height * pool + height - 1,
                    area.width * pool + width - 1,
                )
            else:  # made of all that comes in
                area = Area(0, 0, *self._parts[number - 1].layer.shape[1:])
            areas.append(area)
        return tuple(reversed(areas))

    def features(
        self, images: np.ndarray, should_stop: Callable[[], bool] = lambda: False
    ) -> np.ndarray | None:
        """What the last layer is given for each image: (N, features), float32.

        Args:
            images: (N, 28, 28), ink 255 on black 0.

        Returns:
            None if it was told to stop.
        """
        last = self._parts[-2].layer
        found: list[np.ndarray] = []

        def keep(layer: InnerLayer, values: Tensor) -> Tensor:
            if layer is last:
                found.append(values.flatten(1).numpy())
            return values

        with torch.inference_mode():
            for start in range(0, len(images), CHUNK):
                if should_stop():
                    return None
                self.logits(normalize(torch.as_tensor(images[start : start + CHUNK])), keep)
        return np.concatenate(found)

    def _place(self, layer: str) -> int:
        """Which part a layer with weights is."""
        for place, part in enumerate(self._parts):
            if part.layer.name == layer:
                if part.layer.kernel is None:
                    raise OutOfRangeError(f"Nothing is multiplied in {layer}: it has no weights.")
                return place
        raise OutOfRangeError(f"This network has no layer {layer}.")


def to_pixels(image: np.ndarray) -> Tensor:
    """One image (28, 28), 0..1 with ink 1, as the network's input (1, 1, 28, 28)."""
    return normalize(torch.as_tensor(image[np.newaxis] * np.float32(255)))


def _check_place(part: TracedLayer, *place: int) -> None:
    for what, index, count in zip(
        ("channel", "row", "column"), place, part.layer.shape, strict=True
    ):
        if not 0 <= index < count:
            raise OutOfRangeError(
                f"{part.layer.name} has no {what} {index}: they go from 0 to {count - 1}."
            )
