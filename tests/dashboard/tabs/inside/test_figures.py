"""Figures of a network's inside: where each number stands, and that it is that number."""

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.records.explanations import Attribution
from core.records.layers import Area, FeatureMaps, Filters, InnerLayer, PixelStep
from dashboard.tabs.inside import figures, panels
from dashboard.tabs.inside.figures import Tiles, tiles_of

RANDOM = np.random.default_rng(9)
CONVOLUTION = InnerLayer("conv2", ("3 × 3 convolution", "ReLU"), (12, 6, 7), (5, 3, 3))
LINEAR = InnerLayer("fc2", ("linear layer",), (10, 1, 1), (128, 1, 1))
SHAPES = [(32, 28, 28), (64, 14, 14), (128, 1, 1), (10, 1, 1), (1, 28, 28), (7, 3, 5), (1000, 1, 1)]


def cells(figure: go.Figure) -> np.ndarray:
    (heatmap,) = figure.data
    return np.asarray(heatmap.z)


def as_json(figure: go.Figure) -> dict[str, Any]:
    """The figure as the page gets it."""
    parsed: dict[str, Any] = json.loads(figure.to_json())
    return parsed


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
        after=max(before, 0.0),
        areas=(Area(0, 1, side + 2, side + 2), Area(1, 2, side, side)),
        window=np.full((pool, pool), before),
        chosen=(0, 0),
    )


# Tiles


@pytest.mark.parametrize("shape", SHAPES)
def test_every_cell_of_a_picture_leads_back_to_it(shape: tuple[int, int, int]) -> None:
    tiles = tiles_of(*shape)
    width, height = tiles.size
    found = set()
    for y in range(height):
        for x in range(width):
            place = tiles.locate(x, y)
            if place is not None:
                tile, row, column = place
                left, top = tiles.corner(tile)
                assert (left + column, top + row) == (x, y)
                found.add(place)
    assert len(found) == np.prod(shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_outside_of_all_pictures_there_is_none(shape: tuple[int, int, int]) -> None:
    tiles = tiles_of(*shape)
    width, height = tiles.size
    for point in ((-1, 0), (0, -1), (width, 0), (0, height)):
        assert tiles.locate(*point) is None


def test_between_pictures_there_is_none() -> None:
    tiles = Tiles(count=5, height=4, width=6, columns=3)
    assert tiles.locate(6, 0) is None
    assert tiles.locate(0, 4) is None
    assert tiles.locate(7, 5) == (4, 0, 0)
    assert tiles.locate(14, 5) is None  # the second row has two


@pytest.mark.parametrize(
    ("count", "columns"), [(32, 8), (64, 8), (128, 16), (24, 6), (10, 10), (1, 1), (1000, 40)]
)
def test_rows_of_tiles_come_out_even(count: int, columns: int) -> None:
    assert tiles_of(count, 1, 1).columns == columns


def test_a_prime_number_of_tiles_is_no_single_row() -> None:
    assert tiles_of(97, 3, 3).columns < 30


# Outlines


def corners(path: str) -> list[tuple[float, float]]:
    """The top left corners of the frames of a path."""
    starts = [frame.split("H")[0].split(",") for frame in path.split("M")[1:]]
    return [(float(x), float(y)) for x, y in starts]


def test_an_area_is_outlined_in_every_picture() -> None:
    tiles = Tiles(count=3, height=6, width=7, columns=2)
    path = figures.outline(tiles, Area(1, 2, 3, 4))
    assert path.startswith("M1.5,0.5H5.5V3.5H1.5Z")
    assert corners(path) == [(1.5, 0.5), (9.5, 0.5), (1.5, 7.5)]


def test_an_outline_ends_at_the_edge_of_the_picture() -> None:
    tiles = Tiles(count=1, height=6, width=7, columns=1)
    assert figures.outline(tiles, Area(-1, 5, 3, 3)) == "M4.5,-0.5H6.5V1.5H4.5Z"


def test_all_there_is_has_one_frame() -> None:
    tiles = Tiles(count=128, height=1, width=1, columns=16)
    assert figures.outline(tiles, Area(0, 0, 1, 1)) == "M-0.5,-0.5H15.5V7.5H-0.5Z"


def test_a_number_is_outlined_in_its_own_map_and_where_it_comes_from_in_those_before() -> None:
    image = InnerLayer("input", (), (1, 8, 8))
    before = InnerLayer("conv1", ("3 × 3 convolution",), (5, 8, 8), (1, 3, 3))
    found = figures.outlines(a_step(5), [image, before, CONVOLUTION, LINEAR])
    assert [len(corners(path)) for path in found] == [1, 5, 1]
    (left, top) = figures.map_tiles(CONVOLUTION).corner(1)
    assert corners(found[2]) == [(left + 3 - 0.5, top + 2 - 0.5)]
    assert found[0] == "M0.5,-0.5H5.5V4.5H0.5Z"


# Feature maps


@pytest.mark.parametrize("layer", [CONVOLUTION, LINEAR])
def test_each_number_of_a_map_stands_where_its_tile_is(layer: InnerLayer) -> None:
    values = RANDOM.normal(size=layer.shape).astype(np.float32)
    shown = cells(figures.feature_maps(FeatureMaps(layer, values), 600))
    tiles = figures.map_tiles(layer)
    for y, x in np.ndindex(shown.shape):
        place = tiles.locate(x, y)
        if place is None:
            assert np.isnan(shown[y, x])
        else:
            assert shown[y, x] == values[place]


def test_maps_of_a_layer_share_one_scale_that_begins_at_zero() -> None:
    values = np.zeros(CONVOLUTION.shape, np.float32)
    values[3, 2, 2], values[4, 0, 0] = 8.0, 0.5
    (heatmap,) = figures.feature_maps(FeatureMaps(CONVOLUTION, values), 600).data
    assert (heatmap.zmin, heatmap.zmax) == (0, 8)


def test_scores_stand_on_a_scale_with_zero_in_the_middle() -> None:
    values = np.arange(-6, 4, dtype=np.float32).reshape(10, 1, 1)
    (heatmap,) = figures.feature_maps(FeatureMaps(LINEAR, values), 600).data
    assert (heatmap.zmin, heatmap.zmax) == (-6, 6)


@pytest.mark.parametrize("width", [250, 900])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mosaic_has_square_cells_and_fits_the_page(
    shape: tuple[int, int, int], width: int
) -> None:
    maps = FeatureMaps(InnerLayer("a", (), shape), np.zeros(shape, np.float32))
    layout = figures.feature_maps(maps, width).layout
    across = layout.xaxis.range[1] - layout.xaxis.range[0]
    down = layout.yaxis.range[0] - layout.yaxis.range[1]
    assert down > 0  # drawn from the top
    assert layout.width <= width
    assert layout.width / across == pytest.approx(layout.height / down, rel=0.03)


def test_maps_go_to_the_page_as_packed_numbers() -> None:
    layer = InnerLayer("conv1", (), (32, 28, 28))
    figure = figures.feature_maps(FeatureMaps(layer, np.ones(layer.shape, np.float32)), 600)
    assert as_json(figure)["data"][0]["z"]["dtype"] == "f4"


# Filters


def test_kernels_of_one_channel_in_are_shown_for_all_channels_out() -> None:
    shown = Filters(CONVOLUTION, RANDOM.normal(size=(6, 1, 3, 3)).astype(np.float32), np.zeros(6))
    drawn = cells(figures.filters(shown, 400))
    tiles = figures.filter_tiles(shown)
    for tile in range(6):
        left, top = tiles.corner(tile)
        np.testing.assert_array_equal(drawn[top : top + 3, left : left + 3], shown.weights[tile, 0])


def test_kernels_of_many_channels_in_are_shown_for_one_channel_out() -> None:
    shown = Filters(CONVOLUTION, RANDOM.normal(size=(6, 5, 3, 3)).astype(np.float32), np.zeros(6))
    figure = figures.filters(shown, 400, channel=4)
    tiles = figures.filter_tiles(shown)
    left, top = tiles.corner(3)
    assert tiles.count == 5
    np.testing.assert_array_equal(
        cells(figure)[top : top + 3, left : left + 3], shown.weights[4, 3]
    )
    assert figure.data[0].zmax == -figure.data[0].zmin == np.abs(shown.weights[4]).max()


def test_of_a_thousand_kernels_only_the_first_are_shown() -> None:
    shown = Filters(LINEAR, np.ones((1000, 1, 28, 28), np.float32), np.zeros(1000))
    assert figures.filter_tiles(shown).count == figures.MAX_TILES
    assert np.isfinite(cells(figures.filters(shown, 800))).sum() == figures.MAX_TILES * 28 * 28


# The step


def test_a_step_shows_patch_kernel_and_products_with_all_their_numbers() -> None:
    shown = a_step(channels=1)
    (heatmap,) = figures.step(shown, 300).data
    texts = np.asarray(heatmap.text)
    products = shown.patch * shown.kernel
    for row, values in enumerate((shown.patch[0], shown.kernel[0], products[0])):
        printed = texts[4 * row : 4 * row + 3].astype(float)
        np.testing.assert_allclose(printed, values, atol=0.0051)
    assert heatmap.texttemplate == "%{text}"


def test_a_step_of_many_channels_shows_those_that_weigh_most() -> None:
    shown = a_step(channels=40)
    figure = figures.step(shown, 500)
    named = [int(text) for text in figure.layout.xaxis.ticktext]
    weights = np.abs(shown.sums)
    assert len(named) == figures.STEP_CHANNELS
    assert list(weights[named]) == sorted(weights, reverse=True)[: figures.STEP_CHANNELS]
    assert figure.data[0].texttemplate is None
    assert figure.layout.width <= 500


def test_a_step_says_what_its_numbers_add_up_to() -> None:
    shown = a_step(channels=5, pool=2)
    words = panels.step_sum(shown)
    for value in (shown.sums.sum(), shown.before, shown.after):
        assert f"{value:.3f}" in words
    assert "bias +0.500" in words
    assert "5 channels" in words
    assert "largest of 4" in words
    assert "ReLU" in words
    assert "largest" not in panels.step_sum(a_step(channels=1))


def test_a_step_that_found_nothing_can_be_drawn() -> None:
    shown = a_step(channels=2)
    shown.patch[:] = 0
    drawn = cells(figures.step(shown, 300))
    assert np.nanmax(np.abs(drawn[:3])) == 0


# Attribution


def test_an_attribution_lies_over_its_digit_pixel_by_pixel() -> None:
    image = RANDOM.random((28, 28), dtype=np.float32)
    values = RANDOM.uniform(-1, 1, (28, 28)).astype(np.float32)
    drawn = figures.attribution(image, Attribution("occlusion", 3, values, 2.0), 240)
    digit, overlay = drawn.data
    np.testing.assert_array_equal(digit.z, image)
    np.testing.assert_array_equal(overlay.z, values)
    assert (overlay.zmin, overlay.zmax) == (-1, 1)
    assert all("rgba" in colour and ",0)" in colour for _, colour in overlay.colorscale[1:3])
    assert drawn.layout.yaxis.autorange == "reversed"
    assert drawn.layout.height == drawn.layout.width == 240


def test_an_attribution_of_nothing_says_so() -> None:
    nothing = Attribution("grad_cam", 3, np.zeros((28, 28), np.float32), 0.0, "conv2")
    drawn = figures.attribution(np.zeros((28, 28)), nothing, 240)
    assert [note.text for note in drawn.layout.annotations] == ["Nothing speaks for it here."]
