"""The curves of a run as they grow, and their smoothing.

It does not know how a curve is drawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from core.events import BatchMetrics, EpochMetrics, Metrics, RateChange
from core.records import OwnScores

Metric = Literal["loss", "accuracy"]


class Smoother:
    """An exponential moving average, debiased, so that it starts at the first value, not at zero.

    The bias correction of Adam (Kingma and Ba 2015, section 3). A value depends only on those
    before it: a growing curve never changes its past. `weight` is from 0 (raw) to below 1.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self.values: list[float] = []
        self._average, self._scale = 0.0, 1.0

    def extend(self, values: Iterable[float]) -> None:
        for value in values:
            self._average = self.weight * self._average + (1 - self.weight) * value
            self._scale *= self.weight
            self.values.append(self._average / (1 - self._scale))


@dataclass
class Series:
    """The curves of one run, as they grow."""

    run_id: str | None = None
    batches: list[BatchMetrics] = field(default_factory=list)
    epochs: list[EpochMetrics] = field(default_factory=list)
    rate_changes: list[RateChange] = field(default_factory=list)
    own: OwnScores = field(default_factory=OwnScores)
    """How the visitor's own drawings were read: no part of the run, it may change at any time."""
    _smoothers: dict[Metric, Smoother] = field(default_factory=dict)

    def extend(self, events: Iterable[Metrics]) -> None:
        for event in events:
            if isinstance(event, BatchMetrics):
                self.batches.append(event)
            elif isinstance(event, EpochMetrics):
                self.epochs.append(event)
            else:
                self.rate_changes.append(event)

    def smoothed(self, metric: Metric, weight: float) -> list[float]:
        """The batches' metric, smoothed; what was smoothed at the last call is not done again."""
        smoother = self._smoothers.get(metric)
        if smoother is None or smoother.weight != weight:
            smoother = self._smoothers[metric] = Smoother(weight)
        fresh = self.batches[len(smoother.values) :]
        smoother.extend(getattr(event, metric) for event in fresh)
        return smoother.values
