"""Activations: the feature maps of every layer, the filters, and how one value is computed."""

from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from core import models
from core.data.dataset import normalize
from core.errors import OutOfRangeError
from core.explain.tracing import trace_layers
from core.records.layers import Area, FeatureMaps, Filters, InnerLayer, InsideView, PixelStep
from core.training.state import StateDict

CHUNK = 250


class Network:
    """A network with fixed weights and access to its layers, in float32 on the CPU.

    Immutable, and therefore thread-safe.

    Attributes:
        logits: the whole model, from normalized images (N, 1, 28, 28) to logits (N, 10).
        layers: from the input to the ten logits.
        parts: the modules of each layer, which together are the model; the input has none.
    """

    def __init__(self, name: str, state_dict: StateDict) -> None:
        """
        Raises:
            KeyError: there is no model of that name in `core.models`.
            RuntimeError: the weights are those of another model.
        """
        self.logits = models.load(name, state_dict).requires_grad_(False)
        self._traced = trace_layers(name)
        self.layers = tuple(traced.layer for traced in self._traced)
        leaves = [module for _, module in models.leaves(self.logits)]
        ends = [traced.end for traced in self._traced]
        self.parts = [
            nn.Sequential(*leaves[start:end]) for start, end in zip([0, *ends], ends, strict=False)
        ]

    def look(self, image: np.ndarray) -> InsideView:
        """The output of every layer for one image (28, 28), 0..1 with ink 1."""
        maps: list[FeatureMaps] = []
        with torch.inference_mode():
            output = to_pixels(image)
            for layer, part in zip(self.layers, self.parts, strict=True):
                output = part(output)
                maps.append(FeatureMaps(layer, output[0].reshape(layer.shape).numpy()))
            probabilities = output.softmax(1)[0].numpy()
        return InsideView(tuple(maps), probabilities)

    def filters(self, layer: str) -> Filters:
        """The weights of a layer. The arrays may share memory with the model: do not write to them.

        Raises:
            OutOfRangeError: the network has no such layer, or the layer has no weights.
        """
        traced = self._traced[self._index(layer)]
        module: Any = self.logits.get_submodule(layer)
        weight, bias = module.weight, module.bias
        if traced.normalization is not None:
            norm: Any = self.logits.get_submodule(traced.normalization)
            weight, bias = fuse_conv_bn_weights(
                weight, bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
        weights = weight.detach().numpy().reshape(len(weight), *(traced.layer.kernel or ()))
        return Filters(traced.layer, weights, bias.detach().numpy())

    def step(
        self, view: InsideView, layer: str, channel: int, row: int = 0, column: int = 0
    ) -> PixelStep:
        """How one value of a layer's maps is computed from the previous layer's maps.

        Args:
            view: this network's output for the image.

        Raises:
            OutOfRangeError: there is no such layer, channel or pixel, or the layer has no weights.
        """
        index = self._index(layer)
        traced = self._traced[index]
        _check_pixel(traced.layer, channel, row, column)
        filters = self.filters(layer)
        kernel = filters.weights[channel].astype(np.float64)
        (_, height, width), pool, padding = kernel.shape, traced.layer.pool, traced.padding
        top, left = row * pool, column * pool
        edges = ((0, 0), (padding, padding), (padding, padding))
        padded = np.pad(view.maps[index - 1].values, edges)
        region = padded[:, top : top + height + pool - 1, left : left + width + pool - 1]
        patches = sliding_window_view(region.astype(np.float64), (height, width), axis=(1, 2))
        sums = np.einsum("cpqij,cij->cpq", patches, kernel)
        bias = float(filters.bias[channel])
        window = sums.sum(0) + bias
        down, across = (int(number) for number in np.unravel_index(window.argmax(), window.shape))
        patch = Area(top - padding + down, left - padding + across, height, width)
        return PixelStep(
            layer=traced.layer,
            channel=channel,
            row=row,
            column=column,
            patch=patches[:, down, across],
            kernel=kernel,
            sums=sums[:, down, across],
            bias=bias,
            before=float(window[down, across]),
            areas=self._receptive_fields(index, patch),
            window=window,
        )

    def _receptive_fields(self, index: int, patch: Area) -> tuple[Area, ...]:
        """The areas that a patch of the layer before `index` depends on, from the image on."""
        areas = [patch]
        for i in range(index - 1, 0, -1):
            traced, area, pool = self._traced[i], areas[-1], self._traced[i].layer.pool
            if traced.layer.is_convolution and traced.layer.kernel is not None:
                _, height, width = traced.layer.kernel
                area = Area(
                    area.top * pool - traced.padding,
                    area.left * pool - traced.padding,
                    area.height * pool + height - 1,
                    area.width * pool + width - 1,
                )
            else:  # depends on the whole input
                area = Area(0, 0, *self._traced[i - 1].layer.shape[1:])
            areas.append(area)
        return tuple(reversed(areas))

    def features(self, images: np.ndarray) -> np.ndarray:
        """The input of the last layer for each image: (N, features), float32.

        Args:
            images: (N, 28, 28), ink 255 on black 0.
        """
        before_last = nn.Sequential(*self.parts[:-1])
        with torch.inference_mode():
            chunks = torch.as_tensor(images).split(CHUNK)
            features: Tensor = torch.cat([before_last(normalize(chunk)) for chunk in chunks])
        return features.flatten(1).numpy()

    def _index(self, layer: str) -> int:
        """The index of a layer with weights."""
        for index, traced in enumerate(self._traced):
            if traced.layer.name == layer:
                if traced.layer.kernel is None:
                    raise OutOfRangeError(f"Nothing is multiplied in {layer}: it has no weights.")
                return index
        raise OutOfRangeError(f"This network has no layer {layer}.")


def to_pixels(image: np.ndarray) -> Tensor:
    """One image (28, 28), 0..1 with ink 1, as the network's input (1, 1, 28, 28)."""
    return normalize(torch.as_tensor(image[np.newaxis] * np.float32(255)))


def _check_pixel(layer: InnerLayer, *indices: int) -> None:
    for axis, index, size in zip(("channel", "row", "column"), indices, layer.shape, strict=True):
        if not 0 <= index < size:
            raise OutOfRangeError(
                f"{layer.name} has no {axis} {index}: they go from 0 to {size - 1}."
            )
