"""Records of CNN vs MLP: two runs side by side, and accuracy on distorted images."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.records.runs import RunSnapshot

Distortion = Literal["shift", "rotation", "noise"]


@dataclass(frozen=True)
class RobustnessCurve:
    """Accuracies (from 0 to 1) of a network at rising strengths of a distortion."""

    distortion: Distortion
    strengths: tuple[float, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Robustness:
    """A network's robustness on a number of test images. The first strength of a curve is 0."""

    model: str
    images: int
    curves: tuple[RobustnessCurve, ...]


@dataclass(frozen=True, eq=False)
class Examples:
    """An image at each strength of a distortion: `images` (n, 28, 28) float32, 0..255."""

    distortion: Distortion
    strengths: tuple[float, ...]
    images: np.ndarray


@dataclass(frozen=True)
class Pair:
    """Two runs that were started together, the MLP's last. Deleted runs are missing."""

    name: str
    runs: tuple[RunSnapshot, ...]

    @property
    def ended(self) -> bool:
        """Whether no run trains or is queued. A paused run does neither."""
        return all(run.state.at_rest for run in self.runs)

    @property
    def comparable(self) -> tuple[RunSnapshot, ...]:
        """The runs that were trained for at least one epoch."""
        return tuple(run for run in self.runs if run.current_epoch)
