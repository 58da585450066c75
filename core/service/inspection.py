"""Looking inside the networks of runs: activations, filters, attributions."""

import threading
from typing import Any

import numpy as np
from cachetools import LRUCache, cached

from core.data.dataset import Dataset
from core.errors import OutOfRangeError
from core.explain import attribution
from core.explain.activations import Network
from core.explain.tracing import trace_layers
from core.records.explanations import Attribution, AttributionName
from core.records.layers import ActivationView, Filters, InnerLayer, InsideView, PixelStep
from core.service.predictions import Predictions, preprocess
from core.training.state import Checkpoint

MAX_NETWORKS, MAX_VIEWS = 8, 16
"""Cached networks, a few megabytes each, and activations, a hundred kilobytes each."""


class Inspection:
    """Views of networks. Safe to use from several threads.

    Methods find networks as `Predictions.network` does. They raise OutOfRangeError if a network has
    no such layer (with weights), channel or pixel, or the test set no such image.
    """

    def __init__(self, predictions: Predictions) -> None:
        self._predictions = predictions

    @staticmethod
    def layers(model: str) -> tuple[InnerLayer, ...]:
        """The layers of a model, from the input to the ten logits."""
        return tuple(traced.layer for traced in trace_layers(model))

    @staticmethod
    def drawing(drawn: dict[str, Any], as_drawn: bool = False) -> np.ndarray:
        """The input image (28, 28) for a drawing: see `core.service.predictions.preprocess`."""
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
            newest: without an epoch, takes the newest weights, also between two evaluations.
        """
        checkpoint, data = self._predictions.network(run_id, epoch, newest)
        label = None
        if not isinstance(image, np.ndarray):
            image, label = _test_image(data, image)
        view = _view(checkpoint, image)
        # Test images are written like training images: only drawings can be unlike them.
        training_data = data if label is None else None
        doubt = self._predictions.detector.doubt(training_data, image, view.probabilities)
        return ActivationView(image, label, checkpoint.progress, checkpoint.model, view, doubt)

    def filters(
        self, layer: str | None = None, run_id: str | None = None, epoch: int | None = None
    ) -> Filters:
        """The weights of a layer, by default of the first that has any."""
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
        """How one value of a layer's feature maps was computed from the maps before."""
        checkpoint, _ = self._predictions.network(run_id, epoch)
        return _open(checkpoint).step(_view(checkpoint, image), layer, channel, row, column)

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
        return _open(self._predictions.network(run_id, epoch)[0])


def _test_image(data: Dataset, index: int) -> tuple[np.ndarray, int]:
    """A test image (28, 28), 0..1, and its label."""
    count = len(data.test_labels)
    if not 0 <= index < count:
        raise OutOfRangeError(
            f"There is no test image {index}: they have the numbers 0 to {count - 1}."
        )
    return data.test_images[index].numpy() / np.float32(255), int(data.test_labels[index])


@cached(LRUCache(MAX_NETWORKS), condition=threading.Condition())
def _open(checkpoint: Checkpoint) -> Network:
    return Network(checkpoint.model, checkpoint.state_dict)


@cached(
    LRUCache(MAX_VIEWS),
    key=lambda checkpoint, image: (checkpoint, image.tobytes()),
    condition=threading.Condition(),
)
def _view(checkpoint: Checkpoint, image: np.ndarray) -> InsideView:
    return _open(checkpoint).look(image)
