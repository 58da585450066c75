"""Records of attribution (which pixels mattered for a class) and of embeddings."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class AttributionMethod:
    """A method of attribution, and what it can and cannot tell."""

    title: str
    tells: str
    cannot: str


AttributionName = Literal["saliency", "grad_cam", "occlusion", "integrated_gradients"]

ATTRIBUTION_METHODS: dict[AttributionName, AttributionMethod] = {
    "saliency": AttributionMethod(
        title="Saliency",
        tells="Pixels where a tiny change moves the score most.",
        cannot="Whether ink there speaks for the digit or against it. Grainy.",
    ),
    "grad_cam": AttributionMethod(
        title="Grad-CAM",
        tells="Where a convolution found what raises the score.",
        cannot="All that speaks against the digit. As coarse as that layer's maps.",
    ),
    "occlusion": AttributionMethod(
        title="Occlusion",
        tells="How far the score falls when a 5 × 5 patch is painted black.",
        cannot="Where either of two strokes would do, covering one changes little.",
    ),
    "integrated_gradients": AttributionMethod(
        title="Integrated gradients",
        tells="Each pixel's share of the score, compared with black paper.",
        cannot="Empty paper gets nothing, though the open top of a 4 may decide.",
    ),
}


@dataclass(frozen=True, eq=False)
class Attribution:
    """The attribution of a digit's logit to the pixels of an image.

    `values` (28, 28) float32 are divided by their largest magnitude: from -1 (against the digit)
    to 1 (for it); saliency and Grad-CAM have none below 0. `largest` is that magnitude in the
    method's own unit, 0 if all values are 0.
    """

    digit: int
    values: np.ndarray
    largest: float


@dataclass(frozen=True, eq=False)
class Embedding:
    """A sample of test images as points in the plane: `points` (N, 2) float32.

    `indices` (N,) are indices into the test set, `labels` and `predictions` (N,) their classes.
    `explained` is the plane's share of the features' variance; t-SNE has none.
    """

    method: Literal["pca", "tsne"]
    indices: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    points: np.ndarray
    explained: float | None = None
