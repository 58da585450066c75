"""Names and notes as people type them."""

import unicodedata

_INVISIBLE = {"Cc", "Cf", "Cs"}
"""Categories of Unicode: control characters, marks of direction and of width, half letters."""


def plain_text(text: str) -> str:
    """A text in one line, without what cannot be seen.

    Marks that turn the direction of letters, for instance, make one name look like another.
    """
    seen = (sign for sign in text if sign.isspace() or unicodedata.category(sign) not in _INVISIBLE)
    return " ".join("".join(seen).split())
