"""What the networks of runs predict, at any saved epoch."""

import hashlib
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from cachetools import LRUCache, cached

from core.analysis.mistakes import TestSetReport
from core.analysis.reports import TestSetReports
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset, shuffled_indices
from core.drawing.photos import preprocess_pixels
from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.strokes import preprocess_strokes
from core.errors import (
    DatasetUnavailableError,
    NoModelError,
    NotTrainedError,
    OutOfRangeError,
    UnknownEpochError,
)
from core.inference.confidence import OutOfDistributionDetector
from core.inference.predictor import Predictor
from core.models import CLASSES
from core.records.drawings import ProbabilityHistory
from core.records.predictions import Box, DrawingPrediction, Gallery, TestImages
from core.records.preview import PreviewFrame, PreviewImages
from core.records.runs import RunState
from core.runs.checkpoints import CheckpointFiles
from core.runs.registry import Runs
from core.runs.run import Run, evenly_spaced
from core.service.background import BackgroundTasks
from core.training.preview import preview_images
from core.training.state import Checkpoint, untrained

MAX_CHECKPOINTS = 24
"""Checkpoints from disk that stay in memory, a few megabytes each."""
MAX_EPOCHS = 40
"""Epochs in a history, spread evenly over the saved ones."""
MAX_PREDICTIONS = 100_000
"""Cached predictions, of one network for one image each: about 50 MB."""

_WHY_UNTRAINED = {
    RunState.QUEUED: "waits for its turn",
    RunState.RUNNING: "is only beginning",
    RunState.PAUSED: "was paused",
}


class Predictions:
    """Predictions of networks. Safe to use from several threads.

    Methods take a run, by default the newest that has a network, and an epoch, by default the
    newest weights. They raise NoModelError, NotTrainedError, UnknownRunError, UnknownEpochError or
    DamagedFileError if there is no such network, and DatasetUnavailableError if there is no data
    set.
    """

    def __init__(self, runs: Runs, catalog: DataCatalog, tasks: BackgroundTasks) -> None:
        self._runs, self._catalog, self._tasks = runs, catalog, tasks
        self._predictor = Predictor()
        self.detector = OutOfDistributionDetector()
        self._reports = TestSetReports(self._predictor)
        self._lock = threading.Lock()
        self._predicted: LRUCache[tuple[int | bytes, ...], np.ndarray] = LRUCache(MAX_PREDICTIONS)

    # Test images

    def gallery(
        self,
        count: int,
        seed: int,
        only_wrong: bool = False,
        run_id: str | None = None,
        epoch: int | None = None,
        digit: int | None = None,
    ) -> Gallery:
        """Predictions for random test images, or those of one digit, by default of the last
        evaluation."""
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        data = self._data(run)
        return self._predictor.gallery(checkpoint, data, count, seed, only_wrong, digit)

    def samples(
        self, count: int, seed: int, run_id: str | None = None, digit: int | None = None
    ) -> TestImages:
        """Random test images of a run's data set, by default that of the next run.

        No network need have read them.
        """
        data = self._data_of(run_id)
        labels = data.test_labels.numpy()
        chosen = shuffled_indices(labels, seed, digit)[:count]
        return TestImages(chosen, data.test_images.numpy()[chosen], labels[chosen])

    def preview_images(self, run_id: str | None = None, sample: int = 0) -> PreviewImages:
        """The images of a run's preview, by default those of the next run's data set.

        `sample`: see `core.training.preview.preview_images`.
        """
        data = self._data_of(run_id)
        labels = data.test_labels.numpy()
        shown = preview_images(labels, sample)
        images = data.test_images.numpy()[shown]
        return PreviewImages(shown, images, labels[shown], test_images=len(labels))

    def preview(
        self, run_id: str, epoch: int | None = None, sample: int = 0
    ) -> PreviewFrame | None:
        """What a run's network reads in its preview images, by default that of the last
        evaluation. None for an untrained network, and where there is no network."""
        try:
            run, checkpoint = self._find(run_id, epoch, evaluated=True)
        except NotTrainedError:
            return None
        if checkpoint.step == 0 and not run.snapshot.brought_in:
            return None
        data = self._data(run)
        labels, probabilities = data.test_labels.numpy(), checkpoint.test_probabilities
        found = self._predictor.look(checkpoint, data, preview_images(labels, sample))
        right = None if probabilities is None else probabilities.argmax(1) == labels
        return PreviewFrame(
            step=checkpoint.step,
            progress=checkpoint.progress,
            seconds=None,
            digits="".join(map(str, found.probabilities.argmax(1))),
            accuracy=None if right is None else float(right.mean()),
            exact=right is not None,
        )

    def test_images(
        self, indices: Sequence[int], run_id: str | None = None, epoch: int | None = None
    ) -> Gallery:
        """Predictions for these test images, by default of the last evaluation.

        Raises:
            OutOfRangeError: the test set has no such image.
        """
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        data = self._data(run)
        try:
            return self._predictor.look(checkpoint, data, np.array(indices, np.int64))
        except IndexError as error:
            count = len(data.test_labels)
            raise OutOfRangeError(f"There are only {count} test images. Choose others.") from error

    def test_set_report(self, run_id: str | None = None, epoch: int | None = None) -> TestSetReport:
        """Predictions for the whole test set, by default of the last evaluation.

        The first report of an untrained network takes seconds, all others milliseconds.
        """
        run = self._runs.find(run_id or self.newest_run())
        key = run.run_id, run.snapshot.revision  # one read later could belong to a newer network
        run, checkpoint = self._find(run.run_id, epoch, evaluated=True)
        return self._reports.report(key, checkpoint, run.files, self._data(run))

    # Drawings

    def history(self, image: np.ndarray, run_id: str | None = None) -> ProbabilityHistory:
        """The probabilities for an image (28, 28), 0..1, from the untrained network to the newest.

        Of many saved epochs `MAX_EPOCHS`, evenly spaced. One network predicts at a time, because a
        run that trains needs the processors.
        """
        run_id = run_id or self.newest_run()
        images = image[np.newaxis] * np.float32(255)
        newest = self.checkpoint(run_id)
        epochs: list[float] = []
        probabilities: list[np.ndarray] = []
        for epoch in evenly_spaced(self._runs.find(run_id).snapshot.kept, MAX_EPOCHS):
            with suppress(UnknownEpochError):  # pruned meanwhile
                probabilities.append(self.probabilities(images, run_id, epoch)[0])
                epochs.append(float(epoch))
        if not epochs or newest.progress > epochs[-1]:
            probabilities.append(self._predictor.probabilities(newest, images)[0])
            epochs.append(newest.progress)
        return ProbabilityHistory(
            epochs=tuple(epochs),
            digits=tuple(int(one.argmax()) for one in probabilities),
            probabilities=tuple(tuple(one.tolist()) for one in probabilities),
        )

    def probabilities(self, images: np.ndarray, run_id: str, epoch: int | None) -> np.ndarray:
        """Probabilities (n, 10), float32, of images (n, 28, 28) with ink 255 on black 0.

        Those of saved epochs are cached: their networks never change.
        """
        if epoch is None:
            return self._predictor.probabilities(self.checkpoint(run_id), images)
        files = self._runs.find(run_id).files
        stamp = files.stamp(epoch)
        keys: list[tuple[int | bytes, ...]] = [
            (*stamp, hashlib.blake2b(image.tobytes(), digest_size=16).digest()) for image in images
        ]
        with self._lock:
            known = {key: self._predicted[key] for key in keys if key in self._predicted}
            missing = [index for index, key in enumerate(keys) if key not in known]
            if missing:
                fresh = self._predictor.probabilities(files.checkpoint(epoch), images[missing])
                known |= zip([keys[index] for index in missing], fresh, strict=True)
                self._predicted.update(known)
        return np.array([known[key] for key in keys], np.float32).reshape(-1, CLASSES)

    def predict(
        self,
        drawn: dict[str, Any],
        as_drawn: bool = False,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> DrawingPrediction:
        """The prediction for a drawing: see `preprocess`.

        `as_drawn` gives the network the scaled-down canvas instead of an image like MNIST's.
        """
        drawing = preprocess(drawn)
        image = drawing.network_image(as_drawn)
        run, checkpoint = self._find(run_id, epoch, evaluated=False)
        images = image[np.newaxis] * np.float32(255)
        probabilities = self._predictor.probabilities(checkpoint, images)[0]
        data: Dataset | None = None
        with suppress(DatasetUnavailableError):  # an imported network works without any data set
            data = self._data(run)
        doubt = self.detector.doubt(data, image, probabilities)
        return DrawingPrediction(
            digit=int(probabilities.argmax()),
            probabilities=tuple(probabilities.tolist()),
            sure=doubt is None,
            doubt=doubt,
            input=(image * 255).round().astype(int).tolist(),
            box=Box(*drawing.box),
            centre=drawing.centre,
            progress=checkpoint.progress,
        )

    # Networks

    def network(
        self, run_id: str | None = None, epoch: int | None = None, newest: bool = False
    ) -> tuple[Checkpoint, Dataset]:
        """A checkpoint and its data set. The same epoch gives the same object.

        By default that of the last evaluation, or with `newest` the newest weights. Where no run
        has a network yet, an untrained one and the data set of the next run.
        """
        try:
            run, checkpoint = self._find(run_id, epoch, evaluated=not newest)
        except NoModelError:
            return untrained(), self._data_of(None)
        return checkpoint, self._data(run)

    def checkpoint(self, run_id: str, epoch: int | None = None) -> Checkpoint:
        """A checkpoint, by default the newest weights of the run."""
        return self._find(run_id, epoch, evaluated=False)[1]

    def weights_version(self, run_id: str | None = None) -> str | None:
        """`RUN/REVISION/PROGRESS` of the newest evaluated network, or of the one within an epoch
        where the run was stopped; None if there is none."""
        with self._runs.lock:
            runs = reversed(list(self._runs)) if run_id is None else [self._runs.find(run_id)]
            return next((version for run in runs if (version := run.weights_version)), None)

    def newest_run(self) -> str:
        """The id of the newest run that has a network."""
        version = self.weights_version()
        if version is None:
            raise NoModelError(
                "There is no trained network yet. Press Train first; it takes a minute."
            )
        return version.split("/")[0]

    def _data_of(self, run_id: str | None) -> Dataset:
        """The data set of a run, by default that of the next one."""
        if run_id is None:
            return self._catalog.load("auto", self._tasks.should_stop)
        return self._data(self._runs.find(run_id))

    def _data(self, run: Run) -> Dataset:
        if run.data is None:
            run.data = self._catalog.load(run.snapshot.dataset, self._tasks.should_stop)
        return run.data

    def _find(
        self, run_id: str | None, epoch: int | None, evaluated: bool
    ) -> tuple[Run, Checkpoint]:
        """A run and the checkpoint of an epoch, by default of the last evaluation or the newest.

        Asks a run whose newest weights are read to publish newer ones.
        """
        with self._runs.lock:
            run = self._runs.find(run_id or self.newest_run())
            if epoch is None:
                in_memory = (run.evaluated if evaluated else None) or run.latest
                if not evaluated:
                    run.control.publish_weights()
                if in_memory is not None:
                    return run, in_memory
                if not run.snapshot.kept:
                    why = _WHY_UNTRAINED.get(run.snapshot.state, "ended")
                    raise NotTrainedError(
                        f"{run.snapshot.title} {why} and has learned nothing yet. "
                        "Choose another run, or train one."
                    )
        return run, _read(run.files, run.shown_epoch if epoch is None else epoch)


@cached(
    LRUCache(MAX_CHECKPOINTS),
    key=lambda files, epoch: files.stamp(epoch),
    condition=threading.Condition(),
)
def _read(files: CheckpointFiles, epoch: int | None) -> Checkpoint:
    return files.checkpoint(epoch)


def preprocess(drawn: dict[str, Any]) -> PreprocessedDrawing:
    """Makes a network's input of `{"strokes": …}`, points (x, y) with y downwards, or of
    `{"pixels": …}`, a greyscale picture (height, width), 0..255.

    Raises:
        EmptyDrawingError, InvalidDrawingError: see `core.drawing`.
    """
    if "pixels" in drawn:
        return preprocess_pixels(drawn["pixels"])
    return preprocess_strokes(drawn.get("strokes", []))
