"""Networks from weight files, as runs that can be viewed like any other.

Such a run has no events, and its only epoch is 0.
"""

import threading

from core import models
from core.config import parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import normalize
from core.device import choose_runtime
from core.errors import StorageError
from core.names import plain_text
from core.records.runs import RunState
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.background import BackgroundTasks
from core.service.notifier import ChangeNotifier
from core.training.evaluation import Evaluation, evaluate
from core.training.state import Checkpoint, StateDict
from core.weight_files import formats, reading


class WeightImports:
    """Imports weight files and evaluates their networks. Safe to use from several threads."""

    MAX_BYTES = formats.MAX_BYTES

    def __init__(
        self, runs: Runs, catalog: DataCatalog, tasks: BackgroundTasks, notifier: ChangeNotifier
    ) -> None:
        self._runs, self._catalog = runs, catalog
        self._tasks, self._notifier = tasks, notifier
        # Reading a file takes several times its size in memory: one at a time.
        self._reading = threading.Lock()
        for run in runs:
            if run.snapshot.brought_in and run.snapshot.test_accuracy is None:
                self._evaluate_later(run)

    def import_weights(self, content: bytes, name: str = "") -> str:
        """Makes a run of a `.pth`, safetensors or ONNX file and returns its id.

        Its test accuracy is measured in the background if there is a test set.

        Raises:
            InvalidWeightsError: the file does not hold the weights of one of our models.
            StorageError: they cannot be written.
        """
        name = plain_text(name)
        with self._reading:
            found = reading.read_weights(content)
        config = parse_config({"model": found.model})
        dataset = self._catalog.status()
        run = self._runs.new(
            config,
            state=RunState.DONE,
            config=config.model_dump(include={"model", "dataset"}),
            epochs=0,
            brought_in=True,
            name=name,
            message=f"Imported from {name or 'a file'}. {found.note}".rstrip(" ."),
            dataset=dataset.name,
            dataset_title=dataset.title,
            **choose_runtime().to_dict(),
        )
        try:
            _save(run, found.state_dict)
            with self._runs.lock:
                run.save(kept=tuple(run.files.epochs()))
        except StorageError:
            self._runs.discard(run)
            raise
        self._evaluate_later(run)
        self._notifier.notify()
        return run.run_id

    def _evaluate_later(self, run: Run) -> None:
        title = f"Measuring {run.snapshot.title}"
        self._tasks.run("imports", title, lambda: self._evaluate(run))

    def _evaluate(self, run: Run) -> None:
        should_stop = self._tasks.should_stop
        data = self._catalog.load(run.config.dataset, should_stop)
        weights = run.files.checkpoint(0).state_dict
        runtime = choose_runtime()
        network = models.load(run.config.model, weights).to(runtime.device)
        images = normalize(data.test_images.to(runtime.device))
        labels = data.test_labels.to(runtime.device)
        evaluation = evaluate(network, runtime, images, labels, should_stop)
        _save(run, weights, evaluation)
        with self._runs.lock:
            run.save(
                dataset=data.name,
                dataset_title=data.title,
                test_loss=evaluation.loss,
                test_accuracy=evaluation.accuracy,
                best_test_accuracy=evaluation.accuracy,
                test_accuracies=(evaluation.accuracy,),
            )
        self._notifier.notify()


def _save(run: Run, weights: StateDict, evaluation: Evaluation | None = None) -> None:
    probabilities = None if evaluation is None else evaluation.probabilities
    checkpoint = Checkpoint(run.config.model, 0, 0, 0.0, weights, probabilities)
    run.files.save(checkpoint, 0, {**run.snapshot.to_json(), "kept": [0]})
