"""What the presets promise on this computer: how long they take, and how well they read."""

import platform
import threading
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter

from core.config import PRESETS, TrainConfig
from core.data.catalog import DataCatalog
from core.data.mnist import TITLE as MNIST
from core.device import Runtime, choose_runtime
from core.disk import atomic_write
from core.records.runs import RunState
from core.records.server import Promise, Promises, PromiseState
from core.runs.registry import Runs
from core.service.background import BackgroundTasks
from core.service.notifier import ChangeNotifier
from core.service.worker import TrainingWorker

Probe = Callable[[TrainConfig, Runtime, Callable[[], bool]], float]
"""Like `core.training.probe.images_per_second`."""

_speeds_adapter = TypeAdapter(dict[str, dict[str, float]])
"""Images a second, by device and preset."""

EVALUATION_COST = 1 / 3
"""Of a test image in an evaluation, as a share of a training image in a step."""

WATCHED_SPEED = 0.8
"""About what an open page leaves of the speed on a processor (docs/performance.md, "What open
pages cost the training"). Nobody watches while it is measured."""


class Speed:
    """Measures the presets once on each device, and remembers it. Safe to use from several threads.

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
        probe: Probe,
    ) -> None:
        self._runs, self._worker, self._catalog = runs, worker, catalog
        self._tasks, self._notifier, self._probe = tasks, notifier, probe
        self._path = runs.database.root / "speed.json"
        self._lock = threading.Lock()
        self._is_measuring = False
        self._measured = _read(self._path)

    def promises(self) -> Promises:
        """The promises for the data set of the next run. Starts to measure if that is missing."""
        runtime = choose_runtime()
        with self._lock:
            measured = dict(self._measured.get(_device(runtime), {}))
            state: PromiseState = "measured"
            if not PRESETS.keys() <= measured.keys():
                if not self._is_measuring and self._worker.is_idle:
                    self._is_measuring = True
                    self._tasks.run("speed", "Measuring the speed", lambda: self._measure(runtime))
                state = "measuring" if self._is_measuring else "unknown"
        share = WATCHED_SPEED if runtime.device.type == "cpu" else 1
        speeds = {name: speed * share for name, speed in measured.items()} | self._speeds_of_runs()
        dataset = self._catalog.status()
        sizes = self._catalog.sizes(dataset.name)
        return Promises(
            device=f"{runtime.title}, {runtime.precision}",
            state=state,
            presets={
                name: Promise(
                    seconds=_seconds(preset.config, *sizes, speeds.get(name)),
                    accuracy=preset.accuracy if dataset.title == MNIST else None,
                )
                for name, preset in PRESETS.items()
            },
        )

    def _measure(self, runtime: Runtime) -> None:
        def should_stop() -> bool:
            return self._tasks.should_stop() or not self._worker.is_idle

        try:
            speeds = self._measured.setdefault(_device(runtime), {})
            for name in [name for name in PRESETS if name not in speeds]:
                speed = self._probe(PRESETS[name].config, _runtime(name), should_stop)
                with self._lock:
                    speeds[name] = speed
            with self._lock, atomic_write(self._path, "The speed of this computer") as path:
                path.write_bytes(_speeds_adapter.dump_json(self._measured, indent=1))
        finally:
            with self._lock:
                self._is_measuring = False
            self._notifier.notify()

    def _speeds_of_runs(self) -> dict[str, float]:
        """Images a second of the newest run of each preset that is done, on the same device."""
        facts = {name: _runtime(name).to_dict().items() for name in PRESETS}
        return {
            run.preset: run.images_per_second
            for run in (run.snapshot for run in self._runs)  # the oldest first
            if run.preset in facts and run.state is RunState.DONE and not run.lesson
            if run.images_per_second and facts[run.preset] <= vars(run).items()
        }


def _runtime(preset: str) -> Runtime:
    return choose_runtime(PRESETS[preset].config.precision)


def _read(path: Path) -> dict[str, dict[str, float]]:
    """What was measured. A file that cannot be read counts as missing."""
    try:
        return _speeds_adapter.validate_json(path.read_bytes())
    except (OSError, ValueError):
        return {}


def _seconds(
    config: TrainConfig, train_images: int, test_images: int, speed: float | None
) -> float | None:
    """How long a run takes at a speed in training images a second."""
    tested = config.evaluations_per_epoch * test_images * EVALUATION_COST
    images = config.epochs * (config.image_count(train_images) + tested)
    return images / speed if speed else None


def _device(runtime: Runtime) -> str:
    """Names the computer, too: a folder of runs may move."""
    facts = "{device}, {precision}, {threads} threads, {torch}".format(**runtime.to_dict())
    return f"{platform.node()}: {facts}"
