"""Which images of an assessment the Mistakes tab shows, and on which page."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.analysis import mistakes
from core.analysis.mistakes import Choice, LearningCategory, Order, TestSetReport
from core.data.dataset import Dataset
from core.records.predictions import Gallery
from core.service.service import TrainingService
from dashboard.tabs.mistakes import layout
from dashboard.tabs.mistakes.callbacks import PAGE_SIZE, find
from tests.dashboard.conftest import Callbacks

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


@pytest.fixture
def show(trained: TestClient, done: TrainingService, run_id: str) -> Callable[..., dict[str, Any]]:
    """What the server answers to a request for images of the run that is done."""
    page = Callbacks(trained, done)
    shown = layout.GRID.shown
    (callback,) = (one for one in page.on_server if shown in one["output"])

    def ask(**request: Any) -> dict[str, Any]:
        version = f"{run_id}/0/e2"
        answer = page.call(callback, {layout.REQUEST: {"version": version, **request}})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["response"][shown]["data"]
        return data

    return ask


@pytest.mark.parametrize(
    "request_", [{"order": "size"}, {"category": 5}, {"category": "any"}, {"order": ""}]
)
def test_an_order_or_a_category_that_does_not_exist_is_refused(
    trained: TestClient, done: TrainingService, request_: dict[str, Any]
) -> None:
    page = Callbacks(trained, done)
    (callback,) = (one for one in page.on_server if layout.GRID.shown in one["output"])
    answer = page.call(callback, {layout.REQUEST: request_})
    assert answer.status_code == 400
    assert "The page sends no such value" in answer.text


def test_a_request_of_the_page_is_understood(
    show: Callable[..., dict[str, Any]], tiny_dataset: Dataset
) -> None:
    fours = show(wrong=False, true=4, predicted=None, order="margin", category=None)
    assert set(fours["images"]["labels"]) == {4}
    every = show(category=None)["categories"]
    for category in LearningCategory:
        found = show(category=int(category))["range"]
        count = every[str(int(category))]
        assert found.endswith(f"of {count}") if count != "0" else found == "none"


def test_a_page_shows_so_many_and_the_last_one_the_rest(
    show: Callable[..., dict[str, Any]], tiny_dataset: Dataset
) -> None:
    total = len(tiny_dataset.test_labels)
    last = -(-total // PAGE_SIZE)
    pages = [show(page=number) for number in range(1, last + 1)]
    assert [(page["page"], page["pages"]) for page in pages] == [
        (number, last) for number in range(1, last + 1)
    ]
    indices = [page["images"]["indices"] for page in pages]
    assert [index for page in indices for index in page] == list(range(total))
    assert {len(page) for page in indices[:-1]} == {PAGE_SIZE}
    assert pages[0]["range"] == f"1–{PAGE_SIZE} of {total}"


def test_a_page_past_the_end_is_the_last_and_one_before_the_first_is_the_first(
    show: Callable[..., dict[str, Any]],
) -> None:
    past = show(page=10**6)
    assert past["page"] == past["pages"] > 1
    assert show(page=0)["page"] == show()["page"] == 1


def test_a_category_and_a_choice_both_count() -> None:
    def places(choice: Choice, category: LearningCategory) -> list[int]:
        found: list[int] = find(FOUND, choice, Order.INDEX, category).tolist()
        return found

    assert places(ANY, LearningCategory.LEARNED) == [90, 91, 92, 93, 94]
    assert places(Choice(only_wrong=True), LearningCategory.LEARNED) == []
    assert places(Choice(true=7), LearningCategory.NEVER_LEARNED) == [97]


def test_before_the_first_epoch_no_image_has_a_category() -> None:
    assert not len(find(UNTRAINED, ANY, Order.INDEX, LearningCategory.ALWAYS_RIGHT))
