"""Which images of an assessment the Mistakes tab shows, and on which page."""

from typing import Any

import numpy as np
import pytest

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory, Order, TestSetReport
from core.records.predictions import Gallery
from dashboard.tabs.mistakes.callbacks import PAGE_SIZE, Query, find_page

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


def query(choice: Choice = ANY, category: LearningCategory | None = None, page: int = 1) -> Query:
    return Query(choice, Order.INDEX, category, page)


def test_a_request_of_the_page_is_understood() -> None:
    request = {"wrong": True, "true": 4, "predicted": None, "order": "margin", "category": "3"}
    assert Query.parse(request | {"page": 2}) == Query(
        Choice(True, 4, None), Order.MARGIN, LearningCategory.FORGOTTEN, 2
    )


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"order": "size", "category": "5", "page": 0},
        {"category": "any"},
        {"category": "٣", "order": ""},
    ],
)
def test_a_request_that_makes_no_sense_asks_for_everything(request_: dict[str, Any]) -> None:
    assert Query.parse(request_) == query()


def test_a_page_shows_so_many_and_the_last_one_the_rest() -> None:
    pages = [find_page(FOUND, query(page=number)) for number in (1, 2, 3)]
    assert [(page.count, page.number, page.pages) for page in pages] == [
        (100, 1, 3),
        (100, 2, 3),
        (100, 3, 3),
    ]
    assert np.concatenate([page.images for page in pages]).tolist() == list(range(100))
    assert len(pages[0].images) == len(pages[1].images) == PAGE_SIZE


def test_a_page_past_the_end_is_the_last() -> None:
    page = find_page(FOUND, query(Choice(only_wrong=True), page=9))
    assert (page.number, page.pages) == (1, 1)


def test_a_category_and_a_choice_both_count() -> None:
    learned = find_page(FOUND, query(category=LearningCategory.LEARNED))
    assert learned.images.tolist() == [90, 91, 92, 93, 94]
    none = find_page(FOUND, query(Choice(only_wrong=True), LearningCategory.LEARNED))
    assert none.count == 0
    one = find_page(FOUND, query(Choice(true=7), LearningCategory.NEVER_LEARNED))
    assert one.images.tolist() == [97]


def test_before_the_first_epoch_no_image_has_a_category() -> None:
    assert find_page(UNTRAINED, query(category=LearningCategory.ALWAYS_RIGHT)).count == 0
