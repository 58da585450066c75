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
    source: str
    signed: bool


AttributionName = Literal["saliency", "grad_cam", "occlusion", "integrated_gradients"]

ATTRIBUTION_METHODS: dict[AttributionName, AttributionMethod] = {
    "saliency": AttributionMethod(
        title="Saliency",
        tells="How strongly the digit's score reacts to a tiny change of each pixel.",
        cannot="It does not tell whether ink there speaks for the digit or against it, nor what "
        "a larger change would do, and it is grainy: equal pixels side by side may differ a lot.",
        source="K. Simonyan, A. Vedaldi, A. Zisserman, Deep Inside Convolutional Networks, 2013",
        signed=False,
    ),
    "grad_cam": AttributionMethod(
        title="Grad-CAM",
        tells="Where a convolution found features that raise the digit's score.",
        cannot="It is as coarse as that layer's maps, leaves out all that speaks against the "
        "digit, and knows nothing of what later layers make of the places.",
        source="R. Selvaraju et al., Grad-CAM, ICCV 2017",
        signed=False,
    ),
    "occlusion": AttributionMethod(
        title="Occlusion",
        tells="How much the digit's score falls (or rises) when a 5 × 5 patch is painted black.",
        cannot="Where either of two strokes would do, covering one changes little; and black is "
        "not nothing: it is paper without ink, which may look like another digit.",
        source="M. Zeiler, R. Fergus, Visualizing and Understanding Convolutional Networks, "
        "ECCV 2014",
        signed=True,
    ),
    "integrated_gradients": AttributionMethod(
        title="Integrated gradients",
        tells="How the difference in score between this image and black paper is shared out "
        "among the pixels; the shares add up to it.",
        cannot="Pixels without ink get nothing, though an empty place (the open top of a 4) may "
        "decide; another starting picture than black would give another answer.",
        source="M. Sundararajan, A. Taly, Q. Yan, Axiomatic Attribution for Deep Networks, "
        "ICML 2017",
        signed=True,
    ),
}


@dataclass(frozen=True, eq=False)
class Attribution:
    """The attribution of a digit's logit to the pixels of an image.

    `values` (28, 28) float32 are divided by their largest magnitude: from -1 (against the digit)
    to 1 (for it), or from 0 to 1 for an unsigned method. `largest` is that magnitude in the
    method's own unit, 0 if all values are 0.
    """

    method: AttributionName
    digit: int
    values: np.ndarray
    largest: float
    layer: str | None = None


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
