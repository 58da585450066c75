"""Attributions compared with plain torch, or with the property that defines the method."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core import models
from core.data.dataset import normalize
from core.errors import NoConvolutionError
from core.explain.activations import Network, to_pixels
from core.explain.attribution import PATCH, STRIDE, attribute
from core.records.explanations import ATTRIBUTION_METHODS, Attribution, AttributionName
from core.training.state import StateDict

IMAGE = np.zeros((28, 28), np.float32)
IMAGE[6:22, 8:20] = np.random.default_rng(3).random((16, 12), dtype=np.float32)


def some_weights(name: str) -> StateDict:
    torch.manual_seed(6)
    return models.build(name).state_dict()


def score(name: str, weights: StateDict, pixels: Tensor, digit: int) -> Tensor:
    """A digit's score for each of the images, in plain torch."""
    return models.load(name, weights)(pixels)[:, digit]


def unscaled(found: Attribution) -> np.ndarray:
    values: np.ndarray = found.values * found.largest
    return values


@pytest.mark.parametrize(
    ("name", "method"),
    [
        (name, method)
        for name in models.MODELS
        for method in ATTRIBUTION_METHODS
        if (name, method) != ("mlp", "grad_cam")
    ],
)
def test_values_are_divided_by_the_largest_and_keep_their_signs(
    name: str, method: AttributionName
) -> None:
    found = attribute(Network(name, some_weights(name)), IMAGE, method, 3)

    assert found.values.shape == (28, 28)
    assert found.values.dtype == np.float32
    assert found.digit == 3
    if found.largest:
        assert np.abs(found.values).max() == pytest.approx(1)
    assert (found.values < 0).any() == (method in ("occlusion", "integrated_gradients"))


@pytest.mark.parametrize("name", models.MODELS)
def test_saliency_is_the_size_of_the_gradient(name: str) -> None:
    weights = some_weights(name)
    pixels = to_pixels(IMAGE).requires_grad_()
    (gradient,) = torch.autograd.grad(score(name, weights, pixels, 5).sum(), pixels)

    found = attribute(Network(name, weights), IMAGE, "saliency", 5)

    np.testing.assert_allclose(unscaled(found), gradient[0, 0].abs(), atol=1e-6)


@pytest.mark.parametrize("name", models.MODELS)
def test_integrated_gradients_add_up_to_the_difference_from_black_paper(name: str) -> None:
    weights = some_weights(name)
    black = normalize(torch.zeros(1, 28, 28))
    with torch.no_grad():
        here, there = score(name, weights, torch.cat([to_pixels(IMAGE), black]), 2).tolist()

    found = unscaled(attribute(Network(name, weights), IMAGE, "integrated_gradients", 2))

    assert found.sum() == pytest.approx(here - there, rel=0.02, abs=1e-3)
    assert (found[IMAGE == 0] == 0).all()


def test_occlusion_is_the_fall_of_the_score_averaged_over_the_patches_on_a_pixel() -> None:
    weights = some_weights("speedrun_cnn")
    pixels, black = to_pixels(IMAGE), float(normalize(torch.zeros(1, 1, 1)))
    falls, patches = np.zeros((28, 28)), np.zeros((28, 28))
    with torch.no_grad():
        whole = score("speedrun_cnn", weights, pixels, 7)
        for row in range(0, 28, STRIDE):
            for column in range(0, 28, STRIDE):
                where = np.s_[row : row + PATCH, column : column + PATCH]
                covered = pixels.clone()
                covered[0, 0][where] = black
                falls[where] += float(whole - score("speedrun_cnn", weights, covered, 7))
                patches[where] += 1
                if column + PATCH >= 28:
                    break
            if row + PATCH >= 28:
                break

    found = attribute(Network("speedrun_cnn", weights), IMAGE, "occlusion", 7)

    np.testing.assert_allclose(unscaled(found), falls / patches, atol=1e-5)


def test_grad_cam_weighs_maps_by_their_mean_gradients() -> None:
    weights = some_weights("simple_cnn")
    model = models.load("simple_cnn", weights)
    with torch.no_grad():
        first = F.relu(
            F.conv2d(to_pixels(IMAGE), weights["conv1.weight"], weights["conv1.bias"], 1, 1)
        )
        maps = F.relu(F.max_pool2d(model.get_submodule("conv2")(first), 2))
    maps.requires_grad_()
    last = model.get_submodule("fc2")(F.relu(model.get_submodule("fc1")(maps.flatten(1))))
    (gradients,) = torch.autograd.grad(last[0, 4], maps)
    weighed = F.relu((gradients.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
    expected = F.interpolate(weighed, (28, 28), mode="bilinear")[0, 0].detach()

    found = attribute(Network("simple_cnn", weights), IMAGE, "grad_cam", 4)

    assert found.largest > 0
    np.testing.assert_allclose(unscaled(found), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "layer", "border"),
    [
        ("simple_cnn", "conv1", 0),
        ("speedrun_cnn", "conv1", 2),
        ("speedrun_cnn", "conv2", 4),
        ("accurate_cnn", "block2.1.0", 0),
    ],
)
def test_grad_cam_lies_on_the_pixels_that_its_maps_stand_for(
    name: str, layer: str, border: int
) -> None:
    weights = some_weights(name)
    # Some digit's evidence is positive somewhere: not all ten can be cut off.
    found = [
        attribute(Network(name, weights), IMAGE, "grad_cam", digit, layer) for digit in range(10)
    ]
    values = np.sum([cam.values for cam in found], axis=0)
    inside = np.zeros((28, 28), bool)
    inside[border : 28 - border, border : 28 - border] = True

    assert values.max() > 0
    assert (values[~inside] == 0).all()


def test_the_digit_that_is_read_is_explained_unless_another_is_asked_for() -> None:
    network = Network("mlp", some_weights("mlp"))
    found = attribute(network, IMAGE, "saliency")
    assert found.digit == network.look(IMAGE).probabilities.argmax()


def test_where_nothing_matters_all_is_zero() -> None:
    weights = some_weights("simple_cnn")
    weights["fc2.weight"] = torch.zeros(10, 128)
    for method in ATTRIBUTION_METHODS:
        found = attribute(Network("simple_cnn", weights), IMAGE, method, 1)
        assert found.largest == 0
        assert (found.values == 0).all()


def test_an_attribution_leaves_the_image_and_the_weights_alone() -> None:
    weights = some_weights("simple_cnn")
    before = {key: value.clone() for key, value in weights.items()}
    image = IMAGE.copy()
    network = Network("simple_cnn", weights)

    for method in ATTRIBUTION_METHODS:
        attribute(network, image, method)

    assert (image == IMAGE).all()
    assert all(torch.equal(weights[key], before[key]) for key in before)
    assert all(value.grad is None for value in weights.values())


def test_grad_cam_of_a_network_without_convolutions_is_refused_with_a_sentence() -> None:
    with pytest.raises(NoConvolutionError, match="no convolution"):
        attribute(Network("mlp", some_weights("mlp")), IMAGE, "grad_cam")


@pytest.mark.parametrize("layer", ["conv3", "fc1", "input"])
def test_grad_cam_on_what_is_no_convolution_takes_the_last(layer: str) -> None:
    network = Network("simple_cnn", some_weights("simple_cnn"))
    taken, last, first = (
        attribute(network, IMAGE, "grad_cam", layer=name).values for name in (layer, None, "conv1")
    )
    assert (taken == last).all()
    assert (taken != first).any()


def test_every_method_says_what_it_can_and_cannot_tell() -> None:
    for method in ATTRIBUTION_METHODS.values():
        assert method.tells.endswith(".")
        assert method.cannot.endswith(".")
