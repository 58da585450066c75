"""Runs laid over each other: what people called them is text, not markup."""

from dataclasses import replace

import pytest

from dashboard.components.comparison import Course, curves
from tests.dashboard.components.test_runs_table import RUN
from tests.dashboard.conftest import evaluation

NAME = '<b>A & B</b> <a href="http://evil.example">click</a>'
SHOWN = '&lt;b&gt;A &amp; B&lt;/b&gt; &lt;a href="http://evil.example"&gt;click&lt;/a&gt;'


@pytest.mark.parametrize("group", [None, "seeds"])
def test_a_runs_name_is_no_markup_in_a_legend(group: str | None) -> None:
    runs = [replace(RUN, run_id=str(number), name=NAME, group=group) for number in (1, 2)]
    figure = curves([Course(run, [evaluation(1)]) for run in runs], "accuracy")
    names = [trace.name for trace in figure.data if trace.name]
    assert names == ([SHOWN, SHOWN] if group is None else [f"{SHOWN}, 2 seeds"])
