"""Two runs side by side, and how their networks read distorted images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.records.runs import RunSnapshot

Distortion = Literal["shift", "rotation", "noise"]


@dataclass(frozen=True)
class RobustnessCurve:
    """Accuracy (shares of 1) of a network as its test images are distorted more and more."""

    distortion: Distortion
    strengths: tuple[float, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Robustness:
    """How well a network bears distortions, on so many test images, and how large it is."""

    model: str
    parameters: int
    images: int
    curves: tuple[RobustnessCurve, ...]

    @property
    def accuracy(self) -> float:
        """On the same images as they are: the first strength of every curve is 0."""
        return self.curves[0].accuracies[0]


@dataclass(frozen=True, eq=False)
class Examples:
    """An image as it is shown to networks: `images` (n, 28, 28) float32, 0..255, by strength."""

    distortion: Distortion
    strengths: tuple[float, ...]
    images: np.ndarray


@dataclass(frozen=True)
class Pair:
    """Runs of two networks that were started together, the MLP's last; deleted ones are missing."""

    name: str
    runs: tuple[RunSnapshot, ...]

    @property
    def ended(self) -> bool:
        """Whether none of them trains or waits: a run that is put down does not."""
        return all(run.state.at_rest for run in self.runs)

    @property
    def comparable(self) -> tuple[RunSnapshot, ...]:
        """Those whose networks have learnt for at least an epoch."""
        return tuple(run for run in self.runs if _epochs_learnt(run) > 0)


def _epochs_learnt(run: RunSnapshot) -> int:
    """After how many whole epochs the run's network is shown, once it does not train."""
    if run.place_epoch is not None:
        return run.place_epoch
    return run.kept[-1] if run.kept else 0
