"""Runs laid over each other: their test curves, groups as mean and spread, and what differs.

Pure functions from records to figures and tables. This module does not know who chose the runs.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dash_bootstrap_components as dbc
import plotly.graph_objects as go
from dash import html

from core.config import CHOICE_TITLES, TrainConfig
from core.records.runs import EpochMetrics, RunSnapshot
from dashboard.components import runs_table
from dashboard.components.live_curves import Metric
from dashboard.formatting import duration, percent, plural
from dashboard.theme import AXIS, LEGEND_BELOW, empty_state, escape_markup, figure_layout

HEIGHT = 380
TICK_SOME = "Tick runs in the table to lay their curves over each other."
NOT_EVALUATED = "None of these runs has been evaluated yet."


@dataclass(frozen=True)
class Course:
    """A run and its evaluations."""

    run: RunSnapshot
    evaluations: Sequence[EpochMetrics]


def curves(courses: Sequence[Course], metric: Metric) -> go.Figure:
    """Test loss or accuracy over epochs. Of a group of several: the mean, and one standard
    deviation to either side where at least two runs have come that far."""
    if not any(course.evaluations for course in courses):
        sentence = NOT_EVALUATED if courses else TICK_SOME
        return empty_state(sentence, HEIGHT, f"Test {metric}")
    figure = go.Figure()
    for members in _groups(courses):
        if len(members) > 1:
            figure.add_traces(_band(members, metric))
        else:
            figure.add_trace(_line(members[0], metric))
    figure.update_layout(
        figure_layout(HEIGHT, title=f"Test {metric}"),
        uirevision=metric,
        hovermode="x unified",
        legend=LEGEND_BELOW,
        showlegend=True,
    )
    figure.update_xaxes(title=dict(text="epoch", standoff=5), rangemode="tozero", **AXIS)
    figure.update_yaxes(**AXIS)
    return figure


def differences(courses: Sequence[Course]) -> Any:
    """A table with a column for each run: the settings in which they differ, and what came out."""
    if not courses:
        return None
    runs = [course.run for course in courses]
    rows: list[tuple[str, list[str]]] = []
    for name, field in TrainConfig.model_fields.items():
        values = [_shown(run.config.get(name)) for run in runs]
        if len(set(values)) > 1:
            rows.append((field.title or name, values))
    if any(run.parent for run in runs):
        rows.append(("Forked", [_forked(run) for run in runs]))
    if any(run.lesson for run in runs):
        rows.append(("Taught", [_taught(run) for run in runs]))
    rows.append(("Best test accuracy", [percent(run.best_test_accuracy) for run in runs]))
    rows.append(("Last test accuracy", [percent(run.test_accuracy) for run in runs]))
    rows.append(("Time", [duration(run.seconds) for run in runs]))
    heads = [html.Th([_mark(run), run.title], scope="col") for run in runs]
    body = [
        html.Tr([html.Th(name, scope="row"), *[html.Td(value) for value in values]])
        for name, values in rows
    ]
    return dbc.Table(
        [html.Thead(html.Tr([html.Th("", scope="col"), *heads])), html.Tbody(body)],
        size="sm",
        hover=True,
        responsive=True,
    )


def _mark(run: RunSnapshot) -> html.Span:
    return html.Span("● ", style={"color": runs_table.colour(run)}, **{"aria-hidden": "true"})


def _groups(courses: Sequence[Course]) -> list[list[Course]]:
    found: dict[str, list[Course]] = {}
    for course in courses:
        found.setdefault(course.run.group or course.run.run_id, []).append(course)
    return list(found.values())


def _line(course: Course, metric: Metric) -> go.Scatter:
    return go.Scatter(
        x=[event.progress for event in course.evaluations],
        y=[getattr(event, f"test_{metric}") for event in course.evaluations],
        name=escape_markup(course.run.title),
        mode="lines+markers",
        line=dict(color=runs_table.colour(course.run), dash=runs_table.dash(course.run), width=2),
        marker=dict(size=6),
        hovertemplate="%{y:.4g}",
    )


def _band(members: Sequence[Course], metric: Metric) -> list[go.Scatter]:
    values: dict[float, list[float]] = {}
    for course in members:
        for event in course.evaluations:
            values.setdefault(event.progress, []).append(getattr(event, f"test_{metric}"))
    x = sorted(values)
    means = [statistics.mean(values[place]) for place in x]
    # With one value there is no spread to show, and zero would claim that there is none.
    wide = [place for place in x if len(values[place]) > 1]
    spreads = {place: statistics.stdev(values[place]) for place in wide}
    centre = {place: statistics.mean(values[place]) for place in wide}
    first = min((course.run for course in members), key=lambda run: run.number)
    colour = runs_table.colour(first)
    edge = dict(mode="lines", line=dict(width=0), hoverinfo="skip", showlegend=False)
    name = f"{escape_markup(first.title)}, {len(members)} seeds"
    return [
        go.Scatter(x=wide, y=[centre[place] + spreads[place] for place in wide], **edge),
        go.Scatter(
            x=wide,
            y=[centre[place] - spreads[place] for place in wide],
            fill="tonexty",
            fillcolor=f"rgba{(*_rgb(colour), 0.22)}",
            **edge,
        ),
        go.Scatter(
            x=x,
            y=means,
            name=name,
            mode="lines+markers",
            line=dict(color=colour, dash=runs_table.dash(first), width=2.5),
            marker=dict(size=6),
            customdata=[spreads.get(place) for place in x],
            hovertemplate="%{y:.4g} ± %{customdata:.2g}",
        ),
    ]


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return CHOICE_TITLES.get(value, str(value)) if isinstance(value, str) else str(value)


def _forked(run: RunSnapshot) -> str:
    return f"after epoch {run.parent_epoch}" if run.parent else "–"


def _taught(run: RunSnapshot) -> str:
    if run.lesson is None:
        return "–"
    drawings = plural(run.lesson.taught, "drawing")
    return f"{drawings}, mixed with what it knew" if run.lesson.mixed else drawings
