"""What a network predicts for images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Prediction:
    """A network's reading of one image: ten probabilities that sum to 1."""

    probabilities: tuple[float, ...]

    @property
    def digit(self) -> int:
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)


Doubt = Literal["undecided", "unfamiliar"]
"""Why an answer should not be believed: no digit stands out, or none that was learnt is like it."""


@dataclass(frozen=True)
class DrawingPrediction:
    """A drawing as the network saw it, and its answer.

    `image` is (28, 28) float32 with ink 1 on black 0. `box` is the part of the drawing that holds
    its ink (left, top, right, bottom), `centre` the point (x, y) that came to the picture's
    middle when it was made as MNIST's were, both in the drawing's own unit.
    """

    image: np.ndarray
    prediction: Prediction
    doubt: Doubt | None
    box: tuple[float, float, float, float]
    centre: tuple[float, float]


@dataclass(frozen=True)
class Gallery:
    """Test images and what a network says of them.

    `indices` (n,) are places in the test set, `images` (n, 28, 28) uint8, `labels` (n,),
    `probabilities` (n, 10). `progress` tells when in the run the network said so, in epochs.
    """

    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    progress: float

    @property
    def predictions(self) -> np.ndarray:
        return self.probabilities.argmax(1)

    def at(self, places: np.ndarray) -> "Gallery":
        """Only the images at these places of this gallery, in their order."""
        return Gallery(
            self.indices[places],
            self.images[places],
            self.labels[places],
            self.probabilities[places],
            self.progress,
        )
