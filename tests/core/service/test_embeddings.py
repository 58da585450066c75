"""Embeddings through the service's door: the right network's features, kept, and in their turn."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from core.config import TrainConfig
from core.data.dataset import Dataset
from core.explain import projection
from core.explain.activations import Network
from core.service.service import TrainingService
from tests.support import SECONDS, Finish

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openTSNE") is None, reason="openTSNE is not installed"
)


@pytest.fixture
def run_id(service: TrainingService, tiny_config: TrainConfig, finish: Finish) -> str:
    run_id = service.runs.start(tiny_config.model_copy(update={"model": "speedrun_cnn"}))
    finish(service, run_id)
    return run_id


def test_pca_is_that_of_the_epochs_features(
    service: TrainingService, run_id: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    shown = service.embeddings.pca(run_id, 1)

    (path,) = tmp_path.rglob("0001.safetensors")
    features = Network("speedrun_cnn", load_file(path)).features(tiny_dataset.test_images.numpy())
    expected = projection.pca(features)
    np.testing.assert_array_equal(shown.indices, np.arange(len(tiny_dataset.test_labels)))
    np.testing.assert_array_equal(shown.labels, tiny_dataset.test_labels.numpy())
    np.testing.assert_allclose(shown.points, expected.points, atol=1e-3)
    assert shown.explained == pytest.approx(expected.explained, abs=1e-4)
    said = [
        int(service.inspection.activations(place, run_id, 1).view.probabilities.argmax())
        for place in range(20)
    ]
    assert shown.predictions[:20].tolist() == said


def test_another_epoch_is_turned_as_the_one_before(service: TrainingService, run_id: str) -> None:
    first, second = (service.embeddings.pca(run_id, epoch).points for epoch in (1, 2))
    centred = first - first.mean(0), second - second.mean(0)
    # What Procrustes leaves: no turn brings the second nearer to the first.
    product = centred[1].T @ centred[0]
    np.testing.assert_allclose(product, product.T, rtol=1e-2, atol=1e-2 * np.abs(product).max())


def test_tsne_comes_in_its_turn_and_is_kept(service: TrainingService, run_id: str) -> None:
    shown = service.embeddings.tsne(run_id, 2).result(SECONDS)
    assert shown.method == "tsne"
    assert shown.points.shape == (120, 2)
    assert np.isfinite(shown.points).all()
    assert service.embeddings.progress is None
    again = service.embeddings.tsne(run_id, 2).result(SECONDS)
    assert again.points is shown.points


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_test_image_among_the_others_stands_where_it_stood(
    service: TrainingService, run_id: str, method: str
) -> None:
    embeddings = service.embeddings
    shown = (
        embeddings.pca(run_id, 2) if method == "pca" else embeddings.tsne(run_id, 2).result(SECONDS)
    )
    image = service.inspection.activations(3, run_id).image
    placed = embeddings.place(image, shown, run_id, 2)
    assert placed is not None
    near = np.linalg.norm(shown.points - placed, axis=1).argsort()
    assert 3 in near[:10]
    if method == "pca":
        np.testing.assert_allclose(placed, shown.points[3], atol=1e-2)


def test_an_image_has_no_place_among_those_of_another_network(
    service: TrainingService, run_id: str
) -> None:
    """As when the network goes on learning between the embedding and the drawing in it."""
    shown = service.embeddings.pca(run_id, 2)
    image = service.inspection.activations(3, run_id).image
    assert service.embeddings.place(image, shown, run_id, 1) is None
    service.embeddings.pca(run_id, 1)  # another page looks at the newer network
    assert service.embeddings.place(image, shown, run_id, 1) is None


def test_before_the_first_network_it_shows_an_untrained_one(service: TrainingService) -> None:
    shown = service.embeddings.pca()
    assert np.ptp(shown.points, axis=0).min() > 0
    np.testing.assert_array_equal(service.embeddings.pca().points, shown.points)
