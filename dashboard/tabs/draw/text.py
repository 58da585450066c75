"""Sentences, thumbnails and the report of the Draw tab."""

import base64
import io

import numpy as np
from dash import html
from PIL import Image

from core.config import CHOICE_TITLES
from core.records.drawings import (
    Drawing,
    DrawingSet,
    FinetuneReport,
    FinetuneRow,
    ProbabilityHistory,
)
from core.records.runs import RunSnapshot
from dashboard.components.controls import table
from dashboard.formatting import epoch_number, percent, plural

NOTHING_TRAINED = "Press Train first: here stands what the network made of your drawing on its way."
NOTHING_DRAWN = "Draw a digit: here stands what the network made of it after each epoch."
NOTHING_TO_KEEP = "Nothing is drawn yet: draw a digit, then say which one it is."
NOTHING_KEPT = (
    "Draw a digit and press, below the canvas, which one you meant. A few of each digit make a "
    "small test set of your own: after every epoch the network is tried on it, here and in the "
    "Curves."
)


def kept(label: int, is_picture: bool) -> str:
    """That a drawing is kept, and how to go on."""
    if is_picture:
        return f"Kept as {label}. Box another digit, or clear the picture to draw."
    return f"Kept as {label}. Your next stroke begins another drawing."


def delete_button(drawing: object) -> dict[str, object]:
    """The id of the button that deletes a kept drawing."""
    return {"type": "hand-delete", "drawing": drawing}


def summary(mine: DrawingSet) -> str:
    """How many drawings the network reads right, and how many of them it was trained on."""
    count = len(mine.drawings)
    if not count:
        return NOTHING_KEPT
    if mine.right is None:
        return f"Kept: {count}. There is no network yet to read them."
    taught = int(mine.taught.sum())
    right = f"Right: {mine.right} of {count}."
    if not taught:
        return right
    which = "All" if taught == count else str(taught)
    return f"{right} {which} of them it was taught (▲): they are no test of it."


def thumbnails(mine: DrawingSet) -> list[html.Li]:
    """The drawings, newest first, each with its label, its prediction and a button to delete it."""
    return [
        _thumbnail(
            mine.drawings[i],
            None if mine.predictions is None else int(mine.predictions[i]),
            bool(mine.taught[i]),
        )
        for i in reversed(range(len(mine.drawings)))
    ]


def _thumbnail(drawing: Drawing, digit: int | None, taught: bool) -> html.Li:
    wrong = digit is not None and digit != drawing.label
    label = f"Meant as {drawing.label}"
    if digit is not None:
        label += f", read as {digit}"
    if taught:
        label += ", taught"
    marks = "" if digit is None else f" ✗ {digit}" if wrong else " ✓"
    return html.Li(
        [
            html.Img(src=_picture(drawing.image), alt=label, title=label, width=56, height=56),
            html.Button(
                "×",
                id=delete_button(drawing.drawing_id),
                className="hand-delete",
                title="Delete it",
                **{"aria-label": f"Delete this {drawing.label}"},
            ),
            html.Span(
                [html.Strong(drawing.label), marks, " ▲" if taught else ""],
                **{"aria-hidden": "true"},
            ),
        ],
        className="wrong" if wrong else "",
    )


def _picture(image: np.ndarray) -> str:
    """(28, 28) uint8 as a data URL."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def report(found: FinetuneReport, run: RunSnapshot) -> html.Div:
    """Accuracies before and after a lesson, and which of them are a fair test."""
    lesson = found.lesson
    when = "after" if found.after == found.last else "so far"
    after = "after" if found.after is None else f"{when} (epoch {found.after})"
    names = {
        "test": f"{CHOICE_TITLES.get(run.dataset, run.dataset)}, test images",
        "held_out": "Your drawings, held out",
        "taught": "Your drawings, taught",
    }
    rows = [
        [names[row.kind], _score(row, row.before), _score(row, row.after)] for row in found.rows
    ]
    if lesson.held_out:
        fair = "Those held out were never trained on: they are the fair test of your handwriting."
    else:
        fair = (
            "All of your drawings were trained on (of 12 and more, a third is held out), so that "
            "it reads them now is no test: keep some new ones and see."
        )
    how = "mixed with images that it knew" if lesson.mixed else "and nothing else"
    drawings = plural(lesson.taught, "drawing")
    return html.Div(
        [
            html.H2("What the lesson changed"),
            html.P(
                f"From epoch {found.before} on, {run.title} learns from {drawings}, {how}. {fair}",
                className="small mb-1",
            ),
            table(["", f"before (epoch {found.before})", after], rows, className="hand-report"),
        ]
    )


def _score(row: FinetuneRow, share: float | None) -> str:
    if share is None or row.count is None:
        return percent(share)
    return f"{round(share * row.count)} of {row.count}"


def history(course: ProbabilityHistory) -> str:
    """The prediction at first, the prediction now, and since which epoch."""
    digits, chances = course.digits, course.probabilities.max(1)
    epochs = [epoch_number(epoch) for epoch in course.epochs]
    if len(epochs) == 1:
        return f"After epoch {epochs[0]} it reads {digits[0]} ({percent(chances[0], 0)})."
    turns = [i for i in range(1, len(digits)) if digits[i] != digits[i - 1]]
    first = "Untrained" if course.epochs[0] == 0 else f"After epoch {epochs[0]}"
    begun = f"{first} it read {digits[0]} ({percent(chances[0], 0)})"
    now = f"{percent(chances[-1], 0)} after epoch {epochs[-1]}"
    if not turns:
        return f"{begun}, and never anything else: {now}."
    detour = "" if len(turns) == 1 else f", after {len(turns)} changes of mind"
    return f"{begun}. It reads {digits[-1]} since epoch {epochs[turns[-1]]}{detour}: {now}."
