"""The network of the Train tab, drawn from what is known without weights."""

import pytest
from dash import html

from core import models
from core.records.layers import InnerLayer
from core.service.inspection import Inspection
from dashboard.tabs.train import network


def parts_of(model: str) -> list[InnerLayer]:
    return network.parts_of(Inspection.layers(model))


@pytest.mark.parametrize("model", models.MODELS)
def test_every_weight_of_a_model_is_in_one_of_its_layers(model: str) -> None:
    expected = sum(weights.numel() for weights in models.build_on_meta(model).parameters())
    parts = parts_of(model)
    assert sum(part.parameters for part in parts) == expected
    assert all(bool(part.parameters) == bool(part.kernel) for part in parts)


def test_layers_have_short_names_which_say_that_they_pool() -> None:
    names = {model: [part.name for part in parts_of(model)] for model in models.MODELS}
    assert names["simple_cnn"] == ["input", "conv1", "conv2 + pool", "fc1", "fc2"]
    assert names["accurate_cnn"] == [
        "input",
        "conv1 + pool",
        "conv2",
        "conv3 + pool",
        "conv4",
        "conv5",
        "maximum",
        "fc",
    ]
    assert names["mlp"] == ["input", "fc1", "fc2", "fc3"]


def test_a_batch_normalization_counts_for_its_convolution() -> None:
    first, second = parts_of("accurate_cnn")[1:3]
    assert first.parameters == 32 * 5 * 5 + 2 * 32
    assert second.parameters == 64 * 32 * 3 * 3 + 2 * 64


def test_the_body_says_what_each_layer_is_and_where_most_weights_are() -> None:
    pictures, table = network.body("simple_cnn", Inspection.layers("simple_cnn"))
    flow, share = pictures.children
    layers = [child for child in flow.children if isinstance(child, html.Div)]
    texts = [" ".join(texts_of(layer)) for layer in layers]
    assert texts[:4] == [
        "input 1 × 28 × 28 one test digit",
        "conv1 32 × 28 × 28 320 weights",
        "conv2 + pool 64 × 14 × 14 18,496 weights",
        "fc1 128 1,605,760 weights",
    ]
    assert texts[4] == "fc2 10 0 1 2 3 4 5 6 7 8 9 1,290 weights"
    assert texts_of(share) == ["98.8\u202f% of its 1,625,866 weights sit in one layer, fc1"]
    widths = [bar.style["flex"] for bar in share.children[1].children]
    assert [bar.className for bar in share.children[1].children] == [None, None, "most", None]
    assert float(widths[2]) == pytest.approx(1605760 / 1625866, abs=1e-4)
    assert texts_of(table)[:4] == ["Layer", "Operations", "Output", "Weights"]
    assert " ".join(texts_of(table)).endswith("Together   1,625,866")
    assert {"2 × 2 max-pooling"} < set(", ".join(texts_of(table)).split(", "))


def test_pictures_fit_the_height_of_the_band() -> None:
    maps = InnerLayer("conv1", (), (32, 28, 28))
    assert network.shown_width(maps) == pytest.approx(112 * 231 / 115)  # 8 x 4 maps, lines between
    small = InnerLayer("conv2", (), (32, 5, 5))
    assert network.shown_width(small) == 4 * 47  # no pixel of a map is larger than 4
    vector = InnerLayer("fc1", (), (256, 1, 1))
    assert network.shown_width(vector) == 7 * 32


def texts_of(part: object) -> list[str]:
    """The texts of a component, in order."""
    if isinstance(part, str):
        return [part]
    children = getattr(part, "children", None)
    if isinstance(part, list):
        children = part
    if children is None:
        return []
    found = children if isinstance(children, list) else [children]
    return [text for child in found for text in texts_of(child)]
