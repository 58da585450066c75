"""The Inside tab's own functions: what is said of an image, and what the page keeps of it."""

import numpy as np
import pytest

from core.records.layers import ActivationView, FeatureMaps, InnerLayer, InsideView
from dashboard.tabs.inside import callbacks

IMAGE = np.random.default_rng(3).random((28, 28), dtype=np.float32)
LAYERS = (
    InnerLayer("input", (), (1, 28, 28)),
    InnerLayer("conv", ("3 × 3 convolution", "ReLU"), (4, 28, 28), (1, 3, 3)),
    InnerLayer("maximum", ("the largest number of each map",), (4, 1, 1)),
    InnerLayer("fc", ("linear layer",), (10, 1, 1), (4, 1, 1)),
)


def a_look(label: int | None, progress: float = 2.0) -> ActivationView:
    probabilities = np.full(10, 0.02, np.float32)
    probabilities[4] = 0.82
    maps = tuple(FeatureMaps(layer, np.zeros(layer.shape, np.float32)) for layer in LAYERS)
    return ActivationView(IMAGE, label, progress, InsideView(maps, probabilities))


@pytest.mark.parametrize(
    ("label", "progress", "words"),
    [
        (4, 2.0, "Test image 12, a 4, read as 4 (82.0\u202f%, right), after 2 epochs."),
        (9, 0.5, "Test image 12, a 9, read as 4 (82.0\u202f%, wrong), after 0.5 epochs."),
        (None, 0.0, "Your drawing, read as 4 (82.0\u202f%), before it has learnt anything."),
    ],
)
def test_the_caption_says_what_is_shown(label: int | None, progress: float, words: str) -> None:
    assert callbacks.caption(a_look(label, progress), {"index": 12}) == words


def test_the_page_keeps_the_image_to_the_last_bit_and_the_network() -> None:
    kept = callbacks.to_store(a_look(4), {"version": "run/0/e2", "width": 700})
    seen = callbacks.ShownImage.parse(kept)
    np.testing.assert_array_equal(seen.pixels, IMAGE)
    assert (seen.ref.run_id, seen.ref.epoch) == ("run", 2)


def test_filters_are_offered_of_layers_that_multiply() -> None:
    kept = callbacks.to_store(a_look(4), {})
    assert kept["filters"] == ["conv", "fc"]
    assert [name for name, _ in kept["layers"]] == ["input", "conv", "maximum", "fc"]


def test_grad_cam_is_offered_the_layers_that_are_convolutions() -> None:
    assert callbacks.to_store(a_look(4), {})["convolutions"] == ["conv"]
