"""Digit Lab whose training only pretends: `python -m benchmarks.stand_in`, with `run.py`'s options.

A run sends 20 batch reports and an evaluation with a new network each second, nearly for free. As
a file with another checkout on PYTHONPATH, it serves that one.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from core import models
from core.config import TrainConfig
from core.data.dataset import Dataset
from core.records.metrics import BatchMetrics, EpochMetrics
from core.training import loop
from core.training.loop import Event
from core.training.state import Checkpoint, Position, ResumeState
from tools.server import Server
from tools.tiny_datasets import make_tiny_dataset, write_mnist

REPORTS = 20  # a second, which is an epoch
RUN = {"model": "mlp", "epochs": 2000}


def fit(config: TrainConfig, data: Dataset, *_: Any, **asked: Any) -> Iterator[Event]:
    """Stands in for `core.training.fit`."""
    weights = models.build(config.model).state_dict()
    said = np.full((len(data.test_images), 10), 0.1, np.float32)
    began = time.monotonic()
    yield Checkpoint(config.model, 0, 0, 0.0, weights, said)
    for step in range(1, config.epochs * REPORTS + 1):
        time.sleep(max(0.0, began + step / REPORTS - time.monotonic()))
        if asked["should_stop"]():
            return
        epoch = 1 + (step - 1) // REPORTS
        loss = 2 / (1 + step / 100) + 0.1 * np.random.random()
        figures = (epoch, step, step / REPORTS, loss, 1 - loss / 3)
        yield BatchMetrics(*figures, 1e-3, 5000.0, step / REPORTS)
        if step % REPORTS == 0:
            yield EpochMetrics(*figures, loss, 1 - loss / 3, 5000.0, step / REPORTS)
            place = ResumeState(Position(epoch + 1, step=step), {})
            yield Checkpoint(config.model, epoch, step, float(epoch), weights, said, place)


@contextmanager
def stand_in() -> Iterator[Server]:
    """This server on digits of its own, as long as a benchmark needs it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_mnist(make_tiny_dataset(), folder / "MNIST" / "raw")
        data = ("--dataset", "mnist", "--data-dir", name)
        program = ("-m", "benchmarks.stand_in")
        with Server(*data, runs=folder / "runs", program=program) as server:
            yield server


if __name__ == "__main__":
    loop.fit = fit  # before the service takes it
    import run

    sys.exit(run.main())
