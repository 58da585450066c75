"""What the Gallery tab shows of what is asked for: random images, or those that were chosen."""

from typing import Any

import numpy as np
import pytest

from core.errors import OutOfRangeError
from core.records.predictions import Gallery
from core.service.service import TrainingService
from dashboard.tabs.gallery import callbacks as tab


def shown(service: TrainingService, **request: Any) -> Gallery:
    asked: Any = {"count": 5, "seed": 1, **request}
    return tab.find_images(service, asked)


def test_exactly_the_chosen_images_are_shown_in_their_order(done: TrainingService) -> None:
    chosen = [17, 3, 101]
    found = shown(done, chosen=chosen)
    assert found.indices.tolist() == chosen
    expected = done.predictions.test_images(chosen)
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_of_the_chosen_ones_only_the_wrong_ones_can_be_asked_for(done: TrainingService) -> None:
    everything = list(range(120))
    untrained = {"version": f"{done.runs.latest()}/0/e0", "chosen": everything}
    found = shown(done, **untrained, which="wrong")
    all_of_them = shown(done, **untrained)
    wrong = all_of_them.predictions != all_of_them.labels
    assert 0 < len(found.indices) < 120
    assert found.indices.tolist() == np.flatnonzero(wrong).tolist()


def test_of_a_large_choice_the_first_are_shown(done: TrainingService) -> None:
    found = shown(done, chosen=[5] * (tab.MAX_CHOSEN + 1))
    assert len(found.indices) == tab.MAX_CHOSEN
    when = tab.caption(found, chosen=tab.MAX_CHOSEN + 1)[1].children
    assert when.startswith("201 images chosen in the embedding, 200 of them here, after")


def test_without_a_choice_random_images_are_shown(done: TrainingService) -> None:
    for nothing in (None, []):
        assert len(shown(done, chosen=nothing).indices) == 5


def test_images_of_one_digit_and_the_least_sure_can_be_asked_for(done: TrainingService) -> None:
    assert set(shown(done, count=50, digit=3).labels) == {3}
    least = shown(done, count=7, which="unsure")
    everything = done.predictions.test_set_report().answers
    best = np.sort(everything.probabilities, axis=1)
    lead = best[:, -1] - best[:, -2]
    assert least.indices.tolist() == np.argsort(lead, kind="stable")[:7].tolist()


def test_a_choice_that_the_test_set_does_not_have_is_refused_in_a_sentence(
    done: TrainingService,
) -> None:
    with pytest.raises(OutOfRangeError, match="Choose others"):
        shown(done, chosen=[119, 120])


def test_the_caption_says_how_many_were_chosen_and_how_the_network_did() -> None:
    found = Gallery(
        np.arange(3),
        np.zeros((3, 28, 28), np.uint8),
        np.array([0, 1, 2]),
        np.eye(10)[[0, 1, 7]],
        2.0,
    )
    right, when = tab.caption(found, 3)
    assert right == "2 of 3 right "
    assert when.children == "3 images chosen in the embedding, after 2 epochs"
    one = found.at(np.array([0]))
    assert tab.caption(one, 1)[1].children.startswith("1 image chosen in the embedding")
    assert tab.caption(found)[1].children == "after 2 epochs"
