"""Whether runs can be trained: facts about the worker, the disk and the data set."""

import shutil
from contextlib import suppress

import core
from core.data.catalog import DataCatalog
from core.records.server import OK, Health
from core.runs.database import RunDatabase
from core.service.worker import TrainingWorker

MIN_FREE_BYTES = 100_000_000
"""Less free disk counts as full: a run writes a checkpoint of up to some 20 MB after each epoch."""


def check(worker: TrainingWorker, catalog: DataCatalog, database: RunDatabase) -> Health:
    dataset = catalog.status()
    alive = worker.is_alive
    free: int | None = None
    with suppress(OSError):
        free = shutil.disk_usage(database.root).free
    status = OK
    if not alive:
        status = "Nothing can be trained: the training thread has ended. Start Digit Lab again."
    elif free is None:
        status = "Nothing can be saved: the folder of runs cannot be read."
    elif free < MIN_FREE_BYTES:
        status = f"The disk is full: {free // 1_000_000} MB are free. Delete files and runs."
    elif dataset.state == "unavailable":
        status = "Nothing can be trained: no data set can be loaded."
    return Health(
        status=status,
        worker_alive=alive,
        queue_length=len(worker.queue),
        free_bytes=free,
        dataset=dataset.title,
        dataset_state=dataset.state,
        version=core.__version__,
    )
