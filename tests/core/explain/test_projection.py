"""Projections: PCA compared with scikit-learn, alignment between epochs, neighbours in t-SNE."""

import sys

import numpy as np
import pytest

from core.errors import CancelledError, DigitLabError
from core.explain import projection

RANDOM = np.random.default_rng(11)
FEATURES = (RANDOM.normal(size=(200, 12)) * np.arange(1, 13)).astype(np.float32) + 5
GROUPS = np.repeat(np.arange(3), 25)
GROUPED = (RANDOM.normal(size=(75, 8)) + 30 * np.eye(8)[GROUPS]).astype(np.float32)


def turned(points: np.ndarray, degrees: float, mirrored: bool = False) -> np.ndarray:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if mirrored:
        matrix = matrix @ np.diag([1.0, -1.0])
    result: np.ndarray = points @ matrix
    return result


def test_a_choice_of_images_is_always_the_same_for_a_seed() -> None:
    chosen = projection.choose(1000, 50, seed=3)
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) == 50
    assert chosen.max() < 1000
    np.testing.assert_array_equal(chosen, projection.choose(1000, 50, seed=3))
    assert chosen.tolist() != projection.choose(1000, 50, seed=4).tolist()
    assert projection.choose(20, 50).tolist() == list(range(20))


def test_pca_is_that_of_scikit_learn_but_for_signs() -> None:
    from sklearn.decomposition import PCA  # takes a second to load, in each test process

    theirs = PCA(2).fit(FEATURES)
    ours = projection.pca(FEATURES)

    expected = theirs.transform(FEATURES)
    signs = np.sign((expected * ours.points).sum(0))
    np.testing.assert_allclose(ours.points, expected * signs, atol=1e-3)
    assert ours.explained == pytest.approx(theirs.explained_variance_ratio_.sum())
    assert ours.points.dtype == np.float32


@pytest.mark.parametrize("reference", [None, RANDOM.normal(size=(200, 2))])
def test_pca_places_an_image_that_is_there_where_it_is(reference: np.ndarray | None) -> None:
    found = projection.pca(FEATURES, reference)
    np.testing.assert_allclose(found.place(FEATURES[7:9]), found.points[7:9], atol=1e-3)


@pytest.mark.parametrize("degrees", [0, 30, 180])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pca_lies_as_the_reference_lies(degrees: float, mirrored: bool) -> None:
    plain = projection.pca(FEATURES)
    reference = turned(plain.points, degrees, mirrored) * 0.3 + 100  # another size and place

    found = projection.pca(FEATURES, reference)

    np.testing.assert_allclose(found.points, turned(plain.points, degrees, mirrored), atol=1e-3)
    assert found.explained == pytest.approx(plain.explained)


def test_points_move_little_when_the_features_do() -> None:
    before = projection.pca(FEATURES)
    features = -FEATURES[:, ::-1] * 1.01  # the same cloud, seen from elsewhere

    after = projection.pca(features, before.points)

    np.testing.assert_allclose(after.points, before.points * 1.01, atol=1e-2)


def test_pca_of_images_that_are_all_the_same_is_one_point() -> None:
    found = projection.pca(np.ones((30, 5), np.float32))
    assert (found.points == 0).all()
    assert found.explained == 0


def test_tsne_puts_what_is_alike_together_and_a_new_image_among_its_like() -> None:
    found = projection.tsne(GROUPED)
    assert found.points.shape == (75, 2)
    assert found.points.dtype == np.float32

    middles = np.stack([found.points[group == GROUPS].mean(0) for group in range(3)])
    placed = found.place(GROUPED[::10] + np.float32(0.1))
    for points, groups in ((found.points, GROUPS), (placed, GROUPS[::10])):
        distances = np.linalg.norm(points[:, None] - middles, axis=2)
        assert (distances.argmin(1) == groups).all()


def test_tsne_is_the_same_again_for_the_same_seed() -> None:
    first, second = projection.tsne(GROUPED, seed=1), projection.tsne(GROUPED, seed=1)
    np.testing.assert_array_equal(first.points, second.points)


def test_tsne_begins_where_it_is_told_to() -> None:
    start = np.eye(3)[GROUPS][:, :2] * 900 + GROUPED[:, :2]  # 0 to the right, 1 above, 2 at zero
    found = projection.tsne(GROUPED, start=start)
    right, above, zero = (found.points[group == GROUPS].mean(0) for group in range(3))
    assert right[0] > max(above[0], zero[0])
    assert above[1] > max(right[1], zero[1])


def test_tsne_tells_how_far_it_is_and_placing_a_point_tells_nothing() -> None:
    told: list[float] = []
    found = projection.tsne(GROUPED, progress=told.append)
    assert told == sorted(told)
    assert told[0] < 0.1
    assert told[-1] == 1

    count = len(told)
    found.place(GROUPED[:1])
    assert len(told) == count


@pytest.mark.parametrize("after", [0, 1, 5])
def test_tsne_stops_when_it_is_told_to(after: int) -> None:
    answers = iter([False] * after + [True])
    with pytest.raises(CancelledError):
        projection.tsne(GROUPED, should_stop=lambda: next(answers))


def test_where_tsne_is_not_installed_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(DigitLabError, match="PCA works"):
        projection.tsne(GROUPED)
