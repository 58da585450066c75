"""Feature maps side by side in one picture."""

import numpy as np
import pytest

from dashboard.components.mosaic import columns_of, mosaic


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (10, 5), (24, 8), (32, 8), (64, 16), (256, 32), (7, 7)]
)
def test_maps_stand_in_full_rows(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_a_mosaic_is_light_on_black_with_lines_between_maps() -> None:
    maps = np.zeros((4, 2, 3), np.float32)
    maps[2] = [[1, 2, 4], [0, 0, 0]]
    picture = mosaic(maps)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 15)
    assert picture[0].tolist() == [0] * 8 + [64, 128, 255] + [0] * 4
    assert not picture[1].any()

    logits = np.array([-1.0, 0.0, 1.0, 3.0], np.float32).reshape(4, 1, 1)
    assert mosaic(logits).tolist() == [[0, 64, 128, 255]]
    assert not mosaic(np.zeros((2, 2, 2), np.float32)).any()
