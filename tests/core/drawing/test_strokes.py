"""Preprocessing of strokes and photos: the size, position and pen of a drawing do not matter."""

import json
import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.drawing.photos import preprocess_pixels
from core.drawing.strokes import CANVAS, MAX_POINTS, MAX_STROKES, preprocess_strokes
from core.errors import EmptyDrawingError, InvalidDrawingError

SEVEN = [[[60.0, 60.0], [200.0, 60.0], [120.0, 230.0]], [[90.0, 150.0], [180.0, 140.0]]]
FLAT = [[0, 0], [200, 20], [190, 60]]
ONE = [[[140.0, 40.0], [140.0, 240.0]]]


def strokes_image(strokes, canvas=CANVAS):
    return preprocess_strokes(strokes, canvas).image


def pixels_image(pixels):
    return preprocess_pixels(pixels).image


def moved(strokes, scale=1.0, x=0.0, y=0.0):
    return [[[scale * px + x, scale * py + y] for px, py in stroke] for stroke in strokes]


def resampled(stroke, steps):
    """The same polyline with `steps` points between any two corners."""
    points = []
    for (x0, y0), (x1, y1) in pairwise(stroke):
        points += [[x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps] for i in range(steps)]
    return [*points, stroke[-1]]


def ink_box(image):
    """Width and height of everything inked."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    return columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def centre_of_mass(image):
    index = np.arange(28)
    return image.sum(axis=0) @ index / image.sum(), image.sum(axis=1) @ index / image.sum()


def digit_like_mnist():
    """A ring with grey edges, heavier below and right, where MNIST would have put it."""
    y, x = np.mgrid[-13.5:14, -13.5:14]
    width = 2 + 0.02 * (x + y)
    return np.rint(255 * (width - abs(np.hypot(x / 0.8, y) - 8.0)).clip(0, 1)).astype(np.uint8)


# Strokes


def test_image_is_28x28_float32_with_ink_up_to_one():
    image = strokes_image(SEVEN)

    assert image.shape == (28, 28)
    assert image.dtype == np.float32
    assert image.min() == 0.0
    assert image.max() == pytest.approx(1.0)


def test_longer_side_fills_the_box_of_mnist():
    upright, lying = ink_box(strokes_image(SEVEN)), ink_box(strokes_image([FLAT]))

    # The ink is 20 pixels wide; where it is out of step with the pixels, 19 get some of it.
    assert max(upright) in (19, 20)
    assert max(lying) in (19, 20)


@pytest.mark.parametrize("strokes", [SEVEN, ONE, [[[10, 10], [10, 200], [120, 200]]]])
def test_centre_of_mass_is_where_mnist_has_it_on_average(strokes):
    assert centre_of_mass(strokes_image(strokes)) == pytest.approx((14.0, 14.0), abs=0.05)


@pytest.mark.parametrize("scale", [1 / 3, 0.5, 1.2])
@pytest.mark.parametrize("corner", [(0, 0), (-15, -12), (90, 75)])
def test_size_and_place_of_the_drawing_do_not_matter(scale, corner):
    image = strokes_image(moved(SEVEN, scale, *corner))

    assert image == pytest.approx(strokes_image(SEVEN), abs=1e-4)


def test_speed_of_the_pen_does_not_matter():
    slow = [resampled(stroke, 90) for stroke in SEVEN]
    still = [[point for point in stroke for _ in range(7)] for stroke in SEVEN]

    assert strokes_image(slow) == pytest.approx(strokes_image(SEVEN), abs=0.05)
    assert strokes_image(still) == pytest.approx(strokes_image(SEVEN), abs=1e-6)


def test_direction_and_order_of_strokes_do_not_matter():
    backwards = [stroke[::-1] for stroke in SEVEN[::-1]]

    assert strokes_image(backwards) == pytest.approx(strokes_image(SEVEN), abs=1e-4)


def test_pen_is_up_between_strokes():
    image = strokes_image([[[0, 0], [0, 100]], [[60, 0], [60, 100]]])

    assert image[:, 13:15].max() == 0.0


def test_vertical_line_stays_a_thin_upright_line():
    width, height = ink_box(strokes_image(ONE))

    assert height in (19, 20)
    assert width <= 4


def test_line_is_as_wide_as_mnists():
    middle_row = strokes_image(ONE)[14]

    assert middle_row.sum() == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("dot", [[[[70, 90]]], [[[70, 90], [70, 90]]], [[[70.0, 90.0], [71, 90]]]])
def test_dot_stays_a_dot_in_the_middle(dot):
    image = strokes_image(dot)

    assert max(ink_box(image)) <= 6
    assert centre_of_mass(image) == pytest.approx((14.0, 14.0), abs=0.05)


def test_dot_beside_a_stroke_is_drawn():
    without = strokes_image([[[0, 0], [0, 100]]])
    with_dot = strokes_image([[[0, 0], [0, 100]], [[40, 50]]])

    assert with_dot.sum() > without.sum() + 1


def test_strokes_without_points_are_passed_over():
    assert strokes_image([[], *SEVEN, []]) == pytest.approx(strokes_image(SEVEN))


def test_arrays_and_tuples_serve_as_well_as_lists():
    arrays = [np.array(stroke) for stroke in SEVEN]
    tuples = tuple(tuple(map(tuple, stroke)) for stroke in SEVEN)

    assert (strokes_image(arrays) == strokes_image(SEVEN)).all()
    assert (strokes_image(tuples) == strokes_image(SEVEN)).all()


def test_drawing_is_left_as_it_was():
    strokes = [np.array(stroke) for stroke in SEVEN]
    strokes_image(strokes)

    assert all((now == before).all() for now, before in zip(strokes, SEVEN, strict=True))


def test_endless_scribble_is_drawn():
    angle = np.arange(MAX_POINTS) * 2.0
    scribble = np.stack([140 + 130 * np.cos(angle), 140 + 130 * np.sin(angle * 1.1)], axis=1)

    assert strokes_image([scribble]).mean() > 0.3


@pytest.mark.parametrize("nothing", [[], [[]], [[], []], ()])
def test_nothing_drawn(nothing):
    with pytest.raises(EmptyDrawingError, match="Nothing is drawn yet"):
        strokes_image(nothing)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        7,
        "drawing",
        {"strokes": SEVEN},
        [1, 2],
        ["ab"],
        [[1, 2], [3, 4]],
        [[[1, 2], [3]]],
        [[[1, 2, 3]]],
        [[["1", "2"]]],
        [[[None, 2]]],
        [[[True, False]]],
        [[[math.nan, 2.0]]],
        [[[math.inf, 2.0]]],
        [[[1e300, 2.0]]],
        [[[-(2**63), 2]]],
        np.array(5.0),
        [np.array(5.0)],
        [[[10**400, 2]]],
        [[[[1, 2]]]],
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(wrong):
    with pytest.raises(InvalidDrawingError, match=r"^[A-Z].*\.$"):
        strokes_image(wrong)


def test_too_long_a_drawing_is_refused():
    with pytest.raises(InvalidDrawingError, match="points"):
        strokes_image([[[0, 0]] * (MAX_POINTS + 1)])
    with pytest.raises(InvalidDrawingError, match="strokes"):
        strokes_image([[[0, 0]]] * (MAX_STROKES + 1))


# The way from strokes to the picture


def test_the_box_is_that_of_the_strokes():
    steps = preprocess_strokes(SEVEN)

    assert steps.box == (60, 60, 200, 230)


def test_as_drawn_is_the_whole_canvas_and_the_pen():
    small = moved(SEVEN, 1 / 3)
    thin, thick = (preprocess_strokes(small, pen=pen).as_drawn for pen in (10.0, 30.0))

    assert thin.shape == (28, 28)
    assert thin[:8, :8].sum() > 0
    assert thin[10:].max() == 0.0
    assert thick.sum() > 1.5 * thin.sum()


def test_as_drawn_leaves_out_what_lies_beside_the_canvas():
    assert preprocess_strokes(moved(SEVEN, 1.0, 900, -900)).as_drawn.max() == 0.0


def test_the_centre_is_where_the_ink_balances():
    assert preprocess_strokes(ONE).centre == pytest.approx((140, 140), abs=2)
    assert preprocess_strokes(moved(ONE, 0.5, 30, -60)).centre == pytest.approx((100, 10), abs=1)


# Pictures


def test_picture_of_mnist_comes_out_unchanged():
    picture = digit_like_mnist()

    assert pixels_image(picture) == pytest.approx(picture / 255, abs=1e-6)


@pytest.mark.parametrize("invert", [False, True])
def test_place_and_brightness_of_paper_do_not_matter(invert):
    picture = digit_like_mnist()
    page = np.zeros((60, 75), np.uint8)
    page[3:31, 40:68] = picture

    assert pixels_image(255 - page if invert else page) == pytest.approx(
        pixels_image(picture), abs=0.01
    )


def test_large_picture_is_scaled_to_the_box():
    page = np.kron(digit_like_mnist(), np.ones((9, 9), np.uint8))
    image = pixels_image(page)

    assert max(ink_box(image)) == 20
    assert np.abs(image - pixels_image(digit_like_mnist())).mean() < 0.05


def test_pale_ink_is_strengthened():
    assert pixels_image(digit_like_mnist() // 4).max() == pytest.approx(1.0)


def test_photo_on_uneven_grainy_paper_is_read():
    random = np.random.default_rng(3)
    ink = np.zeros((420, 560))
    ink[60:340, 200:480] = np.kron(digit_like_mnist() / 255, np.ones((10, 10)))
    y, x = np.mgrid[0:420, 0:560]
    light = 210 - 70 * x / 560 - 40 * (y / 420) ** 2
    photo = (light * (1 - 0.7 * ink) + random.normal(0, 5, ink.shape)).clip(0, 255)

    image = pixels_image(photo)

    assert np.abs(image - pixels_image(digit_like_mnist())).mean() < 0.06
    assert image[:3].max() == 0.0


@pytest.mark.parametrize("factor", [1, 9])
def test_box_and_centre_of_a_picture_are_those_of_its_ink(factor):
    page = np.zeros((60 * factor, 75 * factor), np.uint8)
    page[10 * factor : 40 * factor, 50 * factor : 60 * factor] = 255
    page[10 * factor : 20 * factor, 40 * factor : 50 * factor] = 255
    steps = preprocess_pixels(page)

    assert np.array(steps.box) == pytest.approx(np.array((40, 10, 60, 40)) * factor, abs=factor)
    assert np.array(steps.centre) == pytest.approx(np.array((52.5, 22.5)) * factor, abs=factor / 2)


@pytest.mark.parametrize("invert", [False, True])
def test_picture_as_drawn_is_the_whole_of_it_squeezed(invert):
    page = np.zeros((56, 112), np.uint8)
    page[20:30, 80:100] = 200
    steps = preprocess_pixels(255 - page if invert else page)

    rows, columns = np.nonzero(steps.as_drawn > 0.4)
    assert (rows.min(), rows.max() + 1) == (10, 15)
    assert (columns.min(), columns.max() + 1) == (20, 25)
    assert steps.as_drawn.max() == pytest.approx(200 / 255, abs=0.01)


def test_picture_of_mnist_is_the_same_as_drawn():
    picture = digit_like_mnist()

    assert preprocess_pixels(picture).as_drawn == pytest.approx(picture / 255, abs=1e-6)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_blank_picture_is_empty(grey):
    with pytest.raises(EmptyDrawingError):
        pixels_image(np.full((28, 28), grey))


def test_paper_with_nothing_but_grain_is_empty():
    grain = np.random.default_rng(0).normal(128, 3, (100, 100))

    with pytest.raises(EmptyDrawingError):
        pixels_image(grain)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "picture",
        5,
        [1, 2, 3],
        [[1, 2], [3]],
        np.zeros((28, 28, 3)),
        np.zeros((0, 28)),
        np.zeros((2, 2)),
        np.zeros((3, 5000)),
        np.full((28, 28), -1),
        np.full((28, 28), 256),
        np.full((28, 28), np.nan),
        [["a"] * 28] * 28,
    ],
)
def test_what_is_no_picture_is_refused_in_a_sentence(wrong):
    with pytest.raises(InvalidDrawingError, match=r"^[A-Z].*\.$"):
        pixels_image(wrong)


# Real drawings, where they are at hand

DATA = Path(os.environ.get("DIGITLAB_DATA", "missing"))
PENS = DATA / "pendigits" / "train.jsonl"
MNIST = DATA / "MNIST" / "raw" / "train-images-idx3-ubyte"


@pytest.mark.skipif(not PENS.exists(), reason="DIGITLAB_DATA holds no pendigits")
def test_real_pens_come_out_in_the_box_at_any_size():
    with PENS.open() as lines:
        drawings = [json.loads(line)["strokes"] for line, _ in zip(lines, range(200), strict=False)]
    images = [strokes_image(drawing) for drawing in drawings]
    small = [strokes_image(moved(drawing, 1 / 3, 100, 30)) for drawing in drawings]

    assert {max(ink_box(image)) for image in images} <= {19, 20}
    assert np.abs(np.array(images) - np.array(small)).mean() < 1e-3


@pytest.mark.skipif(not MNIST.exists(), reason="DIGITLAB_DATA holds no MNIST")
def test_real_mnist_comes_out_unchanged():
    pictures = np.fromfile(MNIST, np.uint8, count=16 + 500 * 784)[16:].reshape(-1, 28, 28)
    change = [np.abs(pixels_image(picture) - picture / 255).max() for picture in pictures]

    assert np.mean(np.array(change) < 0.05) >= 0.99
