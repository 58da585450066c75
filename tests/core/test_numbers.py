"""Numbers as people type them, in the spellings of several countries."""

import pytest

from core.numbers import parse_decimal, parse_whole

SPACES = (" ", "\u00a0", "\u202f", "\u2009")


@pytest.mark.parametrize(
    "text",
    [
        "60000",
        "60,000",
        "60.000",
        *(f"60{space}000" for space in SPACES),
        "60'000",
        "60’000",
        " 60000 ",
        "+60000",
        "\u00a060,000\n",
        "060000",
        "６００００",
    ],
)
def test_sixty_thousand_is_read_in_every_spelling(text: str) -> None:
    assert parse_whole(text) == 60_000


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("7", 7),
        ("-4", -4),
        ("−4", -4),
        ("1,000", 1000),
        ("1.000.000", 1_000_000),
        ("2,147,483,647", 2**31 - 1),
    ],
)
def test_other_whole_numbers(text: str, number: int) -> None:
    assert parse_whole(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "ten", "1.5", "1,5", "6,00", "60,00", "600,0", "60,0000", "0,001", "0.001"),
        *("1,000.000", "1.000,000", "60.000,0", "60,000.5", "1 000,000", "60  000", "1,,000"),
        *(",000", "60,", "60.", "1e3", "0x10", "1_000", "--4", "½", "²", "inf", "nan", "9" * 5000),
    ],
)
def test_what_is_mixed_or_no_whole_number_is_not_read(text: str) -> None:
    assert parse_whole(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.001", 0.001),
        ("0,001", 0.001),
        (",001", 0.001),
        (".001", 0.001),
        ("1e-3", 0.001),
        ("1,5E-3", 0.0015),
        ("1,000", 1.0),
        ("1,", 1.0),
        ("−0,5", -0.5),
        (" 0,001\u00a0", 0.001),
        ("3", 3.0),
    ],
)
def test_a_comma_is_a_decimal_mark(text: str, number: float) -> None:
    assert parse_decimal(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", ".", "e-3", "1.000,5", "1,000.5", "0,0,1", "0.0.1", "0 001", "1'000", "1e"),
        *("1e-3,5", "inf", "nan", "Infinity", "1_0", "fast", "0x1p3", "9" * 5000),
    ],
)
def test_what_is_mixed_or_no_number_is_not_read(text: str) -> None:
    assert parse_decimal(text) is None
