"""The Inside tab's own functions: what is said of an image, and what the page keeps of it."""

from dataclasses import replace

import numpy as np
import pytest
from fastapi.testclient import TestClient

from core.records.layers import ActivationView, FeatureMaps, InnerLayer, InsideView
from core.records.predictions import Doubt
from core.service.service import TrainingService
from dashboard.tabs.inside import callbacks, layout
from tests.dashboard.conftest import Callbacks

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
    return ActivationView(IMAGE, label, progress, "speedrun_cnn", InsideView(maps, probabilities))


@pytest.mark.parametrize(
    ("label", "doubt", "words"),
    [
        (4, None, "Test image 12, a 4, read as 4, 82.0\u202f% sure, after 2 epochs."),
        (9, None, "Test image 12, a 9, read as 4, 82.0\u202f% sure, misread, after 2 epochs."),
        (None, None, "Your drawing, read as 4, 82.0\u202f% sure, after 2 epochs."),
        (
            None,
            "undecided",
            "Your drawing. Not sure: 4 (82.0\u202f%) or 9 (2.0\u202f%), after 2 epochs.",
        ),
        (
            None,
            "unfamiliar",
            "Your drawing. Not sure: it looks like no 4 that it learned from, after 2 epochs.",
        ),
    ],
)
def test_the_caption_says_what_is_shown(label: int | None, doubt: Doubt | None, words: str) -> None:
    found = callbacks.caption(replace(a_look(label), doubt=doubt), 12)
    assert "".join(getattr(part, "children", part) for part in found) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("-4", "There is no test image -4: they have the numbers 0 to 119."),
        *[(text, callbacks.NO_NUMBER) for text in ("1.5", "9,99", "", None)],
    ],
)
def test_what_is_no_number_of_an_image_gets_a_sentence(
    trained: TestClient, done: TrainingService, run_id: str, number: str | None, words: str
) -> None:
    page = Callbacks(trained, done)
    (show_layers,) = (one for one in page.on_server if layout.LAYERS in one["output"])
    request = {"source": "test", "index": number, "version": f"{run_id}/0/e2"}
    answer = page.call(show_layers, {layout.REQUEST: request})
    assert answer.status_code == 200, answer.text
    shown = answer.json()["response"]
    assert shown[layout.CAPTION]["children"] == words
    assert shown[layout.SHOWN]["data"] is None


def test_a_point_of_another_network_may_be_nowhere_in_this_one() -> None:
    layers = list(LAYERS)
    assert callbacks.is_in({"layer": 1, "pixel": (3, 27, 27)}, layers)
    assert not callbacks.is_in({"layer": 1, "pixel": (4, 0, 0)}, layers)
    assert not callbacks.is_in({"layer": 4, "pixel": (0, 0, 0)}, layers)


def test_the_page_keeps_the_image_to_the_last_bit_and_the_network() -> None:
    kept = callbacks.to_store(a_look(4), "run/0/e2")
    np.testing.assert_array_equal(callbacks.pixels(kept["image"]), IMAGE)
    assert kept["version"] == "run/0/e2"


def test_filters_are_offered_of_layers_that_multiply() -> None:
    kept = callbacks.to_store(a_look(4), None)
    assert kept["filters"] == ["conv", "fc"]


def test_grad_cam_is_offered_the_layers_that_are_convolutions() -> None:
    assert callbacks.to_store(a_look(4), None)["convolutions"] == ["conv"]
