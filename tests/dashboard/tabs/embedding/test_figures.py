"""The embedding as a figure: points by class, and the drawing."""

from dataclasses import replace

import numpy as np

from core.records.explanations import Embedding
from dashboard.tabs.embedding import figures

LABELS = np.array([0, 1, 1, 7, 7, 7])
EMBEDDED = Embedding(
    method="tsne",
    indices=np.array([5, 17, 80, 81, 300, 999]),
    labels=LABELS,
    predictions=np.array([0, 7, 1, 7, 1, 7]),
    points=np.arange(12, dtype=np.float32).reshape(6, 2),
)


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
