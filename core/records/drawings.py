"""Records of saved drawings, of predictions for drawings, and of fine-tuning on them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.records.runs import FinetuneInfo


@dataclass(frozen=True)
class ProbabilityHistory:
    """A run's predictions for one image; the response of `POST /api/predict/course`.

    After each of `epochs` (n,) the predicted one of `digits` (n,) and ten `probabilities` (n, 10).
    Epoch 0 is the untrained network. The last may be fractional: the newest network of a run that
    is training or paused. Of a long run, 40 saved epochs are read, evenly spaced.
    """

    epochs: tuple[float, ...]
    digits: tuple[int, ...]
    probabilities: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, eq=False)
class Drawing:
    """A saved drawing with its label.

    `image` is the network's input: (28, 28) uint8, ink 255 on black 0.
    """

    drawing_id: str
    label: int
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class DrawingSet:
    """Saved drawings with the predictions of one network.

    `predictions` (n,) is None without a network. `taught` (n,) marks the drawings that the
    network's run was trained on: they do not test it.
    """

    drawings: tuple[Drawing, ...]
    predictions: np.ndarray | None
    taught: np.ndarray

    @property
    def right(self) -> int | None:
        """The number of right predictions."""
        if self.predictions is None:
            return None
        labels = [drawing.label for drawing in self.drawings]
        return int((self.predictions == labels).sum()) if labels else 0


@dataclass(frozen=True)
class DrawingScore:
    """The number of drawings that the network after an epoch predicts right, of `count`."""

    epoch: int
    right: int
    count: int


@dataclass(frozen=True)
class DrawingScores:
    """A run's scores at its saved epochs, on new drawings and on those that it was trained on."""

    fresh: tuple[DrawingScore, ...] = ()
    taught: tuple[DrawingScore, ...] = ()


@dataclass(frozen=True)
class FinetuneRow:
    """Accuracies on `count` images before fine-tuning and after its last epoch so far.

    `test` is the test set of the data set; its `count` is None. `after` is None until there is a
    network.
    """

    kind: Literal["test", "held_out", "taught"]
    count: int | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class FinetuneReport:
    """The effect of fine-tuning, from the end of epoch `before` to the end of `after`."""

    lesson: FinetuneInfo
    before: int
    after: int | None
    last: int
    rows: tuple[FinetuneRow, ...]
