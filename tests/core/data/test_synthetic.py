"""Synthetic digits: reproducible, balanced, preprocessed like MNIST, and all different."""

import os

import numpy as np
import pytest

from core.data.glyphs import GLYPHS
from core.data.synthetic import generate


@pytest.fixture(scope="module")
def digits():
    return generate(2000, seed=7)


def test_arrays_have_the_form_of_mnist(digits):
    images, labels = digits

    assert images.shape == (2000, 28, 28)
    assert images.dtype == np.uint8
    assert labels.shape == (2000,)
    assert labels.dtype == np.int64


def test_same_seed_gives_the_same_bytes():
    images, labels = generate(300, seed=3)
    again, labels_again = generate(300, seed=3)

    assert images.tobytes() == again.tobytes()
    assert labels.tobytes() == labels_again.tobytes()


def test_number_of_processors_changes_nothing(monkeypatch):
    images, _ = generate(300, seed=3)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone, _ = generate(300, seed=3)

    assert images.tobytes() == alone.tobytes()


def test_another_seed_gives_other_pictures():
    one, _ = generate(300, seed=3)
    other, _ = generate(300, seed=4)

    assert not {image.tobytes() for image in one} & {image.tobytes() for image in other}


@pytest.mark.parametrize("count", [10, 1000, 1234])
def test_classes_are_balanced_to_within_one(count):
    _, labels = generate(count, seed=0)
    frequency = np.bincount(labels, minlength=10)

    assert frequency.sum() == count
    assert np.ptp(frequency) <= 1


def test_order_is_shuffled(digits):
    _, labels = digits

    assert 0.05 < np.mean(labels[1:] == labels[:-1]) < 0.15


@pytest.mark.parametrize("count", [0, 1, 7])
def test_few_pictures_or_none(count):
    images, labels = generate(count, seed=0)

    assert images.shape == (count, 28, 28)
    assert len(set(labels.tolist())) == count


def test_progress_rises_to_one():
    seen = []
    generate(500, seed=1, progress=seen.append)

    assert seen == sorted(seen)
    assert 0 < seen[0] < 1
    assert seen[-1] == 1.0


def test_exception_in_progress_ends_the_work():
    def cancel(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(500, seed=1, progress=cancel)


def test_every_picture_has_ink_in_the_box_of_mnist(digits):
    images, _ = digits
    height, width = images.any(axis=2).sum(axis=1), images.any(axis=1).sum(axis=1)

    assert np.mean(np.maximum(height, width) == 20) > 0.99
    assert (images.max(axis=(1, 2)) > 200).all()


def test_centre_of_mass_is_where_mnist_has_it(digits):
    images, _ = digits
    mass = images.sum(axis=(1, 2))
    index = np.arange(28)
    across = images.sum(axis=1) @ index / mass
    down = images.sum(axis=2) @ index / mass

    # Beyond half a pixel only where the box would have left the picture.
    assert np.mean((abs(across - 14) <= 0.51) & (abs(down - 14) <= 0.51)) > 0.99


def test_amount_of_ink_and_grey_is_like_mnists(digits):
    """MNIST's training set: 103 of 784 pixels' worth of ink; 39 % of the inked ones above 250."""
    images, _ = digits

    assert images.sum(axis=(1, 2)).mean() / 255 == pytest.approx(103, rel=0.15)
    assert np.mean(images[images > 0] > 250) == pytest.approx(0.39, abs=0.1)


def test_no_two_pictures_are_alike(digits):
    images, _ = digits

    assert len({image.tobytes() for image in images}) == len(images)


def test_digits_can_be_told_apart_by_the_nearest_mean(digits):
    """A floor, far under what a network reaches: the labels belong to the pictures."""
    images, labels = digits
    means = np.array([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])
    fresh, truth = generate(500, seed=8)
    distance = ((fresh.reshape(-1, 1, 784) - means) ** 2).sum(axis=2)

    assert np.mean(distance.argmin(axis=1) == truth) > 0.5


def test_glyphs_cover_each_digit_in_several_ways():
    ways = np.bincount([glyph.digit for glyph in GLYPHS], minlength=10)

    assert ways.min() >= 4


@pytest.mark.parametrize("glyph", GLYPHS, ids=lambda glyph: str(glyph.digit))
def test_curves_pass_through_their_control_points(glyph):
    for stroke in glyph.strokes:
        for weights in (stroke.smooth, stroke.sharp):
            assert weights.sum(axis=1) == pytest.approx(1.0)
            assert weights[::8] @ stroke.control == pytest.approx(stroke.control)
