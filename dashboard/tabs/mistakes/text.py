"""Sentences, options and the table of the Mistakes tab."""

from typing import Any

import dash_bootstrap_components as dbc
from dash import html

from core.analysis.mistakes import CLASSES, Choice, Confusion, LearningCategories, LearningCategory
from core.records.predictions import Gallery
from dashboard.formatting import after_epochs, percent

ANY = "any"
NOTHING_TRAINED = "Press Train first: here you will see which images the network gets wrong."
NO_MATRIX = "Press Train first: here you will see which digits are taken for which."
NONE_WRONG = "The network reads every test image right. Move the slider back to see mistakes."
NONE_FIT = "No image fits all of this. Press All mistakes, or choose less."
NO_CATEGORIES = (
    "The network has learnt nothing yet: choose Any over the epochs, or move the slider on."
)
CATEGORIES = {
    LearningCategory.LEARNED: "learned",
    LearningCategory.RELEARNED: "relearned",
    LearningCategory.FORGOTTEN: "forgotten",
    LearningCategory.NEVER_LEARNED: "never learned",
    LearningCategory.ALWAYS_RIGHT: "always right",
}


def category_options(categories: LearningCategories | None) -> list[dict[str, str]]:
    """The categories to choose from, with the number of images of each."""
    options = [{"value": ANY, "label": ANY}]
    for category, label in CATEGORIES.items():
        count = "" if categories is None else f" ({categories.count(category):,})"
        options.append({"value": str(int(category)), "label": f"{label}{count}"})
    return options


def no_images(choice: Choice, category: LearningCategory | None, no_categories: bool) -> str:
    """Why no image matches. `no_categories`: a category was chosen before the first epoch."""
    if no_categories:
        return NO_CATEGORIES
    return NONE_WRONG if category is None and choice == Choice(only_wrong=True) else NONE_FIT


def caption(answers: Gallery, count: int, page: int, pages: int) -> str:
    """How many images match, and how the network does on the whole test set."""
    total = len(answers.labels)
    wrong = int((answers.predictions != answers.labels).sum())
    which = f", page {page} of {pages}" if pages > 1 else ""
    return (
        f"{count:,} of {total:,} test images fit{which}. "
        f"The network gets {wrong:,} wrong ({percent(1 - wrong / total)} right), "
        f"{after_epochs(answers.progress)}."
    )


def class_table(confusion: Confusion) -> dbc.Table:
    """Precision, recall and F1 of each digit, with its number of images."""
    scores = (confusion.precision, confusion.recall, confusion.f1)
    head = [html.Th(name) for name in ("digit", "images", "precision", "recall", "F1")]
    rows = [
        html.Tr(
            [
                html.Th(str(digit), scope="row"),
                html.Td(f"{confusion.support[digit]:,}"),
                *(html.Td(percent(score[digit], 1)) for score in scores),
            ]
        )
        for digit in range(CLASSES)
    ]
    table: list[Any] = [html.Thead(html.Tr(head)), html.Tbody(rows)]
    return dbc.Table(table, size="sm", class_name="class-table")
