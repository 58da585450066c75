"""Test images in a mosaic and alone: where each stands, which are wrong, and why there is none."""

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from core.records.predictions import Gallery
from dashboard.components import digit_figures as figures

# The mosaic


MOSAICS = [
    figures.Mosaic(10, 800),
    figures.Mosaic(5, 340),
    figures.Mosaic(3, 1900),
]


@pytest.mark.parametrize("mosaic", MOSAICS)
def test_a_point_on_an_image_or_its_title_leads_back_to_the_image(
    mosaic: figures.Mosaic,
) -> None:
    count = 2 * mosaic.columns + 1
    for place in range(count):
        left, top = mosaic.corner(place)
        for x in (left, left + figures.TILE - 1):
            assert mosaic.image_at(x, top, count) == place
            assert mosaic.image_at(x, top + figures.TILE - 1, count) == place
            assert mosaic.image_at(x, top - mosaic.title, count) == place


@pytest.mark.parametrize("mosaic", MOSAICS)
def test_a_point_outside_of_all_images_is_none_of_them(mosaic: figures.Mosaic) -> None:
    count = mosaic.columns + 1  # the second row has one image
    width, height = mosaic.size(count)
    left, top = mosaic.corner(1)
    below_second = (left, top + figures.TILE + mosaic.title)
    for point in ((-1, 5), (5, -1), (width, 5), (5, height), below_second):
        assert mosaic.image_at(*point, count) is None


@pytest.mark.parametrize("mosaic", MOSAICS)
def test_images_of_a_mosaic_stand_in_columns_apart_from_each_other(
    mosaic: figures.Mosaic,
) -> None:
    count = 2 * mosaic.columns
    corners = [mosaic.corner(place) for place in range(count)]
    width, height = mosaic.size(count)
    assert len({left for left, _ in corners}) == mosaic.columns
    assert len({top for _, top in corners}) == 2
    taken = np.zeros((height, width), int)
    for left, top in corners:
        taken[top - mosaic.title : top + figures.TILE, left : left + figures.TILE] += 1
    assert taken.max() == 1
    assert taken.sum() == count * figures.TILE * (figures.TILE + mosaic.title)


@pytest.mark.parametrize("mosaic", MOSAICS)
def test_titles_of_a_mosaic_are_readable_however_small_the_images(
    mosaic: figures.Mosaic,
) -> None:
    assert mosaic.title * mosaic.scale >= figures.TITLE_PIXELS


# The gallery


def some_images(labels: list[int], said: list[int]) -> Gallery:
    count = len(labels)
    images = np.arange(count * 28 * 28, dtype=np.int64).reshape(count, 28, 28) % 256
    return Gallery(
        indices=np.arange(count) + 40,
        images=images.astype(np.uint8),
        labels=np.array(labels),
        probabilities=np.eye(10)[said],
        progress=1.0,
    )


def titles_of(figure: go.Figure) -> go.Scatter:
    return next(trace for trace in figure.select_traces({"type": "scatter", "mode": "text"}))


def lines_of(figure: go.Figure) -> go.Scatter:
    return next(trace for trace in figure.select_traces({"type": "scatter", "mode": "lines"}))


SHOWN = some_images(labels=[3, 5, 7, 1, 0, 2, 9], said=[3, 6, 7, 1, 8, 2, 9])
MOSAIC = figures.Mosaic(5, 700)


def test_a_gallery_is_one_heatmap_with_each_image_at_its_corner() -> None:
    drawn = figures.mosaic(SHOWN, MOSAIC)
    heatmaps = [trace for trace in drawn.data if isinstance(trace, go.Heatmap)]
    assert len(heatmaps) == 1
    pixels = np.asarray(heatmaps[0].z)
    for place, image in enumerate(SHOWN.images):
        left, top = MOSAIC.corner(place)
        shown = pixels[top : top + figures.TILE, left : left + figures.TILE]
        assert np.abs(shown.astype(int) - image).max() <= 1  # white is a trifle less than white
        assert shown.max() < figures.GAP_VALUE


def test_between_the_images_of_a_gallery_there_is_nothing() -> None:
    drawn = figures.mosaic(SHOWN, MOSAIC)
    pixels = np.asarray(drawn.data[0].z)
    empty = np.ones(pixels.shape, bool)
    for place in range(len(SHOWN.indices)):
        left, top = MOSAIC.corner(place)
        empty[top : top + figures.TILE, left : left + figures.TILE] = False
    assert (pixels[empty] == figures.GAP_VALUE).all()
    assert "rgba(0,0,0,0)" in drawn.data[0].colorscale[-1]


def test_each_image_of_a_gallery_has_its_true_and_predicted_digit_above_it() -> None:
    titles = titles_of(figures.mosaic(SHOWN, MOSAIC))
    assert len(titles.text) == 7
    for place, (label, said) in enumerate(zip(SHOWN.labels, SHOWN.predictions, strict=True)):
        assert f"True: {label}" in titles.text[place]
        assert f"Pred: {said}" in titles.text[place]
        left, top = MOSAIC.corner(place)
        assert left <= titles.x[place] <= left + figures.TILE
        assert top - MOSAIC.title <= titles.y[place] < top


def test_only_wrong_images_of_a_gallery_have_a_cross_and_a_frame() -> None:
    drawn = figures.mosaic(SHOWN, MOSAIC)
    crossed = [place for place, text in enumerate(titles_of(drawn).text) if "✗" in text]
    assert crossed == [1, 4]
    frames = lines_of(drawn)
    # Each frame begins at its upper left, one pixel outside of the image; None ends it.
    points = list(zip(frames.x, frames.y, strict=True))
    firsts = [points[0]] + [
        point for before, point in itertools.pairwise(points) if before[0] is None
    ]
    assert [(x + 1, y + 1) for x, y in firsts] == [MOSAIC.corner(place) for place in crossed]


def test_a_gallery_without_mistakes_has_no_frame() -> None:
    drawn = figures.mosaic(some_images(labels=[1, 2], said=[1, 2]), figures.Mosaic(2, 500))
    assert not any("✗" in text for text in titles_of(drawn).text)
    assert list(lines_of(drawn).x) == []


def test_a_gallery_is_drawn_from_the_top_with_square_pixels() -> None:
    layout = figures.mosaic(SHOWN, MOSAIC).layout
    low, high = layout.yaxis.range
    assert low > high
    per_pixel_down = layout.height / (low - high)
    per_pixel_across = MOSAIC.width / (layout.xaxis.range[1] - layout.xaxis.range[0])
    assert per_pixel_down == pytest.approx(per_pixel_across, rel=0.02)


def test_a_single_digit_is_drawn_upright_with_all_its_values() -> None:
    image = SHOWN.images[2]
    drawn = figures.digit(image, 200)
    assert (np.asarray(drawn.data[0].z) == image).all()
    assert drawn.layout.yaxis.autorange == "reversed"
    assert drawn.layout.height == drawn.layout.width == 200
