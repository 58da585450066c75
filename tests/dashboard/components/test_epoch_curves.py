"""Curves over epochs: labels at their ends, or a legend where they are too many."""

import itertools
from typing import Any

import plotly.graph_objects as go
import pytest

from dashboard.components.epoch_curves import epoch_figure
from dashboard.theme import run_style


def curves(count: int, **more: Any) -> list[go.Scatter]:
    return [
        go.Scatter(x=[1, 2], y=[90, 97], name=f"Run {number}", **run_style(number).trace(), **more)
        for number in range(count)
    ]


def labels(figure: go.Figure) -> list[go.Scatter]:
    return [trace for trace in figure.data if trace.mode == "text"]


def test_each_curve_has_its_name_at_its_end_in_its_colour_and_none_covers_another() -> None:
    drawn = epoch_figure(curves(3), "accuracy")
    shown = labels(drawn)
    assert [label.text[0].strip() for label in shown] == ["Run 0", "Run 1", "Run 2"]
    assert [label.textfont.color for label in shown] == [run_style(n).colour for n in range(3)]
    assert [label.uid for label in shown] == [f"{run_style(n).uid}-label" for n in range(3)]
    low, high = drawn.layout.yaxis.range
    pixel = (high - low) / (drawn.layout.height - 38)
    places = [label.y[0] for label in shown]
    gaps = [other - one for one, other in itertools.pairwise(places)]
    assert gaps == pytest.approx([16 * pixel] * 2)
    assert not drawn.layout.showlegend


def test_long_names_are_shortened_and_get_room() -> None:
    (curve,) = curves(1)
    curve.name = "a run with a very long name indeed"
    drawn = epoch_figure([curve], "loss")
    assert labels(drawn)[0].text[0].strip() == "a run with a very…"
    assert drawn.layout.margin.r > 100


def test_more_curves_than_there_is_room_for_have_a_legend() -> None:
    drawn = epoch_figure(curves(9), "accuracy")
    assert labels(drawn) == []
    assert drawn.layout.showlegend
