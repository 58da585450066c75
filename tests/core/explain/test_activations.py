"""Activations: every value equals the one that plain torch computes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core import models
from core.data.dataset import normalize
from core.errors import OutOfRangeError
from core.explain import tracing
from core.explain.activations import Network, to_pixels
from core.records.layers import Area, InnerLayer, InsideView
from core.training.state import StateDict
from tests.support import NotebookCNN

IMAGE = np.random.default_rng(8).random((28, 28), dtype=np.float32)


def some_weights(name: str) -> StateDict:
    """Weights and running statistics of which none is 0 or 1, so that a slip shows."""
    torch.manual_seed(4)
    model = models.build(name)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                assert values is not None
                nn.init.normal_(values)
            assert module.running_var is not None
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.state_dict()


@pytest.fixture(params=models.MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(name: str) -> Network:
    return Network(name, some_weights(name))


def multiplying(network: Network) -> list[InnerLayer]:
    return [layer for layer in network.layers if layer.kernel is not None]


def named(view: InsideView, layer: str) -> np.ndarray:
    return next(maps.values for maps in view.maps if maps.layer.name == layer)


# Feature maps


def test_a_look_ends_in_the_scores_and_probabilities_of_plain_torch(
    name: str, network: Network
) -> None:
    plain = models.load(name, some_weights(name))
    with torch.no_grad():
        scores = plain(to_pixels(IMAGE))[0]

    view = network.look(IMAGE)

    np.testing.assert_allclose(view.maps[-1].values[:, 0, 0], scores, atol=1e-5)
    np.testing.assert_allclose(view.probabilities, scores.softmax(0), atol=1e-6)
    np.testing.assert_allclose(view.maps[0].values, to_pixels(IMAGE)[0])


def test_maps_have_the_shapes_that_their_layers_tell(network: Network) -> None:
    view = network.look(IMAGE)
    assert tuple(maps.layer for maps in view.maps) == network.layers
    for maps in view.maps:
        assert maps.values.shape == maps.layer.shape
        assert maps.values.dtype == np.float32


@pytest.mark.usefixtures("real_mlp")
@pytest.mark.parametrize(
    ("model", "sizes"),
    [
        ("simple_cnn", "1 × 28 × 28, 32 × 28 × 28, 64 × 14 × 14, 128, 10"),
        ("speedrun_cnn", "1 × 28 × 28, 24 × 12 × 12, 32 × 5 × 5, 256, 10"),
        ("mlp", "1 × 28 × 28, 1000, 832, 10"),
        (
            "accurate_cnn",
            "1 × 28 × 28, 32 × 14 × 14, 64 × 14 × 14, 64 × 7 × 7, "
            "128 × 7 × 7, 128 × 7 × 7, 128, 10",
        ),
    ],
)
def test_layers_stand_in_the_order_of_the_datas_way(model: str, sizes: str) -> None:
    layers = Network(model, some_weights(model)).layers
    assert ", ".join(layer.size for layer in layers) == sizes


def test_layers_have_the_parameters_that_they_multiply_with() -> None:
    layers = Network("simple_cnn", some_weights("simple_cnn")).layers
    assert [(layer.name, layer.parameters) for layer in layers] == [
        ("input", 0),
        ("conv1", 320),
        ("conv2", 18_496),
        ("fc1", 1_605_760),
        ("fc2", 1_290),
    ]


def test_maps_of_the_notebooks_network_are_those_of_its_own_forward_pass() -> None:
    weights = some_weights("simple_cnn")
    notebook = NotebookCNN()
    notebook.load_state_dict(weights)
    with torch.no_grad():
        first = F.relu(notebook.conv1(to_pixels(IMAGE)))
        second = notebook.pool(F.relu(notebook.conv2(first)))
        third = F.relu(notebook.fc1(second.flatten(1)))

    view = Network("simple_cnn", weights).look(IMAGE)

    np.testing.assert_allclose(named(view, "conv1"), first[0], atol=1e-5)
    np.testing.assert_allclose(named(view, "conv2"), second[0], atol=1e-5)
    np.testing.assert_allclose(named(view, "fc1")[:, 0, 0], third[0], atol=1e-5)


def test_maps_of_the_accurate_network_are_those_of_its_blocks() -> None:
    weights = some_weights("accurate_cnn")
    plain = models.AccurateCNN().eval()
    plain.load_state_dict(weights)
    with torch.no_grad():
        first = plain.block1(to_pixels(IMAGE))
        second = plain.block2(first)
        third = plain.block3(second)

    view = Network("accurate_cnn", weights).look(IMAGE)

    np.testing.assert_allclose(named(view, "block1.0.0"), first[0], atol=1e-5)
    np.testing.assert_allclose(named(view, "block2.1.0"), second[0], atol=1e-4)
    np.testing.assert_allclose(named(view, "block3.1.0"), third[0], atol=1e-4)
    np.testing.assert_allclose(named(view, "maximum")[:, 0, 0], third[0].amax((1, 2)), atol=1e-4)


def test_layers_say_in_words_what_they_do() -> None:
    words = {
        layer.name: layer.operations
        for layer in Network("accurate_cnn", some_weights("accurate_cnn")).layers
    }
    assert words["block1.0.0"] == (
        "5 × 5 convolution",
        "batch normalisation",
        "ReLU",
        "2 × 2 max-pooling",
    )
    assert words["maximum"] == ("the largest number of each map",)
    assert words["fc"] == ("linear layer",)


def test_looking_changes_neither_weights_nor_image_nor_random_numbers(
    name: str, network: Network
) -> None:
    weights = some_weights(name)
    before = {key: value.clone() for key, value in weights.items()}
    image = IMAGE.copy()
    state = torch.get_rng_state()

    opened = Network(name, weights)
    view = opened.look(image)
    opened.step(view, multiplying(opened)[0].name, 0)

    assert (image == IMAGE).all()
    assert all(torch.equal(weights[key], before[key]) for key in before)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_network_with_an_unknown_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(models.MODELS, "odd", lambda: nn.Sequential(models.MLP(), nn.GELU()))
    with pytest.raises(NotImplementedError, match="GELU"):
        tracing.trace_layers("odd")


def test_a_convolution_that_skips_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        models.MODELS, "skips", lambda: nn.Sequential(nn.Conv2d(1, 10, 3, stride=2))
    )
    with pytest.raises(NotImplementedError, match="stride"):
        tracing.trace_layers("skips")


# Filters


def test_filters_of_a_convolution_are_its_weights() -> None:
    weights = some_weights("simple_cnn")
    found = Network("simple_cnn", weights).filters("conv2")
    np.testing.assert_array_equal(found.weights, weights["conv2.weight"])
    np.testing.assert_array_equal(found.bias, weights["conv2.bias"])


def test_filters_of_a_linear_layer_have_the_shape_of_what_comes_in() -> None:
    weights = some_weights("mlp")
    found = Network("mlp", weights).filters("fc1")
    assert found.weights.shape == (200, 1, 28, 28)
    np.testing.assert_array_equal(found.weights.reshape(200, -1), weights["fc1.weight"])


def test_filters_before_a_batch_normalisation_include_it() -> None:
    weights = some_weights("accurate_cnn")
    plain = models.AccurateCNN().eval()
    plain.load_state_dict(weights)
    convolution = plain.get_submodule("block2.0.0")
    normalisation = plain.get_submodule("block2.0.1")
    incoming = torch.randn(1, 32, 14, 14, generator=torch.Generator().manual_seed(1))

    found = Network("accurate_cnn", weights).filters("block2.0.0")

    with torch.no_grad():
        expected = normalisation(convolution(incoming))
        at_once = F.conv2d(
            incoming, torch.tensor(found.weights), torch.tensor(found.bias), padding=1
        )
    torch.testing.assert_close(at_once, expected, atol=1e-4, rtol=1e-4)


# The making of one number


def test_a_step_adds_up_to_the_number_in_the_map_everywhere(network: Network) -> None:
    view = network.look(IMAGE)
    random = np.random.default_rng(2)
    for layer in multiplying(network):
        channels, height, width = layer.shape
        corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
        inner = random.integers(0, (height, width), (4, 2)).tolist()
        for row, column in corners + inner:
            channel = int(random.integers(channels))
            step = network.step(view, layer.name, channel, row, column)

            assert step.patch.shape == step.kernel.shape == layer.kernel
            np.testing.assert_allclose(step.sums, (step.patch * step.kernel).sum((1, 2)))
            assert step.before == pytest.approx(step.sums.sum() + step.bias)
            assert step.before == step.window.max()
            after = max(step.before, 0.0) if "ReLU" in layer.operations else step.before
            value = named(view, layer.name)[channel, row, column]
            assert after == pytest.approx(value, abs=1e-4)


def test_before_the_activation_stands_what_plain_torch_convolves() -> None:
    weights = some_weights("simple_cnn")
    network = Network("simple_cnn", weights)
    view = network.look(IMAGE)
    incoming = torch.tensor(named(view, "conv1"))[None]
    convolved = F.conv2d(incoming, weights["conv2.weight"], weights["conv2.bias"], padding=1)[0]

    chosen = set()
    for row, column in np.ndindex(6, 6):
        step = network.step(view, "conv2", 11, row + 4, column + 4)
        top, left = 2 * (row + 4), 2 * (column + 4)
        window = convolved[11, top : top + 2, left : left + 2]
        np.testing.assert_allclose(step.window, window, atol=1e-5)
        assert step.before == pytest.approx(float(window.max()), abs=1e-5)
        down, across = divmod(int(window.argmax()), 2)
        top, left = top + down - 1, left + across - 1
        assert step.areas == (Area(top - 1, left - 1, 5, 5), Area(top, left, 3, 3))
        np.testing.assert_allclose(step.patch, incoming[0, :, top : top + 3, left : left + 3])
        chosen.add((down, across))
    assert len(chosen) == 4  # each corner of the window was the largest somewhere


def test_beyond_the_edge_of_a_map_there_is_zero() -> None:
    network = Network("simple_cnn", some_weights("simple_cnn"))
    view = network.look(IMAGE)

    step = network.step(view, "conv1", 0, 0, 27)

    assert step.areas == (Area(-1, 26, 3, 3),)
    assert (step.patch[0, 0] == 0).all()
    assert (step.patch[0, :, 2] == 0).all()
    np.testing.assert_allclose(step.patch[0, 1:, :2], view.maps[0].values[0, :2, 26:])


@pytest.mark.parametrize("name", ["simple_cnn", "accurate_cnn"])
def test_a_number_depends_on_its_receptive_field_alone(name: str) -> None:
    network = Network(name, some_weights(name))
    random = np.random.default_rng(5)
    view = network.look(IMAGE)
    layer = [layer for layer in network.layers if layer.is_convolution][-1]
    row, column = 1, layer.shape[2] - 2
    step = network.step(view, layer.name, 0, row, column)
    assert len(step.areas) == network.layers.index(layer)
    field = step.areas[0]
    assert field.height == field.width
    other = random.random((28, 28), dtype=np.float32)
    top, left = max(field.top, 0), max(field.left, 0)
    inside = (slice(top, field.top + field.height), slice(left, field.left + field.width))
    other[inside] = IMAGE[inside]

    again = network.step(network.look(other), layer.name, 0, row, column)

    same = step.window.argmax()
    assert again.window.flat[same] == pytest.approx(step.before, abs=1e-4)


def test_a_step_of_a_linear_layer_takes_in_all_that_came_before() -> None:
    network = Network("simple_cnn", some_weights("simple_cnn"))
    view = network.look(IMAGE)

    step = network.step(view, "fc1", 90)

    np.testing.assert_allclose(step.patch, named(view, "conv2"))
    assert step.sums.shape == (64,)
    assert step.areas == (Area(-2, -2, 32, 32), Area(-1, -1, 30, 30), Area(0, 0, 14, 14))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda n, v: n.step(v, "conv9", 0), "no layer conv9"),
        (lambda n, v: n.step(v, "conv1", 32), "no channel 32: they go from 0 to 31"),
        (lambda n, v: n.step(v, "conv1", -1), "no channel -1"),
        (lambda n, v: n.step(v, "conv1", 0, 28, 0), "no row 28"),
        (lambda n, v: n.step(v, "fc1", 0, 0, 1), "no column 1"),
        (lambda n, v: n.step(v, "input", 0), "Nothing is multiplied in input"),
        (lambda n, v: n.filters("pool"), "no layer pool"),
        (lambda n, v: n.filters("input"), "Nothing is multiplied in input"),
    ],
)
def test_what_is_not_there_is_refused_with_a_sentence(
    ask: Callable[[Network, InsideView], object], words: str
) -> None:
    network = Network("simple_cnn", some_weights("simple_cnn"))
    with pytest.raises(OutOfRangeError, match=words):
        ask(network, network.look(IMAGE))


# Features


def test_features_are_what_the_last_layer_is_given(name: str, network: Network) -> None:
    images = np.random.default_rng(1).integers(0, 256, (6, 28, 28)).astype(np.uint8)
    plain = models.load(name, some_weights(name))
    last = [module for module in plain.modules() if isinstance(module, nn.Linear)][-1]
    given: list[Tensor] = []
    last.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    with torch.no_grad():
        plain(normalize(torch.from_numpy(images)))

    found = network.features(images)

    np.testing.assert_allclose(found, given[0], atol=1e-4)


def test_features_of_many_images_come_in_their_order() -> None:
    network = Network("mlp", some_weights("mlp"))
    images = np.random.default_rng(1).integers(0, 256, (600, 28, 28)).astype(np.uint8)

    found, some = network.features(images), network.features(images[590:])

    assert found.shape == (600, 160)
    np.testing.assert_allclose(found[590:], some, atol=1e-4)
