"""Where a network is wrong: confusion, per-class figures, choosing images, and change over epochs.

Plain numpy on what a network said of its test images. It does not know which network that was,
when it said so, or who looks.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

from core.records.predictions import Gallery

CLASSES = 10


@dataclass(frozen=True, eq=False)
class Confusion:
    """What was taken for what: `counts` (10, 10) int64, a row a true class, a column a prediction.

    Precision, recall and F1 are (10,) float64, shares of 1. Where there is nothing to divide by
    (a class that was never predicted has no precision) they are NaN, which says more than a zero.
    """

    counts: np.ndarray

    @property
    def support(self) -> np.ndarray:
        """(10,) how many images of each class there are."""
        return self.counts.sum(1)

    @property
    def recall(self) -> np.ndarray:
        """Of the images of a class, the share that was predicted as it."""
        return _share(self.counts.diagonal(), self.support)

    @property
    def precision(self) -> np.ndarray:
        """Of the images that were predicted as a class, the share that is of it."""
        return _share(self.counts.diagonal(), self.counts.sum(0))

    @property
    def f1(self) -> np.ndarray:
        """The harmonic mean of precision and recall, 2 right / (true + predicted)."""
        return _share(2 * self.counts.diagonal(), self.support + self.counts.sum(0))

    @property
    def accuracy(self) -> float:
        return float(_share(np.trace(self.counts), self.counts.sum()))


class Order(str, Enum):
    """How chosen images are sorted. Images that tie stay in the order of the test set."""

    INDEX = "index"
    MARGIN = "margin"
    """Least sure first: the smallest lead of the best class over the second best."""
    ENTROPY = "entropy"
    """Least sure first: the largest entropy, that is, probability spread over the most classes."""
    CONFIDENTLY_WRONG = "confidently_wrong"
    """Wrong and surest of it first; right ones come after all wrong ones."""


@dataclass(frozen=True)
class Choice:
    """Which images are wanted; None means any. Both classes together are one confusion cell."""

    only_wrong: bool = False
    true: int | None = None
    predicted: int | None = None


class Course(IntEnum):
    """How an image fared over a run's evaluations. Every image has exactly one course."""

    ALWAYS_RIGHT = 0
    LEARNED = 1
    """Wrong at first, then right and never wrong again."""
    RELEARNED = 2
    """Right at the last evaluation, but right and then wrong at least once before it."""
    FORGOTTEN = 3
    """Wrong at the last evaluation, though right before."""
    NEVER_LEARNED = 4


@dataclass(frozen=True, eq=False)
class Courses:
    """The course of each image: `kinds` (N,) int8 of `Course`, `forgetting` (N,) int64.

    `forgetting` counts forgetting events: steps from right at one evaluation to wrong at the next.
    """

    kinds: np.ndarray
    forgetting: np.ndarray

    def count(self, course: Course) -> int:
        return int((self.kinds == course).sum())


@dataclass(frozen=True, eq=False)
class TestSetReport:
    """What a network says of its whole test set, and how each image fared until then.

    `courses` is None before the first evaluation: what an untrained network gets right is luck.
    """

    answers: Gallery
    courses: Courses | None


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> Confusion:
    """The confusion matrix of probabilities (N, 10) and labels (N,)."""
    cells = labels.astype(np.int64) * CLASSES + probabilities.argmax(1)
    return Confusion(np.bincount(cells, minlength=CLASSES**2).reshape(CLASSES, CLASSES))


def select(
    probabilities: np.ndarray,
    labels: np.ndarray,
    choice: Choice,
    order: Order = Order.INDEX,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """The images that fit a choice, sorted.

    Args:
        probabilities: (N, 10), what the network said.
        labels: (N,).
        among: (N,) of bool; only these come into question, for instance those of one `Course`.

    Returns:
        Places in the test set, (n,) int64.
    """
    predictions = probabilities.argmax(1)
    wanted = np.ones(len(labels), bool) if among is None else among.copy()
    if choice.only_wrong:
        wanted &= predictions != labels
    if choice.true is not None:
        wanted &= labels == choice.true
    if choice.predicted is not None:
        wanted &= predictions == choice.predicted
    found = np.flatnonzero(wanted)
    if order is Order.INDEX:
        return found
    keys = _sort_keys(probabilities[found], predictions[found] != labels[found], order)
    return found[np.argsort(keys, kind="stable")]


def courses(predictions: np.ndarray, labels: np.ndarray) -> Courses:
    """How each image fared, from the predictions (E, N) of a run's evaluations, oldest first.

    Learning and forgetting events are those of Toneva et al., "An Empirical Study of Example
    Forgetting during Deep Neural Network Learning" (ICLR 2019). They watch training images, each
    time one is trained on; here they are test images, once an evaluation, so an image that is
    forgotten and learnt again between two evaluations counts as neither.

    Raises:
        ValueError: if there is no evaluation.
    """
    if not len(predictions):
        raise ValueError("The courses of images need at least one evaluation.")
    right = predictions == labels
    forgetting = (right[:-1] & ~right[1:]).sum(0)
    last, ever, always = right[-1], right.any(0), right.all(0)
    kinds = np.select(
        [always, last & (forgetting == 0), last, ever],
        [Course.ALWAYS_RIGHT, Course.LEARNED, Course.RELEARNED, Course.FORGOTTEN],
        Course.NEVER_LEARNED,
    )
    return Courses(kinds.astype(np.int8), forgetting)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.divide(part, whole, dtype=np.float64)


def _sort_keys(probabilities: np.ndarray, wrong: np.ndarray, order: Order) -> np.ndarray:
    if order is Order.MARGIN:
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return first - second
    if order is Order.ENTROPY:
        # 0 log 0 is 0, as in the limit: the logarithm sees a number that is not quite 0.
        tiny = np.finfo(np.float32).tiny
        return (probabilities * np.log(np.maximum(probabilities, tiny))).sum(1)
    return np.where(wrong, -probabilities.max(1), 1.0)
