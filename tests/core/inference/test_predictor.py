"""Predictions equal those of plain torch, and galleries are random samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core import models
from core.config import TrainConfig
from core.data.dataset import Dataset, normalize
from core.inference.predictor import Predictor
from core.records.predictions import Gallery
from core.training.loop import fit
from core.training.state import Checkpoint


@pytest.fixture(scope="module")
def middling(tiny_dataset: Dataset) -> Checkpoint:
    """A network that was trained a little: it gets many right and many wrong."""
    config = TrainConfig(
        epochs=1, batch_size=75, model="mlp", optimizer="sgd", learning_rate=0.02, precision="fp32"
    )
    *_, last = fit(config, tiny_dataset)
    assert isinstance(last, Checkpoint)
    return last


@pytest.fixture(params=["evaluated", "published in between"])
def checkpoint(request: pytest.FixtureRequest, middling: Checkpoint) -> Checkpoint:
    """With what the network said at its evaluation, and without."""
    if request.param == "evaluated":
        return middling
    return replace(middling, test_probabilities=None)


def plain(checkpoint: Checkpoint, data: Dataset) -> np.ndarray:
    """Probabilities of all test images in plain torch."""
    model = models.build(checkpoint.model)
    model.load_state_dict(checkpoint.state_dict)
    with torch.no_grad():
        probabilities: np.ndarray = model.eval()(normalize(data.test_images)).softmax(1).numpy()
    return probabilities


def wrong(gallery: Gallery) -> np.ndarray:
    found: np.ndarray = gallery.predictions != gallery.labels
    return found


def test_probabilities_are_those_of_plain_torch(
    middling: Checkpoint, tiny_dataset: Dataset
) -> None:
    found = Predictor().probabilities(middling, tiny_dataset.test_images.numpy())

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(middling, tiny_dataset), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_reading_leaves_the_images_alone(middling: Checkpoint, dtype: type) -> None:
    images = np.full((2, 28, 28), 90, dtype)

    Predictor().probabilities(middling, images)

    assert (images == 90).all()


def test_one_drawing_is_read_as_the_same_test_image_is(
    middling: Checkpoint, tiny_dataset: Dataset
) -> None:
    image = tiny_dataset.test_images[7].numpy().astype(np.float32) / 255
    before = image.copy()

    (probabilities,) = Predictor().probabilities(middling, image[None] * np.float32(255))

    assert probabilities == pytest.approx(plain(middling, tiny_dataset)[7], abs=1e-5)
    assert sum(probabilities) == pytest.approx(1)
    assert (image == before).all()


def test_a_reader_follows_the_checkpoint_that_it_is_given(
    middling: Checkpoint, tiny_dataset: Dataset
) -> None:
    images = tiny_dataset.test_images.numpy()
    doubled = {key: value * 2 for key, value in middling.state_dict.items()}
    other = replace(middling, state_dict=doubled)
    reader = Predictor()

    first = reader.probabilities(middling, images)
    second = reader.probabilities(other, images)

    assert not np.allclose(first, second)
    np.testing.assert_array_equal(reader.probabilities(middling, images), first)


def test_a_gallery_shows_images_with_their_labels_and_readings(
    checkpoint: Checkpoint, tiny_dataset: Dataset
) -> None:
    found = Predictor().gallery(checkpoint, tiny_dataset, 25, 3, only_wrong=False)

    assert found.images.shape == (25, 28, 28)
    assert found.images.dtype == np.uint8
    np.testing.assert_array_equal(found.images, tiny_dataset.test_images.numpy()[found.indices])
    np.testing.assert_array_equal(found.labels, tiny_dataset.test_labels.numpy()[found.indices])
    expected = plain(checkpoint, tiny_dataset)[found.indices]
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    assert found.progress == 1


@pytest.mark.parametrize("only_wrong", [False, True])
def test_a_gallery_shows_no_image_twice(
    checkpoint: Checkpoint, tiny_dataset: Dataset, only_wrong: bool
) -> None:
    found = Predictor().gallery(checkpoint, tiny_dataset, 1000, 0, only_wrong)

    assert len(set(found.indices.tolist())) == len(found.indices)


@pytest.mark.parametrize("only_wrong", [False, True])
def test_the_same_seed_shows_the_same_images(
    checkpoint: Checkpoint, tiny_dataset: Dataset, only_wrong: bool
) -> None:
    def indices(seed: int) -> list[int]:
        found = Predictor().gallery(checkpoint, tiny_dataset, 10, seed, only_wrong)
        return [int(index) for index in found.indices]

    assert indices(1) == indices(1)
    assert indices(1) != indices(2)


def test_only_wrong_shows_nothing_but_mistakes(
    checkpoint: Checkpoint, tiny_dataset: Dataset
) -> None:
    found = Predictor().gallery(checkpoint, tiny_dataset, 10, 0, only_wrong=True)

    assert len(found.indices) == 10
    assert wrong(found).all()


def test_only_wrong_shows_every_mistake_when_more_are_wanted(
    checkpoint: Checkpoint, tiny_dataset: Dataset
) -> None:
    mistakes = plain(checkpoint, tiny_dataset).argmax(1) != tiny_dataset.test_labels.numpy()
    assert 10 < mistakes.sum() < 110, "the network of this test is right and wrong often"

    found = Predictor().gallery(checkpoint, tiny_dataset, 1000, 0, only_wrong=True)

    assert sorted(found.indices) == np.flatnonzero(mistakes).tolist()


def test_a_gallery_has_no_more_images_than_the_test_set(
    checkpoint: Checkpoint, tiny_dataset: Dataset
) -> None:
    found = Predictor().gallery(checkpoint, tiny_dataset, 1000, 0, only_wrong=False)

    assert sorted(found.indices) == list(range(120))


def test_a_network_without_mistakes_has_an_empty_gallery_of_them(
    middling: Checkpoint, tiny_dataset: Dataset
) -> None:
    said = np.eye(10, dtype=np.float32)[tiny_dataset.test_labels.numpy()]
    faultless = replace(middling, test_probabilities=said)

    found = Predictor().gallery(faultless, tiny_dataset, 25, 0, only_wrong=True)

    assert found.images.shape == (0, 28, 28)
    assert found.probabilities.shape == (0, 10)
    assert found.predictions.tolist() == []


@pytest.mark.parametrize("only_wrong", [False, True])
def test_a_gallery_is_the_same_with_and_without_an_evaluation(
    middling: Checkpoint, tiny_dataset: Dataset, only_wrong: bool
) -> None:
    images = 6  # times as many: more than are read at once
    data = replace(
        tiny_dataset,
        test_images=tiny_dataset.test_images.repeat(images, 1, 1),
        test_labels=tiny_dataset.test_labels.repeat(images),
    )
    said = plain(middling, data)
    mistakes = int((said.argmax(1) != data.test_labels.numpy()).sum())
    count = mistakes - 1 if only_wrong else 700  # all but the last of them
    evaluated = replace(middling, test_probabilities=said)
    published = replace(middling, test_probabilities=None)

    with_it = Predictor().gallery(evaluated, data, count, 5, only_wrong)
    without = Predictor().gallery(published, data, count, 5, only_wrong)

    assert len(with_it.indices) == count
    np.testing.assert_array_equal(with_it.indices, without.indices)
    np.testing.assert_array_equal(with_it.images, without.images)
    np.testing.assert_allclose(with_it.probabilities, without.probabilities, atol=1e-5)
