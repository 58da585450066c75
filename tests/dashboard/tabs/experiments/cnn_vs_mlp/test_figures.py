"""Figures of a CNN and an MLP: one look each, all points, and images that show a strength."""

import plotly.graph_objects as go
import pytest

from core.records.comparisons import Distortion, Robustness, RobustnessCurve
from core.records.metrics import EpochMetrics
from core.records.runs import RunSnapshot, RunState
from dashboard.components.epoch_curves import EvaluatedRun
from dashboard.tabs.experiments.cnn_vs_mlp import figures

DISTORTIONS: tuple[Distortion, ...] = ("shift", "rotation", "noise")


def robust(model: str, accuracies: tuple[float, ...]) -> Robustness:
    curves = tuple(
        RobustnessCurve(distortion, (0.0, 1.0, 2.0), accuracies) for distortion in DISTORTIONS
    )
    return Robustness(model, 500, curves)


CNN = robust("simple_cnn", (0.99, 0.9, 0.5))
MLP = robust("mlp", (0.98, 0.6, 0.2))


def evaluated(model: str, *accuracies: float) -> EvaluatedRun:
    run = RunSnapshot(
        run_id=model,
        state=RunState.RUNNING,
        config={"model": model},
        dataset="mnist",
        dataset_title="MNIST",
        device="cpu",
        precision="fp32",
        epochs=3,
    )
    evaluations = [
        EpochMetrics(epoch, epoch, epoch, 0.1, 0.9, 0.1, accuracy, 1000.0, epoch)
        for epoch, accuracy in enumerate(accuracies, 1)
    ]
    return EvaluatedRun(run, evaluations)


def looks(figure: go.Figure) -> dict[str, tuple[str, str, str]]:
    return {
        trace.name: (trace.line.color, trace.line.dash, trace.marker.symbol)
        for trace in figure.data
        if trace.name
    }


def texts(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


@pytest.mark.parametrize("distortion", DISTORTIONS)
def test_each_network_has_a_curve_of_all_its_accuracies(distortion: Distortion) -> None:
    drawn = figures.robustness([CNN, MLP], distortion)
    assert [trace.name for trace in drawn.data] == ["SimpleCNN", "MLP"]
    for trace, result in zip(drawn.data, (CNN, MLP), strict=True):
        assert trace.x == (0, 1, 2)
        assert trace.y == pytest.approx([100 * one for one in result.curves[0].accuracies])
    assert texts(drawn) == ["guessing"]
    low, high = drawn.layout.yaxis.range
    assert low == 0
    assert 100 < high < 110


def test_the_axis_says_what_a_strength_is() -> None:
    units = [figures.robustness([CNN], one).layout.xaxis.ticksuffix for one in DISTORTIONS]
    assert units == [" px", "°", ""]
    hovers = [figures.robustness([CNN], one).data[0].hovertemplate for one in DISTORTIONS]
    assert ["shifted by" in hovers[0], "turned by" in hovers[1], "noise" in hovers[2]] == [True] * 3


def test_the_two_are_told_apart_without_colour_and_look_the_same_everywhere() -> None:
    shown = looks(figures.robustness([CNN, MLP], "shift"))
    for one, other in zip(shown["SimpleCNN"], shown["MLP"], strict=True):
        assert one != other
    assert looks(figures.accuracy([evaluated("simple_cnn", 0.9), evaluated("mlp", 0.8)])) == shown
    # Also where the other one is missing.
    assert looks(figures.robustness([MLP], "noise"))["MLP"] == shown["MLP"]


def test_accuracy_has_a_point_an_evaluation() -> None:
    drawn = figures.accuracy([evaluated("simple_cnn", 0.9, 0.95), evaluated("mlp", 0.8)])
    curves = [(trace.x, trace.y) for trace in drawn.data if trace.name]
    assert curves == [((1, 2), (90, 95)), ((1,), (80,))]
    labels = [trace.text[0].strip() for trace in drawn.data if trace.mode == "text"]
    assert labels == ["SimpleCNN", "MLP"]
    assert drawn.layout.yaxis.range == (50, 100)
    assert texts(drawn) == ["epoch"]


@pytest.mark.parametrize("runs", [[], [evaluated("simple_cnn"), evaluated("mlp")]])
def test_before_the_first_evaluation_it_says_what_will_come(runs: list[EvaluatedRun]) -> None:
    drawn = figures.accuracy(runs)
    assert "test" in texts(drawn)[-1]
    assert not drawn.data
