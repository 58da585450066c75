"""Photos and other pictures of a digit: thin lines, frames, ruled paper, grey levels of any kind.

A picture is compared with what the same strokes become when they are drawn on the page.
"""

import numpy as np
import pytest
from numpy.linalg import norm
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, shift

from core.data.glyphs import GLYPHS
from core.drawing.photos import preprocess_pixels
from core.drawing.rasterize import centre_on_mass
from core.drawing.strokes import preprocess_strokes
from core.errors import EmptyDrawingError, InvalidDrawingError

DIGITS = {glyph.digit: glyph for glyph in reversed(GLYPHS)}  # the first glyph of each digit
PAPER, INK = 240, 30


def strokes_of(digit, side=256, share=0.6):
    """A digit's strokes in the middle of a square, `share` of it high."""
    strokes = [stroke.sharp @ stroke.control for stroke in DIGITS[digit].strokes]
    corner = (1 - share) / 2 * side
    return [stroke * share * side / 100 + corner for stroke in strokes]


def drawn(strokes, width=10.0, side=256, ink=INK, paper=PAPER):
    """A picture of strokes, (side, side) uint8, with smooth edges."""
    fine = max(2, 1024 // side)
    image = Image.new("L", (side * fine, side * fine), paper)
    draw = ImageDraw.Draw(image)
    for stroke in strokes:
        points = [(float(x * fine), float(y * fine)) for x, y in stroke]
        draw.line(points, fill=ink, width=max(1, round(width * fine)), joint="curve")
    return np.asarray(image.resize((side, side), Image.Resampling.BOX)).copy()


def alike(picture, strokes):
    """Cosine of the images that a picture and strokes become, at the best shift.

    The shift is less than a pixel: a picture is moved by whole pixels, strokes by parts of one.
    """
    image = preprocess_pixels(picture).image
    drawing = preprocess_strokes([stroke.tolist() for stroke in strokes], canvas=256).image
    wanted = gaussian_filter(drawing, 0.7)
    shifts = [(dy / 3, dx / 3) for dy in range(-3, 4) for dx in range(-3, 4)]
    moved = [shift(gaussian_filter(image, 0.7), by, order=1) for by in shifts]
    return max(float((each * wanted).sum() / norm(each) / norm(wanted)) for each in moved)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("digit", range(10))
def test_thin_lines_become_as_wide_as_those_of_strokes(digit, width):
    strokes = strokes_of(digit)

    assert alike(drawn(strokes, width), strokes) > 0.93


@pytest.mark.parametrize("ink", [235, 225, 200])
def test_faint_lines_become_as_strong_as_dark_ones(ink):
    strokes = strokes_of(3)

    assert alike(drawn(strokes, 2, ink=ink, paper=255), strokes) > 0.93


@pytest.mark.parametrize("width", [1, 2, 4])
def test_thin_lines_on_grainy_paper_do_not_vanish(width):
    strokes = strokes_of(3)
    grain = np.random.default_rng(0).normal(0, 3, (256, 256))

    assert alike((drawn(strokes, width) + grain).clip(0, 255), strokes) > 0.93


@pytest.mark.parametrize("side", [28, 60, 128, 600, 1500])
def test_size_of_a_picture_does_not_matter(side):
    picture = drawn(strokes_of(2, side), max(1, side / 100), side)

    assert alike(picture, strokes_of(2)) > 0.9


def test_wide_lines_stay_wide():
    thin, wide = (preprocess_pixels(drawn(strokes_of(5), width)).image for width in (3, 30))

    assert wide.sum() > 1.4 * thin.sum()


@pytest.mark.parametrize("invert", [False, True])
def test_box_around_a_digit_is_no_ink(invert):
    strokes = strokes_of(3, share=0.5)
    picture = drawn([*strokes, np.array([[20, 15], [236, 15], [236, 240], [20, 240], [20, 15]])], 4)

    assert alike(255 - picture if invert else picture, strokes) > 0.93


def test_box_that_is_turned_a_little_is_no_ink():
    strokes = strokes_of(4, share=0.5)
    box = np.array([[30, 12], [240, 30], [222, 240], [12, 222], [30, 12]])

    assert alike(drawn([*strokes, box], 4), strokes) > 0.93


def test_round_and_square_zeros_are_no_boxes():
    square = [np.array([[60, 30], [190, 30], [190, 220], [60, 220], [60, 30]])]
    for strokes in (strokes_of(0, share=0.9), square):
        picture = drawn(strokes, 6)
        picture[125:130, 125:130] = INK  # a speck within

        assert alike(picture, strokes) > 0.93


@pytest.mark.parametrize("border", [np.s_[:, :12], np.s_[-20:], np.s_[:9]])
def test_dark_border_on_one_side_is_no_ink(border):
    strokes = strokes_of(6)
    picture = drawn(strokes, 8)
    picture[border] = 10

    assert alike(picture, strokes) > 0.93


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("width", [3, 30])
def test_dark_border_all_around_is_no_paper(width, invert):
    strokes = strokes_of(2, share=0.5)
    picture = np.pad(drawn(strokes, 8)[width:-width, width:-width], width, constant_values=10)

    assert alike(255 - picture if invert else picture, strokes) > 0.93


@pytest.mark.parametrize("grey", [215, 170, 90])
@pytest.mark.parametrize("tilt", [0, 5])
def test_ruled_lines_are_no_ink(grey, tilt):
    strokes = strokes_of(7)
    lines = [np.array([[-5, y], [261, y + tilt]]) for y in (24, 72, 120, 168, 216)]
    picture = np.minimum(drawn(lines, 2, ink=grey), drawn(strokes, 8))

    assert alike(picture, strokes) > 0.93


@pytest.mark.parametrize("width", [2, 8])
def test_squared_paper_is_no_ink(width):
    strokes = strokes_of(3)
    places = range(10, 256, 16)
    lines = [np.array([[-5, at], [261, at]]) for at in places]
    lines += [line[:, ::-1] for line in lines]
    picture = np.minimum(drawn(lines, 1, ink=190), drawn(strokes, width))

    assert alike(picture, strokes) > 0.93


@pytest.mark.parametrize("invert", [False, True])
def test_very_wide_lines_are_no_paper(invert):
    picture = np.full((256, 256), PAPER)
    y, x = np.mgrid[-1:1:256j, -1:1:256j]
    zero = np.abs(np.hypot(x, y) - 0.6) < 0.35  # half of the picture and more
    picture[zero] = INK
    image = preprocess_pixels(255 - picture if invert else picture).image

    assert image[14, 5] > 0.9
    assert image[14, 14] < 0.1


def test_bars_from_edge_to_edge_belong_to_the_digit():
    seven = [np.array([[0, 6], [256, 6], [120, 250]])]

    assert alike(drawn(seven, 10), seven) > 0.93


BARS = {
    "7": [[[5, 20], [250, 20], [110, 250]], [[15, 135], [240, 135]]],
    "2": [[[4, 10], [250, 10], [6, 246], [250, 246]]],
    "2 to the edges": [[[1, 14], [254, 14], [4, 240], [254, 240]]],
    "5": [[[245, 10], [10, 10], [10, 127], [245, 127], [245, 245], [10, 245]]],
    "0": [[[8, 8], [247, 8], [247, 247], [8, 247], [8, 8]]],
}


@pytest.mark.parametrize("bars", BARS)
def test_several_wide_bars_are_no_ruled_lines(bars):
    strokes = [np.array(stroke) for stroke in BARS[bars]]

    assert alike(drawn(strokes, 5), strokes) > 0.93


def test_specks_are_no_ink():
    strokes = strokes_of(5)
    picture = drawn(strokes, 8)
    for y, x in ((20, 20), (240, 30), (128, 245), (10, 128)):
        picture[y : y + 6, x : x + 6] = INK

    assert alike(picture, strokes) > 0.93


def test_detached_strokes_and_gaps_belong_to_the_digit():
    hat, body = np.array([[110, 40], [180, 40]]), strokes_of(5)[0]

    assert alike(drawn([hat, body], 4), [hat, body]) > 0.93


def test_shadow_is_no_frame():
    strokes = strokes_of(8)
    y, x = np.mgrid[0:256, 0:256] / 256
    picture = drawn(strokes, 8) * (1 - 0.7 * x * y)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)  # the paper's grain

    assert alike(picture, strokes) > 0.93


@pytest.mark.parametrize("width", [1, 3, 8])
def test_image_like_mnist_comes_out_as_it_is(width):
    field = np.zeros((1, 28, 28), np.float32)
    field[0, 4:24, 12 : 12 + width] = np.linspace(60, 255, 20).round()[:, None]
    pixels = centre_on_mass(field)[0]

    for picture in (pixels, 255 - pixels):
        np.testing.assert_allclose(preprocess_pixels(picture).image, pixels / 255, atol=1e-6)


@pytest.mark.parametrize("make", [np.float64, lambda picture: picture.astype(np.float32)])
def test_numbers_from_0_to_1_are_grey_levels(make):
    picture = drawn(strokes_of(3), 6)
    scaled = preprocess_pixels(make(picture) / 255)

    np.testing.assert_allclose(scaled.image, preprocess_pixels(picture).image, atol=0.02)


def test_black_and_white_come_as_truth_values_or_as_0_and_1():
    picture = drawn(strokes_of(3), 6) < 128
    wanted = preprocess_pixels(picture * 255).image

    np.testing.assert_array_equal(preprocess_pixels(picture).image, wanted)
    np.testing.assert_array_equal(preprocess_pixels(picture.astype(int).tolist()).image, wanted)


@pytest.mark.parametrize(
    ("low", "high"), [(-1, 1), (-0.4242, 2.8215), (0, 65535)], ids=["-1..1", "standard", "16 bit"]
)
def test_other_ranges_are_named_with_the_one_that_is_expected(low, high):
    picture = low + (high - low) * (drawn(strokes_of(3), 6) - float(INK)) / (PAPER - INK)

    with pytest.raises(InvalidDrawingError, match=f"0 to 255, or from 0 to 1.*{low:g} to {high:g}"):
        preprocess_pixels(picture)


@pytest.mark.parametrize(("height", "width", "grey"), [(3, 2, 85.1), (5, 3, 254.9), (6, 1, 85.1)])
def test_ink_of_one_and_the_same_grey_is_read(height, width, grey):
    picture = np.zeros((28, 28))
    picture[1 : 1 + height, 10 : 10 + width] = grey
    assert preprocess_pixels(picture).image.max() == pytest.approx(1.0)


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_blank_picture_of_numbers_from_0_to_1_is_empty(grey):
    with pytest.raises(EmptyDrawingError):
        preprocess_pixels(np.full((28, 28), grey))


def test_any_picture_gives_an_image_or_a_sentence():
    random = np.random.default_rng(0)
    pictures = [random.uniform(0, 255, shape) for shape in ((3, 3), (3, 300), (28, 28), (256, 256))]
    pictures += [np.eye(size) * 255 for size in (3, 4, 16, 28, 100)]
    for size in (3, 5, 28, 100):
        dot, line, block = np.zeros((3, size, size))
        dot[size // 2, size // 2] = line[size // 2] = block[1:-1, 1:-1] = 255
        pictures += [dot, line, line.T, block, 255 - block, np.tri(size) * 255]
    for picture in pictures:
        try:
            image = preprocess_pixels(picture).image
        except EmptyDrawingError:
            continue
        assert image.shape == (28, 28)
        assert 0.0 <= image.min() <= image.max() <= 1.0
        assert np.isfinite(image).all()
