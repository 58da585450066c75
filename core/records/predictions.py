"""Records of predictions for images and drawings."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Doubt = Literal["undecided", "unfamiliar"]
"""Why a prediction is doubtful: no digit stands out, or the image is unlike the training data."""


@dataclass(frozen=True)
class Box:
    """Where the ink is, in the drawing's own unit."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class DrawingPrediction:
    """The prediction for a drawing; the response of `POST /api/predict`.

    `probabilities` has those of the ten digits. `doubt` says why the answer should not be
    believed; without one it is `sure`. `input` has the 28 x 28 pixels that the network was given,
    ink 255 on black 0. `box` and `centre` (x, y) are those of the ink, in the drawing's own unit.
    `progress` is the age of the network in epochs: an untrained one guesses.
    """

    digit: int
    probabilities: tuple[float, ...]
    sure: bool
    doubt: Doubt | None
    input: list[list[int]]
    box: Box
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
