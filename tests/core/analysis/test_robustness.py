"""Robustness: distortions pixel by pixel, accuracies compared with plain torch."""

import numpy as np
import pytest
import torch

from core import models
from core.analysis.robustness import STRENGTHS, distort, measure
from core.config import TrainConfig
from core.data.dataset import Dataset, normalize
from core.errors import CancelledError
from core.records.comparisons import Distortion
from core.training.loop import fit
from core.training.state import Checkpoint

IMAGES = np.zeros((40, 28, 28), np.uint8)
IMAGES[:, 10:16, 12:20] = np.random.default_rng(5).integers(1, 256, (40, 6, 8))


@pytest.fixture(scope="module")
def trained(tiny_dataset: Dataset) -> Checkpoint:
    config = TrainConfig(epochs=2, batch_size=30, model="mlp", precision="fp32")
    *_, last = fit(config, tiny_dataset)
    assert isinstance(last, Checkpoint)
    return last


@pytest.mark.parametrize("distortion", STRENGTHS)
def test_strength_zero_changes_nothing(distortion: Distortion) -> None:
    np.testing.assert_array_equal(distort(IMAGES, distortion, 0, seed=1), IMAGES)


@pytest.mark.parametrize("distortion", STRENGTHS)
def test_a_distortion_is_the_same_again_and_leaves_the_images_alone(
    distortion: Distortion,
) -> None:
    before = IMAGES.copy()
    first = distort(IMAGES, distortion, 1, seed=1)
    np.testing.assert_array_equal(first, distort(IMAGES, distortion, 1, seed=1))
    assert (first != distort(IMAGES, distortion, 1, seed=2)).any()
    np.testing.assert_array_equal(IMAGES, before)


def test_a_shift_moves_each_image_to_one_side_and_further_to_the_same() -> None:
    sides: list[list[int]] = []
    for by in (1, 5):
        moved = distort(IMAGES, "shift", by, seed=1)
        candidates = np.stack(
            [np.roll(IMAGES, step, axis) for axis in (1, 2) for step in (by, -by)]
        )
        fits = (candidates == moved).all((2, 3))
        assert (fits.sum(0) == 1).all()
        sides.append(fits.argmax(0).tolist())
    assert sides[0] == sides[1]
    assert set(sides[0]) == {0, 1, 2, 3}


def test_what_is_shifted_out_is_lost_and_black_comes_in() -> None:
    full = np.full((30, 28, 28), 200, np.uint8)
    moved = distort(full, "shift", 8, seed=1)
    assert (moved == 0).sum((1, 2)).tolist() == [8 * 28] * 30


def test_a_quarter_turn_is_numpys_one_way_or_the_other() -> None:
    turned = distort(IMAGES, "rotation", 90, seed=1)
    left, right = np.rot90(IMAGES, 1, (1, 2)), np.rot90(IMAGES, -1, (1, 2))
    is_left = np.abs(turned - left).max((1, 2)) < 0.1
    is_right = np.abs(turned - right).max((1, 2)) < 0.1
    assert (is_left ^ is_right).all()
    assert is_left.any()
    assert is_right.any()


def test_a_rotation_keeps_the_ink_in_the_picture() -> None:
    turned = distort(IMAGES, "rotation", 30, seed=1)
    np.testing.assert_allclose(turned.sum((1, 2)), IMAGES.sum((1, 2)), rtol=0.05)


def test_noise_has_its_strength_in_units_of_ink_and_stays_a_picture() -> None:
    grey = np.full((40, 28, 28), 128, np.uint8)
    noise = distort(grey, "noise", 0.1, seed=1) - 128
    assert noise.std() == pytest.approx(25.5, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.5)
    strong = distort(grey, "noise", 1.0, seed=1)
    assert strong.min() == 0
    assert strong.max() == 255


def test_accuracies_are_those_of_plain_torch_on_the_distorted_images(
    trained: Checkpoint, tiny_dataset: Dataset
) -> None:
    images, labels = tiny_dataset.test_images.numpy(), tiny_dataset.test_labels.numpy()

    found = measure("mlp", trained.state_dict, images, labels, count=len(labels), seed=4)

    assert [curve.distortion for curve in found.curves] == list(STRENGTHS)
    model = models.load("mlp", trained.state_dict)
    for curve in found.curves:
        assert curve.strengths == STRENGTHS[curve.distortion]
        for strength, accuracy in zip(curve.strengths, curve.accuracies, strict=True):
            pixels = torch.from_numpy(distort(images, curve.distortion, strength, seed=4))
            with torch.no_grad():
                right = model(normalize(pixels)).argmax(1).numpy() == labels
            assert accuracy == pytest.approx(right.mean())
    assert found.curves[0].accuracies[0] > 0.9
    assert found.images == len(labels)


def test_a_sample_is_as_large_as_asked_for_and_the_same_for_a_seed(
    trained: Checkpoint, tiny_dataset: Dataset
) -> None:
    images, labels = tiny_dataset.test_images.numpy(), tiny_dataset.test_labels.numpy()
    first = measure("mlp", trained.state_dict, images, labels, count=30, seed=1)
    assert first.images == 30
    assert first == measure("mlp", trained.state_dict, images, labels, count=30, seed=1)


def test_measuring_tells_how_far_it_is(trained: Checkpoint, tiny_dataset: Dataset) -> None:
    images, labels = tiny_dataset.test_images.numpy(), tiny_dataset.test_labels.numpy()
    told: list[float] = []
    measure("mlp", trained.state_dict, images, labels, count=20, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) == sum(len(strengths) for strengths in STRENGTHS.values())


@pytest.mark.parametrize("after", [0, 3])
def test_measuring_stops_when_it_is_told_to(
    trained: Checkpoint, tiny_dataset: Dataset, after: int
) -> None:
    images, labels = tiny_dataset.test_images.numpy(), tiny_dataset.test_labels.numpy()
    answers = iter([False] * after + [True])
    with pytest.raises(CancelledError):
        measure("mlp", trained.state_dict, images, labels, should_stop=lambda: next(answers))
