"""What is told of one's own handwriting: how drawings are read, and what a lesson changed.

Pure functions from records to components. This module does not know where drawings come from.
"""

import base64
import io

import dash_bootstrap_components as dbc
import numpy as np
from dash import html
from PIL import Image

from core.config import CHOICE_TITLES
from core.records.layers import Drawing, LessonReport, LessonRow, OwnSet
from core.records.runs import RunSnapshot
from dashboard import ids
from dashboard.formatting import percent, plural

NOTHING_KEPT = (
    "Draw a digit and press, below the canvas, which one you meant. A few of each digit make a "
    "small test set of your own: after every epoch the network is tried on it, here and in the "
    "Curves."
)


def summary(mine: OwnSet) -> str:
    """How many are read right, and how many of them are no test."""
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


def thumbnails(mine: OwnSet) -> list[html.Li]:
    """The newest first; each with the digit that was meant, how it is read, a button to delete."""
    return [
        _thumbnail(
            mine.drawings[place],
            None if mine.predictions is None else int(mine.predictions[place]),
            bool(mine.taught[place]),
        )
        for place in reversed(range(len(mine.drawings)))
    ]


def _thumbnail(drawing: Drawing, digit: int | None, taught: bool) -> html.Li:
    wrong = digit is not None and digit != drawing.label
    words = f"Meant as {drawing.label}"
    if digit is not None:
        words += f", read as {digit}"
    if taught:
        words += ", taught"
    marks = "" if digit is None else f" ✗ {digit}" if wrong else " ✓"
    return html.Li(
        [
            html.Img(src=_picture(drawing.image), alt=words, title=words, width=56, height=56),
            html.Button(
                "×",
                id=ids.hand_delete(drawing.drawing_id),
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
    """(28, 28) uint8 as an address that holds the picture itself."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def report(found: LessonReport, run: RunSnapshot) -> html.Div:
    """Before and after, forgetting included, and how far the figures may be believed."""
    lesson = found.lesson
    now = "after" if found.after == found.last else "so far"
    heads = ["", f"before (epoch {found.before})"]
    heads.append(f"{now} (epoch {found.after})" if found.after is not None else "after")
    names = {
        "test": f"{CHOICE_TITLES.get(run.dataset, run.dataset)}, test images",
        "held_out": "Your drawings, held out",
        "taught": "Your drawings, taught",
    }
    rows = [
        html.Tr(
            [
                html.Th(names[row.kind], scope="row"),
                html.Td(_share(row, row.before)),
                html.Td(_share(row, row.after)),
            ]
        )
        for row in found.rows
    ]
    if lesson.held_out:
        fair = "Those held out were never trained on: they are the fair test of your handwriting."
    else:
        fair = (
            "All of your drawings were trained on (of 12 and more, a third is held out), so that "
            "it reads them now is no test: keep some new ones and see."
        )
    how = "mixed with images that it knew" if lesson.mixed else "and nothing else"
    return html.Div(
        [
            html.H2("What the lesson changed"),
            html.P(
                f"From epoch {found.before} on, {run.title} learns from "
                f"{plural(lesson.taught, 'drawing')}, {how}. {fair}",
                className="small mb-1",
            ),
            dbc.Table(
                [
                    html.Thead(html.Tr([html.Th(head, scope="col") for head in heads])),
                    html.Tbody(rows),
                ],
                size="sm",
                className="hand-report",
            ),
        ]
    )


def _share(row: LessonRow, share: float | None) -> str:
    if share is None or row.count is None:
        return percent(share)
    return f"{round(share * row.count)} of {row.count}"
