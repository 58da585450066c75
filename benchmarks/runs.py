"""What many runs and long runs cost: `python -m benchmarks.runs --data-dir D`.

Lists a thousand stored runs in the service and in a browser, and watches the memory of a page and
of the server while the page follows a run of two thousand short epochs (a small network, few images
of its own). Prints figures, judges nothing.
"""

import argparse
import gzip
import itertools
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from core.config import TrainConfig
from core.data.catalog import DataCatalog
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics
from core.records.runs import RunSnapshot, RunState
from core.runs.database import RunDatabase
from core.service.service import TrainingService
from dashboard.components import header, runs_table
from dashboard.live.protocol import Place
from dashboard.live.updates import Changes, update
from tools.chromium import opened_chromium
from tools.server import Server, get, post, until
from tools.tiny_datasets import make_tiny_dataset, write_mnist

LONG = {"model": "mlp", "train_images": 100, "batch_size": 50, "precision": "fp32"}


def main() -> int:
    parser = argparse.ArgumentParser(description="What many runs and long runs cost.")
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder with MNIST/raw")
    parser.add_argument("--runs", type=int, default=1000, help="stored runs (default: 1000)")
    parser.add_argument("--epochs", type=int, default=2000, help="of the long run (default: 2000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, opened_chromium() as browser:
        runs = Path(folder)
        fill(runs, options.runs)
        print_service(runs, options.data_dir)
        data = ("--dataset", "mnist", "--data-dir", str(options.data_dir.resolve()))
        with Server(*data, runs=runs) as server:
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            print_table(page, server.url, options.runs)
            page.close()
        print_memory(browser.new_page(), options.epochs)
    return 0


def fill(folder: Path, count: int) -> None:
    """Stores so many runs of three epochs and 300 batch events each."""
    store = RunDatabase(folder)
    config = TrainConfig(epochs=3)
    events: list[Metrics] = [
        BatchMetrics(1 + step // 100, step, step / 100, 0.1, 0.97, 1e-3, 5000.0, step / 10)
        for step in range(1, 301)
    ]
    events += [EpochMetrics(e, e * 100, e, 0.1, 0.97, 0.1, 0.97, 5000.0, e * 10) for e in (1, 2, 3)]
    run = RunSnapshot(
        run_id="",
        state=RunState.DONE,
        config=config.model_dump(),
        dataset="mnist",
        dataset_title="MNIST",
        device="CPU",
        precision="fp32",
        epochs=3,
        created="2026-01-01T00:00:00+00:00",
        progress=3.0,
        best_test_accuracy=0.97,
    )
    for number in range(count):
        run_id = f"20260101-000000-{number:04d}"
        store.save(replace(run, run_id=run_id, number=number))
        store.replace_events(run_id, 0, events)
    store.close()


def print_service(folder: Path, data_dir: Path) -> None:
    times = [time.perf_counter()]
    service = TrainingService(DataCatalog(data_dir, data_dir), RunDatabase(folder))
    times.append(time.perf_counter())
    count = len(service.runs.all())
    times.append(time.perf_counter())
    changes = Changes(service, runs_table.row, partial(header.describe, service))
    times.append(time.perf_counter())
    changes.refresh()
    times.append(time.perf_counter())
    text = update(changes, Place()).to_text().encode()
    times.append(time.perf_counter())
    service.close()
    started, listed, read, refreshed, told = (
        1000 * (after - before) for before, after in itertools.pairwise(times)
    )
    print(
        f"{count:,} stored runs, in ms: the service starts in {started:.0f}, lists them in "
        f"{listed:.1f}, and makes their rows in {read:.0f}; looks for changes in {refreshed:.1f}, "
        f"and makes a page's first message in {told:.0f} ({len(text) / 1000:.0f} kB, compressed "
        f"{len(gzip.compress(text, 5)) / 1000:.0f})"
    )


def print_table(page: Page, url: str, count: int) -> None:
    newest = page.get_by_role("gridcell", name=f"Run {count - 1}", exact=True)
    began = time.perf_counter()
    page.goto(f"{url}/?tab=runs")
    newest.wait_for()
    print(f"from the address to the first rows: {time.perf_counter() - began:.2f} s")
    page.get_by_role("tab", name="Train").click()
    began = time.perf_counter()
    page.get_by_role("tab", name="Runs").click()
    newest.wait_for()
    print(f"from a click on Runs to the first rows: {time.perf_counter() - began:.2f} s")


def print_memory(page: Page, epochs: int) -> None:
    """What the page (its heap after a collection) and the server hold, at ten places of a run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_mnist(make_tiny_dataset(), folder / "MNIST" / "raw")
        data = ("--dataset", "mnist", "--data-dir", name)
        with Server(*data, runs=folder / "runs") as server:
            watch(page, server, epochs)


def watch(page: Page, server: Server, epochs: int) -> None:
    page.goto(f"{server.url}/?tab=curves")
    cdp = page.context.new_cdp_session(page)
    began = time.perf_counter()
    run_id = post(f"{server.url}/api/runs", {**LONG, "epochs": epochs})["run_id"]
    print("epoch  page, MB  server, MB")
    for tenth in range(1, 11):
        until(partial(reached, server.url, run_id, epochs * tenth / 10), 1800, pause=0.5)
        cdp.send("HeapProfiler.collectGarbage")
        used: dict[str, Any] = cdp.send("Runtime.getHeapUsage")
        heap, memory = used["usedSize"] / 2**20, server.memory() / 2**20
        print(f"{epochs * tenth // 10:5}  {heap:8.1f}  {memory:10.0f}", flush=True)
    events = get(f"{server.url}/api/runs/{run_id}/events")["cursor"]
    print(f"{events:,} events in {time.perf_counter() - began:.0f} s")


def reached(url: str, run_id: str, progress: float) -> bool:
    run = get(f"{url}/api/runs/{run_id}")
    return bool(run and (run["progress"] >= progress or run["state"] == "done"))


if __name__ == "__main__":
    sys.exit(main())
