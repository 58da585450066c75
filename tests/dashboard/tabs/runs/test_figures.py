"""The curves of selected runs: names as text, groups as mean and spread."""

from dataclasses import replace

import pytest

from core.records.metrics import EpochMetrics
from dashboard.components.epoch_curves import EvaluatedRun
from dashboard.tabs.runs import figures
from tests.dashboard.components.test_runs_table import RUN
from tests.dashboard.conftest import evaluation

NAME = '<b>A & B</b> <a href="http://evil.example">click</a>'
SHOWN = '&lt;b&gt;A &amp; B&lt;/b&gt; &lt;a href="http://evil.example"&gt;click&lt;/a&gt;'


def evaluated(
    run_id: str, group: str | None, *evaluations: EpochMetrics, name: str = ""
) -> EvaluatedRun:
    return EvaluatedRun(replace(RUN, run_id=run_id, name=name, group=group), evaluations)


@pytest.mark.parametrize("group", [None, "seeds"])
def test_a_runs_name_is_no_markup_in_a_legend(group: str | None) -> None:
    runs = [evaluated(run_id, group, evaluation(1), name=NAME) for run_id in ("a", "b")]
    shown = figures.comparison(runs, "accuracy").data
    names = [trace.name for trace in shown if trace.name]
    assert names == ([SHOWN, SHOWN] if group is None else [f"{SHOWN}, 2 seeds"])


def test_a_long_name_is_cut_before_its_markup_is_escaped() -> None:
    runs = [evaluated("a", None, evaluation(1), name=NAME)]
    label = figures.comparison(runs, "accuracy").data[-1]
    assert label.text == ("  &lt;b&gt;A &amp; B&lt;/b&gt; &lt;a h…",)


def test_a_group_is_its_mean_with_a_band_where_several_runs_have_a_value() -> None:
    better = replace(evaluation(1), test_accuracy=0.85)
    runs = [evaluated("a", "seeds", evaluation(1), evaluation(2)), evaluated("b", "seeds", better)]
    upper, lower, mean, label = figures.comparison(runs, "accuracy").data
    assert (mean.x, mean.y) == ((1, 2), pytest.approx((80, 75)))
    spread = 10 / 2**0.5
    assert (upper.x, upper.y) == ((1,), pytest.approx((80 + spread,)))
    assert (lower.x, lower.y) == ((1,), pytest.approx((80 - spread,)))
    assert (label.mode, label.x) == ("text", (2,))
    assert mean.customdata == (pytest.approx(spread), None)


def test_without_curves_it_says_why() -> None:
    for runs, sentence in (
        ([], figures.SELECT_SOME),
        ([evaluated("a", None)], figures.NOT_EVALUATED),
        ([EvaluatedRun(replace(RUN, brought_in=True), [])], figures.IMPORTED),
    ):
        (note,) = figures.comparison(runs, "loss").layout.annotations
        assert note.text.replace("<br>", " ") == sentence
