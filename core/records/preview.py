"""What people see of a network between two evaluations."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PreviewFrame:
    """What a network reads in the preview images after `step` batches.

    `digits` has one predicted digit for each image of `PreviewImages`, as text. `accuracy` is the
    test accuracy, from 0 to 1, if it is `exact`, and otherwise an estimate; None until enough test
    images have been read. `progress` and `seconds`: see `core.records.metrics.BatchMetrics`;
    `seconds` is None where nobody knows.
    """

    step: int
    progress: float
    seconds: float | None
    digits: str
    accuracy: float | None
    exact: bool = False


@dataclass(frozen=True, eq=False)
class PreviewImages:
    """The test images of a preview, the same for every run on a data set.

    They are in rows of one image of each digit. Later rows lack the digits of which there are no
    more. `indices` (n,) are indices into the test set, `images` (n, 28, 28) uint8, `labels` (n,).
    """

    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray
