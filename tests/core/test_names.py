"""Names as people type them: one line, and nothing that cannot be seen."""

import pytest

from core.names import enumeration, plain_text


@pytest.mark.parametrize(
    "sign",
    [
        *(0x0, 0x7, 0x1B, 0x7F, 0x9F),  # control characters
        *range(0x202A, 0x202F),  # embeddings and overrides of direction
        *range(0x2066, 0x206A),  # isolates
        *(0x200E, 0x200F, 0x61C),  # marks of direction
        *(0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0xAD),  # without width
        *(0xD800, 0xDFFF),  # half a letter
    ],
    ids=hex,
)
def test_what_cannot_be_seen_is_removed(sign: int) -> None:
    assert plain_text(f"{chr(sign)}a{chr(sign)}b {chr(sign)} c{chr(sign)}") == "ab c"


@pytest.mark.parametrize("sign", "\n\r\t\v\f\x1c\x85\u2028\u2029\u00a0\u3000")
def test_all_is_one_line(sign: str) -> None:
    assert plain_text(f"{sign}a{sign}{sign}b{sign}") == "a b"


@pytest.mark.parametrize(
    "text", ["", "Run 1", "Größe = 3", "数字 ١٢", "<b>=SUM(A1)</b>", "e\u0301"]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert plain_text(text) == text


def test_words_are_joined_into_a_sentence() -> None:
    assert enumeration(["Run 7"]) == "Run 7"
    assert enumeration(["Run 7", "Anna's", "Run 9"]) == "Run 7, Anna's and Run 9"
