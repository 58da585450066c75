"""Networks that come in a file: runs to be looked at, which training never touches."""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core import models
from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, normalize
from core.errors import (
    DamagedFileError,
    DatasetUnavailableError,
    InvalidWeightsError,
    StorageError,
    WrongStateError,
)
from core.export.weights import to_pth
from core.records.runs import RunState
from core.service import imports
from core.service.service import TrainingService
from core.training import evaluation
from core.weight_files import reading
from tests.support import SECONDS, Finish, MakeService, WaitUntil

A_SEVEN = [[[60, 60], [200, 60], [120, 240]]]


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return models.build("speedrun_cnn").state_dict()


@pytest.fixture
def brought(service: TrainingService, weights: dict[str, torch.Tensor], measured: Any) -> str:
    """The id of a run that was brought in, and measured."""
    return measured(service, service.imports.import_weights(to_pth(weights), "mine.pth"))


@pytest.fixture
def measured(wait_until: WaitUntil) -> Callable[[TrainingService, str], str]:
    def wait(service: TrainingService, run_id: str) -> str:
        wait_until(lambda: service.runs.snapshot(run_id).test_accuracy is not None)
        return run_id

    return wait


def test_a_network_from_a_file_is_a_run_that_is_done(
    service: TrainingService, brought: str, weights: dict[str, torch.Tensor]
) -> None:
    run = service.runs.snapshot(brought)
    assert (run.state, run.brought_in, run.title) == (RunState.DONE, True, "mine.pth")
    assert "mine.pth" in run.message
    assert run.config == {"model": "speedrun_cnn", "dataset": "auto"}
    assert (run.epochs, run.epoch, run.kept) == (0, 0, (0,))
    assert run.preset is None
    assert service.runs.events_since(brought, 0) == ([], 0)
    found = service.predictions.checkpoint(brought).state_dict
    assert all(torch.equal(found[key], weights[key]) for key in weights)


def test_what_was_read_before_the_measurement_is_exact_afterwards(
    service: TrainingService,
    weights: dict[str, torch.Tensor],
    measured: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_measure = threading.Event()

    def evaluate_later(*arguments: Any) -> Any:
        assert may_measure.wait(SECONDS)
        return evaluation.evaluate(*arguments)

    monkeypatch.setattr(imports, "evaluate", evaluate_later)
    run_id = service.imports.import_weights(to_pth(weights), "mine.pth")
    before = service.predictions.preview(run_id)
    assert before is not None
    assert (before.accuracy, before.exact) == (None, False)
    may_measure.set()
    measured(service, run_id)
    after = service.predictions.preview(run_id)
    assert after is not None
    assert (after.digits, after.exact) == (before.digits, True)
    assert after.accuracy == pytest.approx(service.runs.snapshot(run_id).test_accuracy)


def test_the_message_says_what_was_ignored(
    service: TrainingService, weights: dict[str, torch.Tensor]
) -> None:
    content = to_pth({"acc": torch.tensor(98.1), **{f"net.{key}": weights[key] for key in weights}})

    run = service.runs.snapshot(service.imports.import_weights(content, "mine.pth"))

    assert run.message == "Imported from mine.pth. Ignored: acc"  # the page adds the full stop


def test_what_it_reads_right_is_measured(
    service: TrainingService,
    brought: str,
    weights: dict[str, torch.Tensor],
    tiny_dataset: Dataset,
) -> None:
    with torch.inference_mode():
        logits = models.load("speedrun_cnn", weights)(normalize(tiny_dataset.test_images))
    run = service.runs.snapshot(brought)
    right = (logits.argmax(1) == tiny_dataset.test_labels).float().mean().item()
    assert run.test_accuracy == run.best_test_accuracy == pytest.approx(right, abs=0.02)
    loss = F.cross_entropy(logits, tiny_dataset.test_labels).item()
    assert run.test_loss == pytest.approx(loss, rel=0.02)
    assert run.dataset == "synthetic"


def test_it_can_be_looked_at(service: TrainingService, brought: str) -> None:
    shown = service.predictions.gallery(5, seed=1, run_id=brought)
    assert len(shown.indices) == 5
    assert shown.progress == 0
    reading = service.predictions.predict({"strokes": A_SEVEN}, run_id=brought)
    assert sum(reading.probabilities) == pytest.approx(1, abs=1e-5)
    assert service.runs.latest() == brought


def test_it_outlives_a_restart(
    make_service: MakeService, tmp_path: Path, weights: dict[str, torch.Tensor], measured: Any
) -> None:
    service = make_service(runs=tmp_path / "runs")
    run_id = measured(service, service.imports.import_weights(to_pth(weights), "mine.pth"))
    before = service.runs.snapshot(run_id)
    gallery = service.predictions.gallery(5, seed=1, run_id=run_id)
    service.close()

    again = make_service(runs=tmp_path / "runs")

    assert again.runs.snapshot(run_id) == before
    shown = again.predictions.gallery(5, seed=1, run_id=run_id)
    assert np.array_equal(shown.probabilities, gallery.probabilities)


class NoData(DataCatalog):
    """A catalog that finds nothing."""

    def __init__(self) -> None:
        super().__init__(None, Path("/nowhere"))

    def load(self, name: str, cancelled: Any = None) -> Dataset:
        raise DatasetUnavailableError("MNIST is not on this computer.")


def test_without_test_images_it_is_measured_when_there_are_some(
    make_service: MakeService, tmp_path: Path, weights: dict[str, torch.Tensor], measured: Any
) -> None:
    service = make_service(catalog=NoData(), runs=tmp_path / "runs")
    run_id = service.imports.import_weights(to_pth(weights), "mine.pth")
    service.predictions.predict({"strokes": A_SEVEN}, run_id=run_id)
    service.close()
    assert service.runs.snapshot(run_id).test_accuracy is None

    again = make_service(runs=tmp_path / "runs")

    measured(again, run_id)


def test_of_twenty_files_one_is_read_and_one_measured_at_a_time(
    service: TrainingService,
    weights: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    wait_until: WaitUntil,
) -> None:
    """Each takes hundreds of megabytes: all at once took gigabytes."""
    most: dict[str, int] = {}
    under_way: Counter[str] = Counter()
    counting = threading.Lock()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with counting:
                under_way[name] += 1
                most[name] = max(most.get(name, 0), under_way[name])
            time.sleep(0.005)  # long enough for the others to come
            try:
                return function(*arguments)
            finally:
                with counting:
                    under_way[name] -= 1

        return call

    monkeypatch.setattr(reading, "read_weights", counted("read", reading.read_weights))
    monkeypatch.setattr(imports, "evaluate", counted("measured", evaluation.evaluate))
    content = to_pth(weights)
    senders = [
        threading.Thread(target=service.imports.import_weights, args=(content,)) for _ in range(20)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    wait_until(lambda: all(run.test_accuracy is not None for run in service.runs.all()))
    assert len(service.runs.all()) == 20
    assert most == {"read": 1, "measured": 1}


def test_a_file_that_cannot_be_measured_is_told_and_does_not_hold_up_the_others(
    service: TrainingService,
    weights: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
    measured: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures: list[Exception] = [RuntimeError("out of memory"), DamagedFileError("It is damaged.")]

    def fail_twice(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return evaluation.evaluate(*arguments)

    monkeypatch.setattr(imports, "evaluate", fail_twice)
    for name in ("damaged.pth", "large.pth"):
        service.imports.import_weights(to_pth(weights), name)

    measured(service, service.imports.import_weights(to_pth(weights), "good.pth"))

    said = [(record.levelname, record.message) for record in caplog.records]
    assert ("WARNING", "Measuring damaged.pth: It is damaged.") in said
    assert ("ERROR", "Measuring large.pth failed") in said


def test_closing_does_not_wait_for_what_is_still_measured(
    make_service: MakeService,
    catalog: DataCatalog,
    weights: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = threading.Event()

    def until_cancelled(_: str, cancelled: Callable[[], bool]) -> Dataset:
        asked.set()
        while not cancelled():
            pass
        return real(_)

    real = catalog.load
    monkeypatch.setattr(catalog, "load", until_cancelled)
    service = make_service()
    run_id = service.imports.import_weights(to_pth(weights))
    assert asked.wait(30)

    service.close()

    assert "imports" not in [thread.name for thread in threading.enumerate()]
    assert service.runs.snapshot(run_id).test_accuracy is None


@pytest.mark.parametrize(
    "change",
    [
        lambda service, run_id: service.runs.resume(run_id),
        lambda service, run_id: service.runs.rewind(run_id, 0),
        lambda service, run_id: service.runs.fork(run_id, 0, {}),
        lambda service, run_id: service.runs.repeat(run_id),
    ],
    ids=["resume", "rewind", "fork", "repeat"],
)
def test_what_needs_its_training_is_refused_in_a_sentence(
    service: TrainingService, brought: str, change: Any
) -> None:
    before = service.runs.snapshot(brought)
    with pytest.raises(WrongStateError, match=r"mine\.pth cannot be .*came in a file.*\.$"):
        change(service, brought)
    assert service.runs.snapshot(brought) == before


def test_it_is_named_pinned_deleted_and_restored_like_any_run(
    service: TrainingService, brought: str
) -> None:
    service.runs.update_metadata(brought, name="Anna's", pinned=True)
    with pytest.raises(WrongStateError, match="locked"):
        service.runs.delete(brought)
    service.runs.update_metadata(brought, pinned=False)
    service.runs.delete(brought)
    assert service.runs.restore(brought).title == "Anna's"


def test_it_can_be_taken_away_again(
    service: TrainingService, brought: str, weights: dict[str, torch.Tensor]
) -> None:
    content = service.exports.weights(brought, None, "pth").content
    found = torch.load(io.BytesIO(content), weights_only=True)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], weights[key]) for key in weights)
    assert b'"config"' not in service.exports.weights(brought, None, "safetensors").content
    assert service.exports.weights(brought, 0, "onnx").name == "mine-pth-epoch-0.onnx"
    assert b'"config": null' in service.exports.metrics_json(brought).content


def test_a_file_that_is_no_network_leaves_no_run(service: TrainingService) -> None:
    with pytest.raises(InvalidWeightsError):
        service.imports.import_weights(b"PK nonsense", "mine.pth")
    assert service.runs.all() == []


def test_a_full_disk_leaves_no_run(
    service: TrainingService, weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("core.runs.checkpoints.save_file", fail)
    with pytest.raises(StorageError, match=r"no space left on device\."):
        service.imports.import_weights(to_pth(weights), "mine.pth")
    assert service.runs.all() == []


def test_a_run_that_trains_is_not_disturbed(
    service: TrainingService,
    tiny_config: TrainConfig,
    weights: dict[str, torch.Tensor],
    finish: Finish,
    measured: Any,
) -> None:
    """Neither its place as the run that trains, nor its random numbers."""
    alone = service.runs.start(tiny_config)
    finish(service, alone)
    beside = service.runs.start(tiny_config)
    for _ in range(3):
        measured(service, service.imports.import_weights(to_pth(weights)))
    finish(service, beside)

    assert service.runs.snapshot(beside).test_loss == service.runs.snapshot(alone).test_loss
