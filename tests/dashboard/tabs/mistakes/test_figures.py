"""Figures of the whole test set: counts in cells, points by class."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from core.analysis.mistakes import Confusion
from core.records.explanations import Embedding
from dashboard.tabs.mistakes import figures as figures

COUNTS = np.diag(np.arange(900, 1000, 10))
COUNTS[4, 9], COUNTS[3, 5], COUNTS[8, 2] = 12, 1, 3

LABELS = np.array([0, 1, 1, 7, 7, 7])
EMBEDDED = Embedding(
    method="tsne",
    indices=np.array([5, 17, 80, 81, 300, 999]),
    labels=LABELS,
    predictions=np.array([0, 7, 1, 7, 1, 7]),
    points=np.arange(12, dtype=np.float32).reshape(6, 2),
)


def texts(figure: go.Figure) -> list[str]:
    return [annotation.text for annotation in figure.layout.annotations]


# Confusion


def test_each_cell_of_the_confusion_has_its_count_and_leads_to_its_digits() -> None:
    (heatmap,) = figures.confusion(Confusion(COUNTS)).data
    for true in range(10):
        for predicted in range(10):
            count = COUNTS[true, predicted]
            assert heatmap.text[true][predicted] == (str(count) if count else "")
            assert heatmap.customdata[true][predicted][:3].tolist() == [true, predicted, count]
    assert heatmap.customdata[4][9][3] == pytest.approx(100 * 12 / (940 + 12), abs=0.01)


def test_mistakes_stand_out_from_right_answers_and_from_each_other() -> None:
    (heatmap,) = figures.confusion(Confusion(COUNTS)).data
    colours = np.asarray(heatmap.z)
    assert (colours.diagonal() < 0).all()
    assert colours[4, 9] == 1
    assert colours[4, 9] > colours[8, 2] > colours[3, 5] > 0.2
    assert colours[0, 1] == 0


@pytest.mark.parametrize("counts", [np.zeros((10, 10), int), np.diag([3] * 10)])
def test_a_confusion_without_mistakes_or_without_anything_can_be_drawn(counts: np.ndarray) -> None:
    (heatmap,) = figures.confusion(Confusion(counts)).data
    colours = np.asarray(heatmap.z)
    assert np.isfinite(colours).all()
    assert colours.max() <= 0


def test_true_digits_run_down() -> None:
    assert figures.confusion(Confusion(COUNTS)).layout.yaxis.autorange == "reversed"


# Embedding


def test_each_class_has_its_points_with_their_places_in_the_test_set() -> None:
    drawn = figures.embedding(EMBEDDED)
    for digit in range(10):
        trace = drawn.data[digit]
        assert trace.name == str(digit)
        here = {
            (int(index), float(x), float(y))
            for index, (x, y), label in zip(EMBEDDED.indices, EMBEDDED.points, LABELS, strict=True)
            if label == digit
        }
        shown = zip(trace.customdata, trace.x, trace.y, strict=True)
        assert {(int(index), float(x), float(y)) for index, x, y in shown} == here
    assert len({trace.marker.color for trace in drawn.data[:10]}) == 10


def test_misread_points_are_crosses_and_the_legend_is_a_dot() -> None:
    ones, sevens = (figures.embedding(EMBEDDED).data[digit] for digit in (1, 7))
    assert dict(zip(ones.customdata, ones.marker.symbol, strict=True)) == {
        17: "x",
        80: "circle",
    }
    assert list(sevens.marker.symbol) == ["circle", "circle", "x"]
    assert sevens.text[2] == "a 7 read as 1"


def test_classes_are_named_in_the_middle_of_their_points() -> None:
    names = figures.embedding(EMBEDDED).data[10]
    assert list(names.text) == ["<b>0</b>", "<b>1</b>", "<b>7</b>"]
    middle = np.median(EMBEDDED.points[LABELS == 7], 0)
    assert (names.x[2], names.y[2]) == tuple(middle)


def test_a_drawing_is_a_point_of_its_own() -> None:
    without = figures.embedding(EMBEDDED)
    drawn = figures.embedding(EMBEDDED, np.array([2.5, -1.0]))
    assert len(drawn.data) == len(without.data) + 1
    assert drawn.data[-1].name == "your drawing"
    assert (drawn.data[-1].x[0], drawn.data[-1].y[0]) == (2.5, -1.0)


def test_a_zoom_outlives_another_epoch_but_not_another_method() -> None:
    revision = figures.embedding(EMBEDDED).layout.uirevision
    other_epoch = replace(EMBEDDED, points=EMBEDDED.points + 1)
    assert figures.embedding(other_epoch).layout.uirevision == revision
    assert figures.embedding(replace(EMBEDDED, method="pca")).layout.uirevision != revision


def test_chosen_images_are_marked_wherever_they_stand() -> None:
    for predictions in (EMBEDDED.predictions, LABELS):  # in a trace, misread ones come last
        shown = replace(EMBEDDED, predictions=predictions)
        traces = figures.embedding(shown, chosen=[17, 300]).data[:10]
        marked = [trace.customdata[point] for trace in traces for point in trace.selectedpoints]
        assert sorted(marked) == [17, 300]
    assert figures.embedding(EMBEDDED).data[1].selectedpoints is None


def test_marks_by_hand_last_as_long_as_the_points_keep_their_order() -> None:
    revision = figures.embedding(EMBEDDED).layout.selectionrevision
    same = replace(EMBEDDED, points=EMBEDDED.points + 1)
    assert figures.embedding(same).layout.selectionrevision == revision
    other = figures.embedding(replace(EMBEDDED, predictions=LABELS))
    assert other.layout.selectionrevision != revision


# Nothing to show


@pytest.mark.parametrize(
    "empty",
    [
        figures.confusion(None),
        figures.embedding(None),
    ],
)
def test_a_figure_without_data_says_what_to_do(empty: go.Figure) -> None:
    assert len(empty.data) == 0
    (sentence,) = texts(empty)
    assert "rain" in sentence
    assert sentence.endswith(".")
    assert not empty.layout.xaxis.visible
