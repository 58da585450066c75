"""The only door into core: runs in a background thread, and everything that one may ask of them.

One run trains at a time; the others wait their turn. What a run has learnt is looked at through
`explorer`, what is inside its networks through `insight`, and taken away through `files`. All
methods may be called from any thread. This module does not know who asks: a page, a REST client or
a test.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import brought_in, imports, models
from core.config import TrainConfig, parse_config, preset_of
from core.datasets import Cancelled, DataCatalog
from core.embeddings import Embeddings
from core.events import (
    DatasetStatus,
    DigitLabError,
    FolderUnusable,
    InvalidConfig,
    LayerInfo,
    Metrics,
    RunSnapshot,
    RunState,
    UnknownRun,
    WrongState,
)
from core.explorer import Explorer
from core.insight import Insight
from core.pairs import Pairs
from core.runs import Run, Runs
from core.runtime import choose_runtime
from core.store import RunStore
from core.takeaway import TakeAway
from core.trainer import Fit, Trainer
from core.training import fit

MOST_SEEDS = 20
FIXED_IN_A_FORK = ("model", "dataset", "seed", "train_images")
"""What the weights and the order of the images so far depend on."""

log = logging.getLogger(__name__)


class TrainingService:
    """Trains one run after the other and answers questions about every run there is."""

    MOST_BYTES_IN = imports.MAX_BYTES
    """What a file that is brought in may have at most."""

    def __init__(self, catalog: DataCatalog, store: RunStore, fit: Fit = fit) -> None:
        self._catalog = catalog
        self._catalog.on_change = self._notify
        self._store = store
        self._lock = threading.RLock()
        self._runs = Runs(store)
        self.explorer = Explorer(self._runs, self._lock, catalog)
        self.files = TakeAway(self._runs, self._lock, self.explorer)
        self.insight = Insight(self.explorer)
        self.embeddings = Embeddings(self.explorer)
        self.pairs = Pairs(self._start_pair, self.runs, self.explorer, self._notify)
        self._trainer = Trainer(
            catalog, fit, self._lock, self._notify, self.explorer.was_read_recently
        )
        self._listeners: set[Callable[[], None]] = set()
        self._errands: list[threading.Thread] = []
        self._closed = threading.Event()
        for run in self._runs:
            if run.snapshot.brought_in and run.snapshot.test_accuracy is None:
                self._measure(run)

    # One run's life

    def start(self, config: TrainConfig, name: str = "") -> str:
        """Starts a run, or lets it wait its turn, and returns its id at once.

        Raises:
            WrongState: too many runs are waiting, or Digit Lab is shutting down.
        """
        with self._lock:
            run = self._new(config, name=name)
            self._trainer.enqueue(run)
        self._notify()
        return run.run_id

    def _start_pair(self, configs: Sequence[TrainConfig], pair: str) -> None:
        """Starts all of them or none, as `start`."""
        with self._lock:
            self._trainer.check_room(len(configs))
            for config in configs:
                self._trainer.enqueue(self._new(config, pair=pair))
        self._notify()

    def stop(self, run_id: str | None = None) -> RunSnapshot:
        """Ends a run after its current batch, keeping its model; one that waits leaves the queue.

        A run that has ended stays as it is. `run_id` is by default the latest.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._find(run_id)
            if run in self._trainer.waiting:
                self._trainer.leave(run, RunState.STOPPED)
            elif run is self._trainer.active:
                self._trainer.wind_up(run, RunState.STOPPED)
            elif run.snapshot.state is RunState.PAUSED:
                run.update(state=RunState.STOPPED)
                run.save()
        self._notify()
        return run.snapshot

    def pause(self, run_id: str) -> RunSnapshot:
        """Puts a run down after its current batch, to be resumed as if nothing had been.

        Raises:
            UnknownRun: there is no such run.
            WrongState: it is not under way.
        """
        with self._lock:
            run = self._find(run_id)
            if run in self._trainer.waiting:
                self._trainer.leave(run, RunState.PAUSED)
            elif run is self._trainer.active and run.snapshot.state is RunState.RUNNING:
                self._trainer.wind_up(run, RunState.PAUSED)
            else:
                raise _wrong(run, "paused", "Only a run that trains or waits can be.")
        self._notify()
        return run.snapshot

    def resume(self, run_id: str) -> RunSnapshot:
        """Goes on with a run from where it stands, when its turn comes.

        Raises:
            UnknownRun: there is no such run.
            WrongState: it trains, waits, has nothing left to do, or was brought in.
        """
        with self._lock:
            run = self._find_trained(run_id, "resumed")
            if self._trainer.holds(run) or run.snapshot.state is RunState.DONE:
                raise _wrong(run, "resumed", "Rewind or fork it to train differently.")
            self._trainer.enqueue(run)
        self._notify()
        return run.snapshot

    def rewind(self, run_id: str, epoch: int) -> RunSnapshot:
        """Goes back to the end of an epoch; 0 is the untrained network.

        What lies after it is dropped only when the run is resumed: until then one can go forward
        again by rewinding to a later epoch.

        Raises:
            UnknownRun, UnknownEpoch, DamagedFile: there is no such place.
            WrongState: the run trains or waits, or was brought in.
        """
        with self._lock:
            run = self._find_trained(run_id, "rewound")
            if self._trainer.holds(run):
                raise _wrong(run, "rewound", "Pause or stop it first.")
            _, events = run.files.resume_state(epoch)
            run.go_to(events, epoch)
            run.latest = run.evaluated = None
            complete = run.snapshot.progress >= run.config.epochs
            run.update(state=RunState.DONE if complete else RunState.PAUSED)
            run.save()
        self._notify()
        return run.snapshot

    def fork(self, run_id: str, epoch: int, changes: Mapping[str, Any]) -> str:
        """A new run that shares another's course until the end of an epoch, then goes its own way.

        Its settings are those that held there, a learning rate that was set on the way included,
        with `changes`.

        Raises:
            UnknownRun, UnknownEpoch, DamagedFile: there is no such place.
            InvalidConfig: a setting is wrong, or cannot change on the way.
            WrongState: too many runs are waiting, or the run was brought in.
        """
        with self._lock:
            parent = self._find_trained(run_id, "forked")
            state, count = parent.resume_state(epoch) if epoch else (None, 0)
            settings = parent.config.model_dump()
            if state is not None and state.place.learning_rate is not None:
                settings["learning_rate"] = state.place.learning_rate
            config = parse_config({**settings, **changes})
            _check_fork(parent.config, config, epoch)
            shared = self._store.events(run_id)[:count]
            earlier = parent.snapshot.stretches(epoch)
            run = self._new(config, parent=run_id, parent_epoch=epoch, earlier=earlier)
            if epoch:
                run.share(shared, parent.files, epoch)
            self._trainer.enqueue(run)
        self._notify()
        return run.run_id

    def repeat(self, run_id: str, seeds: int = 5) -> str:
        """Trains the same settings with other seeds: a group of so many, this run among them.

        Returns the group's name.

        Raises:
            UnknownRun: there is no such run.
            WrongState: too many runs are waiting, or the run did not start from its seed.
        """
        if not 2 <= seeds <= MOST_SEEDS:
            raise WrongState(f"A run can be repeated with 2 to {MOST_SEEDS} seeds.")
        with self._lock:
            run = self._find_trained(run_id, "repeated")
            if run.snapshot.parent_epoch:
                raise _wrong(run, "repeated", "It is a fork; repeat a run from the beginning.")
            group = run.snapshot.group or run_id
            taken = {other.config.seed for other in self._runs if other.snapshot.group == group}
            taken.add(run.config.seed)
            self._trainer.check_room(seeds - len(taken))
            run.update(group=group)
            run.save()
            seed = run.config.seed
            while len(taken) < seeds:
                seed = (seed + 1) % 2**31
                if seed not in taken:
                    taken.add(seed)
                    config = run.config.model_copy(update={"seed": seed})
                    self._trainer.enqueue(self._new(config, name=run.snapshot.name, group=group))
        self._notify()
        return group

    def set_learning_rate(self, run_id: str, rate: Any) -> None:
        """Changes the learning rate (of a cycle, its peak) of a run that trains.

        Raises:
            UnknownRun: there is no such run.
            InvalidConfig: it is no learning rate.
            WrongState: the run does not train.
        """
        with self._lock:
            run = self._find(run_id)
            checked = parse_config({**run.config.model_dump(), "learning_rate": rate})
            if run is not self._trainer.active or run.snapshot.state is not RunState.RUNNING:
                raise _wrong(run, "given another learning rate", "Only a run that trains can be.")
            run.new_rate = checked.learning_rate

    def bring_in(self, content: bytes, name: str = "") -> str:
        """Makes a run of a `.pth` or safetensors file, to be looked at, and returns its id.

        What it reads right of the test images is measured in the background, where they are there.

        Raises:
            BadWeights: the file does not hold the weights of a network here.
            FolderUnusable: they cannot be written.
        """
        model, weights = imports.read_weights(content)
        with self._lock:
            run = brought_in.new_run(self._runs, model, name, self._catalog.status())
        try:
            brought_in.keep(run, weights)
        except FolderUnusable:
            with self._lock:
                self._runs.forget(run)
            raise
        with self._lock:
            run.update(kept=tuple(run.files.epochs()))
            run.save()
        self._measure(run)
        self._notify()
        return run.run_id

    # All runs

    def runs(self) -> list[RunSnapshot]:
        """Every run that is not deleted, the newest first."""
        with self._lock:
            return [self._with_place(run) for run in reversed(list(self._runs))]

    def snapshot(self, run_id: str | None = None) -> RunSnapshot:
        """A run as it stands, by default the latest.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            run = self._find(run_id)
            if run is self._trainer.active and run.data is None:
                status = self._catalog.status(run.config.dataset)
                return replace(run.snapshot, message=_preparing(status))
            return self._with_place(run)

    def latest_run(self) -> str | None:
        """The run that trains, or else the newest."""
        with self._lock:
            run = self._runs.latest()
            return None if run is None else run.run_id

    def events_since(self, run_id: str, cursor: int) -> tuple[list[Metrics], int]:
        """The run's metrics from `cursor` on, and the cursor for the next call.

        Nothing is consumed; 0 gives the run from its beginning. A cursor past the end gives
        nothing and comes back as the end. When `revision` in the snapshot has grown, events that
        were told before have been taken back: start again at 0.

        Raises:
            UnknownRun: there is no such run.
        """
        with self._lock:
            events = self._find(run_id).events
            return events[max(cursor, 0) :], len(events)

    def describe(
        self,
        run_id: str,
        name: str | None = None,
        note: str | None = None,
        pinned: bool | None = None,
    ) -> RunSnapshot:
        """Sets what people say of a run; None leaves it as it is.

        Raises:
            UnknownRun: there is no such run.
        """
        given = {"name": name, "note": note, "pinned": pinned}
        with self._lock:
            run = self._find(run_id)
            run.update(**{key: value for key, value in given.items() if value is not None})
            run.save()
        self._notify()
        return run.snapshot

    def delete(self, run_id: str) -> None:
        """Removes a run; `restore` brings it back until Digit Lab is started again.

        Raises:
            UnknownRun: there is no such run.
            WrongState: it trains, or is pinned.
        """
        with self._lock:
            run = self._find(run_id)
            if run is self._trainer.active:
                raise _wrong(run, "deleted", "Stop it first.")
            if run.snapshot.pinned:
                raise _wrong(run, "deleted", "It is pinned; take the pin off first.")
            if run in self._trainer.waiting:
                self._trainer.leave(run, RunState.STOPPED)
            self._runs.delete(run)
        self._notify()

    def restore(self, run_id: str) -> RunSnapshot:
        """Brings a deleted run back.

        Raises:
            UnknownRun: there is none of that id.
        """
        with self._lock:
            run = self._runs.restore(run_id)
        self._notify()
        return run.snapshot

    @property
    def problems(self) -> list[str]:
        """A sentence for each thing that was found damaged at the start."""
        return list(self._store.problems)

    # Data sets, models, the machine

    def dataset_status(self, name: str = "auto") -> DatasetStatus:
        return self._catalog.status(name)

    def prepare_dataset(self, name: str = "auto") -> None:
        """Loads a data set in the background, looking and downloading again if that failed."""
        self._catalog.forget_failures()

        def load() -> None:
            try:
                self._catalog.load(name, self._closed.is_set)
            except (DigitLabError, Cancelled) as error:
                log.info("%s: %s", name, error)

        self._send(load, f"load-{name}")

    @staticmethod
    def layers(model: str) -> list[LayerInfo]:
        return models.layers(model)

    @staticmethod
    def device_title(precision: str = "auto") -> str:
        runtime = choose_runtime(precision)
        return f"{runtime.title}, {runtime.precision}"

    # Life

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Calls `listener`, from any thread, whenever anything changed; returns the way out.

        A listener must be quick and must not raise.
        """
        with self._lock:
            self._listeners.add(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return unsubscribe

    def close(self, timeout: float = 10.0) -> None:
        """Puts down what is under way and waits for its threads, which must not outlive Python."""
        self._closed.set()
        with self._lock:
            threads = [self._trainer.close(), *self._errands]
        for thread in threads:
            if thread is not None:
                thread.join(timeout)
        self.embeddings.close()
        self.pairs.close()
        self._store.close()

    def _measure(self, run: Run) -> None:
        """Finds out, in the background, what a network that was brought in reads right."""

        def measure() -> None:
            try:
                data = self._catalog.load(run.config.dataset, self._closed.is_set)
                seen = brought_in.measure(run, data, self._closed.is_set)
            except (DigitLabError, Cancelled) as error:
                log.info("%s was not measured: %s", run.run_id, error)
                return
            if seen is None:
                return
            with self._lock:
                run.update(
                    dataset=data.name,
                    dataset_title=data.title,
                    test_loss=seen.loss,
                    test_accuracy=seen.accuracy,
                    best_test_accuracy=seen.accuracy,
                )
                run.save()
            self._notify()

        self._send(measure, f"measure-{run.run_id}")

    def _send(self, errand: Callable[[], None], name: str) -> None:
        """Does something in a thread that `close` waits for."""
        thread = threading.Thread(target=errand, name=name, daemon=True)
        with self._lock:
            self._errands = [other for other in self._errands if other.is_alive()] + [thread]
            thread.start()

    # Under the lock

    def _new(self, config: TrainConfig, **facts: Any) -> Run:
        self._trainer.check_room(1)
        status = self._catalog.status(config.dataset)
        return self._runs.new(
            config,
            preset=preset_of(config),
            dataset=status.name,
            dataset_title=status.title,
            **choose_runtime(config.precision).facts(),
            **facts,
        )

    def _with_place(self, run: Run) -> RunSnapshot:
        place = self._trainer.place_of(run)
        return run.snapshot if place is None else replace(run.snapshot, queue_place=place)

    def _find(self, run_id: str | None) -> Run:
        if run_id is not None:
            return self._runs.find(run_id)
        run = self._runs.latest()
        if run is None:
            raise UnknownRun("Nothing has been trained yet.")
        return run

    def _find_trained(self, run_id: str, what: str) -> Run:
        """
        Raises:
            WrongState: the run was brought in, and cannot be `what`.
        """
        run = self._runs.find(run_id)
        if run.snapshot.brought_in:
            raise WrongState(
                f"{run.snapshot.title} cannot be {what}: it came in a file, and how it was "
                "trained is not known."
            )
        return run

    def _notify(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


def _check_fork(before: TrainConfig, after: TrainConfig, epoch: int) -> None:
    """
    Raises:
        InvalidConfig: the change cannot be made after that epoch.
    """
    if after.epochs <= epoch:
        raise InvalidConfig(
            {"epochs": f"A fork after epoch {epoch} needs more than {epoch} epochs."}
        )
    fixed = [name for name in FIXED_IN_A_FORK if getattr(before, name) != getattr(after, name)]
    if epoch and fixed:
        raise InvalidConfig(
            dict.fromkeys(fixed, "This cannot change on the way; start a new run for it.")
        )


def _wrong(run: Run, what: str, advice: str) -> WrongState:
    state = run.snapshot.state.value
    return WrongState(f"{run.snapshot.title} cannot be {what}: it is {state}. {advice}")


def _preparing(status: DatasetStatus) -> str:
    if status.progress is None:
        return f"Loading {status.title}"
    return f"{status.message}: {status.progress:.0%}"
