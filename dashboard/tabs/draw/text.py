"""Sentences, thumbnails and the report of the Draw tab."""

from dash import html

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
from dashboard.components.png import black_ink, data_url
from dashboard.formatting import epoch_number, percent, plural

ALONE = {"--c": 0, "--r": 0, "--columns": 1, "--rows": 1}
"""The place of a picture in a sprite of its own."""
NOTHING_TRAINED = "Nothing has learned yet. After training, you see here what each epoch reads."
NOTHING_DRAWN = "Draw a digit, and see what the network reads in it after each epoch."
NOTHING_KEPT = (
    "Draw a digit and press the one you meant. A few of each make your own test set: every epoch "
    "is tried on it, here and in Curves."
)


def summary(mine: DrawingSet) -> str:
    """How many drawings the network reads right, and how many of them it was trained on."""
    count = len(mine.drawings)
    if not count:
        return NOTHING_KEPT
    if mine.right is None:
        return f"{count} kept. Train a network to read them."
    taught = int(mine.taught.sum())
    right = f"{mine.right} of {count} right"
    if not taught:
        return right
    which = "all" if taught == count else str(taught)
    return f"{right}. It was taught {which} of them (▲): they do not test it."


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
    mark = "" if digit is None else "✓ " if not wrong else "✗ "
    ink = html.I(
        className="ink",
        title=label,
        role="img",
        style={"--sprite": f"url({data_url(black_ink(drawing.image))})", **ALONE},
        **{"aria-label": label},
    )
    misread = [html.B(str(digit), className="as", **{"aria-hidden": "true"})] if wrong else []
    return html.Li(
        [
            html.Span([ink, *misread], className="tile wrong" if wrong else "tile"),
            html.Span(f"{mark}{drawing.label}{' ▲' if taught else ''}", **{"aria-hidden": "true"}),
            html.Button(
                "×",
                className="hand-delete",
                title="Delete it",
                **{
                    "aria-label": f"Delete this {drawing.label}",
                    "data-drawing": drawing.drawing_id,
                },
            ),
        ]
    )


def report(found: FinetuneReport, run: RunSnapshot) -> html.Div:
    """Accuracies before and after a lesson, and which of them are a fair test."""
    lesson = found.lesson
    when = "after" if found.after == found.last else "so far"
    after = "after" if found.after is None else f"{when} (epoch {found.after})"
    names = {
        "test": f"{CHOICE_TITLES.get(run.dataset, run.dataset)}, test digits",
        "held_out": "Your drawings, kept for testing",
        "taught": "Your drawings, taught",
    }
    rows = [
        [names[row.kind], _score(row, row.before), _score(row, row.after)] for row in found.rows
    ]
    if lesson.held_out:
        fair = "Those kept for testing were never trained on: they are the fair test."
    else:
        fair = (
            "It was trained on all of your drawings, so they do not test it: draw some new ones. "
            "(Of 12 and more, a third is kept for testing.)"
        )
    how = "and from digits that it knew" if lesson.mixed else "and nothing else"
    drawings = plural(lesson.taught, "drawing")
    return html.Div(
        [
            html.H3("What that changed"),
            html.P(
                f"From epoch {found.before} on, {run.title} learns from {drawings} {how}. {fair}",
                className="small mb-1",
            ),
            table(
                ["", f"before (epoch {found.before})", after], rows, className="hand-report numbers"
            ),
        ]
    )


def _score(row: FinetuneRow, share: float | None) -> str:
    if share is None or row.count is None:
        return percent(share)
    return f"{round(share * row.count)} of {row.count}"


def history(course: ProbabilityHistory) -> str:
    """The prediction at first, and since which epoch it is what it is now."""
    digits = course.digits
    epochs = [epoch_number(epoch) for epoch in course.epochs]
    chance = percent(max(course.probabilities[0]), 0)
    first = "Untrained it guessed" if course.epochs[0] == 0 else f"After epoch {epochs[0]} it read"
    if len(epochs) == 1:
        return f"{first} {digits[0]} ({chance})."
    turns = [i for i in range(1, len(digits)) if digits[i] != digits[i - 1]]
    begun = f"{first} {digits[0]} ({chance})"
    if not turns:
        return f"{begun}, and it never read anything else."
    detour = "" if len(turns) == 1 else f", after {len(turns)} changes of mind"
    return f"{begun}. It reads {digits[-1]} since epoch {epochs[turns[-1]]}{detour}."
