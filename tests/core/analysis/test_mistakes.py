"""Error analysis on small examples whose results are counted by hand."""

import numpy as np
import pytest

from core.analysis.mistakes import (
    Choice,
    Confusion,
    LearningCategory,
    Order,
    confusion,
    learning_categories,
    select,
)


def said(digits: list[int], sure: list[float]) -> np.ndarray:
    """Probabilities: so sure of each digit, the rest shared evenly by the other nine."""
    rows = np.repeat((1 - np.array(sure)) / 9, 10).reshape(-1, 10)
    rows[np.arange(len(digits)), digits] = sure
    return rows.astype(np.float32)


LABELS = np.array([4, 4, 9, 9, 9, 1])
SAID = said([4, 9, 9, 4, 4, 1], [0.9, 0.6, 0.5, 0.95, 0.7, 0.99])


def test_confusion_has_true_classes_down_and_predictions_across() -> None:
    found = confusion(SAID, LABELS)

    expected = np.zeros((10, 10), int)
    expected[4, 4], expected[4, 9], expected[9, 9], expected[9, 4], expected[1, 1] = 1, 1, 1, 2, 1
    np.testing.assert_array_equal(found.counts, expected)
    assert found.support.tolist() == [0, 1, 0, 0, 2, 0, 0, 0, 0, 3]


def test_precision_recall_and_f1_are_those_of_their_definitions() -> None:
    found = confusion(SAID, LABELS)

    assert found.recall[4] == pytest.approx(1 / 2)
    assert found.precision[4] == pytest.approx(1 / 3)
    assert found.f1[4] == pytest.approx(2 / (1 / (1 / 2) + 1 / (1 / 3)))
    assert found.recall[9] == pytest.approx(1 / 3)
    assert found.precision[9] == pytest.approx(1 / 2)
    assert found.precision[1] == found.recall[1] == found.f1[1] == 1


def test_where_there_is_nothing_to_divide_by_there_is_no_number() -> None:
    never_said = Confusion(np.diag([0, 3, 0, 0, 0, 0, 0, 0, 0, 0]))
    never_said.counts[2, 1] = 1

    with np.errstate(all="raise"):
        assert np.isnan(never_said.precision[2])
        assert never_said.recall[2] == never_said.f1[2] == 0
        assert np.isnan(never_said.recall[5])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), [0, 1, 2, 3, 4, 5]),
        (Choice(only_wrong=True), [1, 3, 4]),
        (Choice(true=9), [2, 3, 4]),
        (Choice(predicted=4), [0, 3, 4]),
        (Choice(true=9, predicted=4), [3, 4]),
        (Choice(only_wrong=True, true=4), [1]),
        (Choice(true=0), []),
        (Choice(predicted=0), []),
    ],
)
def test_a_choice_finds_the_images_that_fit_it(choice: Choice, expected: list[int]) -> None:
    assert select(SAID, LABELS, choice).tolist() == expected


def test_every_cell_of_the_confusion_leads_to_as_many_images() -> None:
    random = np.random.default_rng(3)
    probabilities, labels = random.dirichlet(np.ones(10), 500), random.integers(0, 10, 500)
    counts = confusion(probabilities, labels).counts

    for true in range(10):
        for predicted in range(10):
            found = select(probabilities, labels, Choice(true=true, predicted=predicted))
            assert len(found) == counts[true, predicted]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.MARGIN, [2, 1, 4, 0, 3, 5]),
        (Order.ENTROPY, [2, 1, 4, 0, 3, 5]),
        (Order.CONFIDENTLY_WRONG, [3, 4, 1, 0, 2, 5]),
    ],
)
def test_an_order_sorts_as_it_says(order: Order, expected: list[int]) -> None:
    assert select(SAID, LABELS, Choice(), order).tolist() == expected


def test_margin_and_entropy_differ_where_doubt_is_between_two_or_among_many() -> None:
    between_two, among_many = np.zeros(10), np.full(10, 0.6 / 9)
    between_two[[3, 5]] = 0.52, 0.48
    among_many[3] = 0.4
    probabilities, labels = np.stack([among_many, between_two]), np.array([3, 3])

    assert select(probabilities, labels, Choice(), Order.MARGIN).tolist() == [1, 0]
    assert select(probabilities, labels, Choice(), Order.ENTROPY).tolist() == [0, 1]


@pytest.mark.parametrize("order", Order)
def test_images_that_tie_stay_in_order(order: Order) -> None:
    kinds = np.random.default_rng(2).integers(0, 3, 3000)
    probabilities = said([2] * 3000, [(0.5, 0.7, 0.9)[kind] for kind in kinds])

    found = select(probabilities, np.full(3000, 3), Choice(), order)

    for kind in range(3):
        assert (np.diff(found[kinds[found] == kind]) > 0).all()


@pytest.mark.parametrize("order", Order)
def test_certainty_without_any_doubt_can_be_sorted(order: Order) -> None:
    probabilities = np.eye(10, dtype=np.float32)[[4, 4, 7]]
    with np.errstate(all="raise"):
        assert len(select(probabilities, np.array([4, 5, 7]), Choice(), order)) == 3


def test_only_those_among_which_one_asks_are_found_and_the_question_is_not_changed() -> None:
    among = np.array([True, True, False, True, False, False])

    found = select(SAID, LABELS, Choice(only_wrong=True), Order.CONFIDENTLY_WRONG, among)

    assert found.tolist() == [3, 1]
    assert among.tolist() == [True, True, False, True, False, False]


HISTORIES = {
    "++++": LearningCategory.ALWAYS_RIGHT,
    "--++": LearningCategory.LEARNED,
    "---+": LearningCategory.LEARNED,
    "+-++": LearningCategory.RELEARNED,
    "-+-+": LearningCategory.RELEARNED,
    "+++-": LearningCategory.FORGOTTEN,
    "+-+-": LearningCategory.FORGOTTEN,
    "-+--": LearningCategory.FORGOTTEN,
    "----": LearningCategory.NEVER_LEARNED,
}


def test_categories_follow_from_the_predictions() -> None:
    labels = np.arange(len(HISTORIES))
    predictions = np.array(
        [
            [
                label if history[epoch] == "+" else label + 1
                for label, history in enumerate(HISTORIES)
            ]
            for epoch in range(4)
        ]
    )

    found = learning_categories(predictions, labels)

    assert [LearningCategory(value) for value in found] == list(HISTORIES.values())


def test_a_different_mistake_is_neither_learning_nor_forgetting() -> None:
    found = learning_categories(np.array([[1], [2], [1]]), np.array([0]))
    assert found.tolist() == [LearningCategory.NEVER_LEARNED]


def test_after_one_evaluation_images_are_right_or_not_learned_yet() -> None:
    found = learning_categories(np.array([[5, 6]]), np.array([5, 5]))
    assert found.tolist() == [LearningCategory.ALWAYS_RIGHT, LearningCategory.NEVER_LEARNED]


def test_without_any_evaluation_there_is_no_category() -> None:
    with pytest.raises(ValueError, match="evaluation"):
        learning_categories(np.empty((0, 3), int), np.zeros(3, int))
