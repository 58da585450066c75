"""Numbers as people type them, with a point or a comma."""

import math
import re

_GROUPED = re.compile(r"([+-]?[1-9]\d{0,2})([,. '’\u00a0\u2009\u202f])(\d{3}(?:\2\d{3})*)")
"""A whole number in groups of three digits: 60,000, 60.000, 60 000 or 60'000."""
_DECIMAL = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE)
MAX_LETTERS = 40


def parse_whole(text: str) -> int | None:
    """The whole number that a text means, `None` if it means none or several.

    A comma, a point or a space separates groups of three digits.
    """
    text = _plain(text)
    if grouped := _GROUPED.fullmatch(text):
        text = text.replace(grouped[2], "")
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else None


def parse_decimal(text: str) -> float | None:
    """The number that a text means, `None` if it means none or several.

    A comma or a point is the decimal mark.
    """
    text = _plain(text)
    number = float(text.replace(",", ".")) if _DECIMAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _plain(text: str) -> str:
    """Without spaces around it, with an ordinary minus; nothing that is too long to mean it."""
    return text.strip().replace("−", "-") if len(text) <= MAX_LETTERS else ""
