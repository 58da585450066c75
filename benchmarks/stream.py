"""What a page costs the server: `python -m benchmarks.stream`.

Time and bytes of one push to one page, and of its first full figure, for runs of growing length.
It calls the stream as the server does, on records made up here; no network, no browser.
"""

import statistics
import time
from typing import Any

from dash._utils import to_json

from core.config import TrainConfig
from core.events import BatchMetrics, DatasetStatus, Metrics, RunSnapshot, RunState
from dashboard import ids
from dashboard.stream import PageStream, View

LENGTHS = (100, 1_000, 5_000)
PUSHES = 200
CURVES = View("benchmark", tab=ids.TAB_CURVES)


class Recorded:
    """Answers a page as the service does, from a list of events."""

    def __init__(self) -> None:
        self.events: list[Metrics] = []

    def latest_run(self) -> str:
        return "run"

    def events_since(self, run_id: str, cursor: int) -> tuple[list[Metrics], int]:
        return self.events[cursor:], len(self.events)

    def snapshot(self, run_id: str) -> RunSnapshot:
        config = TrainConfig()
        return RunSnapshot(
            run_id=run_id,
            state=RunState.RUNNING,
            config=config.model_dump(),
            dataset="mnist",
            dataset_title="MNIST",
            device="CPU",
            precision="bf16",
            epochs=config.epochs,
            progress=self.events[-1].progress,
        )

    def dataset_status(self, name: str = "auto") -> DatasetStatus:
        return DatasetStatus("mnist", "MNIST", "ready")

    def weights_version(self) -> None:
        return None

    def add(self, count: int) -> None:
        for _ in range(count):
            step = len(self.events) + 1
            self.events.append(
                BatchMetrics(1, step, step / 1000, 1 / step, 1 - 1 / step, 1e-3, 5000.0, step / 10)
            )


def main() -> None:
    print(f"{'events':>8} {'full, ms':>10} {'full, kB':>10} {'push, ms':>10} {'push, bytes':>12}")
    for length in LENGTHS:
        service: Any = Recorded()
        service.add(length)
        stream = PageStream(service)
        full_seconds, full_bytes = _timed(stream)
        pushes = []
        for _ in range(PUSHES):
            service.add(2)
            pushes.append(_timed(stream))
        seconds = statistics.median(seconds for seconds, _ in pushes)
        size = statistics.median(size for _, size in pushes)
        print(
            f"{length:>8,} {full_seconds * 1e3:>10.1f} {full_bytes / 1e3:>10.0f} "
            f"{seconds * 1e3:>10.2f} {size:>12,.0f}"
        )


def _timed(stream: PageStream) -> tuple[float, int]:
    """Seconds and bytes of the next updates."""
    began = time.perf_counter()
    text = str(to_json(stream.updates(CURVES)))
    return time.perf_counter() - began, len(text)


if __name__ == "__main__":
    main()
