"""Doubtful predictions: images unlike the training data, and undecided networks."""

from dataclasses import replace
from unittest.mock import Mock, call

import numpy as np
import pytest
import torch

from core.data import synthetic
from core.data.dataset import Dataset
from core.drawing.strokes import preprocess_strokes
from core.inference import confidence
from core.inference.confidence import (
    FAMILIAR,
    MIN_PROBABILITY,
    NearestNeighborScore,
    OutOfDistributionDetector,
    hog_features,
)

ZIGZAG = [[[20 + 20 * n, 40 + 200 * (n % 2)] for n in range(13)]]


@pytest.fixture(scope="module")
def data() -> Dataset:
    made = (*synthetic.generate(2000, seed=1), *synthetic.generate(400, seed=2))
    return Dataset("synthetic", "Synthetic digits", *(torch.from_numpy(array) for array in made))


@pytest.fixture(scope="module")
def familiarity(data: Dataset) -> NearestNeighborScore:
    return NearestNeighborScore(data)


def says(digit: int, chance: float) -> np.ndarray:
    rest = (1 - chance) / 9
    return np.array([chance if other == digit else rest for other in range(10)], np.float32)


def test_most_test_images_are_familiar(familiarity: NearestNeighborScore, data: Dataset) -> None:
    known = [
        familiarity.knows(image, int(label))
        for image, label in zip(data.test_images.numpy(), data.test_labels, strict=True)
    ]
    assert np.mean(known) == pytest.approx(FAMILIAR, abs=10 / len(known))  # one of each digit


def test_one_with_a_flag_and_a_foot_is_familiar_where_nearly_all_ones_are_bare(
    data: Dataset,
) -> None:
    ones = [[[[140, 40 + shift], [140 + lean, 240]]] for shift in range(20) for lean in range(20)]
    bare = torch.from_numpy(np.stack([preprocess_strokes(one).image for one in ones]) * 255).byte()
    others = data.train_labels != 1
    rest = replace(
        data,
        train_images=torch.cat([data.train_images[others], bare]),
        train_labels=torch.cat([data.train_labels[others], torch.ones(400, dtype=torch.int64)]),
        test_images=torch.cat([data.test_images[data.test_labels != 1], bare[::10]]),
        test_labels=torch.cat(
            [data.test_labels[data.test_labels != 1], torch.ones(40, dtype=torch.int64)]
        ),
    )
    flag_and_foot = preprocess_strokes(
        [[[115, 70], [140, 40], [142, 240]], [[122, 240], [165, 240]]]
    ).image

    familiarity = NearestNeighborScore(rest)

    assert familiarity.knows(flag_and_foot, 1)
    assert not any(familiarity.knows(preprocess_strokes(ZIGZAG).image, digit) for digit in (1, 7))


def test_training_images_are_familiar_as_what_they_are(
    familiarity: NearestNeighborScore, data: Dataset
) -> None:
    for image, label in zip(data.train_images.numpy()[:50], data.train_labels[:50], strict=True):
        assert familiarity.knows(image, int(label))


def test_a_one_is_not_familiar_as_a_nought(
    familiarity: NearestNeighborScore, data: Dataset
) -> None:
    ones = data.test_images[data.test_labels == 1].numpy()
    as_one, as_nought = ([familiarity.knows(image, digit) for image in ones] for digit in (1, 0))
    assert np.mean(as_one) > 0.9
    assert np.mean(as_nought) < 0.5


def test_a_scribble_is_familiar_as_no_digit(familiarity: NearestNeighborScore) -> None:
    image = preprocess_strokes(ZIGZAG).image
    assert not any(familiarity.knows(image, digit) for digit in range(10))


@pytest.mark.parametrize("image", [np.zeros((28, 28)), np.ones((28, 28))], ids=["black", "white"])
def test_a_blank_picture_is_familiar_as_no_digit(
    familiarity: NearestNeighborScore, image: np.ndarray
) -> None:
    assert not any(familiarity.knows(image, digit) for digit in range(10))


def test_neither_brightness_nor_the_type_of_numbers_matters(data: Dataset) -> None:
    images = data.test_images[:20]
    edges = hog_features(images)
    for same in (images.float() / 255, images.double() / 3, images // 2 * 2.0):
        torch.testing.assert_close(hog_features(same), edges, atol=0.02, rtol=0)


def test_edges_are_vectors_of_length_one_in_any_number(data: Dataset) -> None:
    edges = hog_features(data.train_images[:1234])
    assert edges.shape == (1234, 196)
    torch.testing.assert_close(edges.norm(dim=1), torch.ones(1234))
    torch.testing.assert_close(edges[1200:], hog_features(data.train_images[1200:1234]))


def test_edges_tell_the_direction() -> None:
    across = torch.zeros(1, 28, 28)
    across[:, :, 12:16] = 1
    upright, lying = hog_features(across), hog_features(across.transpose(1, 2))
    assert float((upright * lying).sum()) < 0.5
    inverse = hog_features(1 - across)
    assert float((upright * inverse).sum()) < 0.5


def test_a_digit_that_was_never_shown_is_familiar_to_nobody(data: Dataset) -> None:
    no_sevens = data.train_labels != 7
    rest = replace(
        data, train_images=data.train_images[no_sevens], train_labels=data.train_labels[no_sevens]
    )
    familiarity = NearestNeighborScore(rest)
    sevens = data.test_images[data.test_labels == 7].numpy()
    assert not any(familiarity.knows(image, 7) for image in sevens)


def test_an_answer_is_believed_when_decided_and_familiar(data: Dataset) -> None:
    image, digit = data.train_images[0].numpy() / 255, int(data.train_labels[0])
    judge = OutOfDistributionDetector()
    assert judge.doubt(data, image, says(digit, 0.99)) is None
    assert judge.doubt(data, image, says(digit, MIN_PROBABILITY + 0.001)) is None
    assert judge.doubt(data, image, says(digit, MIN_PROBABILITY - 0.001)) == "undecided"


def test_however_decided_a_scribble_is_not_believed(data: Dataset) -> None:
    image = preprocess_strokes(ZIGZAG).image
    judge = OutOfDistributionDetector()
    assert {judge.doubt(data, image, says(digit, 1.0)) for digit in range(10)} == {"unfamiliar"}


def test_a_judge_goes_by_the_data_set_that_it_is_asked_about(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, digit = data.train_images[0].numpy() / 255, int(data.train_labels[0])
    scribbles = torch.from_numpy(preprocess_strokes(ZIGZAG).image).expand(100, 28, 28)
    labels = torch.arange(100) % 10
    other = replace(
        data,
        train_images=scribbles,
        train_labels=labels,
        test_images=scribbles,
        test_labels=labels,
    )
    score = Mock(wraps=NearestNeighborScore)
    monkeypatch.setattr(confidence, "NearestNeighborScore", score)
    judge = OutOfDistributionDetector()
    for _ in range(2):
        assert judge.doubt(data, image, says(digit, 1.0)) is None
        assert judge.doubt(other, image, says(digit, 1.0)) == "unfamiliar"
    assert score.call_args_list == [call(data), call(other)]
