"""Whether runs can be trained on this computer, and how long that takes."""

from dataclasses import dataclass
from typing import Literal

from core.records.datasets import DatasetState

OK = "ok"

PromiseState = Literal["measured", "measuring", "unknown"]


@dataclass(frozen=True)
class Health:
    """What is needed for training, now.

    `status` is `ok`, or a sentence that says why no run can be trained; it names no folder.
    `queue_length` counts the runs that wait. `free_bytes` is the disk space for runs; null if their
    folder cannot be read.
    """

    status: str
    worker_alive: bool
    queue_length: int
    free_bytes: int | None
    dataset: str
    dataset_state: DatasetState
    version: str

    @property
    def can_train(self) -> bool:
        return self.status == OK


@dataclass(frozen=True)
class Promise:
    """About how long a preset takes beside an open page, and how many of the test images it then
    reads right, from 0 to 1.

    None where nobody knows.
    """

    seconds: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Promises:
    """The promises of all presets by name, and the device that they hold for.

    `state` is `measuring` for about a second when somebody first asks, and `unknown` while the
    device is busy with a run.
    """

    device: str
    state: PromiseState
    presets: dict[str, Promise]
