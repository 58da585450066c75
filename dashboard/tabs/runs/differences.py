"""The table of what differs between the selected runs."""

from collections.abc import Sequence
from typing import Any

import dash_bootstrap_components as dbc

from core.config import CHOICE_TITLES, TrainConfig
from core.records.runs import RunSnapshot
from dashboard.components import runs_table
from dashboard.components.controls import colour_mark, table
from dashboard.formatting import NOTHING, duration, percent, plural


def differences(runs: Sequence[RunSnapshot]) -> dbc.Table | None:
    """A column for each run: the settings in which they differ, and their results."""
    if not runs:
        return None
    rows: list[list[str]] = []
    for name, field in TrainConfig.model_fields.items():
        values = [_value(run.config.get(name)) for run in runs]
        if len(set(values)) > 1:
            rows.append([field.title or name, *values])
    if any(run.parent for run in runs):
        rows.append(["Forked", *map(_forked, runs)])
    if any(run.lesson for run in runs):
        rows.append(["Taught", *map(_taught, runs)])
    rows.append(["Best test accuracy", *[percent(run.best_test_accuracy) for run in runs]])
    rows.append(["Last test accuracy", *[percent(run.test_accuracy) for run in runs]])
    rows.append(["Time", *[duration(run.seconds) for run in runs]])
    heads = [[colour_mark(runs_table.colour(run)), run.title] for run in runs]
    return table(["", *heads], rows, hover=True, responsive=True)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return CHOICE_TITLES.get(value, str(value)) if isinstance(value, str) else str(value)


def _forked(run: RunSnapshot) -> str:
    return f"after epoch {run.parent_epoch}" if run.parent else NOTHING


def _taught(run: RunSnapshot) -> str:
    if run.lesson is None:
        return NOTHING
    drawings = plural(run.lesson.taught, "drawing")
    return f"{drawings}, mixed with what it knew" if run.lesson.mixed else drawings
