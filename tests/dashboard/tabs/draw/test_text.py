"""What the Draw tab says of histories, kept drawings and lessons."""

from typing import Any

import numpy as np
import pytest
from dash.development.base_component import Component

from core.records.drawings import (
    Drawing,
    DrawingSet,
    FinetuneReport,
    FinetuneRow,
    ProbabilityHistory,
)
from core.records.runs import FinetuneInfo, RunSnapshot, RunState
from dashboard.tabs.draw import text


def course_of(*digits: int, epochs: tuple[float, ...] | None = None) -> ProbabilityHistory:
    """Reads these digits, one after the other, each with 73 %."""
    said = tuple(tuple(0.73 if other == digit else 0.03 for other in range(10)) for digit in digits)
    epochs = epochs or tuple(float(place) for place in range(len(digits)))
    return ProbabilityHistory(epochs, digits, said)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (course_of(4), "Untrained it guessed 4 (73\u202f%)."),
        (course_of(4, epochs=(1.5,)), "After epoch 1.5 it read 4 (73\u202f%)."),
        (course_of(7, 7), "it guessed 7 (73\u202f%), and it never read anything else."),
        (course_of(4, 7, 7), "Untrained it guessed 4 (73\u202f%). It reads 7 since epoch 1."),
        (course_of(4, 9, 7), "It reads 7 since epoch 2, after 2 changes of mind."),
        (
            course_of(4, 9, epochs=(5.0, 9.5)),
            "After epoch 5 it read 4 (73\u202f%). It reads 9 since",
        ),
    ],
)
def test_a_course_is_told_in_words(shown: ProbabilityHistory, words: str) -> None:
    assert words in text.history(shown)


def own(*read: tuple[int, int], taught: int = 0) -> DrawingSet:
    """Drawings meant as the first digit and read as the second, the first so many taught."""
    image = np.zeros((28, 28), np.uint8)
    drawings = tuple(Drawing(f"d{place}", meant, image) for place, (meant, _) in enumerate(read))
    predictions = np.array([said for _, said in read], int)
    return DrawingSet(drawings, predictions, np.arange(len(read)) < taught)


def test_the_summary_counts_what_is_read_right() -> None:
    assert text.summary(own()) == text.NOTHING_KEPT
    assert text.summary(own((3, 3), (4, 9), (5, 5))) == "2 of 3 right"
    assert "2 of 3 right. It was taught 1 of them" in text.summary(
        own((3, 3), (4, 9), (5, 5), taught=1)
    )
    assert "It was taught all of them" in text.summary(own((3, 3), taught=1))
    unread = DrawingSet(own((3, 3)).drawings, None, np.zeros(1, bool))
    assert text.summary(unread) == "1 kept. Train a network to read them."


def test_the_newest_thumbnail_comes_first_and_says_how_it_is_read() -> None:
    shown = text.thumbnails(own((3, 3), (4, 9), taught=1))
    tiles = [item.children[0] for item in shown]
    inks = [tile.children[0] for tile in tiles]
    assert [ink.title for ink in inks] == [
        "Meant as 4, read as 9",
        "Meant as 3, read as 3, taught",
    ]
    assert all(ink.style["--sprite"].startswith("url(data:image/png;base64,") for ink in inks)
    assert [tile.className for tile in tiles] == ["tile wrong", "tile"]


def texts(part: Any) -> str:
    """All that can be read in a component."""
    if isinstance(part, list):
        return " ".join(map(texts, part))
    return texts(part.children) if isinstance(part, Component) else str(part)


@pytest.mark.parametrize("held_out", [0, 4])
def test_a_report_says_what_is_a_test_and_what_is_none(held_out: int) -> None:
    run = RunSnapshot(
        "r", RunState.DONE, {}, "mnist", "8 drawings and MNIST", "CPU", "fp32", 8, name="Mine"
    )
    rows = [FinetuneRow("test", None, 0.9912, 0.9731), FinetuneRow("taught", 8, 0.5, None)]
    if held_out:
        rows.append(FinetuneRow("held_out", 4, 0.25, 0.75))
    lesson = FinetuneInfo(3, 8, held_out, True)
    shown = texts(text.report(FinetuneReport(lesson, 3, 5, 8, tuple(rows)), run))
    assert "before (epoch 3)" in shown
    assert "so far (epoch 5)" in shown
    assert "MNIST, test digits 99.12\u202f% 97.31\u202f%" in shown
    assert "Your drawings, taught 4 of 8 –" in shown
    assert ("1 of 4 3 of 4" in shown) == bool(held_out)
    assert ("they are the fair test" in shown) == bool(held_out)
    assert ("do not test it" in shown) == (not held_out)
    assert "Mine learns from 8 drawings and from digits" in shown
