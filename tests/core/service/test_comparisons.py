"""Pairs through the service's door: two runs that differ in one thing, and what they bear."""

from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import models
from core.analysis import robustness
from core.analysis.robustness import STRENGTHS, distort
from core.config import TrainConfig
from core.data.dataset import Dataset, normalize
from core.errors import CancelledError, NotTrainedError, WrongStateError
from core.records.comparisons import Pair, Robustness
from core.records.runs import RunState
from core.service import worker
from core.service.service import TrainingService
from tests.support import SECONDS, Finish, MakeService, WaitUntil


@pytest.fixture
def small(tiny_config: TrainConfig) -> TrainConfig:
    """The settings of a pair; of all networks with convolutions this one is the quickest here."""
    return tiny_config.model_copy(update={"model": "speedrun_cnn", "seed": 7})


@pytest.fixture
def pair(service: TrainingService, small: TrainConfig, finish: Finish) -> Pair:
    """A pair that is done."""
    service.runs.start_pair(small)
    return the_pair(service, finish)


def the_pair(service: TrainingService, finish: Finish) -> Pair:
    (pair,) = service.comparisons.all()
    for run in pair.runs:
        finish(service, run.run_id)
    return service.comparisons.all()[0]


def test_one_call_starts_two_runs_that_differ_only_in_their_model(
    service: TrainingService, small: TrainConfig, finish: Finish
) -> None:
    name = service.runs.start_pair(small)

    found = the_pair(service, finish)
    assert found.name == name
    assert [run.config["model"] for run in found.runs] == ["speedrun_cnn", "mlp"]
    first, second = (dict(run.config) for run in found.runs)
    assert first == small.model_dump() | {"dataset": "synthetic"}
    assert second == first | {"model": "mlp"}
    assert [run.state for run in found.runs] == [RunState.DONE, RunState.DONE]
    assert found.ended
    assert found.comparable == found.runs


def test_a_pair_starts_with_both_runs_or_with_none(
    make_service: MakeService, small: TrainConfig
) -> None:
    service = make_service()
    endless = small.model_copy(update={"epochs": 2000})
    for _ in range(worker.MAX_QUEUED):  # the first of them trains: one place is left
        service.runs.start(endless)
    before = len(service.runs.all())
    with pytest.raises(WrongStateError):
        service.runs.start_pair(small)
    assert len(service.runs.all()) == before
    assert service.comparisons.all() == []


def test_pairs_come_newest_first_and_outlive_a_restart(
    make_service: MakeService, small: TrainConfig, tmp_path: Path, finish: Finish
) -> None:
    service = make_service(runs=tmp_path / "kept")
    names = [service.runs.start_pair(small) for _ in range(2)]
    for run in service.runs.all():
        finish(service, run.run_id)
    service.close()

    again = make_service(runs=tmp_path / "kept").comparisons.all()
    assert [pair.name for pair in again] == names[::-1]
    for pair in again:
        assert [run.config["model"] for run in pair.runs] == ["speedrun_cnn", "mlp"]


def test_of_a_deleted_run_the_other_is_left(service: TrainingService, pair: Pair) -> None:
    cnn, mlp = pair.runs
    service.runs.delete(cnn.run_id)
    assert service.comparisons.all() == [Pair(pair.name, (mlp,))]
    service.runs.restore(cnn.run_id)
    assert service.comparisons.all() == [pair]
    for run in pair.runs:
        service.runs.delete(run.run_id)
    assert service.comparisons.all() == []


def test_forks_and_repetitions_of_a_run_do_not_join_its_pair(
    service: TrainingService, pair: Pair, finish: Finish
) -> None:
    run_id = pair.runs[0].run_id
    finish(service, service.runs.fork(run_id, 1, {"learning_rate": 1e-4}))
    group = service.runs.repeat(run_id, 2)
    for run in service.runs.all():
        finish(service, run.run_id)
    (found,) = service.comparisons.all()
    assert [run.run_id for run in found.runs] == [run.run_id for run in pair.runs]
    assert {run.pair for run in service.runs.all() if run.group == group} == {pair.name, None}


def test_robustness_is_what_plain_torch_reads_in_the_distorted_images(
    service: TrainingService, pair: Pair, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    for run in pair.runs:
        measured = service.comparisons.robustness(run.run_id).result(SECONDS)
        model = run.config["model"]
        assert measured.model == model
        assert measured.images == len(tiny_dataset.test_labels)
        agree(measured, tmp_path / "runs" / run.run_id / "0002.safetensors", tiny_dataset)


def agree(measured: Robustness, weights: Path, data: Dataset) -> None:
    """The accuracies are those of these weights, by plain torch."""
    images, labels = data.test_images.numpy(), data.test_labels.numpy()
    network = models.load(measured.model, load_file(weights))
    for curve in measured.curves:
        expected = []
        for strength in STRENGTHS[curve.distortion]:
            shown = torch.from_numpy(distort(images, curve.distortion, strength, seed=0))
            with torch.no_grad():
                said = network(normalize(shown)).argmax(1).numpy()
            expected.append((said == labels).mean())
        assert curve.accuracies == pytest.approx(expected)


def test_a_network_is_measured_once_and_its_progress_can_be_asked(
    service: TrainingService, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_ids = [run.run_id for run in pair.runs]
    told: list[float | None] = []
    measure: Any = robustness.measure

    def measure_and_ask(*images: Any, **how: Any) -> Any:
        progress = how.pop("progress")

        def report(share: float) -> None:
            progress(share)
            told.append(service.comparisons.progress(run_ids))

        return measure(*images, **how, progress=report)

    monkeypatch.setattr(robustness, "measure", measure_and_ask)
    assert service.comparisons.progress(run_ids) is None

    first = [service.comparisons.robustness(run_id).result(SECONDS) for run_id in run_ids]

    shares = [share for share in told if share is not None]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.1
    assert shares[-1] == 1.0
    assert service.comparisons.progress(run_ids) is None
    again = [service.comparisons.robustness(run_id).result(SECONDS) for run_id in run_ids]
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_a_run_that_is_gone_back_in_is_measured_anew(
    service: TrainingService, pair: Pair, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    cnn, mlp = pair.runs
    trained = service.comparisons.robustness(cnn.run_id).result(SECONDS)
    service.runs.rewind(cnn.run_id, 1)
    earlier = service.comparisons.robustness(cnn.run_id).result(SECONDS)
    assert earlier is not trained
    agree(earlier, tmp_path / "runs" / cnn.run_id / "0001.safetensors", tiny_dataset)
    (rewound,) = service.comparisons.all()
    assert rewound.ended
    assert len(rewound.comparable) == 2
    service.runs.rewind(cnn.run_id, 0)
    (untrained,) = service.comparisons.all()
    assert untrained.comparable == (mlp,)


def test_a_run_that_trains_or_waits_keeps_a_pair_from_its_end(
    service: TrainingService, small: TrainConfig, wait_until: WaitUntil
) -> None:
    service.runs.start_pair(small.model_copy(update={"epochs": 2000}))
    cnn, mlp = service.comparisons.all()[0].runs
    wait_until(lambda: service.runs.snapshot(cnn.run_id).state is RunState.RUNNING)
    assert not service.comparisons.all()[0].ended
    service.runs.stop(mlp.run_id)
    service.runs.stop(cnn.run_id)
    wait_until(lambda: service.runs.snapshot(cnn.run_id).state.finished)
    (pair,) = service.comparisons.all()
    assert pair.ended
    assert mlp.run_id not in [run.run_id for run in pair.comparable]
    with pytest.raises(NotTrainedError):
        service.comparisons.robustness(mlp.run_id).result(SECONDS)


def test_examples_are_one_test_image_as_networks_are_shown_it(
    service: TrainingService, pair: Pair, tiny_dataset: Dataset
) -> None:
    image = tiny_dataset.test_images[:1].numpy()
    found = service.comparisons.examples(pair.runs[0].run_id)
    assert [shown.distortion for shown in found] == list(STRENGTHS)
    for shown in found:
        assert set(shown.strengths) <= set(STRENGTHS[shown.distortion])
        assert shown.strengths[0] == 0
        assert shown.strengths[-1] == STRENGTHS[shown.distortion][-1]
        for strength, pixels in zip(shown.strengths, shown.images, strict=True):
            expected = distort(image, shown.distortion, strength, seed=0)[0]
            np.testing.assert_array_equal(pixels, expected)


def test_closing_lets_what_waits_go(service: TrainingService, pair: Pair) -> None:
    begun = [service.comparisons.robustness(run.run_id) for run in pair.runs for _ in range(20)]
    service.close()
    for future in begun:
        with suppress(futures.CancelledError, CancelledError):
            assert future.result(SECONDS).images > 0
