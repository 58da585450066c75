"""Lessons: the drawings that a run is taught, kept beside its networks, and the data made of them.

A lesson's file holds copies, so that the run stays what it is when its drawings are deleted. This
module does not know whose drawings they are, or when a run trains.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.config import TrainConfig
from core.data.dataset import Dataset
from core.disk import writing
from core.errors import DamagedFileError
from core.records.runs import RunSnapshot

EPOCHS = 5
SETTINGS: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "constant",
    "batch_size": 64,
    "augmentation": "affine",
    "label_smoothing": 0.0,
    "evaluations_per_epoch": 1,
}
"""Of a run that is taught; the others are those of the run before. How they were chosen is in
`docs/decisions.md`."""
TARGET_SAMPLES = 320
"""An epoch shows the drawings about so many times together, each time changed a little."""
REPLAY_RATIO = 3
"""Mixed, so many images that the run has learnt from are shown for every drawing."""
ENOUGH = 12
"""From so many drawings on, every third is held out to test with."""

_FILE = "lesson.safetensors"


@dataclass(frozen=True, eq=False)
class FinetuneData:
    """Drawings (n, 28, 28) uint8 with ink 255 and the digits (n,) that were meant.

    Those that are `held_out` (n,) are not trained on. `earlier` (m, 28, 28) are drawings that the
    run was taught before this lesson.
    """

    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    earlier: np.ndarray
    mixed: bool

    @property
    def seen(self) -> np.ndarray:
        """All drawings that the run was ever trained on, (k, 28, 28)."""
        return np.concatenate([self.images[~self.held_out], self.earlier])


def make(
    images: np.ndarray, labels: np.ndarray, mixed: bool, before: FinetuneData | None = None
) -> FinetuneData:
    """A lesson from drawings (n, 28, 28) and the digits (n,) that were meant.

    Every third is held out where there are `ENOUGH`, digit by digit, so that all digits have their
    share; none that the run has been taught already.
    """
    earlier = np.empty((0, 28, 28), np.uint8) if before is None else before.seen
    held_out = np.zeros(len(images), bool)
    if len(images) >= ENOUGH:
        free = np.flatnonzero(~known(images, earlier))
        held_out[free[np.argsort(labels[free], kind="stable")][2::3]] = True
    return FinetuneData(images, labels, held_out, earlier, mixed)


def known(images: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) whether each image is one of others."""
    others = {other.tobytes() for other in among}
    return np.array([image.tobytes() in others for image in images], bool)


def keep(lesson: FinetuneData, folder: Path) -> None:
    """Writes a lesson beside a run's networks, whole or not at all.

    Raises:
        StorageError: it cannot be written.
    """
    tensors = {
        "images": torch.from_numpy(lesson.images),
        "labels": torch.from_numpy(lesson.labels),
        "held_out": torch.from_numpy(lesson.held_out),
        "earlier": torch.from_numpy(lesson.earlier),
        "mixed": torch.tensor(lesson.mixed),
    }
    part = folder / f"{_FILE}.part"
    with writing("The lesson"):
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, part)
        part.replace(folder / _FILE)


def read(run: RunSnapshot, folder: Path) -> FinetuneData | None:
    """A run's lesson; None where it has none.

    Raises:
        DamagedFileError: it cannot be read.
    """
    if run.lesson is None:
        return None
    try:
        found = load_file(folder / _FILE)
        names = ("images", "labels", "held_out", "earlier")
        images, labels, held_out, earlier = (found[name].numpy() for name in names)
        return FinetuneData(images, labels, held_out, earlier, bool(found["mixed"]))
    except (OSError, SafetensorError, KeyError) as error:
        raise DamagedFileError(
            f"The drawings that {run.title} was taught cannot be read: {folder.name}/{_FILE}."
        ) from error


def data_for(
    lesson: FinetuneData, config: TrainConfig, data: Dataset
) -> tuple[TrainConfig, Dataset]:
    """What a run that has a lesson trains on, and the settings to train with.

    Each drawing stands as often as it takes to make about `TARGET_SAMPLES` of them. Mixed, `REPLAY_RATIO` times
    as many images of those that the run has learnt from follow, chosen by its seed: rehearsal, the
    oldest remedy against forgetting (A. Robins, "Catastrophic forgetting, rehearsal and
    pseudorehearsal", 1995). The test set stays the data set's.
    """
    taught = ~lesson.held_out
    count = int(taught.sum())
    times = -(-TARGET_SAMPLES // count)
    images = torch.from_numpy(np.tile(lesson.images[taught], (times, 1, 1)))
    labels = torch.from_numpy(np.tile(lesson.labels[taught], times))
    title = f"{count} drawing{'' if count == 1 else 's'}"
    if lesson.mixed:
        learnt = config.train_images or len(data.train_images)
        chosen = np.random.default_rng(config.seed).permutation(min(learnt, len(data.train_images)))
        rehearsed = torch.from_numpy(chosen[: REPLAY_RATIO * len(images)])
        images = torch.cat([images, data.train_images[rehearsed]])
        labels = torch.cat([labels, data.train_labels[rehearsed]])
        title = f"{title} and {data.title}"
    made = replace(data, title=title, train_images=images, train_labels=labels)
    return config.model_copy(update={"train_images": 0}), made
