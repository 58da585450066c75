"""A run stays with the data set that `auto` stood for when it began."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.data.mnist_download import DownloadError
from core.errors import InvalidConfigError
from core.records.runs import RunState
from core.runs.database import RunDatabase
from tests.core.service.test_run_manager import CONFIG, STEPS, Halting, settled, told
from tests.support import SECONDS, Finish, MakeService, WaitUntil
from tools.tiny_datasets import make_tiny_dataset, write_mnist


@pytest.fixture
def without_mnist(
    synthetic_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], DataCatalog]:
    """Makes catalogs for a computer that has no MNIST and cannot download it."""

    def fail(*_: Any) -> None:
        raise DownloadError("no network")

    monkeypatch.setattr("core.data.mnist.download", fail)
    return lambda: DataCatalog(None, synthetic_folder)


@pytest.fixture
def with_mnist(tmp_path: Path, synthetic_folder: Path) -> DataCatalog:
    """A catalog for the same computer, on which MNIST has been found since. Its digits differ."""
    write_mnist(make_tiny_dataset(noise=90), tmp_path / "data" / "MNIST" / "raw")
    return DataCatalog(tmp_path / "data", synthetic_folder)


@pytest.fixture
def paused(
    make_service: MakeService,
    tmp_path: Path,
    without_mnist: Callable[[], DataCatalog],
    wait_until: WaitUntil,
) -> str:
    """The id of a run that was paused after an epoch, without MNIST, and whose server ended."""
    halting = Halting(STEPS + 3)
    service = make_service(without_mnist(), halting, tmp_path / "runs")
    run_id = service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    service.runs.pause(run_id)
    assert settled(service, run_id, wait_until).dataset == "synthetic"
    service.close()
    return run_id


def store_auto(folder: Path, run_id: str) -> None:
    """Makes a stored run one of the first version, which kept `auto` in its settings."""
    store = RunDatabase(folder)
    (run,) = [run for run in store.runs() if run.run_id == run_id]
    store.save(replace(run, config={**run.config, "dataset": "auto"}))
    store.close()


@pytest.mark.parametrize("version", ["today's", "the first"])
def test_paused_without_mnist_and_resumed_with_it_a_run_is_as_if_it_had_not_been_paused(
    make_service: MakeService,
    tmp_path: Path,
    without_mnist: Callable[[], DataCatalog],
    with_mnist: DataCatalog,
    paused: str,
    finish: Finish,
    version: str,
) -> None:
    if version == "the first":
        store_auto(tmp_path / "runs", paused)
    service = make_service(with_mnist, runs=tmp_path / "runs")
    assert service.dataset_status().name == "mnist"

    service.runs.resume(paused)
    found = finish(service, paused)

    assert (found.state, found.dataset) == (RunState.DONE, "synthetic")
    assert found.config["dataset"] == "synthetic"
    alone = make_service(without_mnist(), runs=tmp_path / "others")
    whole = alone.runs.start(CONFIG)
    finish(alone, whole)
    assert told(service, paused) == told(alone, whole)


def test_a_fork_and_a_repetition_stay_with_the_data_set(
    make_service: MakeService,
    tmp_path: Path,
    with_mnist: DataCatalog,
    paused: str,
    finish: Finish,
) -> None:
    service = make_service(with_mnist, runs=tmp_path / "runs")

    fork = service.runs.fork(paused, 1, {"dataset": "synthetic", "epochs": 2})
    service.runs.repeat(paused, 2)

    repeated = service.runs.all()[0].run_id
    assert {finish(service, run_id).dataset for run_id in (fork, repeated)} == {"synthetic"}
    assert told(service, fork)[: STEPS + 1] == told(service, paused)[: STEPS + 1]
    for name in ("mnist", "auto"):
        with pytest.raises(InvalidConfigError, match="cannot change on the way"):
            service.runs.fork(paused, 1, {"dataset": name})
    assert service.runs.fork(paused, 0, {"dataset": "mnist", "epochs": 1})


def test_a_run_that_has_not_begun_takes_what_there_is_when_it_begins(
    make_service: MakeService, with_mnist: DataCatalog, finish: Finish
) -> None:
    halting = Halting(1)
    service = make_service(with_mnist, halting)
    service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)
    waiting = service.runs.start(CONFIG)
    assert service.runs.snapshot(waiting).config["dataset"] == "auto"
    service.runs.pause(waiting)
    halting.go_on.set()

    service.runs.resume(waiting)

    assert finish(service, waiting).config["dataset"] == "mnist"


def test_the_data_set_is_stored_before_anything_is_trained(
    make_service: MakeService, tmp_path: Path, with_mnist: DataCatalog
) -> None:
    halting = Halting(1)
    service = make_service(with_mnist, halting, tmp_path / "runs")
    service.runs.start(CONFIG)
    assert halting.reached.wait(SECONDS)

    (stored,) = service._database.runs()

    assert (stored.dataset, stored.config["dataset"]) == ("mnist", "mnist")


def test_a_run_goes_on_in_the_precision_that_it_began_with(
    make_service: MakeService,
    tmp_path: Path,
    tiny_config: TrainConfig,
    finish: Finish,
    wait_until: WaitUntil,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`auto` may stand for another one, too: on another computer."""
    monkeypatch.setattr("core.device._has_fast_bf16", lambda _: False)
    halting = Halting(3)
    service = make_service(fit=halting, runs=tmp_path / "runs")
    run_id = service.runs.start(tiny_config.model_copy(update={"precision": "auto"}))
    assert halting.reached.wait(SECONDS)
    service.runs.pause(run_id)
    settled(service, run_id, wait_until)
    service.close()
    monkeypatch.setattr("core.device._has_fast_bf16", lambda _: True)
    again = make_service(runs=tmp_path / "runs")

    again.runs.resume(run_id)

    assert finish(again, run_id).precision == "fp32"
