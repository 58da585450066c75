"""What the Mistakes tab says: counts, captions, margins."""

import numpy as np

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory
from dashboard.components.image_grid import NONE_WRONG
from dashboard.tabs.mistakes import text
from tests.dashboard.tabs.mistakes.test_callbacks import FOUND, LABELS, SAID, answers


def test_why_there_is_no_image_is_said() -> None:
    assert text.no_images(Choice(only_wrong=True), None) == NONE_WRONG
    assert text.no_images(Choice(True, 1, 2), None) == text.NO_MATCH
    assert text.no_images(Choice(), LearningCategory.ALWAYS_RIGHT) == text.NO_MATCH


def test_categories_are_counted_for_the_options_that_name_them() -> None:
    values = list(text.category_options())
    assert values == ["any", *text.category_counts(None)]
    assert text.category_counts(FOUND.categories) == {
        "1": "5",
        "2": "0",
        "3": "0",
        "4": "5",
        "0": "90",
    }
    assert set(text.category_counts(None).values()) == {""}


def test_the_caption_counts() -> None:
    misread, when = text.caption(FOUND.answers)
    assert (misread, when.children) == ("5 of 100 misread ", "after 2 epochs")
    assert "before it has learned" in text.caption(answers(SAID, 0))[1].children


def test_the_range_names_the_images_of_a_page() -> None:
    assert text.page_range(40, 38, 1078) == "41–78 of 1,078"
    assert text.page_range(0, 0, 0) == "none"


def test_the_margins_name_the_digits_that_are_read_worst() -> None:
    confusion = mistakes.confusion(FOUND.answers.probabilities, LABELS)  # 5 to 9: one is wrong
    margins = text.margins(confusion)
    assert margins["found"].startswith("of all true 5s, 90.0\u202f% are read as 5")
    assert margins["correct"].startswith("of all that is read as 6, 90.0\u202f% are 6")
    perfect = mistakes.Confusion(np.diag([3] * 10))
    assert text.margins(perfect) == {
        "found": "every digit is read as what it is.",
        "correct": "every digit is what it is read as.",
    }
