"""The table of what differs between the selected runs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dash import html

from core.config import CHOICE_TITLES, TrainConfig
from core.records.runs import RunSnapshot
from dashboard.components import runs_table
from dashboard.components.controls import table
from dashboard.formatting import NOTHING, duration, percent, plural

CHANCE = 0.3
"""Percentage points by which runs of one setting with other seeds may well differ."""


def differences(runs: Sequence[RunSnapshot]) -> html.Div | None:
    """A column for each run: the settings in which they differ, and their results."""
    if not runs:
        return None
    rows: list[list[Any]] = []
    for name, field in TrainConfig.model_fields.items():
        values = [_value(run, name) for run in runs]
        if len(set(values)) > 1:
            rows.append([field.title or name, *_stress(values)])
    if any(run.parent for run in runs):
        titles = {run.run_id: run.title for run in runs}
        rows.append(["Forked from", *[_forked(run, titles) for run in runs]])
    if any(run.lesson for run in runs):
        rows.append(["Taught", *map(_taught, runs)])
    rows.append(["Best test accuracy", *[percent(run.best_test_accuracy) for run in runs]])
    rows.append(["Last test accuracy", *[percent(run.test_accuracy) for run in runs]])
    rows.append(["Time", *[duration(run.seconds) if run.seconds else NOTHING for run in runs]])
    heads = [[_mark(run), run.title] for run in runs]
    chance = _maybe_chance(runs)
    note = html.P(chance, className="small soft mt-2") if chance else None
    return html.Div([table(["", *heads], rows, responsive=True), note])


def _mark(run: RunSnapshot) -> html.Span:
    glyph = f"{runs_table.style(run).glyph} "
    return html.Span(glyph, style={"color": runs_table.colour(run)}, **{"aria-hidden": "true"})


def _stress(values: Sequence[str]) -> list[Any]:
    """Marks the values that differ from what most runs have."""
    usual, count = Counter(values).most_common(1)[0]
    if count == 1:
        return list(values)
    return [value if value == usual else html.B(value) for value in values]


def _maybe_chance(runs: Sequence[RunSnapshot]) -> str:
    """A warning if the best two runs are so close that another seed could turn them round."""
    if len({run.group for run in runs if run.group}) == 1:
        return ""
    measured = [(run.test_accuracy, run) for run in runs if run.test_accuracy is not None]
    if len(measured) < 2:
        return ""
    (most, best), (less, second) = sorted(measured, key=lambda pair: -pair[0])[:2]
    points = 100 * (most - less)
    if points >= CHANCE:
        return ""
    return (
        f"{points:.2f} points between {best.title} and {second.title} may be chance. "
        "Repeat both with 5 seeds to know."
    )


def _value(run: RunSnapshot, setting: str) -> str:
    value = run.config.get(setting)
    if setting == "dataset":  # "auto" may stand for the same one
        return run.dataset_title
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return CHOICE_TITLES.get(value, str(value)) if isinstance(value, str) else str(value)


def _forked(run: RunSnapshot, titles: dict[str, str]) -> str:
    if not run.parent:
        return NOTHING
    return f"{titles.get(run.parent, 'another run')}, epoch {run.parent_epoch}"


def _taught(run: RunSnapshot) -> str:
    if run.lesson is None:
        return NOTHING
    drawings = plural(run.lesson.taught, "drawing")
    return f"{drawings}, mixed with what it knew" if run.lesson.mixed else drawings
