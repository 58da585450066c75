"""When a prediction should not be trusted: no clear winner, or an image unlike the training data.

A network trained on digits takes everything for a digit, a scribble often with 99 %. So a second
test does not use the network: does the image resemble any training image of the predicted digit?
Images are compared by the directions of their edges (N. Dalal, B. Triggs, "Histograms of oriented
gradients for human detection", 2005). The threshold is calibrated on the test images. This works
with every network, also during its training.
"""

import threading

import numpy as np
import torch
from cachetools import LRUCache
from torch import Tensor
from torch.nn import functional as F

from core.data.dataset import Dataset
from core.records.predictions import Doubt

MIN_PROBABILITY = 0.6
"""A prediction with a lower probability is undecided."""

FAMILIAR = 0.98
"""The share of each digit's test images that the threshold accepts; of ones it may be more."""

_CALIBRATION = 5_000  # about as many test images calibrate the threshold
_CHUNK = 500  # images at once: intermediate results fit into a CPU cache


class OutOfDistributionDetector:
    """Finds doubtful predictions. Caches the features of two data sets. Thread-safe.

    The first call for a data set computes its features, which takes a moment.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scores: LRUCache[Dataset, NearestNeighborScore] = LRUCache(2)

    def doubt(
        self, data: Dataset | None, image: np.ndarray, probabilities: np.ndarray
    ) -> Doubt | None:
        """The reason not to trust a prediction, or None.

        Args:
            data: the network's training data; None skips the test of similarity.
            image: (28, 28), 0..1.
            probabilities: (10,), those that a network gives the image.
        """
        if probabilities.max() < MIN_PROBABILITY:
            return "undecided"
        if data is None or self._score_for(data).knows(image, int(probabilities.argmax())):
            return None
        return "unfamiliar"

    def _score_for(self, data: Dataset) -> "NearestNeighborScore":
        with self._lock:
            if data not in self._scores:
                self._scores[data] = NearestNeighborScore(data)
            return self._scores[data]


class NearestNeighborScore:
    """Similarity of images to the nearest training image of a digit."""

    def __init__(self, data: Dataset) -> None:
        features = hog_features(data.train_images)
        self._features = [features[data.train_labels == digit] for digit in range(10)]
        # Evenly spaced: one half of MNIST's test set was written more neatly than the other.
        sample = slice(None, None, max(1, len(data.test_images) // _CALIBRATION))
        features, labels = hog_features(data.test_images[sample]), data.test_labels[sample]
        scores = [self._similarity(features[labels == digit], digit) for digit in range(10)]
        self._thresholds = [
            float(score.quantile(1 - FAMILIAR)) if len(score) else 0.0 for score in scores
        ]
        # Nearly all of MNIST's ones are a bare stroke. A limit from them alone would refuse ones
        # with a flag or a foot, so for a one the similarity of all digits is enough.
        every = float(torch.cat(scores).quantile(1 - FAMILIAR))
        self._thresholds[1] = min(self._thresholds[1], every)

    def knows(self, image: np.ndarray, digit: int) -> bool:
        """Whether an image (28, 28) is as similar to a digit as most of its test images."""
        features = hog_features(torch.as_tensor(image)[None])
        return float(self._similarity(features, digit)) > self._thresholds[digit]

    def _similarity(self, features: Tensor, digit: int) -> Tensor:
        """(N,) from 0 to 1: cosine between features (N, 196) and the nearest training image's."""
        known = self._features[digit]
        return (features @ known.T).amax(1) if len(known) else torch.zeros(len(features))


def hog_features(images: Tensor) -> Tensor:
    """Histograms of oriented gradients of images (N, 28, 28): (N, 196), each of length 1.

    For each of four directions and each of 7 x 7 cells the square root of the mean gradient
    (Sobel operator). The root keeps a strong edge from outweighing all others.
    """
    return torch.cat([_hog_features(chunk) for chunk in images.split(_CHUNK)])


def _hog_features(images: Tensor) -> Tensor:
    sobel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    kernels = torch.stack([sobel, sobel.T, -sobel, -sobel.T]).unsqueeze(1)
    gradients = F.conv2d(images.unsqueeze(1).float(), kernels, padding=1).relu_()
    return F.normalize(F.avg_pool2d(gradients, 4).sqrt_().flatten(1), dim=1)
