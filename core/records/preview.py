"""What people see of a network between two evaluations."""

from dataclasses import dataclass

from core.records.predictions import TestImages


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


@dataclass(frozen=True)
class PreviewImages(TestImages):
    """The test images of a preview, the same for every run on a data set.

    They are in rows of one image of each digit. Later rows lack the digits of which there are no
    more. `test_images` counts the whole test set.
    """

    test_images: int
