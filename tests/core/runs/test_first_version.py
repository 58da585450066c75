"""A folder of runs as the first version wrote it. Every later version must open it.

`tests/fixtures/runs_first_version.tar.xz` holds what a person would have in `runs/`: a run that is
done, one that was paused in its second epoch, a fork, an imported network, a fork that was taught
a drawing, and that drawing. They were trained on the tiny data set of `tests/support.py`, which
`auto` stood for. Most weights are zero, so that the archive is small (36 MB unpacked). It is an
archive, too, because Git ignores databases and weights. Do not change it: today's version could
not write it again.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.records.metrics import BatchMetrics, EpochMetrics
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from tests.support import Finish, write_synthetic

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "runs_first_version.tar.xz"
OWNER = "0123456789abcdef" * 2
DONE, PAUSED, FORK, IMPORTED, TAUGHT = 1, 2, 3, 4, 5


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Dataset
) -> Iterator[TrainingService]:
    """The folder, unpacked and opened once for all tests."""
    folder = tmp_path_factory.mktemp("first-version")
    shutil.unpack_archive(ARCHIVE, folder)
    catalog = DataCatalog(None, write_synthetic(tiny_dataset, folder / "cache"), "synthetic")
    service = TrainingService(catalog, RunDatabase(folder / "runs"))
    yield service
    service.close()


@pytest.fixture(scope="module")
def runs(service: TrainingService) -> dict[int, RunSnapshot]:
    """The runs by their numbers, as they were when the folder was opened."""
    return {run.number: run for run in service.runs.all()}


def test_nothing_is_missing_or_damaged(
    service: TrainingService, runs: dict[int, RunSnapshot]
) -> None:
    assert service.problems == []
    assert {number: run.title for number, run in runs.items()} == {
        DONE: "The first",
        PAUSED: "Run 2",
        FORK: "Forked",
        IMPORTED: "brought.pth",
        TAUGHT: "The first (taught)",
    }


@pytest.mark.parametrize(
    ("number", "state", "kept", "progress", "accuracy", "events"),
    [
        (DONE, RunState.DONE, (0, 1, 2), 2, 74 / 120, 32),
        (PAUSED, RunState.PAUSED, (0, 1), 1 + 2 / 3, 12 / 120, 7),
        (FORK, RunState.DONE, (0, 1, 2), 2, 29 / 120, 22),
        (IMPORTED, RunState.DONE, (0,), 0, 1 / 120, 0),
        (TAUGHT, RunState.DONE, (0, 1, 2, 3), 3, 101 / 120, 43),
    ],
)
def test_a_run_has_its_state_metrics_and_epochs(
    service: TrainingService,
    runs: dict[int, RunSnapshot],
    tiny_dataset: Dataset,
    number: int,
    state: RunState,
    kept: tuple[int, ...],
    progress: float,
    accuracy: float,
    events: int,
) -> None:
    run = runs[number]
    assert (run.state, run.kept, run.dataset) == (state, kept, "synthetic")
    assert run.progress == pytest.approx(progress)
    assert run.test_accuracy == pytest.approx(accuracy)
    if number != PAUSED:  # that one may have been resumed meanwhile
        found, count = service.runs.events_since(run.run_id, 0)
        assert count == events
        tested = {event.progress: event for event in found if isinstance(event, EpochMetrics)}
        accuracies = tuple(event.test_accuracy for event in tested.values())
        # It was written without them.
        assert service.runs.snapshot(run.run_id).test_accuracies == accuracies
        for epoch in kept:
            shown = service.predictions.test_set_report(run.run_id, epoch).answers
            right = float((shown.predictions == tiny_dataset.test_labels.numpy()).mean())
            if epoch:
                assert right == pytest.approx(tested[epoch].test_accuracy)
            if epoch == progress:
                assert right == pytest.approx(accuracy)


def test_settings_and_what_people_said_are_kept(runs: dict[int, RunSnapshot]) -> None:
    done, paused = runs[DONE], runs[PAUSED]
    assert (done.note, done.pinned) == ("Kept for later versions.", True)
    wanted = {"model": "speedrun_cnn", "epochs": 2, "learning_rate": 0.01, "seed": 3}
    assert wanted.items() <= done.config.items()
    wanted = {"model": "accurate_cnn", "schedule": "onecycle", "train_images": 60, "batch_size": 20}
    assert wanted.items() <= paused.config.items()


def test_a_paused_run_is_resumed_to_its_end(
    service: TrainingService, runs: dict[int, RunSnapshot], finish: Finish
) -> None:
    run_id = runs[PAUSED].run_id
    before, count = service.runs.events_since(run_id, 0)

    service.runs.resume(run_id)
    found = finish(service, run_id)

    assert (found.state, found.error, found.progress) == (RunState.DONE, None, 3)
    assert found.kept == (0, 1, 2, 3)
    events, _ = service.runs.events_since(run_id, 0)
    assert events[:count] == before
    batches = [event.progress for event in events if isinstance(event, BatchMetrics)]
    assert batches == pytest.approx([number / 3 for number in range(1, 10)])


def test_forks_name_the_run_that_they_come_from(runs: dict[int, RunSnapshot]) -> None:
    fork, taught = runs[FORK], runs[TAUGHT]
    assert (fork.parent, fork.parent_epoch) == (runs[DONE].run_id, 1)
    assert (fork.config["optimizer"], runs[DONE].config["optimizer"]) == ("sgd", "adam")
    assert (taught.parent, taught.parent_epoch) == (runs[DONE].run_id, 2)
    assert taught.lesson is not None
    assert (taught.lesson.taught, taught.lesson.mixed) == (1, True)


@pytest.mark.usefixtures("real_mlp")
def test_an_imported_network_predicts(
    service: TrainingService, runs: dict[int, RunSnapshot]
) -> None:
    run = runs[IMPORTED]
    assert run.brought_in
    strokes = [[[60, 60], [200, 60], [120, 240]]]
    reading = service.predictions.predict({"strokes": strokes}, run_id=run.run_id)
    assert sum(reading.probabilities) == pytest.approx(1, abs=1e-5)


def test_a_kept_drawing_is_there_and_was_taught(
    service: TrainingService, runs: dict[int, RunSnapshot]
) -> None:
    own = service.drawings.predict(OWNER, runs[TAUGHT].run_id)
    assert [drawing.label for drawing in own.drawings] == [7]
    assert np.count_nonzero(own.drawings[0].image) > 50
    assert own.taught.tolist() == [True]
