"""Whether runs can be trained."""

from dataclasses import dataclass

from core.records.datasets import DatasetState

OK = "ok"


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
