"""The whole test set as a network reads it, at any epoch, and the categories of its images."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core import models
from core.analysis.mistakes import LearningCategory
from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, normalize
from core.errors import NoModelError, OutOfRangeError, UnknownEpochError, UnknownRunError
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from tests.support import Finish, MakeService, write_synthetic

EPOCHS = TrainConfig(epochs=4, batch_size=30, model="mlp", precision="fp32")


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset
) -> Iterator[TrainingService]:
    """What is only asked, and trains once for all tests."""
    folder = tmp_path_factory.mktemp("assessed")
    catalog = DataCatalog(None, write_synthetic(tiny_dataset, folder / "cache"), prefer="synthetic")
    service = TrainingService(catalog, RunDatabase(folder / "runs"))
    yield service
    service.close()


@pytest.fixture(scope="module")
def run_id(service: TrainingService, finish: Finish) -> str:
    run_id = service.runs.start(EPOCHS)
    finish(service)
    return run_id


def said_by(service: TrainingService, run_id: str, epoch: int, data: Dataset) -> np.ndarray:
    """What plain torch makes of a stored epoch's weights."""
    files = service.predictions._runs.find(run_id).files
    network = models.load("mlp", files.checkpoint(epoch).state_dict)
    with torch.inference_mode():
        return network(normalize(data.test_images)).softmax(1).numpy()


@pytest.mark.parametrize("epoch", [0, 1, 4])
def test_all_test_images_are_read_as_the_network_of_the_epoch_reads_them(
    service: TrainingService, run_id: str, epoch: int, tiny_dataset: Dataset
) -> None:
    answers = service.predictions.test_set_report(run_id, epoch).answers
    assert answers.progress == epoch
    np.testing.assert_array_equal(answers.indices, np.arange(120))
    np.testing.assert_array_equal(answers.images, tiny_dataset.test_images.numpy())
    np.testing.assert_array_equal(answers.labels, tiny_dataset.test_labels.numpy())
    np.testing.assert_allclose(
        answers.probabilities, said_by(service, run_id, epoch, tiny_dataset), atol=1e-5
    )


def test_by_default_it_is_the_newest_network(service: TrainingService, run_id: str) -> None:
    newest, last = (
        service.predictions.test_set_report(),
        service.predictions.test_set_report(run_id, 4),
    )
    np.testing.assert_array_equal(newest.answers.probabilities, last.answers.probabilities)
    assert newest.categories is not None
    assert last.categories is not None
    np.testing.assert_array_equal(newest.categories, last.categories)


@pytest.mark.parametrize("until", [1, 2, 4])
def test_categories_go_from_the_first_epoch_to_the_one_that_is_shown(
    service: TrainingService, run_id: str, until: int, tiny_dataset: Dataset
) -> None:
    labels = tiny_dataset.test_labels.numpy()
    right = np.array(
        [
            said_by(service, run_id, epoch, tiny_dataset).argmax(1) == labels
            for epoch in range(1, until + 1)
        ]
    )
    categories = service.predictions.test_set_report(run_id, until).categories
    assert categories is not None
    for image in range(120):
        answers = right[:, image].tolist()
        lost = any(before and not after for before, after in itertools.pairwise(answers))
        if all(answers):
            expected = LearningCategory.ALWAYS_RIGHT
        elif not any(answers):
            expected = LearningCategory.NEVER_LEARNED
        elif not answers[-1]:
            expected = LearningCategory.FORGOTTEN
        else:
            expected = LearningCategory.RELEARNED if lost else LearningCategory.LEARNED
        assert categories[image] == expected


def test_an_untrained_network_has_no_categories(service: TrainingService, run_id: str) -> None:
    assert service.predictions.test_set_report(run_id, 0).categories is None


def test_an_assessment_is_worked_out_once(service: TrainingService, run_id: str) -> None:
    first = service.predictions.test_set_report(run_id, 2)
    assert service.predictions.test_set_report(run_id, 3) is not first
    assert service.predictions.test_set_report(run_id, 2) is first


def test_a_run_that_learned_anew_is_assessed_anew(
    make_service: MakeService, finish: Finish
) -> None:
    service = make_service()
    run_id = service.runs.start(EPOCHS)
    finish(service)
    before = service.predictions.test_set_report(run_id, 4)
    service.runs.rewind(run_id, 2)
    assert service.predictions.test_set_report(run_id).answers.progress == 2
    service.runs.resume(run_id)
    finish(service)
    after = service.predictions.test_set_report(run_id, 4)
    assert after is not before


def test_some_images_can_be_had_as_an_epoch_reads_them(
    service: TrainingService, run_id: str
) -> None:
    everything = service.predictions.test_set_report(run_id, 1).answers
    some = service.predictions.test_images([7, 3], run_id, 1)
    assert some.indices.tolist() == [7, 3]
    np.testing.assert_array_equal(some.images, everything.images[[7, 3]])
    np.testing.assert_allclose(some.probabilities, everything.probabilities[[7, 3]], atol=1e-6)
    with pytest.raises(OutOfRangeError):
        service.predictions.test_images([120], run_id, 1)


def test_what_is_not_there_is_told_as_such(make_service: MakeService) -> None:
    service = make_service()
    with pytest.raises(NoModelError):
        service.predictions.test_set_report()
    with pytest.raises(UnknownRunError):
        service.predictions.test_set_report("20200101-000000-0000")


def test_an_epoch_that_is_not_kept_is_told_as_such(service: TrainingService, run_id: str) -> None:
    with pytest.raises(UnknownEpochError):
        service.predictions.test_set_report(run_id, 9)
