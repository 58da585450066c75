"""What people see of a network between two evaluations."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PreviewFrame:
    """What a network reads in the preview images after `step` batches.

    `digits` has one predicted digit for each of `preview_images()`, as text. `accuracy` is an
    estimate of the test accuracy, from 0 to 1; None until enough test images have been read.
    `progress` and `seconds`: see `core.records.metrics.BatchMetrics`.
    """

    step: int
    progress: float
    seconds: float
    digits: str
    accuracy: float | None
