"""Records of predictions for images and drawings."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image: ten probabilities that sum to 1."""

    probabilities: tuple[float, ...]

    @property
    def digit(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)


Doubt = Literal["undecided", "unfamiliar"]
"""Why a prediction is doubtful: no digit stands out, or the image is unlike the training data."""


@dataclass(frozen=True)
class DrawingPrediction:
    """The prediction for a drawing, and its preprocessing.

    `image` is the network's input, (28, 28) float32, ink 1 on black 0. `box` is the bounding box
    of the ink (left, top, right, bottom), `centre` its centre of mass (x, y), both in the
    drawing's own unit. `progress` is the age of the network in epochs: an untrained one guesses.
    """

    image: np.ndarray
    prediction: Prediction
    doubt: Doubt | None
    box: tuple[float, float, float, float]
    centre: tuple[float, float]
    progress: float


@dataclass(frozen=True)
class TestImages:
    """Some test images.

    `indices` (n,) are indices into the test set, `images` (n, 28, 28) uint8, `labels` (n,).
    """

    __test__ = False  # pytest takes classes named Test... for tests

    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Gallery(TestImages):
    """Test images with the predictions of a network.

    `probabilities` (n, 10). `progress` is the age of the network in epochs.
    """

    probabilities: np.ndarray
    progress: float

    @property
    def predictions(self) -> np.ndarray:
        return self.probabilities.argmax(1)

    def at(self, rows: np.ndarray) -> "Gallery":
        """The gallery of these rows."""
        return Gallery(
            self.indices[rows],
            self.images[rows],
            self.labels[rows],
            self.probabilities[rows],
            self.progress,
        )
