"""Looking inside the networks of runs: activations, filters, attributions."""

import threading
from typing import Any

import numpy as np
from cachetools import LRUCache

from core.data.dataset import Dataset
from core.errors import OutOfRangeError
from core.explain import attribution
from core.explain.activations import Network
from core.explain.tracing import trace_layers
from core.records.explanations import Attribution, AttributionName
from core.records.layers import (
    ActivationView,
    Filters,
    InnerLayer,
    InsideView,
    PixelStep,
)
from core.service.predictions import Predictions, preprocess
from core.training.state import Checkpoint

MAX_NETWORKS, MAX_VIEWS = 8, 4
"""Cached networks, a few megabytes each, and images of each whose activations are cached."""


class Inspection:
    """Views of networks. Safe to use from several threads.

    Methods take a run, by default the newest that has a network, and an epoch, by default that of
    the last evaluation; before the first of all, an untrained one. They raise NotTrainedError,
    UnknownRunError, UnknownEpochError or DamagedFileError if there is no such network.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions
        self._lock = threading.Lock()
        self._networks: LRUCache[Checkpoint, _CachedNetwork] = LRUCache(MAX_NETWORKS)

    @staticmethod
    def layers(model: str) -> tuple[InnerLayer, ...]:
        """The layers of a model, from the input to the ten logits."""
        return tuple(traced.layer for traced in trace_layers(model))

    @staticmethod
    def drawing(drawn: dict[str, Any], as_drawn: bool = False) -> np.ndarray:
        """The input image (28, 28) for a drawing: see `core.service.predictions.preprocess`.

        Raises:
            EmptyDrawingError, InvalidDrawingError: see `core.drawing`.
        """
        return preprocess(drawn).network_image(as_drawn)

    def activations(
        self,
        image: np.ndarray | int,
        run_id: str | None = None,
        epoch: int | None = None,
        newest: bool = False,
    ) -> ActivationView:
        """The activations of all layers for an image.

        Args:
            image: (28, 28), 0..1 with ink 1, or the index of a test image.
            newest: without an epoch, takes the newest weights, also between two evaluations. While
                the run trains, newer ones come at most every
                `core.training.control.PUBLISH_SECONDS`.

        Raises:
            OutOfRangeError: the test set has no such image.
        """
        find = self._predictions.weights if newest else self._predictions.network
        checkpoint, data = find(run_id, epoch)
        label = None
        if not isinstance(image, np.ndarray):
            image, label = _test_image(data, image)
        view = self._cached(checkpoint).view(image)
        # Test images are written like training images: only drawings can be unlike them.
        doubt = self._predictions.doubt(image, view.probabilities, data if label is None else None)
        return ActivationView(image, label, checkpoint.progress, checkpoint.model, view, doubt)

    def filters(
        self, layer: str | None = None, run_id: str | None = None, epoch: int | None = None
    ) -> Filters:
        """The weights of a layer, by default of the first that has any.

        Raises:
            OutOfRangeError: the network has no such layer, or the layer has no weights.
        """
        network = self._network(run_id, epoch)
        first = next(layer.name for layer in network.layers if layer.kernel is not None)
        return network.filters(layer or first)

    def pixel_step(
        self,
        image: np.ndarray,
        layer: str,
        channel: int,
        row: int,
        column: int,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> PixelStep:
        """How one value of a layer's feature maps was computed from the maps before.

        Raises:
            OutOfRangeError: there is no such layer, channel or pixel, or the layer has no weights.
        """
        cached = self._cached(self._predictions.network(run_id, epoch)[0])
        return cached.network.step(cached.view(image), layer, channel, row, column)

    def attribute(
        self,
        image: np.ndarray,
        method: AttributionName,
        digit: int | None = None,
        run_id: str | None = None,
        epoch: int | None = None,
        layer: str | None = None,
    ) -> Attribution:
        """Which pixels of an image mattered for a digit, by default for the predicted one.

        Args:
            layer: for Grad-CAM, a convolution; otherwise the last is taken.

        Raises:
            NoConvolutionError: Grad-CAM was asked of a network without convolutions.
        """
        return attribution.attribute(self._network(run_id, epoch), image, method, digit, layer)

    def _network(self, run_id: str | None, epoch: int | None) -> Network:
        return self._cached(self._predictions.network(run_id, epoch)[0]).network

    def _cached(self, checkpoint: Checkpoint) -> "_CachedNetwork":
        with self._lock:
            if checkpoint not in self._networks:
                self._networks[checkpoint] = _CachedNetwork(checkpoint)
            return self._networks[checkpoint]


def _test_image(data: Dataset, index: int) -> tuple[np.ndarray, int]:
    """A test image (28, 28), 0..1, and its label.

    Raises:
        OutOfRangeError: the test set has no such image.
    """
    count = len(data.test_labels)
    if not 0 <= index < count:
        raise OutOfRangeError(
            f"There is no test image {index}: they have the numbers 0 to {count - 1}."
        )
    return data.test_images[index].numpy() / np.float32(255), int(data.test_labels[index])


class _CachedNetwork:
    """A network and its activations for the last images."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.network = Network(checkpoint.model, checkpoint.state_dict)
        self._lock = threading.Lock()
        self._views: LRUCache[bytes, InsideView] = LRUCache(MAX_VIEWS)

    def view(self, image: np.ndarray) -> InsideView:
        key = image.tobytes()
        with self._lock:
            if key not in self._views:
                self._views[key] = self.network.look(image)
            return self._views[key]
