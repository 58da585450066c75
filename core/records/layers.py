"""What looking at a network gives: frozen records of arrays.

They load without torch, so that the page can read them. This module does not know how any of
them is computed or drawn.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.records.runs import Lesson, RunSnapshot


@dataclass(frozen=True)
class InnerLayer:
    """A layer together with what follows it before the next one: activation, pooling.

    Attributes:
        name: of the module that multiplies, as `core.models.layers` has it; `input` for the image.
        operations: what is done, in order, in words.
        shape: channels, height and width of what comes out; (n, 1, 1) where nothing has a place.
        kernel: channels, height and width of what one number is made of; None where nothing is
            multiplied. A linear layer's kernel is as large as all that comes in.
        pool: side of the window of which max-pooling keeps one number; 1 without pooling.
        jump: pixels of the image from one pixel of the map to the next.
    """

    name: str
    operations: tuple[str, ...]
    shape: tuple[int, int, int]
    kernel: tuple[int, int, int] | None = None
    pool: int = 1
    jump: int = 1

    @property
    def is_map(self) -> bool:
        """Whether its numbers have a place in the image."""
        return self.shape[1:] != (1, 1)

    @property
    def is_convolution(self) -> bool:
        """Whether a kernel moves over the maps before, and Grad-CAM can weigh its own."""
        return self.kernel is not None and self.is_map

    @property
    def size(self) -> str:
        """Its shape in words, as `64 × 14 × 14` or `128`."""
        return " × ".join(str(length) for length in (self.shape if self.is_map else self.shape[:1]))


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What one layer made of an image: `values` in the layer's shape, float32."""

    layer: InnerLayer
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class InsideView:
    """An image's way through a network: the maps of each layer, and ten probabilities (10,).

    The first layer is the input in the network's own unit (0 is MNIST's mean grey, 1 its standard
    deviation), the last the ten scores (logits) before the softmax.
    """

    maps: tuple[FeatureMaps, ...]
    probabilities: np.ndarray


@dataclass(frozen=True, eq=False)
class Look:
    """An image (28, 28), 0..1 with ink 1, and its way through a network after `progress` epochs.

    `label` is a test image's class; None for a drawing.
    """

    image: np.ndarray
    label: int | None
    progress: float
    view: InsideView


@dataclass(frozen=True, eq=False)
class Filters:
    """What a layer multiplies with: `weights` (channels out, channels in, height, width), float32.

    `bias` is (channels out,). Batch normalisation, which multiplies and adds too, is included.
    """

    layer: InnerLayer
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Area:
    """A rectangle in the maps of a layer, in its pixels. It may reach beyond the maps' edges."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class PixelStep:
    """How one number of a layer came to be.

    Each channel of `patch` is multiplied, number by number, with that of `kernel`, and added up:
    `sums`. All sums and the bias make `before`. The activation, and max-pooling where there is
    any, make `after` of it, which is the number in the feature map.

    Attributes:
        patch, kernel: (channels in, height, width). Beyond the edge of a map there is zero.
        sums: (channels in,).
        areas: where the patch lies in the maps before, and, before that one, all from which the
            patch was made: one for each layer from the image on. The first is what the number
            depends on, its receptive field.
        window: (pool, pool), all the numbers of which pooling kept the largest; (1, 1) without it.
        chosen: row and column, in the window, of the largest: the one that `patch` explains.
    """

    layer: InnerLayer
    channel: int
    row: int
    column: int
    patch: np.ndarray
    kernel: np.ndarray
    sums: np.ndarray
    bias: float
    before: float
    after: float
    areas: tuple[Area, ...]
    window: np.ndarray
    chosen: tuple[int, int]


@dataclass(frozen=True)
class AttributionMethod:
    """A way of asking which pixels an answer rests on, and what its picture can and cannot tell."""

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
    """Which pixels speak for a digit, as one method has it.

    `values` (28, 28) float32 are divided by the largest of their magnitudes, so that 0 stays 0
    and signs stay: they run from -1 (against) to 1 (for), or from 0 to 1 for a method that knows
    no sign. `largest` is that magnitude in the method's own unit; 0 where all is 0.
    """

    method: AttributionName
    digit: int
    values: np.ndarray
    largest: float
    layer: str | None = None


@dataclass(frozen=True, eq=False)
class Embedding:
    """A sample of test images as points in the plane: `points` (N, 2) float32.

    `indices` (N,) are places in the test set, `labels` (N,) their classes, `predictions` (N,) what
    the network reads. `explained` is the plane's share in the features' variance, which only PCA
    can tell.
    """

    method: Literal["pca", "tsne"]
    indices: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    points: np.ndarray
    explained: float | None = None


@dataclass(frozen=True, eq=False)
class Course:
    """What a run's networks said of one image: `probabilities` (n, 10) after each of `epochs` (n,).

    Epoch 0 is the untrained network. The last may lie between two epochs: the newest network of a
    run that is on its way, or was put down there.
    """

    epochs: tuple[float, ...]
    probabilities: np.ndarray

    @property
    def digits(self) -> tuple[int, ...]:
        """What was read after each epoch."""
        return tuple(int(digit) for digit in self.probabilities.argmax(1))


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing that somebody keeps, and the digit that they meant.

    `image` is what a network gets of it: (28, 28) uint8 with ink 255 on black 0.
    """

    drawing_id: str
    label: int
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class OwnSet:
    """Somebody's drawings as one network reads them.

    `predictions` (n,) are None where there is no network. `taught` (n,) tells which drawings the
    network's run was trained on: they are no test of it.
    """

    drawings: tuple[Drawing, ...]
    predictions: np.ndarray | None
    taught: np.ndarray

    @property
    def right(self) -> int | None:
        """How many of them are read as they were meant."""
        if self.predictions is None:
            return None
        labels = [drawing.label for drawing in self.drawings]
        return int((self.predictions == labels).sum()) if labels else 0


@dataclass(frozen=True)
class OwnScore:
    """How many of somebody's drawings the network after an epoch reads right."""

    epoch: int
    right: int
    count: int


@dataclass(frozen=True)
class OwnScores:
    """The scores of a run's kept epochs: on drawings that it has never seen, and on those that it
    was taught."""

    fresh: tuple[OwnScore, ...] = ()
    taught: tuple[OwnScore, ...] = ()


@dataclass(frozen=True)
class LessonRow:
    """Shares of `count` images read right before a lesson and at its end, or as far as it is.

    `test` is the data set's test set, whose size is not told; `after` is None until there is a
    network to ask.
    """

    kind: Literal["test", "held_out", "taught"]
    count: int | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class LessonReport:
    """What a lesson changed, from the end of epoch `before` to that of `after`."""

    lesson: Lesson
    before: int
    after: int | None
    last: int
    rows: tuple[LessonRow, ...]


Distortion = Literal["shift", "rotation", "noise"]


@dataclass(frozen=True)
class RobustnessCurve:
    """Accuracy (shares of 1) of a network as its test images are distorted more and more."""

    distortion: Distortion
    strengths: tuple[float, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Robustness:
    """How well a network bears distortions, on so many test images, and how large it is."""

    model: str
    parameters: int
    images: int
    curves: tuple[RobustnessCurve, ...]

    @property
    def accuracy(self) -> float:
        """On the same images as they are: the first strength of every curve is 0."""
        return self.curves[0].accuracies[0]


@dataclass(frozen=True, eq=False)
class Examples:
    """An image as it is shown to networks: `images` (n, 28, 28) float32, 0..255, by strength."""

    distortion: Distortion
    strengths: tuple[float, ...]
    images: np.ndarray


@dataclass(frozen=True)
class Pair:
    """Runs of two networks that were started together, the MLP's last; deleted ones are missing."""

    name: str
    runs: tuple[RunSnapshot, ...]

    @property
    def ended(self) -> bool:
        """Whether none of them trains or waits: a run that is put down does not."""
        return all(run.state.at_rest for run in self.runs)

    @property
    def comparable(self) -> tuple[RunSnapshot, ...]:
        """Those whose networks have learnt for at least an epoch."""
        return tuple(run for run in self.runs if _epochs_learnt(run) > 0)


def _epochs_learnt(run: RunSnapshot) -> int:
    """After how many whole epochs the run's network is shown, once it does not train."""
    if run.place_epoch is not None:
        return run.place_epoch
    return run.kept[-1] if run.kept else 0
