"""Numbers, durations, percentages and points in time as text."""

import math

from core.config import CHOICE_TITLES

NOTHING = "–"
"""Stands for a value that is not known."""
PERCENT = "\u202f%"
"""The percent sign with the thin space in front of it."""


def percent(value: float | None, decimals: int = 2) -> str:
    """A share as a percentage: 0.9871 is `98.71 %`. A dash for None and NaN."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{100 * value:.{decimals}f}{PERCENT}"


def probability(value: float) -> str:
    """A probability as a percentage with one decimal; a dash below 0.05 %."""
    return NOTHING if value < 0.0005 else percent(value, 1)


def plural(count: int, noun: str) -> str:
    """`1 image`, `2,000 images`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def capitalised(text: str) -> str:
    """The text with a capital first letter; the others stay as they are."""
    return text[:1].upper() + text[1:]


def duration(seconds: float, decimals: int = 1) -> str:
    """`2.6 s`, `41 s`, `12 min 5 s`, `2 h 0 min`; `decimals` are those of less than 10 s."""
    tenths = round(seconds, decimals)
    if 0 < tenths < 10:
        return f"{tenths:.{decimals}f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def epoch_number(progress: float) -> str:
    """A number of epochs, with two decimals at most: `3`, `3.34`.

    A point within an epoch never looks like its beginning or its end: 3.001 is `3.01`.
    """
    whole = int(progress)
    within = progress - whole
    if not within:
        return str(whole)
    return f"{whole + min(max(within, 0.01), 0.99):.2f}".rstrip("0")


def after_epochs(progress: float) -> str:
    """How long a network had trained, for the end of a sentence: `after 3 epochs`."""
    if not progress:
        return "before it has learned anything"
    return f"after {epoch_number(progress)} {'epoch' if progress == 1 else 'epochs'}"


def model_title(model: object) -> str:
    """A model's name without its description: `SimpleCNN`."""
    return CHOICE_TITLES.get(str(model), "").split(" (")[0]
