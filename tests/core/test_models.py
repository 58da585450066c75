"""Models: SimpleCNN is the notebook's network, and the description of every layer is right."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core import models
from core.config import TrainConfig
from core.data.dataset import Dataset
from core.export.weights import to_pth
from core.training.loop import fit
from core.training.state import Checkpoint
from tests.support import NotebookCNN


@pytest.fixture
def images() -> Tensor:
    return torch.randn(16, 1, 28, 28, generator=torch.Generator().manual_seed(5))


def test_simple_cnn_has_the_notebooks_keys_and_shapes() -> None:
    ours = models.SimpleCNN().state_dict()
    theirs = NotebookCNN().state_dict()

    assert list(ours) == list(theirs)
    assert {key: value.shape for key, value in ours.items()} == {
        key: value.shape for key, value in theirs.items()
    }


def test_the_same_seed_gives_the_notebooks_first_weights() -> None:
    torch.manual_seed(3)
    theirs = NotebookCNN().state_dict()
    torch.manual_seed(3)
    ours = models.build("simple_cnn").state_dict()

    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_weights_saved_by_the_notebook_read_the_same_here(tmp_path: Path, images: Tensor) -> None:
    theirs = NotebookCNN().eval()
    torch.save(theirs.state_dict(), tmp_path / "simple_cnn.pth")

    ours = models.load("simple_cnn", torch.load(tmp_path / "simple_cnn.pth", weights_only=True))

    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)


def test_weights_trained_here_read_the_same_in_the_notebook(
    tmp_path: Path, images: Tensor, tiny_dataset: Dataset
) -> None:
    config = TrainConfig(epochs=1, batch_size=50, precision="fp32")
    *_, last = fit(config, tiny_dataset)
    assert isinstance(last, Checkpoint)
    (tmp_path / "simple_cnn.pth").write_bytes(to_pth(last.state_dict))

    theirs = NotebookCNN().eval()
    theirs.load_state_dict(torch.load(tmp_path / "simple_cnn.pth", weights_only=True))

    with torch.no_grad():
        ours = models.load("simple_cnn", last.state_dict)
        torch.testing.assert_close(theirs(images), ours(images), rtol=1e-5, atol=1e-5)


def test_relu_after_pooling_is_exactly_relu_before_pooling(images: Tensor) -> None:
    features = torch.cat([images, images.new_zeros(1, 1, 28, 28), -images.abs()])

    assert torch.equal(F.relu(F.max_pool2d(features, 2)), F.max_pool2d(F.relu(features), 2))


@pytest.mark.usefixtures("real_mlp")
def test_mlp_has_as_many_parameters_as_simple_cnn() -> None:
    assert models.parameter_count("mlp") == pytest.approx(
        models.parameter_count("simple_cnn"), rel=1e-3
    )


@pytest.mark.parametrize("name", models.MODELS)
def test_every_model_makes_ten_logits_of_an_image(name: str, images: Tensor) -> None:
    logits = models.build(name)(images)

    assert logits.shape == (16, 10)
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", models.MODELS)
def test_a_loaded_model_reads_as_the_saved_one_did(name: str, images: Tensor) -> None:
    built = models.build(name).eval()

    loaded = models.load(name, built.state_dict())

    assert not loaded.training
    with torch.no_grad():
        assert torch.equal(loaded(images), built(images))


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(RuntimeError, match="state_dict"):
        models.load("mlp", models.SimpleCNN().state_dict())


def test_there_is_no_model_of_an_unknown_name() -> None:
    with pytest.raises(KeyError):
        models.build("transformer")


@pytest.mark.parametrize("name", models.MODELS)
def test_counting_weights_or_loading_leaves_the_random_numbers_of_a_run_alone(name: str) -> None:
    weights = models.build(name).state_dict()
    torch.manual_seed(1)
    before = torch.get_rng_state()

    models.parameter_count(name)
    models.load(name, weights)

    assert torch.equal(torch.get_rng_state(), before)
