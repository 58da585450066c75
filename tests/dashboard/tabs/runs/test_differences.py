"""The table of what differs between runs, and the warning that it may be chance."""

from dataclasses import replace
from typing import Any

import pytest

from core.records.runs import RunSnapshot
from dashboard.tabs.runs.differences import differences
from tests.dashboard.components.test_runs_table import RUN


def run(number: int, accuracy: float | None = None, **settings: Any) -> RunSnapshot:
    return replace(
        RUN,
        run_id=f"{number}",
        number=number,
        test_accuracy=accuracy,
        config={**RUN.config, **settings},
    )


def rows(runs: list[RunSnapshot]) -> dict[str, list[Any]]:
    found = differences(runs)
    assert found is not None
    table = found.children[0]
    return {
        row.children[0].children: [cell.children for cell in row.children[1:]]
        for row in table.children[1].children
    }


def note(runs: list[RunSnapshot]) -> str:
    found = differences(runs)
    assert found is not None
    return "" if found.children[1] is None else str(found.children[1].children)


def test_only_settings_that_differ_are_listed_and_what_is_unusual_stands_out() -> None:
    usual = RUN.config["learning_rate"]
    found = rows([run(1), run(2), run(3, learning_rate=0.5)])
    assert found["Learning rate"][:2] == [f"{usual:.10g}"] * 2
    assert found["Learning rate"][2].children == "0.5"
    assert "Seed" not in found
    assert rows([run(1), run(2, learning_rate=0.5)])["Learning rate"] == [f"{usual:.10g}", "0.5"]


def test_a_fork_names_its_parent_and_what_is_not_known_is_a_dash() -> None:
    fork = replace(run(2), parent="1", parent_epoch=3)
    imported = replace(run(3), config={"model": "mlp"}, seconds=0.0)
    found = rows([run(1), fork, imported])
    assert found["Forked from"] == ["–", "Run 1, epoch 3", "–"]
    assert found["Seed"][2].children == "–"
    assert found["Time"][2] == "–"
    assert rows([fork])["Forked from"] == ["another run, epoch 3"]


def test_one_data_set_under_two_names_is_no_difference() -> None:
    assert "Data set" not in rows([run(1, dataset="auto"), run(2, dataset="mnist")])


@pytest.mark.parametrize(
    ("accuracies", "groups", "says"),
    [
        ((0.9947, 0.9933, 0.9862), (None, None, None), "0.14 points between Run 1 and Run 2"),
        ((0.9947, 0.9862), (None, None), ""),
        ((0.9947, None), (None, None), ""),
        ((0.9947, 0.9946), ("seeds", "seeds"), ""),
    ],
    ids=["close", "apart", "not measured", "seeds of one run"],
)
def test_a_small_difference_may_be_chance(
    accuracies: tuple[float | None, ...], groups: tuple[str | None, ...], says: str
) -> None:
    runs = [
        replace(run(number, accuracy), group=group)
        for number, (accuracy, group) in enumerate(zip(accuracies, groups, strict=True), 1)
    ]
    found = note(runs)
    assert found.startswith(says) if says else found == ""
