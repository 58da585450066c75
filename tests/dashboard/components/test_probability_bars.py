"""The ten bars: what is written beside each, how wide it is, which one is marked."""

from typing import Any

import pytest

from dashboard.components.probability_bars import probability_bars

SURE_OF_TWO = [0.01, 0.04, 0.85, 0.02, 0.0, 0.03, 0.0, 0.05, 0.0, 0.0]


def test_there_is_a_row_for_each_digit_in_order() -> None:
    rows = [row.to_plotly_json()["props"] for row in probability_bars(SURE_OF_TWO).children]
    assert [row["data-digit"] for row in rows] == list("0123456789")


def test_a_bar_is_as_wide_as_its_probability_and_says_it() -> None:
    rows = probability_bars(SURE_OF_TWO).children
    widths = [row.style["--share"] for row in rows]
    assert widths[:4] == ["1.0%", "4.0%", "85.0%", "2.0%"]
    assert [row.children for row in rows][:3] == ["1.0\u202f%", "4.0\u202f%", "85.0\u202f%"]


def test_only_the_largest_is_marked() -> None:
    marked = [row.className == "bar best" for row in probability_bars(SURE_OF_TWO).children]
    assert marked == [digit == 2 for digit in range(10)]


def test_without_probabilities_nothing_is_marked_and_all_is_empty() -> None:
    rows = probability_bars().children
    assert len(rows) == 10
    assert {row.className for row in rows} == {"bar"}
    assert {row.style["--share"] for row in rows} == {"0.0%"}


@pytest.mark.parametrize(
    ("given", "expected"), [({"element_id": "these"}, {"id": "these"}), ({}, {})]
)
def test_the_bars_have_an_id_only_if_one_is_given(
    given: dict[str, str], expected: dict[str, str]
) -> None:
    properties: dict[str, Any] = probability_bars(SURE_OF_TWO, **given).to_plotly_json()["props"]
    assert {key: properties[key] for key in properties if key == "id"} == expected


def test_a_screen_reader_finds_a_list_with_a_name() -> None:
    properties = probability_bars(SURE_OF_TWO).to_plotly_json()["props"]
    assert properties["role"] == "list"
    assert properties["aria-label"] == "Probabilities"
    assert {row.role for row in properties["children"]} == {"listitem"}
