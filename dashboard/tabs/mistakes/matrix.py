"""The confusion matrix as a table of buttons. `assets/tabs/mistakes.js` fills it in."""

from typing import Any

import numpy as np
from dash import html

from core.analysis.mistakes import CLASSES, Confusion
from dashboard.components.controls import table
from dashboard.formatting import NOTHING, percent

FAINTEST, DEEPEST = 0.25, 0.56
"""Shares of the colour of mistakes in a cell: ink can be read on the deepest."""


def layout() -> html.Table:
    """Rows: true digit. Columns: what the network reads. Margins: recall and precision."""
    digits = range(CLASSES)
    head = [html.Td(), *[html.Th(_heading(predicted=d), scope="col") for d in digits]]
    rows = [
        html.Tr(
            [
                html.Th(_heading(true=true), scope="row"),
                *[html.Td(_cell(true, predicted)) for predicted in digits],
                html.Td(className="margin found"),
            ]
        )
        for true in digits
    ]
    foot = [
        html.Td(),
        *[html.Td(className="margin correct") for _ in digits],
        html.Td("correct, %", className="margin"),
    ]
    return html.Table(
        [
            html.Thead(html.Tr([*head, html.Th("found", scope="col", className="margin")])),
            html.Tbody(rows),
            html.Tfoot(html.Tr(foot)),
        ],
        className="cm",
    )


def _heading(true: int | None = None, predicted: int | None = None) -> html.Button:
    digit = predicted if true is None else true
    what = f"All read as {digit}" if true is None else f"All true {digit}s"
    return html.Button(
        str(digit),
        title=what,
        tabIndex=-1,
        **{"data-true": _text(true), "data-predicted": _text(predicted), "aria-pressed": "false"},
    )


def _cell(true: int, predicted: int) -> html.Button:
    return html.Button(
        className="right" if true == predicted else "",
        tabIndex=-1 if true or predicted else 0,
        **{
            "data-true": str(true),
            "data-predicted": str(predicted),
            "aria-label": f"a {true} read as {predicted}",
            "aria-pressed": "false",
        },
    )


def _text(digit: int | None) -> str:
    return "" if digit is None else str(digit)


def scores_layout() -> html.Details:
    """The scores of each digit as a table, still empty."""
    names = ("digit", "images", "precision", "recall", "F1")
    rows = [[str(digit), *[NOTHING] * 4] for digit in range(CLASSES)]
    scores = table(names, rows, class_name="class-table")
    return html.Details([html.Summary("As a table, with F1"), scores], className="scores")


def answer(confusion: Confusion) -> dict[str, Any]:
    """What the page fills in: counts and washes by row, both margins, the table of scores."""
    precision, recall = confusion.precision, confusion.recall
    scores = zip(confusion.support, precision, recall, confusion.f1, strict=True)
    return {
        "counts": confusion.counts.tolist(),
        "washes": np.round(washes(confusion.counts), 3).tolist(),
        "found": [percent(value, 1) for value in recall],
        "correct": [percent(value, 1).rstrip("\u202f %") for value in precision],
        "worst": [worst(recall), worst(precision)],
        "scores": [[f"{n:,}", *(percent(value, 1) for value in rest)] for n, *rest in scores],
    }


def washes(counts: np.ndarray) -> np.ndarray:
    """How deep the colour of a cell is, (10, 10) from 0 to `DEEPEST`, for counts (10, 10).

    The scale is logarithmic: ten mistakes are seen beside a thousand. Right answers and zeros
    have none.
    """
    wrong = np.where(np.eye(len(counts), dtype=bool), 0, counts)
    steps = np.log2((1 + wrong) / 2)  # 0 for a single mistake
    most = max(float(steps.max()), 1e-9)
    return np.where(wrong > 0, FAINTEST + (DEEPEST - FAINTEST) * steps / most, 0)


def worst(scores: np.ndarray) -> int | None:
    """The digit of the lowest score below 1; None if there is none."""
    known = np.where(np.isnan(scores), 1.0, scores)
    return int(known.argmin()) if known.min() < 1 else None
