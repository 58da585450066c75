"""What the Mistakes tab makes of an assessment: which images fit, which page, what it says."""

from typing import Any

import numpy as np
import pytest

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory, Order, TestSetReport
from core.records.predictions import Gallery
from dashboard.tabs.mistakes import callbacks as tab
from dashboard.tabs.mistakes.callbacks import Wanted

N = 100
LABELS = np.arange(N) % 10
SAID = np.where(np.arange(N) < 95, LABELS, (LABELS + 1) % 10)  # the last five are wrong
EARLIER = np.where(np.arange(N) < 90, LABELS, (LABELS + 2) % 10)
ANY = Choice()


def answers(predictions: np.ndarray, progress: float = 2) -> Gallery:
    probabilities = np.full((N, 10), 0.05)
    probabilities[np.arange(N), predictions] = 0.55
    images = np.zeros((N, 28, 28), np.uint8)
    return Gallery(np.arange(N), images, LABELS, probabilities, progress)


FOUND = TestSetReport(
    answers(SAID), mistakes.learning_categories(np.stack([EARLIER, SAID]), LABELS)
)
UNTRAINED = TestSetReport(answers(SAID, 0), None)


def wanted(choice: Choice = ANY, course: LearningCategory | None = None, page: int = 1) -> Wanted:
    return Wanted(choice, Order.INDEX, course, page)


def test_a_request_of_the_page_is_understood() -> None:
    request = {"wrong": True, "true": "4", "predicted": "any", "order": "margin", "course": "3"}
    assert Wanted.parse(request | {"page": 2}) == Wanted(
        Choice(True, 4, None), Order.MARGIN, LearningCategory.FORGOTTEN, 2
    )


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"true": "10", "predicted": "-1", "order": "size", "course": "5", "page": 0},
        {"true": None, "predicted": [], "order": None, "course": "any", "page": "two"},
        {"true": "٣", "predicted": "1e0", "course": {}, "page": -3, "order": []},
    ],
)
def test_a_request_that_makes_no_sense_asks_for_everything(request_: dict[str, Any]) -> None:
    assert Wanted.parse(request_) == wanted()


def test_a_page_shows_so_many_and_the_last_one_the_rest() -> None:
    places, page, pages = tab.fitting(FOUND, wanted(page=3))
    assert (len(places), page, pages) == (100, 3, 3)
    shown = [tab.places_on(places, number).tolist() for number in (1, 2, 3)]
    assert np.concatenate(shown).tolist() == list(range(100))
    assert len(shown[0]) == len(shown[1]) == tab.PAGE


def test_a_page_past_the_end_is_the_last() -> None:
    assert tab.fitting(FOUND, wanted(Choice(only_wrong=True), page=9))[1:] == (1, 1)


def test_a_course_and_a_choice_both_count() -> None:
    learned, *_ = tab.fitting(FOUND, wanted(course=LearningCategory.LEARNED))
    assert learned.tolist() == [90, 91, 92, 93, 94]
    none, *_ = tab.fitting(FOUND, wanted(Choice(only_wrong=True), LearningCategory.LEARNED))
    assert len(none) == 0
    one, *_ = tab.fitting(FOUND, wanted(Choice(true=7), LearningCategory.NEVER_LEARNED))
    assert one.tolist() == [97]


def test_before_the_first_epoch_no_image_has_a_course() -> None:
    asked = wanted(course=LearningCategory.ALWAYS_RIGHT)
    assert len(tab.fitting(UNTRAINED, asked)[0]) == 0
    assert tab.why_none(UNTRAINED, asked) == tab.NO_COURSES


def test_why_there_is_no_image_is_said() -> None:
    assert tab.why_none(FOUND, wanted(Choice(only_wrong=True))) == tab.NONE_WRONG
    assert tab.why_none(FOUND, wanted(Choice(True, 1, 2))) == tab.NONE_FIT


def test_courses_are_counted() -> None:
    labels = [option["label"] for option in tab.course_options(FOUND.categories)]
    assert labels == [
        "any",
        "learned (5)",
        "relearned (0)",
        "forgotten (0)",
        "never learned (5)",
        "always right (90)",
    ]
    assert tab.course_options(None)[-1]["label"] == "always right"


def test_the_caption_counts() -> None:
    confused = mistakes.confusion(FOUND.answers.probabilities, LABELS)
    assert tab.caption(FOUND.answers, confused, 95, 2, 3) == (
        "95 of 100 test images fit, page 2 of 3. "
        "The network gets 5 wrong (95.00% right), after 2 epochs."
    )
    assert "before it has learnt" in tab.caption(UNTRAINED.answers, confused, 5, 1, 1)


@pytest.mark.parametrize(
    ("choice", "frame"),
    [
        (Choice(true=4, predicted=9), (8.5, 9.5, 3.5, 4.5)),
        (Choice(true=4), (-0.5, 9.5, 3.5, 4.5)),
        (Choice(predicted=9), (8.5, 9.5, -0.5, 9.5)),
    ],
)
def test_what_is_chosen_is_framed_in_the_matrix(
    choice: Choice, frame: tuple[float, float, float, float]
) -> None:
    confused = mistakes.confusion(FOUND.answers.probabilities, LABELS)
    (shape,) = tab.matrix(confused, choice, 400).layout.shapes
    assert (shape.x0, shape.x1, shape.y0, shape.y1) == frame
    assert not tab.matrix(confused, ANY, 400).layout.shapes


def test_a_digit_that_was_never_predicted_has_no_precision() -> None:
    nobody = answers(np.where(SAID == 3, 5, SAID))
    table = tab.class_table(mistakes.confusion(nobody.probabilities, LABELS))
    row = table.children[1].children[3]
    assert [cell.children for cell in row.children] == ["3", "10", "–", "0.0%", "0.0%"]
