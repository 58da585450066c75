"""The panels of the Inside tab: that their numbers are those of the network, and add up."""

import json
from typing import Any

import numpy as np
import pytest
from dash.development.base_component import Component

from core.records.explanations import Attribution
from core.records.layers import Area, Filters, InnerLayer, PixelStep
from dashboard.tabs.inside import panels

RANDOM = np.random.default_rng(9)
CONVOLUTION = InnerLayer("conv2", ("3 × 3 convolution", "ReLU"), (12, 6, 7), (5, 3, 3))


def a_step(channels: int, side: int = 3, pool: int = 1) -> PixelStep:
    patch, kernel = RANDOM.normal(size=(2, channels, side, side))
    sums = (patch * kernel).sum((1, 2))
    before = float(sums.sum() + 0.5)
    return PixelStep(
        layer=CONVOLUTION,
        channel=1,
        row=2,
        column=3,
        patch=patch,
        kernel=kernel,
        sums=sums,
        bias=0.5,
        before=before,
        areas=(Area(0, 1, side + 2, side + 2), Area(1, 2, side, side)),
        window=np.full((pool, pool), before),
    )


def parts(children: list[Any], kind: str) -> list[Any]:
    """All components of a class, such as `Canvas`, within others."""
    found = []
    for child in children:
        if isinstance(child, Component):
            found += [child] if type(child).__name__ == kind else []
            found += [one for one in child._traverse() if type(one).__name__ == kind]
    return found


def shown(canvas: Component) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(getattr(canvas, "data-picture"))
    return found


def number(text: str) -> float:
    return float(text.strip("×= ").replace("\u2212", "-"))


def test_a_step_shows_patch_kernel_and_products_of_the_map_that_weighs_most() -> None:
    found = a_step(channels=40)
    titles = [number(cell.title) for cell in parts(panels.step(found), "Span")]
    strongest = np.abs(found.sums).argmax()
    patch, kernel = found.patch[strongest], found.kernel[strongest]
    wanted = np.concatenate([patch.ravel(), kernel.ravel(), (patch * kernel).ravel()])
    np.testing.assert_allclose(titles, wanted, atol=0.00051)


def test_a_large_kernel_is_a_picture_and_a_vector_a_table() -> None:
    large = a_step(channels=2, side=14)
    canvases = parts(panels.step(large), "Canvas")
    assert [shown(canvas)["shape"] for canvas in canvases] == [[1, 14, 14]] * 3
    single = a_step(channels=128, side=1)
    cells = [[cell.children for cell in row.children] for row in parts(panels.step(single), "Tr")]
    channels = [int(row[0]) for row in cells[1:]]
    assert channels == np.argsort(-np.abs(single.sums), kind="stable")[: panels.STRONGEST].tolist()
    products = [number(row[3]) for row in cells[1:]]
    np.testing.assert_allclose(products, single.sums[channels], atol=0.00051)


def test_a_step_says_what_its_numbers_add_up_to() -> None:
    found = a_step(channels=5, pool=2)
    words = panels.step_sum(found).replace("\u2212", "-")
    for value in (found.sums.sum(), found.before, np.abs(found.sums).max()):
        assert f"{abs(value):.3f}" in words
    assert "bias +0.500" in words
    assert "Of 5 maps" in words
    assert "largest of 4" in words
    assert "ReLU" in words
    assert "largest" not in panels.step_sum(a_step(channels=1))


def test_an_attribution_lies_over_its_digit_or_says_why_there_is_none() -> None:
    image = RANDOM.random((28, 28), dtype=np.float32)
    values = RANDOM.uniform(-1, 1, (28, 28)).astype(np.float32)
    (canvas,) = parts(
        [panels.attribution(image, "occlusion", Attribution(3, values, 2.0))], "Canvas"
    )
    assert shown(canvas)["shape"] == [1, 28, 28]
    assert shown(canvas)["under"]
    nothing = Attribution(3, np.zeros((28, 28), np.float32), 0.0)
    for found, sentence in ((nothing, "Nothing speaks for it here."), ("No maps.", "No maps.")):
        figure = panels.attribution(image, "grad_cam", found)
        assert parts([figure], "Canvas") == []
        assert figure.children[0].children == sentence


@pytest.mark.parametrize(
    ("shape", "channel", "kernels"),
    [
        ((6, 1, 3, 3), 0, 6),
        ((6, 5, 3, 3), 4, 5),
        ((6, 5, 3, 3), -1, 5),
        ((1000, 1, 28, 28), 0, 128),
    ],
)
def test_filters_are_all_kernels_of_one_map_or_all_filters(
    shape: tuple[int, ...], channel: int, kernels: int
) -> None:
    weights = RANDOM.normal(size=shape).astype(np.float32)
    (canvas,) = parts(
        panels.filters(Filters(CONVOLUTION, weights, np.zeros(shape[0])), channel), "Canvas"
    )
    assert shown(canvas)["shape"][0] == kernels
    assert shown(canvas)["high"] == -shown(canvas)["low"]
