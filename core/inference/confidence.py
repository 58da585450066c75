"""Whether an answer may be believed: is the network decided, and has it seen the like?

A network that was trained on digits takes everything for one, a scribble often with 99 %. So a
second question is asked that has nothing to do with the network: does the picture resemble any
training image of the digit that it is taken for? Pictures are compared by the directions of
their edges (N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", 2005),
and how like is like enough is learnt from the test images. This works with any network, and
while it is still learning.

The module does not know how a picture came about, nor which network read it.
"""

import threading

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from core.data.dataset import Dataset
from core.records.predictions import Doubt, Prediction

MIN_PROBABILITY = 0.6
"""The least probability of a digit with which an answer passes for decided."""

FAMILIAR = 0.98
"""The share of the test images of each digit that pass for familiar."""

_CALIBRATION = 5_000  # about as many test images tell what is like enough
_CHUNK = 500  # images at once: what is computed on the way fits into a processor's cache


class OutOfDistributionDetector:
    """Judges answers; remembers what it learnt of the data set that it was last asked about.

    May be called from any thread. The first answer on a data set takes a moment longer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data: Dataset | None = None
        self._familiarity: NearestNeighborScore | None = None

    def doubt(
        self, data: Dataset | None, image: np.ndarray, prediction: Prediction
    ) -> Doubt | None:
        """Why an answer should not be believed, or None.

        Args:
            data: what the network was trained on; without it only indecision is a doubt.
            image: (28, 28), 0..1, that was read.
        """
        if max(prediction.probabilities) < MIN_PROBABILITY:
            return "undecided"
        if data is None or self._of(data).knows(image, prediction.digit):
            return None
        return "unfamiliar"

    def _of(self, data: Dataset) -> "NearestNeighborScore":
        with self._lock:
            if self._familiarity is None or self._data is not data:
                self._familiarity, self._data = NearestNeighborScore(data), data
            return self._familiarity


class NearestNeighborScore:
    """How like pictures are to the training images of a digit."""

    def __init__(self, data: Dataset) -> None:
        edges = hog_features(data.train_images)
        self._known = [edges[data.train_labels == digit] for digit in range(10)]
        # Spread over the set: in MNIST's, one half of the writers is neater than the other.
        some = slice(None, None, max(1, len(data.test_images) // _CALIBRATION))
        edges, labels = hog_features(data.test_images[some]), data.test_labels[some]
        own = [self._likeness(edges[labels == digit], digit) for digit in range(10)]
        self._least = [float(likes.quantile(1 - FAMILIAR)) if len(likes) else 0.0 for likes in own]

    def knows(self, image: np.ndarray, digit: int) -> bool:
        """Whether an image (28, 28) is as like to a digit as most test images of it are."""
        edges = hog_features(torch.as_tensor(image)[None])
        return float(self._likeness(edges, digit)) > self._least[digit]

    def _likeness(self, edges: Tensor, digit: int) -> Tensor:
        """(N,) from 0 to 1: the cosine between edges (N, 196) and the nearest training image's."""
        known = self._known[digit]
        return (edges @ known.T).amax(1) if len(known) else torch.zeros(len(edges))


def hog_features(images: Tensor) -> Tensor:
    """Where there are edges of which direction: (N, 196) of length 1, for images (N, 28, 28).

    For each of four directions and each of 7 x 7 cells the square root of the mean slope by
    Sobel's operator. The root keeps a strong edge from outweighing all others.
    """
    return torch.cat([_edges(chunk) for chunk in images.split(_CHUNK)])


def _edges(images: Tensor) -> Tensor:
    across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    operators = torch.stack([across, across.T, -across, -across.T]).unsqueeze(1)
    slopes = F.conv2d(images.unsqueeze(1).float(), operators, padding=1).relu_()
    return F.normalize(F.avg_pool2d(slopes, 4).sqrt_().flatten(1), dim=1)
