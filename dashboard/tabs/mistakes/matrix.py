"""The contents of the confusion matrix, which `assets/tabs/mistakes.js` draws."""

from typing import Any

import numpy as np

from core.analysis.mistakes import Confusion
from dashboard.formatting import percent

FAINTEST, DEEPEST = 0.25, 0.56
"""Shares of the colour of mistakes in a cell: ink can be read on the deepest."""


def answer(confusion: Confusion) -> dict[str, Any]:
    """What the page fills in: counts and washes by row, the scores, and the worst digits."""
    precision, recall = confusion.precision, confusion.recall
    scores = zip(confusion.support, precision, recall, confusion.f1, strict=True)
    return {
        "counts": confusion.counts.tolist(),
        "washes": np.round(washes(confusion.counts), 3).tolist(),
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
