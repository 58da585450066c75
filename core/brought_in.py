"""Networks that come in a file, as runs that can be looked at like any other.

Nothing is known of their training: such a run has no events, and its only epoch is 0. This module
does not know where the file comes from.
"""

from collections.abc import Callable

from core import models
from core.config import TrainConfig
from core.datasets import Dataset, normalise
from core.events import DatasetStatus, FolderUnusable, RunState
from core.learner import Evaluation, StateDict, evaluate
from core.runs import Run, Runs
from core.runtime import choose_runtime
from core.training import Checkpoint


def new_run(runs: Runs, model: str, name: str, dataset: DatasetStatus) -> Run:
    """A run that is done before it began; of its settings only model and data set are known."""
    config = TrainConfig(model=model)
    return runs.new(
        config,
        state=RunState.DONE,
        config=config.model_dump(include={"model", "dataset"}),
        epochs=0,
        brought_in=True,
        name=name,
        message=f"Brought in from {name or 'a file'}",
        dataset=dataset.name,
        dataset_title=dataset.title,
        **choose_runtime().facts(),
    )


def keep(run: Run, weights: StateDict, seen: Evaluation | None = None) -> None:
    """Writes the network, and what it made of the test images where that is known.

    Raises:
        FolderUnusable: it cannot be written.
    """
    said = None if seen is None else seen.probabilities
    checkpoint = Checkpoint(run.config.model, 0, 0, 0.0, weights, said)
    try:
        run.files.save(checkpoint, 0, {**run.snapshot.to_json(), "kept": [0]})
    except OSError as error:
        raise FolderUnusable(f"The network could not be written to disk: {error}.") from error


def measure(run: Run, data: Dataset, should_stop: Callable[[], bool]) -> Evaluation | None:
    """What the network makes of the test images; None if it was told to stop.

    Raises:
        UnknownEpoch, DamagedFile: the network cannot be read.
    """
    weights = run.files.checkpoint(0).state_dict
    runtime = choose_runtime()
    network = models.load(run.config.model, weights).to(runtime.device)
    images = normalise(data.test_images.to(runtime.device))
    labels = data.test_labels.to(runtime.device)
    seen = evaluate(network, runtime, images, labels, should_stop)
    if seen is not None:
        keep(run, weights, seen)
    return seen
