"""What people see of a network between two evaluations."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PreviewFrame:
    """What a network reads in the preview images after `step` batches.

    `digits` has one predicted digit for each image of `PreviewImages`, as text. `accuracy` is an
    estimate of the test accuracy, from 0 to 1; None until enough test images have been read.
    `progress` and `seconds`: see `core.records.metrics.BatchMetrics`.
    """

    step: int
    progress: float
    seconds: float
    digits: str
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class PreviewImages:
    """The test images of a preview, digit by digit, the same for every run on a data set.

    `indices` (n,) are indices into the test set, `images` (n, 28, 28) uint8, `labels` (n,).
    """

    indices: np.ndarray
    images: np.ndarray
    labels: np.ndarray
