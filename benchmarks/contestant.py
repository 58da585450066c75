"""One measurement in a process of its own: `python -m benchmarks.contestant KIND ...`.

A process of its own, because our memory settings hold for a whole process and would speed up
whatever is measured after us. Prints one line of JSON. It does not know what the figures are
compared with.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FAULT_STEPS = 50
"""Steps at the start whose page faults do not count: memory is taken for the first time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind in ("notebook", "published", "main", "thread"):
        sub = kinds.add_parser(kind)
        sub.add_argument("--data-dir", type=Path, required=True)
        sub.add_argument("--seed", type=int, default=0)
        if kind == "notebook":
            sub.add_argument("--epochs", type=int, default=1)
        if kind in ("main", "thread"):
            sub.add_argument("--settings", type=json.loads, required=True)
    product = kinds.add_parser("product")
    product.add_argument("--precision", choices=("bf16", "fp32"), required=True)
    work = kinds.add_parser("work")
    work.add_argument("--model", required=True)
    options = parser.parse_args()
    measure: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "notebook": notebook,
        "published": published,
        "main": in_main_thread,
        "thread": in_service_thread,
        "product": matrix_product,
        "work": work_per_image,
    }
    json.dump(measure[options.kind](options), sys.stdout)
    print()


def notebook(options: argparse.Namespace) -> dict[str, Any]:
    """The notebook's loop: speed and faults, and test accuracy by the second."""
    from benchmarks import reference

    faults = Faults()
    epochs = list(
        reference.notebook(options.data_dir, options.epochs, options.seed, faults.after_step)
    )
    return {
        "images_per_second": statistics.median(epoch.images_per_second for epoch in epochs),
        "faults_per_step": faults.per_step(),
        "curve": [(epoch.seconds, epoch.test_accuracy) for epoch in epochs],
    }


def published(options: argparse.Namespace) -> dict[str, Any]:
    """train_mnist_fast as published."""
    from benchmarks import reference

    epoch = reference.published(options.data_dir, options.seed)
    return {
        "images_per_second": epoch.images_per_second,
        "curve": [(epoch.seconds, epoch.test_accuracy)],
    }


def in_main_thread(options: argparse.Namespace) -> dict[str, Any]:
    """Our loop, iterated here."""
    from core.device import configure_malloc

    configure_malloc()
    from core.config import parse_config
    from core.data.catalog import DataCatalog
    from core.records.metrics import BatchMetrics, EpochMetrics
    from core.training.loop import fit
    from core.training.state import Checkpoint

    config = parse_config({**options.settings, "seed": options.seed})
    data = DataCatalog(options.data_dir, options.data_dir).load("mnist")
    faults = Faults()
    metrics = []
    last_step = 0
    for event in fit(config, data):
        if isinstance(event, Checkpoint):
            continue
        metrics.append(event)
        if isinstance(event, BatchMetrics):
            faults.after_step(event.step - last_step)
            last_step = event.step
    epochs = [event for event in metrics if isinstance(event, EpochMetrics)]
    return {"faults_per_step": faults.per_step(), **_summary(epochs)}


def in_service_thread(options: argparse.Namespace) -> dict[str, Any]:
    """Our loop, in the background thread of the service, as the page uses it."""
    from core.device import configure_malloc

    configure_malloc()
    from core.config import parse_config
    from core.data.catalog import DataCatalog
    from core.records.metrics import EpochMetrics
    from core.runs.database import RunDatabase
    from core.service.service import TrainingService

    config = parse_config({**options.settings, "seed": options.seed})
    catalog = DataCatalog(options.data_dir, options.data_dir)
    with tempfile.TemporaryDirectory() as runs:
        service = TrainingService(catalog, RunDatabase(Path(runs)))
        # As the server does. Loaded here, this thread would keep a pool of OpenMP threads, and
        # libgomp lets none wait awake once there are more of them than processors.
        service.prepare_dataset("mnist")
        while service.dataset_status("mnist").state != "ready":
            time.sleep(0.05)
        run_id = service.runs.start(config)
        while not service.runs.snapshot(run_id).state.finished:
            time.sleep(0.1)
        events, _ = service.runs.events_since(run_id, 0)
        service.close()
    return _summary([event for event in events if isinstance(event, EpochMetrics)])


def _summary(epochs: list[Any]) -> dict[str, Any]:
    ends = [event for event in epochs if event.progress == event.epoch]
    return {
        "images_per_second": statistics.median(event.images_per_second for event in ends),
        "curve": [(event.seconds, event.test_accuracy) for event in epochs],
    }


def matrix_product(options: argparse.Namespace) -> dict[str, Any]:
    """The machine's own rate for a large matrix product, in FLOP/s."""
    import torch

    size = 2048
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(25):
        began = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - began)
    return {"flops": 2 * size**3 / statistics.median(seconds[5:])}


def work_per_image(options: argparse.Namespace) -> dict[str, Any]:
    """What a model's forward and backward pass cost, in FLOP per image, as torch counts them."""
    import torch
    from torch.nn import functional as F
    from torch.utils.flop_counter import FlopCounterMode

    from core import models

    model, count = models.build(options.model), 8
    with FlopCounterMode(display=False) as counter:
        labels = torch.zeros(count, dtype=torch.int64)
        F.cross_entropy(model(torch.randn(count, 1, 28, 28)), labels).backward()
    return {"flop_per_image": counter.get_total_flops() / count}


class Faults:
    """Page faults per training step: a figure without noise for what the allocator costs."""

    def __init__(self) -> None:
        self._steps = 0
        self._counted: list[tuple[int, int]] = []

    def after_step(self, steps: int = 1) -> None:
        try:
            import resource
        except ImportError:  # not on Windows
            return
        self._steps += steps
        if self._steps > FAULT_STEPS:
            self._counted.append((self._steps, resource.getrusage(resource.RUSAGE_SELF).ru_minflt))

    def per_step(self) -> float | None:
        """The median over the stretches measured, so that an evaluation does not count."""
        pairs: Iterable[tuple[tuple[int, int], tuple[int, int]]] = zip(
            self._counted, self._counted[1:], strict=False
        )
        rates = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs]
        return statistics.median(rates) if rates else None


if __name__ == "__main__":
    main()
