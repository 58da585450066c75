"""Pictures of a network's inside: the page gets each number, and room for it."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from dash import html

from dashboard.tabs.inside.pictures import columns_of, picture

RANDOM = np.random.default_rng(9)


def shown(canvas: html.Canvas) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(getattr(canvas, "data-picture"))
    return found


@pytest.mark.parametrize(
    ("count", "columns"), [(32, 4), (64, 8), (128, 8), (24, 4), (10, 2), (1, 1), (1000, 25)]
)
def test_rows_of_pictures_come_out_even(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_a_prime_number_of_pictures_is_no_single_column() -> None:
    assert columns_of(97) > 3


def test_the_page_gets_the_numbers_to_the_last_bit() -> None:
    values = RANDOM.normal(size=(6, 4, 5)).astype(np.float32)
    found = shown(picture(values, "map", "Maps"))
    assert found["shape"] == [6, 4, 5]
    assert base64.b64decode(found["values"]) == values.tobytes()


@pytest.mark.parametrize(
    ("values", "signed", "limits"),
    [([0.5, 8], False, [0, 8]), ([-2, 8], False, [-2, 8]), ([-6, 4], True, [-6, 6])],
)
def test_black_is_zero_unless_there_is_less(
    values: list[float], signed: bool, limits: list[float]
) -> None:
    found = shown(picture(np.reshape(values, (2, 1, 1)), "number", "Numbers", signed=signed))
    assert [found["low"], found["high"]] == limits


@pytest.mark.parametrize("shape", [(32, 28, 28), (128, 1, 1), (1, 28, 28), (7, 3, 5)])
def test_a_picture_has_its_size_before_it_is_painted(shape: tuple[int, int, int]) -> None:
    style = picture(np.zeros(shape), "map", "Maps", 236).style
    across, down = map(int, style["aspectRatio"].split(" / "))
    assert max(style["--w"], style["--w"] * down / across) == pytest.approx(
        236, abs=1 + down / across
    )
