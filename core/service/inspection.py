"""Questions about the inside of a run's network: feature maps, filters, steps, attributions.

`core.service.predictions` finds the network, at any epoch that was kept; `core.explain.activations` and `core.explain.attribution`
look into it. What one epoch's network made of an image is kept for a while, because one who looks
asks about the same image again and again. This module does not know who asks, or how it is drawn.
"""

import threading
from collections import OrderedDict, deque
from typing import Any

import numpy as np

from core.drawing.photos import preprocess_pixels
from core.drawing.strokes import preprocess_strokes
from core.errors import OutOfRangeError
from core.explain import attribution
from core.explain.activations import Network
from core.records.explanations import Attribution, AttributionName
from core.records.layers import ActivationView, Filters, InsideView, PixelStep
from core.service.predictions import Predictions
from core.training.state import Checkpoint

NETWORKS, VIEWS = 8, 4
"""How many networks are kept, and of how many images each: some megabytes a network."""


class Inspection:
    """Looks inside; may be asked from any thread.

    Every question takes a run, by default the newest that has a network, and an epoch, by default
    that of the run's last evaluation. All of them raise NoModelError, NotTrainedError, UnknownRunError,
    UnknownEpochError or DamagedFileError where there is no such network.
    """

    def __init__(self, explorer: Predictions) -> None:
        self._explorer = explorer
        self._lock = threading.Lock()
        self._opened: deque[_Opened] = deque(maxlen=NETWORKS)

    @staticmethod
    def drawing(drawn: dict[str, Any], as_drawn: bool = False) -> np.ndarray:
        """The image (28, 28) that a network gets of a drawing, `{"strokes": …}` or `{"pixels": …}`.

        Raises:
            EmptyDrawingError, InvalidDrawingError: see `core.drawing.strokes`.
        """
        if "pixels" in drawn:
            return preprocess_pixels(drawn["pixels"]).network_image(as_drawn)
        return preprocess_strokes(drawn.get("strokes") or []).network_image(as_drawn)

    def look(
        self, image: np.ndarray | int, run_id: str | None = None, epoch: int | None = None
    ) -> ActivationView:
        """What each layer makes of an image.

        Args:
            image: (28, 28), 0..1 with ink 1, or the place of a test image.

        Raises:
            OutOfRangeError: the test set has no such image.
        """
        checkpoint, data = self._explorer.network(run_id, epoch)
        label = None
        if not isinstance(image, np.ndarray):
            count = len(data.test_labels)
            if not 0 <= image < count:
                raise OutOfRangeError(
                    f"There is no test image {image}: they have the numbers 0 to {count - 1}."
                )
            label = int(data.test_labels[image])
            image = data.test_images[image].numpy() / np.float32(255)
        view = self._open(checkpoint).view(image)
        return ActivationView(image=image, label=label, progress=checkpoint.progress, view=view)

    def filters(
        self, layer: str | None = None, run_id: str | None = None, epoch: int | None = None
    ) -> Filters:
        """What a layer multiplies with, by default the first that does.

        Raises:
            OutOfRangeError: the network has no such layer, or nothing is multiplied there.
        """
        network = self._network(run_id, epoch)
        first = next(part.name for part in network.layers if part.kernel is not None)
        return network.filters(layer or first)

    def step(
        self,
        image: np.ndarray,
        layer: str,
        channel: int,
        row: int,
        column: int,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> PixelStep:
        """How one number of a layer's maps of an image was made of the maps before.

        Raises:
            OutOfRangeError: there is no such layer, channel or pixel, or nothing is multiplied there.
        """
        opened = self._open(self._explorer.network(run_id, epoch)[0])
        return opened.network.step(opened.view(image), layer, channel, row, column)

    def attribute(
        self,
        image: np.ndarray,
        method: AttributionName,
        digit: int | None = None,
        run_id: str | None = None,
        epoch: int | None = None,
        layer: str | None = None,
    ) -> Attribution:
        """Which pixels of an image speak for a digit, by default for the one that is read.

        Args:
            layer: for Grad-CAM, the convolution whose maps are weighed; by default the last.

        Raises:
            NoConvolutionError: Grad-CAM was asked of a network without convolutions.
            OutOfRangeError: the network has no convolution of that name.
        """
        return attribution.attribute(self._network(run_id, epoch), image, method, digit, layer)

    def _network(self, run_id: str | None, epoch: int | None) -> Network:
        return self._open(self._explorer.network(run_id, epoch)[0]).network

    def _open(self, checkpoint: Checkpoint) -> "_Opened":
        """A checkpoint stands for one run, revision and epoch, and never changes."""
        with self._lock:
            for opened in self._opened:
                if opened.checkpoint is checkpoint:
                    return opened
            self._opened.append(_Opened(checkpoint))
            return self._opened[-1]


class _Opened:
    """A network that is looked into, and what it made of the last images."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.network = Network(checkpoint.model, checkpoint.state_dict)
        self._lock = threading.Lock()
        self._views: OrderedDict[bytes, InsideView] = OrderedDict()

    def view(self, image: np.ndarray) -> InsideView:
        key = image.tobytes()
        with self._lock:
            if key not in self._views:
                self._views[key] = self.network.look(image)
                if len(self._views) > VIEWS:
                    self._views.popitem(last=False)
            return self._views[key]
