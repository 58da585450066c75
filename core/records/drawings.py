"""Drawings that people save, how networks read them, and what fine-tuning on them changed."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.records.runs import FinetuneInfo


@dataclass(frozen=True, eq=False)
class ProbabilityHistory:
    """A run's predictions for one image: `probabilities` (n, 10) after each of `epochs` (n,).

    Epoch 0 is the untrained network. The last may be fractional: the newest network of a run that
    is training or paused.
    """

    epochs: tuple[float, ...]
    probabilities: np.ndarray

    @property
    def digits(self) -> tuple[int, ...]:
        """The prediction after each epoch."""
        return tuple(int(digit) for digit in self.probabilities.argmax(1))


@dataclass(frozen=True, eq=False)
class Drawing:
    """A drawing that somebody keeps, and the digit that they meant.

    `image` is what a network gets of it: (28, 28) uint8 with ink 255 on black 0.
    """

    drawing_id: str
    label: int
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class DrawingSet:
    """Somebody's drawings as one network reads them.

    `predictions` (n,) are None where there is no network. `taught` (n,) tells which drawings the
    network's run was trained on: they are no test of it.
    """

    drawings: tuple[Drawing, ...]
    predictions: np.ndarray | None
    taught: np.ndarray

    @property
    def right(self) -> int | None:
        """How many of them are read as they were meant."""
        if self.predictions is None:
            return None
        labels = [drawing.label for drawing in self.drawings]
        return int((self.predictions == labels).sum()) if labels else 0


@dataclass(frozen=True)
class DrawingScore:
    """How many of somebody's drawings the network after an epoch reads right."""

    epoch: int
    right: int
    count: int


@dataclass(frozen=True)
class DrawingScores:
    """The scores of a run's kept epochs: on drawings that it has never seen, and on those that it
    was taught."""

    fresh: tuple[DrawingScore, ...] = ()
    taught: tuple[DrawingScore, ...] = ()


@dataclass(frozen=True)
class FinetuneRow:
    """Shares of `count` images read right before a lesson and at its end, or as far as it is.

    `test` is the data set's test set, whose size is not told; `after` is None until there is a
    network to ask.
    """

    kind: Literal["test", "held_out", "taught"]
    count: int | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class FinetuneReport:
    """What a lesson changed, from the end of epoch `before` to that of `after`."""

    lesson: FinetuneInfo
    before: int
    after: int | None
    last: int
    rows: tuple[FinetuneRow, ...]
