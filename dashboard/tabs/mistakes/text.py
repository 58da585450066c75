"""Sentences and options of the Mistakes tab."""

from typing import Any

import numpy as np
from dash import html

from core.analysis.mistakes import Choice, Confusion, LearningCategory
from core.records.predictions import Gallery
from dashboard.components.image_grid import NONE_WRONG
from dashboard.formatting import after_epochs, percent
from dashboard.tabs.mistakes.matrix import worst

NO_MATCH = "No image matches."
NO_CATEGORIES = "Before its first epoch the network has no past: choose Any."
CATEGORIES = {
    LearningCategory.LEARNED: "Learned late",
    LearningCategory.RELEARNED: "Relearned",
    LearningCategory.FORGOTTEN: "Forgotten",
    LearningCategory.NEVER_LEARNED: "Never right",
    LearningCategory.ALWAYS_RIGHT: "Always right",
}


def category_options() -> dict[str, Any]:
    """The categories to choose from; the page writes the number of images beside each."""
    options: dict[str, Any] = {"any": "Any"}
    for category, label in CATEGORIES.items():
        count = html.Span(className="muted", **{"data-category": str(int(category))})
        options[str(int(category))] = html.Span([f"{label} ", count])
    return options


def category_counts(categories: np.ndarray | None) -> dict[str, str]:
    """The number of images by the value of a category's option; empty before the first epoch."""
    return {
        str(int(category)): "" if categories is None else f"{(categories == category).sum():,}"
        for category in CATEGORIES
    }


def no_images(choice: Choice, category: LearningCategory | None) -> str:
    """Why no image matches."""
    return NONE_WRONG if category is None and choice == Choice(only_wrong=True) else NO_MATCH


def caption(answers: Gallery) -> list[Any]:
    """How many of all test images the network misreads, and after how many epochs."""
    wrong = int((answers.predictions != answers.labels).sum())
    total = len(answers.labels)
    return [f"{wrong:,} of {total:,} misread ", html.Small(after_epochs(answers.progress))]


def page_range(first: int, shown: int, count: int) -> str:
    """Which of the images that match are on a page: `1–40 of 78`."""
    return f"{first + 1:,}–{first + shown:,} of {count:,}" if shown else "none"


def margins(confusion: Confusion) -> dict[str, str]:
    """Both margins in words, each with its worst digit."""
    found, correct = "every digit is read as what it is.", "every digit is what it is read as."
    if (digit := worst(confusion.recall)) is not None:
        share = percent(confusion.recall[digit], 1)
        found = f"of all true {digit}s, {share} are read as {digit} (recall)."
    if (digit := worst(confusion.precision)) is not None:
        share = percent(confusion.precision[digit], 1)
        correct = f"of all that is read as {digit}, {share} are {digit} (precision)."
    return {"found": found, "correct": correct}
