"""What a run's kept networks say of single images, epoch by epoch; each is asked once.

A network that was kept never changes, so an answer holds for good. One network is read at a time:
a run that trains needs the processors more. This module does not know what the images are, or who
asks.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from core.errors import NoModelError, UnknownEpochError
from core.inference.predictor import Predictor
from core.models import CLASSES
from core.records.drawings import ProbabilityHistory
from core.runs.registry import Runs
from core.service.predictions import Predictions

MOST_EPOCHS = 40
"""Networks that are asked for a course, spread evenly over those that are kept."""
NETWORKS, IMAGES = 256, 1000
"""Answers that are remembered: of so many networks, on so many images each; 40 bytes an answer."""

Answers = OrderedDict[bytes, np.ndarray]


class PredictionHistory:
    """Asks kept networks; may be asked from any thread."""

    def __init__(self, runs: Runs, lock: threading.RLock, explorer: Predictions) -> None:
        self._runs, self._lock, self._explorer = runs, lock, explorer
        self._reader = Predictor()
        self._reading = threading.Lock()
        self._answers: OrderedDict[tuple[int, int, int], Answers] = OrderedDict()

    def course(self, image: np.ndarray, run_id: str | None = None) -> ProbabilityHistory:
        """What was said of an image (28, 28), 0..1, from the untrained network to the newest.

        Args:
            run_id: by default the newest run that has a network.

        Raises:
            NoModelError: nothing has been trained yet.
            NotTrainedError, UnknownRunError, DamagedFileError: there is no such run, or it cannot be read.
        """
        run_id = run_id or self.newest_run()
        images = image[np.newaxis] * np.float32(255)
        newest = self._explorer.checkpoint(run_id)
        with self._lock:
            kept = self._runs.find(run_id).snapshot.kept
        epochs: list[float] = []
        said: list[np.ndarray] = []
        for epoch in spread(kept, MOST_EPOCHS):
            try:
                said.append(self.said(run_id, epoch, images)[0])
            except UnknownEpochError:  # a long run gave it up meanwhile
                continue
            epochs.append(float(epoch))
        if not epochs or newest.progress > epochs[-1]:
            said.append(self._reader.probabilities(newest, images)[0])
            epochs.append(newest.progress)
        return ProbabilityHistory(tuple(epochs), np.stack(said))

    def said(self, run_id: str, epoch: int | None, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, 10), float32, of images (n, 28, 28) with ink 255 on black 0.

        Args:
            epoch: one that is kept; None for the newest network, which is asked every time.

        Raises:
            NotTrainedError, UnknownRunError, UnknownEpochError, DamagedFileError: there is no such network.
        """
        if epoch is None:
            checkpoint = self._explorer.checkpoint(run_id)
            return self._reader.probabilities(checkpoint, images)
        with self._lock:
            files = self._runs.find(run_id).files
        stamp = files.stamp(epoch)
        keys = [_digest(image) for image in images]
        with self._reading:
            known = self._answers.setdefault(stamp, OrderedDict())
            self._answers.move_to_end(stamp)
            unknown = [place for place, key in enumerate(keys) if key not in known]
            if unknown:
                fresh = self._reader.probabilities(files.checkpoint(epoch), images[unknown])
                known.update(
                    {keys[place]: said for place, said in zip(unknown, fresh, strict=True)}
                )
            found = [known[key] for key in keys]
            while len(known) > IMAGES:
                known.popitem(last=False)
            while len(self._answers) > NETWORKS:
                self._answers.popitem(last=False)
        return np.stack(found) if found else np.empty((0, CLASSES), np.float32)

    def newest_run(self) -> str:
        """The newest run that has a network.

        Raises:
            NoModelError: there is none.
        """
        version = self._explorer.weights_version()
        if version is None:
            raise NoModelError(
                "There is no trained network yet. Press Train first; it takes a minute."
            )
        return version.split("/")[0]


def spread(epochs: Sequence[int], most: int) -> list[int]:
    """At most so many of them, evenly spaced, the first and the last among them."""
    if len(epochs) <= most:
        return list(epochs)
    places = np.linspace(0, len(epochs) - 1, most).round().astype(int)
    return [epochs[place] for place in places]


def _digest(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()
