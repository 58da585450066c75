"""Where a data set stands: ready, loading or unavailable."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class DatasetStatus:
    """Where a data set stands: `state` is what the page shows, `message` says why in a sentence.

    `progress` runs from 0 to 1 while the set is downloaded or made.
    """

    name: str
    title: str
    state: Literal["unknown", "preparing", "ready", "unavailable"]
    message: str = ""
    progress: float | None = None
