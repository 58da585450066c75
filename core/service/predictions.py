"""Looking at what a run has learnt, at any epoch that was kept: readings, galleries, test images.

It finds the network that is asked for, in memory or on disk, and hands it to `core.inference.predictor`. It
does not know how a run is trained, or who looks.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from core.analysis.mistakes import TestSetReport
from core.analysis.reports import TestSetReports
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.drawing.photos import preprocess_pixels
from core.drawing.preprocessed import PreprocessedDrawing
from core.drawing.strokes import preprocess_strokes
from core.errors import DatasetUnavailableError, NoModelError, NotTrainedError
from core.inference.confidence import OutOfDistributionDetector
from core.inference.predictor import Predictor
from core.records.predictions import DrawingPrediction, Gallery
from core.records.runs import RunSnapshot, RunState
from core.runs.registry import Runs
from core.runs.run import Run
from core.training.state import Checkpoint

READ_RECENTLY = 2.0
REMEMBERED = 24
"""Networks of stored epochs that are kept in memory, some megabytes each."""


class Predictions:
    """Answers questions about networks; may be asked from any thread.

    Every question takes a run, by default the newest that has a network, and an epoch, by default
    the newest weights there are.
    """

    def __init__(self, runs: Runs, lock: threading.RLock, catalog: DataCatalog) -> None:
        self._runs, self._lock, self._catalog = runs, lock, catalog
        self._reader = Predictor()
        self._judge = OutOfDistributionDetector()
        self._assessor = TestSetReports(self._reader)
        self._memory = threading.Lock()
        self._remembered: OrderedDict[tuple[str, int, float], Checkpoint] = OrderedDict()
        self._last_read = float("-inf")

    def gallery(
        self,
        count: int,
        seed: int,
        only_wrong: bool = False,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> Gallery:
        """Random test images as a network read them; by default at the run's last evaluation.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        return self._reader.gallery(checkpoint, self._data(run), count, seed, only_wrong)

    def test_image(self, index: int, run_id: str | None = None) -> np.ndarray:
        """A test image of a run's data set, (28, 28) uint8.

        Raises:
            NoModelError: nothing has been trained yet.
            IndexError: the test set has no such image.
        """
        run, _ = self._find(run_id, None, evaluated=True)
        return self._data(run).test_images[index].numpy()

    def test_images(
        self, indices: Sequence[int], run_id: str | None = None, epoch: int | None = None
    ) -> Gallery:
        """Test images by their places, and what a network says of them; by default as `gallery`.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
            IndexError: the test set has no such image.
        """
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        return self._reader.look(checkpoint, self._data(run), np.array(indices, np.int64))

    def assessment(self, run_id: str | None = None, epoch: int | None = None) -> TestSetReport:
        """The whole test set as a network reads it, by default at the run's last evaluation.

        Worked out once for each network and kept. Takes seconds for an untrained network, which
        no evaluation has asked, and some milliseconds for all others.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        with self._lock:  # before the network: that of a newer revision is then not kept as this
            revisions = {run.run_id: run.snapshot.revision for run in self._candidates(run_id)}
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        named = (run.run_id, revisions.get(run.run_id, run.snapshot.revision))
        return self._assessor.assess(named, checkpoint, run.files, self._data(run))

    def network(
        self, run_id: str | None = None, epoch: int | None = None
    ) -> tuple[Checkpoint, Dataset]:
        """An evaluated network and the data it learnt from, for those who look further into it.

        While the epoch is the same, so is the checkpoint, as long as it is remembered.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        run, checkpoint = self._find(run_id, epoch, evaluated=True)
        return checkpoint, self._data(run)

    def weights_version(self, run_id: str | None = None) -> str | None:
        """A text that changes whenever the newest network does; None while there is none.

        `RUN/REVISION/PLACE`, the place being how far it has come. Cheap: it reads no file.
        """
        with self._lock:
            for run in self._candidates(run_id):
                named = f"{run.run_id}/{run.snapshot.revision}"
                if run.evaluated is not None:
                    return f"{named}/{run.evaluated.progress:g}"
                if run.snapshot.kept:
                    return f"{named}/{run.snapshot.kept[-1]}"
        return None

    def read_strokes(
        self,
        strokes: Any,
        as_drawn: bool = False,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> DrawingPrediction:
        """What a network reads in a drawing: strokes of (x, y) points, y downwards.

        Args:
            as_drawn: the network gets the canvas squeezed, instead of a picture like MNIST's.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
            EmptyDrawingError, InvalidDrawingError: see `core.drawing.strokes`.
        """
        return self._read(preprocess_strokes(strokes), as_drawn, run_id, epoch)

    def read_pixels(
        self,
        pixels: Any,
        as_drawn: bool = False,
        run_id: str | None = None,
        epoch: int | None = None,
    ) -> DrawingPrediction:
        """What a network reads in a greyscale picture, 0..255, of any size.

        Args, Raises: as `read_strokes`.
        """
        return self._read(preprocess_pixels(pixels), as_drawn, run_id, epoch)

    def checkpoint(self, run_id: str, epoch: int | None = None) -> Checkpoint:
        """A network itself, by default the newest weights of the run.

        Raises:
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        return self._find(run_id, epoch, evaluated=False)[1]

    def was_read_recently(self) -> bool:
        """Whether somebody draws: weights between two evaluations are then worth a copy."""
        return time.monotonic() - self._last_read < READ_RECENTLY

    def _read(
        self, steps: PreprocessedDrawing, as_drawn: bool, run_id: str | None, epoch: int | None
    ) -> DrawingPrediction:
        image = steps.network_image(as_drawn)
        run, checkpoint = self._find(run_id, epoch, evaluated=False)
        self._last_read = time.monotonic()
        prediction = self._reader.predict(checkpoint, image)
        data: Dataset | None
        try:
            data = self._data(run)
        except DatasetUnavailableError:  # a network brought in reads without any digits beside it
            data = None
        doubt = self._judge.doubt(data, image, prediction)
        return DrawingPrediction(image, prediction, doubt, steps.box, steps.centre)

    def _data(self, run: Run) -> Dataset:
        if run.data is None:
            run.data = self._catalog.load(run.snapshot.dataset)
        return run.data

    def _find(
        self, run_id: str | None, epoch: int | None, evaluated: bool
    ) -> tuple[Run, Checkpoint]:
        with self._lock:
            candidates = self._candidates(run_id)
            for run in candidates:
                live = (run.evaluated if evaluated else None) or run.latest
                if epoch is None and live is not None:
                    return run, live
                if epoch is not None or run.snapshot.kept:
                    snapshot = run.snapshot
                    break
            else:
                if run_id is not None:
                    raise NotTrainedError(_why_not(candidates[0].snapshot))
                raise NoModelError(
                    "There is no trained network yet. Press Train first; it takes a minute."
                )
        if epoch is None and (evaluated or snapshot.place_epoch is not None):
            epoch = snapshot.kept[-1] if snapshot.place_epoch is None else snapshot.place_epoch
        place = snapshot.progress if epoch is None else float(epoch)
        return run, self._stored(run, epoch, (run.run_id, snapshot.revision, place))

    def _candidates(self, run_id: str | None) -> list[Run]:
        return list(reversed(list(self._runs))) if run_id is None else [self._runs.find(run_id)]

    def _stored(self, run: Run, epoch: int | None, key: tuple[str, int, float]) -> Checkpoint:
        """From disk, where a network changes only when its run goes on or is gone back in."""
        with self._memory:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        found = run.files.checkpoint(epoch)
        with self._memory:
            self._remembered[key] = found
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return found


def _why_not(run: RunSnapshot) -> str:
    """Why a run has no network, and what to do."""
    if run.state.finished:
        return f"{run.title} ended before it had learnt anything. Choose another run, or train one."
    words = {
        RunState.QUEUED: "waits for its turn",
        RunState.PAUSED: "was paused before its beginning",
    }.get(run.state, "is only beginning")
    return f"{run.title} {words} and has learnt nothing yet. Choose another run to look at."
