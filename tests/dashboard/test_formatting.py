"""Numbers, durations and points in time as text."""

import pytest

from dashboard.formatting import (
    NOTHING,
    after_epochs,
    capitalised,
    duration,
    epoch_number,
    percent,
    plural,
    probability,
)


def test_a_share_is_a_percentage_and_what_is_not_known_a_dash() -> None:
    assert percent(0.98765) == "98.77\u202f%"
    assert percent(0.98765, 1) == "98.8\u202f%"
    assert probability(0.98765) == "98.8\u202f%"
    assert probability(0.0005) == "0.1\u202f%"
    assert probability(0.00049) == NOTHING
    assert percent(None) == percent(float("nan")) == NOTHING


def test_one_of_something_has_no_s() -> None:
    assert [plural(count, "image") for count in (0, 1, 2000)] == [
        "0 images",
        "1 image",
        "2,000 images",
    ]


def test_only_the_first_letter_becomes_a_capital() -> None:
    assert capitalised("a ReLU") == "A ReLU"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (2.64, "2.6 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61.0, "1 min 1 s"),
        (3599.4, "59 min 59 s"),
        (3599.6, "1 h 0 min"),
        (7500.0, "2 h 5 min"),
    ],
)
def test_a_duration_is_given_in_the_units_one_would_say(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_time_that_is_only_estimated_has_no_tenths() -> None:
    assert duration(2.64, 0) == "3 s"


@pytest.mark.parametrize(
    ("progress", "number"),
    [
        (0, "0"),
        (3.0, "3"),
        (3.34043, "3.34"),
        (3.5, "3.5"),
        (3.001, "3.01"),
        (2.9999, "2.99"),
        (2000.0, "2000"),
        (1999.25, "1999.25"),
    ],
)
def test_a_point_within_an_epoch_never_reads_as_its_end(progress: float, number: str) -> None:
    assert epoch_number(progress) == number


def test_when_a_network_was_as_it_is_shown() -> None:
    assert after_epochs(0) == "before it has learned anything"
    assert after_epochs(1) == "after 1 epoch"
    assert after_epochs(0.5) == "after 0.5 epochs"
    assert after_epochs(3) == "after 3 epochs"
