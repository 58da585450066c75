"""The test curves of selected runs over each other."""

import statistics
from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.components import runs_table
from dashboard.components.epoch_curves import (
    SCALE,
    VALUE,
    EvaluatedRun,
    Metric,
    epoch_figure,
    evaluation_curve,
)
from dashboard.formatting import PERCENT
from dashboard.theme import empty_state, escape_markup

HEIGHT = 290
SELECT_SOME = "Select runs in the table to lay their curves over each other."
NOT_EVALUATED = "The first point comes with the first evaluation."
IMPORTED = "How imported weights were trained is not known, so they have no curve."
_SPREAD: dict[Metric, str] = {
    "loss": "%{customdata:.2g}",
    "accuracy": f"%{{customdata:.2f}}{PERCENT}",
}


def comparison(runs: Sequence[EvaluatedRun], metric: Metric) -> go.Figure:
    """Test loss or accuracy over epochs. A group of several runs is drawn as mean and spread."""
    if not any(one.evaluations for one in runs):
        return empty_state(_why_empty(runs), HEIGHT)
    groups: dict[str, list[EvaluatedRun]] = {}
    for one in runs:
        groups.setdefault(one.run.group or one.run.run_id, []).append(one)
    traces: list[go.Scatter] = []
    for members in groups.values():
        traces += _band(members, metric) if len(members) > 1 else [_curve(members[0], metric)]
    return epoch_figure(traces, metric, uirevision=metric, height=HEIGHT)


def _why_empty(runs: Sequence[EvaluatedRun]) -> str:
    if not runs:
        return SELECT_SOME
    return IMPORTED if all(one.run.brought_in for one in runs) else NOT_EVALUATED


def _curve(one: EvaluatedRun, metric: Metric) -> go.Scatter:
    name = escape_markup(one.run.title)
    return evaluation_curve(one, metric, name=name, **runs_table.style(one.run).trace())


def _band(members: Sequence[EvaluatedRun], metric: Metric) -> list[go.Scatter]:
    """The mean of several runs, with a band of one standard deviation to either side.

    The band is missing at epochs with a single value, whose deviation is unknown.
    """
    values: dict[float, list[float]] = {}
    for one in members:
        for event in one.evaluations:
            value = SCALE[metric] * getattr(event, f"test_{metric}")
            values.setdefault(event.progress, []).append(value)
    epochs = sorted(values)
    means = {epoch: statistics.mean(values[epoch]) for epoch in epochs}
    spreads = {epoch: statistics.stdev(some) for epoch, some in values.items() if len(some) > 1}
    wide = sorted(spreads)
    first = min((one.run for one in members), key=lambda run: run.number)
    style = runs_table.style(first)
    red, green, blue = (int(style.colour[i : i + 2], 16) for i in (1, 3, 5))
    edge = dict(x=wide, mode="lines", line=dict(width=0), hoverinfo="skip", showlegend=False)
    return [
        go.Scatter(y=[means[epoch] + spreads[epoch] for epoch in wide], **edge),
        go.Scatter(
            y=[means[epoch] - spreads[epoch] for epoch in wide],
            fill="tonexty",
            fillcolor=f"rgba({red}, {green}, {blue}, 0.22)",
            **edge,
        ),
        go.Scatter(
            x=epochs,
            y=list(means.values()),
            name=f"{escape_markup(first.title)}, {len(members)} seeds",
            mode="lines+markers",
            **style.trace(2.5),
            customdata=[spreads.get(epoch) for epoch in epochs],
            hovertemplate=f"{VALUE[metric]} ± {_SPREAD[metric]}",
        ),
    ]
