"""The confusion matrix as a figure: counts in cells."""

import numpy as np
import pytest

from core.analysis.mistakes import Confusion
from dashboard.tabs.mistakes import figures

COUNTS = np.diag(np.arange(900, 1000, 10))
COUNTS[4, 9], COUNTS[3, 5], COUNTS[8, 2] = 12, 1, 3


def test_each_cell_of_the_confusion_has_its_count_and_leads_to_its_digits() -> None:
    (heatmap,) = figures.confusion(Confusion(COUNTS)).data
    for true in range(10):
        for predicted in range(10):
            count = COUNTS[true, predicted]
            assert heatmap.text[true][predicted] == (str(count) if count else "")
            assert heatmap.customdata[true][predicted][:3].tolist() == [true, predicted, count]
    assert heatmap.customdata[4][9][3] == pytest.approx(100 * 12 / (940 + 12), abs=0.01)


def test_mistakes_stand_out_from_right_answers_and_from_each_other() -> None:
    (heatmap,) = figures.confusion(Confusion(COUNTS)).data
    colours = np.asarray(heatmap.z)
    assert (colours.diagonal() < 0).all()
    assert colours[4, 9] == 1
    assert colours[4, 9] > colours[8, 2] > colours[3, 5] > 0.2
    assert colours[0, 1] == 0


@pytest.mark.parametrize("counts", [np.zeros((10, 10), int), np.diag([3] * 10)])
def test_a_confusion_without_mistakes_or_without_anything_can_be_drawn(counts: np.ndarray) -> None:
    (heatmap,) = figures.confusion(Confusion(counts)).data
    colours = np.asarray(heatmap.z)
    assert np.isfinite(colours).all()
    assert colours.max() <= 0


def test_true_digits_run_down() -> None:
    assert figures.confusion(Confusion(COUNTS)).layout.yaxis.autorange == "reversed"
