"""What all tests share: a tiny data set that can be learned, and services that train it.

Nothing here needs a network, a folder outside pytest's own, or luck with time: whoever waits,
waits for a condition and has a deadline.
"""

import asyncio
import gc
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from torch import Tensor, nn
from torch.nn import functional as F

from core import models
from core.config import TrainConfig
from core.data import synthetic
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.explain.tracing import trace_layers
from core.records.runs import RunSnapshot
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from core.service.speed import Probe
from core.service.worker import Fit
from core.training.control import TrainingControl
from core.training.loop import fit as real_fit
from core.weight_files.matching import expected_shapes
from tools.tiny_datasets import make_tiny_dataset, write_mnist

SECONDS = 120.0
"""How long a test waits for anything before it fails. Generous: only failures take so long."""

# The same input each time, and little of it; `make probe` tries more with "thorough".
settings.register_profile(
    "quick",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000)
settings.load_profile("quick")


class NarrowMLP(models.MLP):
    """The MLP with an eighth of its parameters. Tests train hundreds, and few need more."""

    def __init__(self) -> None:
        nn.Sequential.__init__(self)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(28 * 28, 200)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(200, 160)
        self.relu2 = nn.ReLU()
        self.fc3 = nn.Linear(160, 10)


NarrowMLP.__name__ = "MLP"  # which pages and messages show
REAL_MLP = models.MODELS["mlp"]
models.MODELS["mlp"] = NarrowMLP


def pytest_sessionstart() -> None:
    """Python looks for garbage less often: that took a tenth of the time of many tests."""
    gc.set_threshold(50_000, 20, 50)
    gc.freeze()
    gc.enable()


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_unconfigure() -> None:
    """Pytest and Python look for garbage six times at the end: seconds, among all that is left."""
    gc.freeze()


def instant_probe(*_: Any) -> float:
    """Measures nothing: 1,000 images a second."""
    return 1000.0


class WaitUntil(Protocol):
    def __call__(self, condition: Callable[[], object], seconds: float = SECONDS) -> None: ...


class Finish(Protocol):
    def __call__(self, service: TrainingService, run_id: str | None = None) -> RunSnapshot: ...


class MakeService(Protocol):
    def __call__(
        self,
        catalog: DataCatalog | None = None,
        fit: Fit = real_fit,
        runs: Path | None = None,
        probe: Probe = instant_probe,
    ) -> TrainingService: ...


Answer = TypeVar("Answer")


def run_async(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs a coroutine in a thread: Playwright keeps an event loop running in the tests' own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"This did not become true within {seconds:g} s: {condition}")
        time.sleep(0.01)


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """`wait_until(condition, seconds=30)` returns when `condition()` is true, or fails the test."""
    return _wait_until


@pytest.fixture(scope="session")
def finish() -> Finish:
    """`finish(service)` waits for the end of a run, by default the latest: its last snapshot."""

    def wait(service: TrainingService, run_id: str | None = None) -> RunSnapshot:
        _wait_until(lambda: service.runs.snapshot(run_id).state.finished)
        return service.runs.snapshot(run_id)

    return wait


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NotebookCNN(nn.Module):
    """The network as the notebook has it, line by line: what weights must travel to and from."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(64 * 14 * 14, 128)
        self.fc2 = nn.Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def scripted_control(**answers: Callable[[], Any]) -> TrainingControl:
    """A control whose methods of these names are replaced: `should_stop=lambda: True`."""
    control = TrainingControl()
    for name, answer in answers.items():
        assert hasattr(control, name)
        setattr(control, name, answer)
    return control


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """300 images to train on and 120 to test, learned in one or two epochs. Do not change it."""
    return make_tiny_dataset()


@pytest.fixture
def tiny_config() -> TrainConfig:
    """Trains on `tiny_dataset` within a fraction of a second: 2 epochs of 10 batches."""
    return TrainConfig(epochs=2, batch_size=30, model="mlp", precision="fp32")


def write_synthetic(data: Dataset, folder: Path) -> Path:
    """Writes a data set as the synthetic digits that `DataCatalog` finds; returns their folder."""
    folder.mkdir()
    np.savez(
        folder / f"synthetic-{synthetic.VERSION}.npz",
        train_images=data.train_images.numpy(),
        train_labels=data.train_labels.numpy(),
        test_images=data.test_images.numpy(),
        test_labels=data.test_labels.numpy(),
    )
    return folder


@pytest.fixture
def synthetic_folder(tmp_path: Path, tiny_dataset: Dataset) -> Path:
    """A cache in which `DataCatalog` finds `tiny_dataset` as its synthetic digits."""
    return write_synthetic(tiny_dataset, tmp_path / "cache")


@pytest.fixture
def mnist_folder(tmp_path: Path, tiny_dataset: Dataset) -> Path:
    """A `--data-dir` that holds `MNIST/raw` with `tiny_dataset` in MNIST's own format."""
    write_mnist(tiny_dataset, tmp_path / "data" / "MNIST" / "raw")
    return tmp_path / "data"


@pytest.fixture
def catalog(synthetic_folder: Path) -> DataCatalog:
    """A real catalog for which every `auto` is `tiny_dataset`, without network and at once."""
    return DataCatalog(None, synthetic_folder, prefer="synthetic")


@pytest.fixture
def make_service(catalog: DataCatalog, tmp_path: Path) -> Iterator[MakeService]:
    """`make_service(catalog=..., fit=..., runs=...)`; every service is closed after the test."""
    services: list[TrainingService] = []
    standard = catalog

    def make(
        catalog: DataCatalog | None = None,
        fit: Fit = real_fit,
        runs: Path | None = None,
        probe: Probe = instant_probe,
    ) -> TrainingService:
        store = RunDatabase(runs or tmp_path / "runs")
        services.append(TrainingService(catalog or standard, store, fit, probe))
        return services[-1]

    yield make
    for service in services:
        service.close()


@pytest.fixture
def service(make_service: MakeService) -> TrainingService:
    """A service that has trained nothing yet, on `tiny_dataset`."""
    return make_service()


@pytest.fixture
def trained_service(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> TrainingService:
    """A service whose only run, `tiny_config` on `tiny_dataset`, is done."""
    service.runs.start(tiny_config)
    finish(service)
    return service


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that DIGITLAB_DATA names, with MNIST/ and pendigits/; without it, a skip."""
    folder = os.environ.get("DIGITLAB_DATA")
    if not folder:
        pytest.skip("DIGITLAB_DATA names no folder with MNIST/ and pendigits/")
    return Path(folder)


@pytest.fixture
def real_mlp(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The MLP as it is, for a test that needs all of it."""
    monkeypatch.setitem(models.MODELS, "mlp", REAL_MLP)
    # These cache layers and shapes by the model's name, whichever class has that name.
    for cached in (trace_layers, expected_shapes):
        cached.cache_clear()
    yield
    for cached in (trace_layers, expected_shapes):
        cached.cache_clear()
