"""Everything that the page, the REST API and tests use of core, wired together."""

import time
from functools import partial

from core import models
from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.records.datasets import DatasetStatus
from core.records.server import Health
from core.runs.database import RunDatabase
from core.runs.registry import Runs
from core.service import health
from core.service.background import BackgroundTasks
from core.service.comparisons import Comparisons
from core.service.drawings import Drawings
from core.service.embeddings import Embeddings
from core.service.exports import RunExports
from core.service.finetuning import Finetuning
from core.service.imports import WeightImports
from core.service.inspection import Inspection
from core.service.notifier import ChangeNotifier
from core.service.predictions import Predictions
from core.service.run_manager import RunManager
from core.service.speed import Probe, Speed
from core.service.worker import Fit, TrainingWorker
from core.training.loop import fit
from core.training.probe import images_per_second


class TrainingService:
    """Trains runs, one at a time, and gives access to them. Safe to use from several threads.

    Attributes:
        runs: starts, changes and lists runs.
        predictions: what networks predict for test images and drawings.
        inspection: activations, filters and attributions.
        embeddings: PCA and t-SNE of test images.
        comparisons: pairs of a CNN and an MLP.
        drawings: people's saved drawings.
        finetuning: training a fork on saved drawings.
        exports: files to download.
        speed: what the presets promise on this computer.
        imports: networks from weight files.
        subscribe: see `ChangeNotifier.subscribe`.
        problems: a sentence for each thing that was damaged at the start.
    """

    def __init__(
        self,
        catalog: DataCatalog,
        database: RunDatabase,
        fit: Fit = fit,
        probe: Probe = images_per_second,
    ) -> None:
        self._catalog, self._database = catalog, database
        self._tasks = BackgroundTasks()
        notifier = ChangeNotifier()
        catalog.on_change = notifier.notify
        self.subscribe = notifier.subscribe
        registry = Runs(database)
        self._worker = TrainingWorker(registry, catalog, notifier, fit)
        self.runs = RunManager(registry, self._worker, catalog, notifier)
        self.predictions = Predictions(registry, catalog, self._tasks)
        self.inspection = Inspection(self.predictions)
        self.embeddings = Embeddings(self.predictions, self._tasks)
        self.comparisons = Comparisons(self.runs, self.predictions, self._tasks)
        self.drawings = Drawings(registry, self.predictions, self._tasks)
        self.finetuning = Finetuning(registry, self.runs, self.predictions, self.drawings)
        self.exports = RunExports(registry, self.predictions)
        self.imports = WeightImports(registry, catalog, self._tasks, notifier)
        self.speed = Speed(registry, self._worker, catalog, self._tasks, notifier, probe)
        self.problems = database.problems

    def dataset_status(self, name: str = "auto") -> DatasetStatus:
        return self._catalog.status(name)

    def prepare_dataset(self, name: str = "auto") -> None:
        """Loads a data set in the background, and tries again if that failed before."""
        self._catalog.forget_failures()
        load = partial(self._catalog.load, name, self._tasks.should_stop)
        self._tasks.run("datasets", f"Loading {name}", load)

    def health(self) -> Health:
        return health.check(self._worker, self._catalog, self._database)

    @staticmethod
    def parameter_count(model: str) -> int:
        return models.parameter_count(model)

    @staticmethod
    def device_title(precision: str = "auto") -> str:
        runtime = choose_runtime(precision)
        return f"{runtime.title}, {runtime.precision}"

    def close(self, timeout: float = 10.0) -> None:
        """Stops training and background work, and waits for their threads."""
        deadline = time.monotonic() + timeout
        self._tasks.stop()
        self._worker.close(timeout)
        self._tasks.join(max(0.0, deadline - time.monotonic()))
        self._database.close()
