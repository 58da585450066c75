"""Exported files, and the provenance that they contain."""

from dataclasses import dataclass
from typing import Any, Literal

WeightsFormat = Literal["pth", "safetensors", "onnx"]


@dataclass(frozen=True)
class Provenance:
    """The origin of exported weights or metrics, written into the file.

    `dataset` is the title of the data set. `config` has the fields of `TrainConfig`; it is None
    for imported weights. `started` is the start of the training in seconds since 1970.
    """

    run_id: str
    model: str
    dataset: str
    config: dict[str, Any] | None
    started: float


@dataclass(frozen=True)
class File:
    """A file to download."""

    name: str
    media_type: str
    content: bytes
