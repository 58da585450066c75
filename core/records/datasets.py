"""The status of a data set: ready, loading or unavailable."""

from dataclasses import dataclass
from typing import Literal

DatasetState = Literal["unknown", "preparing", "ready", "unavailable"]


@dataclass(frozen=True)
class DatasetStatus:
    """The status of a data set; `message` is a sentence with the reason or the counts.

    `progress` runs from 0 to 1 while the data set is downloaded or generated. `note` says why
    another data set or folder than the wanted one is used; it is empty otherwise.
    """

    name: str
    title: str
    state: DatasetState
    message: str = ""
    progress: float | None = None
    note: str = ""
