"""What the presets promise on this computer: how long they take, and how well they read."""

import json
import platform
import threading
from collections.abc import Callable

from core.config import PRESETS, TrainConfig
from core.data.catalog import DataCatalog
from core.data.mnist import TITLE as MNIST
from core.device import Runtime, choose_runtime
from core.disk import atomic_write
from core.records.runs import RunState
from core.records.speed import Promise, Promises, PromiseState
from core.runs.registry import Runs
from core.service.background import BackgroundTasks
from core.service.notifier import ChangeNotifier
from core.service.worker import TrainingWorker
from core.training.probe import images_per_second

Probe = Callable[[TrainConfig, Runtime, Callable[[], bool]], float]
"""Like `core.training.probe.images_per_second`."""

EVALUATION_COST = 1 / 3
"""Of a test image in an evaluation, as a share of a training image in a step."""

WATCHED_SPEED = 0.8
"""About what an open page leaves of the speed on a processor (docs/performance.md, "What open
pages cost the training"). Nobody watches while it is measured."""


class Speed:
    """Measures each preset once on each device, and remembers it. Safe to use from several threads.

    Nothing is measured while a run trains. The newest run of a preset that is done on the same
    device counts more than what was measured.
    """

    def __init__(
        self,
        runs: Runs,
        worker: TrainingWorker,
        catalog: DataCatalog,
        tasks: BackgroundTasks,
        notifier: ChangeNotifier,
        probe: Probe = images_per_second,
    ) -> None:
        self._runs, self._worker, self._catalog = runs, worker, catalog
        self._tasks, self._notifier, self._probe = tasks, notifier, probe
        self._path = runs.database.root / "speed.json"
        self._lock = threading.Lock()
        self._is_measuring = False
        self._measured: dict[str, dict[str, float]] | None = None

    def promises(self) -> Promises:
        """The promises for the data set of the next run. Starts to measure if that is missing."""
        runtimes = {name: choose_runtime(p.config.precision) for name, p in PRESETS.items()}
        speeds: dict[str, float] = {}
        with self._lock:
            measured = self._read()
            for name, runtime in runtimes.items():
                if name in (found := measured.get(_device(runtime), {})):
                    on_processor = runtime.device.type == "cpu"
                    speeds[name] = found[name] * (WATCHED_SPEED if on_processor else 1)
            missing = {name: runtimes[name] for name in PRESETS if name not in speeds}
            if missing and not self._is_measuring and self._worker.is_idle:
                self._is_measuring = True
                self._tasks.run("speed", "Measuring the speed", lambda: self._measure(missing))
            state: PromiseState = "measured"
            if missing:
                state = "measuring" if self._is_measuring else "unknown"
        speeds |= self._speeds_of_runs(runtimes)
        dataset = self._catalog.status()
        train_images, test_images = self._catalog.sizes(dataset.name)
        title = choose_runtime()
        return Promises(
            device=f"{title.title}, {title.precision}",
            state=state,
            presets={
                name: Promise(
                    seconds=(
                        _images(preset.config, train_images, test_images) / speeds[name]
                        if name in speeds
                        else None
                    ),
                    accuracy=preset.accuracy if dataset.title == MNIST else None,
                )
                for name, preset in PRESETS.items()
            },
        )

    def _measure(self, runtimes: dict[str, Runtime]) -> None:
        try:
            for name, runtime in runtimes.items():
                speed = self._probe(PRESETS[name].config, runtime, self._should_stop)
                with self._lock:
                    self._read().setdefault(_device(runtime), {})[name] = speed
            with self._lock, atomic_write(self._path, "The speed of this computer") as path:
                path.write_text(json.dumps(self._measured, indent=1))
        finally:
            with self._lock:
                self._is_measuring = False
            self._notifier.notify()

    def _should_stop(self) -> bool:
        return self._tasks.should_stop() or not self._worker.is_idle

    def _read(self) -> dict[str, dict[str, float]]:
        """What was measured, by device and preset. A file that cannot be read counts as missing."""
        if self._measured is None:
            try:
                devices = json.loads(self._path.read_text())
                self._measured = {
                    str(device): {str(name): float(speed) for name, speed in speeds.items()}
                    for device, speeds in devices.items()
                }
            except (OSError, ValueError, TypeError, AttributeError):
                self._measured = {}
        return self._measured

    def _speeds_of_runs(self, runtimes: dict[str, Runtime]) -> dict[str, float]:
        """Images a second of the newest run of each preset that is done, on the same device."""
        speeds: dict[str, float] = {}
        for run in self._runs:  # the oldest first
            snapshot = run.snapshot
            runtime = runtimes.get(snapshot.preset or "")
            if runtime is None or snapshot.state is not RunState.DONE or snapshot.lesson:
                continue
            facts = runtime.to_dict()
            if all(getattr(snapshot, name) == fact for name, fact in facts.items()):
                speed = snapshot.images_per_second
                if speed:
                    speeds[snapshot.preset or ""] = speed
        return speeds


def _images(config: TrainConfig, train_images: int, test_images: int) -> float:
    """The work of a run, in training images."""
    tested = config.evaluations_per_epoch * test_images * EVALUATION_COST
    return config.epochs * (config.image_count(train_images) + tested)


def _device(runtime: Runtime) -> str:
    """Names the computer, too: a folder of runs may move."""
    facts = runtime.to_dict()
    threads, torch = facts["threads"], facts["torch"]
    return f"{platform.node()}: {runtime.title}, {runtime.precision}, {threads} threads, {torch}"
