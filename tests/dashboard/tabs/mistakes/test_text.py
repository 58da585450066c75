"""What the Mistakes tab says: counts, captions, and the table of digits."""

import numpy as np

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory
from dashboard.tabs.mistakes import text
from tests.dashboard.tabs.mistakes.test_callbacks import FOUND, LABELS, SAID, answers


def test_why_there_is_no_image_is_said() -> None:
    assert text.no_images(Choice(only_wrong=True), None, False) == text.NONE_WRONG
    assert text.no_images(Choice(True, 1, 2), None, False) == text.NONE_FIT
    assert text.no_images(Choice(), LearningCategory.ALWAYS_RIGHT, False) == text.NONE_FIT
    assert text.no_images(Choice(), LearningCategory.ALWAYS_RIGHT, True) == text.NO_CATEGORIES


def test_categories_are_counted() -> None:
    labels = [option["label"] for option in text.category_options(FOUND.categories)]
    assert labels == [
        "any",
        "learned (5)",
        "relearned (0)",
        "forgotten (0)",
        "never learned (5)",
        "always right (90)",
    ]
    assert text.category_options(None)[-1]["label"] == "always right"


def test_the_caption_counts() -> None:
    assert text.caption(FOUND.answers, 95, 2, 3) == (
        "95 of 100 test images fit, page 2 of 3. "
        "The network gets 5 wrong (95.00\u202f% right), after 2 epochs."
    )
    assert "before it has learnt" in text.caption(answers(SAID, 0), 5, 1, 1)


def test_a_digit_that_was_never_predicted_has_no_precision() -> None:
    nobody = answers(np.where(SAID == 3, 5, SAID))
    table = text.class_table(mistakes.confusion(nobody.probabilities, LABELS))
    row = table.children[1].children[3]
    assert [cell.children for cell in row.children] == ["3", "10", "–", "0.0\u202f%", "0.0\u202f%"]
