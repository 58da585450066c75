"""Files that people download, and what they say about the run they come from."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Provenance:
    """Where weights or metrics come from: what a file that is taken away says of itself.

    `dataset` is the data set's title, `config` the fields of `TrainConfig` (None for weights that
    were brought in), `started` the beginning of the training in seconds since 1970.
    """

    run_id: str
    model: str
    dataset: str
    config: dict[str, Any] | None
    started: float


@dataclass(frozen=True)
class File:
    """Something to save on disk."""

    name: str
    media_type: str
    content: bytes
