"""Error analysis on the test set: confusion matrix, image selection, learning categories."""

from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

from core.records.predictions import Gallery

CLASSES = 10


@dataclass(frozen=True, eq=False)
class Confusion:
    """A confusion matrix: `counts` (10, 10) int64. Rows: true digit. Columns: prediction.

    Precision, recall and F1 are (10,) float64, from 0 to 1. They are NaN where the denominator
    is 0: a class that is never predicted has no precision.
    """

    counts: np.ndarray

    @property
    def support(self) -> np.ndarray:
        """(10,) number of images of each class."""
        return self.counts.sum(1)

    @property
    def recall(self) -> np.ndarray:
        """The share of the images of a class that is predicted as that class."""
        return _divide(self.counts.diagonal(), self.support)

    @property
    def precision(self) -> np.ndarray:
        """The share of the predictions of a class that is right."""
        return _divide(self.counts.diagonal(), self.counts.sum(0))

    @property
    def f1(self) -> np.ndarray:
        """The harmonic mean of precision and recall, 2 right / (true + predicted)."""
        return _divide(2 * self.counts.diagonal(), self.support + self.counts.sum(0))


class Order(str, Enum):
    """How selected images are sorted. Ties stay in the order of the test set."""

    INDEX = "index"
    MARGIN = "margin"
    """Least certain first: the smallest lead of the best class over the second best."""
    ENTROPY = "entropy"
    """Least certain first: the largest entropy of the ten probabilities."""
    CONFIDENTLY_WRONG = "confidently_wrong"
    """Wrong images first, the most confident of them at the top; then the right ones."""


@dataclass(frozen=True)
class Choice:
    """A filter on images; None means any class. Both classes together are a confusion cell."""

    only_wrong: bool = False
    true: int | None = None
    predicted: int | None = None


class LearningCategory(IntEnum):
    """How the prediction of an image changed over a run. Each image is in exactly one category."""

    ALWAYS_RIGHT = 0
    LEARNED = 1
    """Wrong at first, then right at every later evaluation."""
    RELEARNED = 2
    """Right at the last evaluation, but forgotten at least once before it."""
    FORGOTTEN = 3
    """Wrong at the last evaluation, right at an earlier one."""
    NEVER_LEARNED = 4


@dataclass(frozen=True, eq=False)
class TestSetReport:
    """A network's predictions for its whole test set, and the images' learning categories.

    `categories` is (N,) int8 of `LearningCategory`, or None before the first evaluation: an
    untrained network is right by chance.
    """

    __test__ = False  # pytest takes classes named Test... for tests

    answers: Gallery
    categories: np.ndarray | None


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
    """Filters and sorts test images.

    Args:
        probabilities: (N, 10), the network's predictions.
        labels: (N,).
        among: (N,) bool mask that is applied too, such as the images of one `LearningCategory`.

    Returns:
        Indices into the test set, (n,) int64.
    """
    predictions = probabilities.argmax(1)
    mask = np.ones(len(labels), bool) if among is None else among.copy()
    if choice.only_wrong:
        mask &= predictions != labels
    if choice.true is not None:
        mask &= labels == choice.true
    if choice.predicted is not None:
        mask &= predictions == choice.predicted
    indices = np.flatnonzero(mask)
    if order is Order.INDEX:
        return indices
    keys = _sort_keys(probabilities[indices], predictions[indices] != labels[indices], order)
    return indices[np.argsort(keys, kind="stable")]


def learning_categories(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Categorizes images by the predictions (E, N) of a run's evaluations, oldest first.

    Learning and forgetting events are those of Toneva et al., "An Empirical Study of Example
    Forgetting during Deep Neural Network Learning" (ICLR 2019). The paper looks at a training
    image each time it is trained on. Here it is test images, once per evaluation, so an image
    that is forgotten and relearned between two evaluations counts as neither.

    Returns:
        (N,) int8 of `LearningCategory`.

    Raises:
        ValueError: there is no evaluation.
    """
    if not len(predictions):
        raise ValueError("Learning categories need at least one evaluation.")
    right = predictions == labels
    forgotten = (right[:-1] & ~right[1:]).any(0)  # at least once
    last, ever, always = right[-1], right.any(0), right.all(0)
    values = np.select(
        [always, last & ~forgotten, last, ever],
        [
            LearningCategory.ALWAYS_RIGHT,
            LearningCategory.LEARNED,
            LearningCategory.RELEARNED,
            LearningCategory.FORGOTTEN,
        ],
        LearningCategory.NEVER_LEARNED,
    )
    return values.astype(np.int8)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.divide(numerator, denominator, dtype=np.float64)


def _sort_keys(probabilities: np.ndarray, wrong: np.ndarray, order: Order) -> np.ndarray:
    if order is Order.MARGIN:
        second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
        return first - second
    if order is Order.ENTROPY:
        tiny = np.finfo(np.float32).tiny  # avoids log(0): 0 log 0 is 0
        return (probabilities * np.log(np.maximum(probabilities, tiny))).sum(1)
    return np.where(wrong, -probabilities.max(1), 1.0)
