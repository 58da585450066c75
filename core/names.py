"""Names and notes as people type them and files contain them, and lists of names."""

import unicodedata
from collections.abc import Sequence

_INVISIBLE = {"Cc", "Cf", "Cs"}
"""Categories of Unicode: control characters, marks of direction and of width, half letters."""


def plain_text(text: str) -> str:
    """A text in one line, without what cannot be seen.

    Marks that turn the direction of letters, for instance, make one name look like another.
    """
    seen = (sign for sign in text if sign.isspace() or unicodedata.category(sign) not in _INVISIBLE)
    return " ".join("".join(seen).split())


def printable(text: str, max_length: int = 60) -> str:
    """A text from elsewhere, shortened, without control characters and lone surrogates."""
    start = "".join(letter if letter.isprintable() else "?" for letter in text[:max_length])
    return f"{start}…" if len(text) > max_length else start


def enumeration(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
