"""The confusion matrix: counts, washes and margins."""

import numpy as np
import pytest

from core.analysis.mistakes import Confusion
from dashboard.tabs.mistakes import matrix

COUNTS = np.diag(np.arange(900, 1000, 10))
COUNTS[4, 9], COUNTS[3, 5], COUNTS[8, 2] = 12, 1, 3


def test_mistakes_are_deeper_the_more_there_are_and_right_answers_and_zeros_are_not() -> None:
    washes = matrix.washes(COUNTS)
    assert (washes.diagonal() == 0).all()
    assert washes[0, 1] == 0
    assert washes[4, 9] == matrix.DEEPEST
    assert washes[4, 9] > washes[8, 2] > washes[3, 5] == matrix.FAINTEST


@pytest.mark.parametrize("counts", [np.zeros((10, 10), int), np.diag([3] * 10)])
def test_a_confusion_without_mistakes_or_without_anything_has_no_wash(counts: np.ndarray) -> None:
    assert (matrix.washes(counts) == 0).all()


def test_a_single_mistake_is_faint() -> None:
    counts = np.diag([3] * 10)
    counts[1, 7] = 1
    assert matrix.washes(counts)[1, 7] == matrix.FAINTEST


def test_the_answer_has_counts_margins_and_scores() -> None:
    answer = matrix.answer(Confusion(COUNTS))
    assert answer["counts"][4][9] == 12
    assert answer["worst"] == [4, 9]
    assert answer["scores"][4] == [
        "952",
        "100.0\u202f%",
        "98.7\u202f%",
        "99.4\u202f%",
    ]  # 940 of 952
    assert answer["scores"][9][1] == "98.8\u202f%"  # 990 of 1,002


def test_a_digit_that_was_never_predicted_has_no_precision() -> None:
    counts = np.diag([10] * 10)
    counts[3, 3], counts[3, 5] = 0, 10
    answer = matrix.answer(Confusion(counts))
    assert answer["scores"][3][1:3] == ["–", "0.0\u202f%"]
    assert answer["worst"] == [3, 5]
    perfect = matrix.answer(Confusion(np.diag([10] * 10)))
    assert perfect["worst"] == [None, None]
