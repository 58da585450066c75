"""The drawings that a run is fine-tuned on: a file beside its checkpoints, and training data."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from core.config import TrainConfig
from core.data.dataset import Dataset
from core.disk import atomic_write
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
"""Settings of a fine-tuning; the others are those of its parent. `docs/decisions.md` says why."""
TARGET_SAMPLES = 320
"""An epoch shows about this many augmented drawings."""
REPLAY_RATIO = 3
"""Images of the parent's data set for each drawing, against forgetting."""
MIN_FOR_HOLDOUT = 12
"""With at least this many drawings, every third is held out for testing."""

_FILE = "lesson.safetensors"


@dataclass(frozen=True, eq=False)
class FinetuneData:
    """Drawings (n, 28, 28) uint8 with ink 255, and their labels (n,).

    Those that are `held_out` (n,) are not trained on. `earlier` (m, 28, 28) are drawings of
    fine-tunings before this one.
    """

    images: np.ndarray
    labels: np.ndarray
    held_out: np.ndarray
    earlier: np.ndarray
    mixed: bool

    @property
    def seen(self) -> np.ndarray:
        """All drawings that the run was trained on, (k, 28, 28)."""
        return np.concatenate([self.images[~self.held_out], self.earlier])


def make(
    images: np.ndarray, labels: np.ndarray, mixed: bool, before: FinetuneData | None = None
) -> FinetuneData:
    """Splits drawings (n, 28, 28) with labels (n,) into training and held-out ones.

    The split is stratified by digit. A drawing that the parent was trained on is not held out.
    """
    earlier = np.empty((0, 28, 28), np.uint8) if before is None else before.seen
    held_out = np.zeros(len(images), bool)
    if len(images) >= MIN_FOR_HOLDOUT:
        free = np.flatnonzero(~contains(earlier, images))
        held_out[free[np.argsort(labels[free], kind="stable")][2::3]] = True
    return FinetuneData(images, labels, held_out, earlier, mixed)


def contains(collection: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(n,) bool: whether each of `images` is in the collection."""
    others = {other.tobytes() for other in collection}
    return np.array([image.tobytes() in others for image in images], bool)


def save(data: FinetuneData, folder: Path) -> None:
    """Writes the drawings beside a run's checkpoints. Raises StorageError if it cannot."""
    tensors = {name: torch.as_tensor(value) for name, value in vars(data).items()}
    with atomic_write(folder / _FILE, "The lesson") as part:
        save_file(tensors, part)


def load(run: RunSnapshot, folder: Path) -> FinetuneData | None:
    """The drawings of a fine-tuned run; None for other runs. Raises DamagedFileError."""
    if run.lesson is None:
        return None
    try:
        tensors = load_file(folder / _FILE)
        stored: dict[str, Any] = {name: values.numpy() for name, values in tensors.items()}
        return FinetuneData(**{**stored, "mixed": bool(stored["mixed"])})
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"The drawings that {run.title} was taught cannot be read: {folder.name}/{_FILE}."
        ) from error


def training_data(
    drawings: FinetuneData, config: TrainConfig, data: Dataset
) -> tuple[TrainConfig, Dataset]:
    """The configuration and data set of a fine-tuning.

    Drawings are repeated until an epoch has about `TARGET_SAMPLES`. If they are mixed,
    `REPLAY_RATIO` times as many images of the parent's training data follow: rehearsal against
    forgetting (A. Robins, "Catastrophic forgetting, rehearsal and pseudorehearsal", 1995). The
    test set stays the same.
    """
    trained = ~drawings.held_out
    count = int(trained.sum())
    repeats = -(-TARGET_SAMPLES // count)
    images = torch.from_numpy(np.tile(drawings.images[trained], (repeats, 1, 1)))
    labels = torch.from_numpy(np.tile(drawings.labels[trained], repeats))
    title = f"{count} drawing{'' if count == 1 else 's'}"
    if drawings.mixed:
        available = config.image_count(len(data.train_images))
        order = np.random.default_rng(config.seed).permutation(available)
        replayed = torch.from_numpy(order[: REPLAY_RATIO * len(images)])
        images = torch.cat([images, data.train_images[replayed]])
        labels = torch.cat([labels, data.train_labels[replayed]])
        title = f"{title} and {data.title}"
    mixed = replace(data, title=title, train_images=images, train_labels=labels)
    return config.model_copy(update={"train_images": 0}), mixed
