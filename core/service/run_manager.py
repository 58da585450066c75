"""What people do with the course of a run: start it, put it down, go back in it, fork it.

It does not know how a run trains (`core.service.worker` does) or what else may be asked of one.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.config import TrainConfig, parse_config, preset_of
from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.errors import InvalidConfigError, WrongStateError
from core.records.runs import FinetuneInfo, RunSnapshot, RunState
from core.runs import finetuning_data
from core.runs.finetuning_data import FinetuneData
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.worker import TrainingWorker
from core.training.state import ResumeState

MOST_SEEDS = 20
FIXED_IN_A_FORK = ("model", "dataset", "seed", "train_images")
"""What the weights and the order of the images so far depend on."""


class RunManager:
    """The half of `core.service.TrainingService` that changes the course of runs.

    Every method raises StorageError where the change cannot be written, and then changes nothing.
    """

    _catalog: DataCatalog
    _lock: threading.RLock
    _runs: Runs
    _trainer: TrainingWorker

    def start(self, config: TrainConfig, name: str = "") -> str:
        """Starts a run, or lets it wait its turn, and returns its id at once.

        Raises:
            WrongStateError: too many runs are waiting, or Digit Lab is shutting down.
        """
        with self._lock:
            run = self._new(config, name=name)
            self._queue([run])
        self._notify()
        return run.run_id

    def stop(self, run_id: str | None = None) -> RunSnapshot:
        """Ends a run after its current batch, keeping its model; one that waits leaves the queue.

        A run that has ended stays as it is. `run_id` is by default the latest.

        Raises:
            UnknownRunError: there is no such run.
        """
        with self._lock:
            run = self._runs.find(run_id)
            if run in self._trainer.waiting:
                self._trainer.dequeue(run, RunState.STOPPED)
            elif run is self._trainer.active:
                self._trainer.request_stop(run, RunState.STOPPED)
            elif run.snapshot.state is RunState.PAUSED:
                run.change(state=RunState.STOPPED)
        self._notify()
        return run.snapshot

    def pause(self, run_id: str) -> RunSnapshot:
        """Puts a run down after its current batch, to be resumed as if nothing had been.

        Raises:
            UnknownRunError: there is no such run.
            WrongStateError: it is not under way.
        """
        with self._lock:
            run = self._runs.find(run_id)
            if run in self._trainer.waiting:
                self._trainer.dequeue(run, RunState.PAUSED)
            elif run is self._trainer.active and run.snapshot.state is RunState.RUNNING:
                self._trainer.request_stop(run, RunState.PAUSED)
            else:
                raise run.state_error("paused", "Only a run that trains or waits can be.")
        self._notify()
        return run.snapshot

    def resume(self, run_id: str) -> RunSnapshot:
        """Goes on with a run from where it stands, when its turn comes.

        Raises:
            UnknownRunError: there is no such run.
            WrongStateError: it trains, waits, has nothing left to do, or was brought in.
        """
        with self._lock:
            run = self._find_trained(run_id, "resumed")
            if self._trainer.holds(run) or run.snapshot.state is RunState.DONE:
                raise run.state_error("resumed", "Rewind or fork it to train differently.")
            self._trainer.check_room(1)
            run.change(state=RunState.QUEUED, error=None, message="")
            self._trainer.enqueue(run)
        self._notify()
        return run.snapshot

    def rewind(self, run_id: str, epoch: int) -> RunSnapshot:
        """Goes back to the end of an epoch; 0 is the untrained network.

        What lies after it is dropped only when the run is resumed: until then one can go forward
        again by rewinding to a later epoch.

        Raises:
            UnknownRunError, UnknownEpochError, DamagedFileError: there is no such place.
            WrongStateError: the run trains or waits, or was brought in.
        """
        with self._lock:
            self._check_at_rest(run_id)
        with self._runs.at_checkpoint(run_id, epoch) as (run, state, stored, count):
            self._check_at_rest(run_id)
            complete = epoch >= run.config.epochs and not _is_unevaluated(state)
            ends_as = RunState.DONE if complete else RunState.PAUSED
            run.rewind_to(stored, count, epoch, state=ends_as)
            run.latest = run.evaluated = None
        self._notify()
        return run.snapshot

    def fork(
        self,
        run_id: str,
        epoch: int,
        changes: Mapping[str, Any],
        name: str = "",
        lesson: tuple[FinetuneInfo, FinetuneData] | None = None,
    ) -> str:
        """A new run that shares another's course until the end of an epoch, then goes its own way.

        Its settings are those that held there, a learning rate that was set on the way included,
        with `changes`. It trains on a `lesson`, by default on that of the other run if it had one.

        Raises:
            UnknownRunError, UnknownEpochError, DamagedFileError: there is no such place.
            InvalidConfigError: a setting is wrong, or cannot change on the way.
            WrongStateError: too many runs are waiting, the run was brought in, or the epoch was not
                evaluated.
        """
        with self._lock:
            parent = self._find_trained(run_id, "forked")
        if lesson is None and parent.snapshot.lesson is not None:
            data = finetuning_data.read(parent.snapshot, parent.files.folder)
            lesson = (parent.snapshot.lesson, data) if data is not None else None
        with self._runs.at_checkpoint(run_id, epoch or None) as (parent, state, stored, count):
            if _is_unevaluated(state):
                raise WrongStateError(
                    f"Epoch {epoch} of {parent.snapshot.title} was stopped before it was "
                    "evaluated. Rewind the run to it and resume it, or fork from another epoch."
                )
            settings = parent.config.model_dump()
            if state is not None and state.place.learning_rate is not None:
                settings["learning_rate"] = state.place.learning_rate
            config = parse_config({**settings, **changes})
            if epoch:  # another data set is refused under the name of `auto`, too
                dataset = self._catalog.status(config.dataset).name
                config = config.model_copy(update={"dataset": dataset})
            _check_fork(parent.config, config, epoch)
            earlier = parent.snapshot.segments(epoch)
            run = self._new(
                config,
                name=name,
                parent=run_id,
                parent_epoch=epoch,
                earlier=earlier,
                lesson=lesson and lesson[0],
            )

            def write() -> None:
                if lesson is not None:
                    finetuning_data.keep(lesson[1], run.files.folder)
                if epoch:
                    run.share(stored[:count], parent.files, epoch)

            self._queue([run], write)
        self._notify()
        return run.run_id

    def repeat(self, run_id: str, seeds: int = 5) -> str:
        """Trains the same settings with other seeds: a group of so many, this run among them.

        Returns the group's name.

        Raises:
            UnknownRunError: there is no such run.
            WrongStateError: too many runs are waiting, or the run did not start from its seed.
        """
        if not 2 <= seeds <= MOST_SEEDS:
            raise WrongStateError(f"A run can be repeated with 2 to {MOST_SEEDS} seeds.")
        with self._lock:
            run = self._find_trained(run_id, "repeated")
            if run.snapshot.parent_epoch:
                raise run.state_error("repeated", "It is a fork; repeat a run from the beginning.")
            group = run.snapshot.group or run_id
            taken = {other.config.seed for other in self._runs if other.snapshot.group == group}
            taken.add(run.config.seed)
            self._trainer.check_room(seeds - len(taken))
            repetitions: list[Run] = []
            seed = run.config.seed
            while len(taken) < seeds:
                seed = (seed + 1) % 2**31
                if seed not in taken:
                    taken.add(seed)
                    config = run.config.model_copy(update={"seed": seed})
                    repetitions.append(self._new(config, name=run.snapshot.name, group=group))
            grouped = replace(run.snapshot, group=group)
            self._queue(repetitions, lambda: self._runs.store.save(grouped))
            run.update(group=group)
        self._notify()
        return group

    def set_learning_rate(self, run_id: str, rate: Any) -> None:
        """Changes the learning rate (of a cycle, its peak) of a run that trains.

        Raises:
            UnknownRunError: there is no such run.
            InvalidConfigError: it is no learning rate.
            WrongStateError: the run does not train.
        """
        with self._lock:
            run = self._runs.find(run_id)
            checked = parse_config({**run.config.model_dump(), "learning_rate": rate})
            if run is not self._trainer.active or run.snapshot.state is not RunState.RUNNING:
                raise run.state_error(
                    "given another learning rate", "Only a run that trains can be."
                )
            run.new_rate = checked.learning_rate

    def _notify(self) -> None:
        """Says, without the lock, that something changed."""
        raise NotImplementedError

    def _start_pair(self, configs: Sequence[TrainConfig], pair: str) -> None:
        """Starts all of them or none, as `start`."""
        with self._lock:
            self._trainer.check_room(len(configs))
            self._queue([self._new(config, pair=pair) for config in configs])
        self._notify()

    # Under the lock

    def _new(self, config: TrainConfig, **facts: Any) -> Run:
        self._trainer.check_room(1)
        status = self._catalog.status(config.dataset)
        return self._runs.new(
            config,
            preset=preset_of(config),
            dataset=status.name,
            dataset_title=status.title,
            **choose_runtime(config.precision).to_dict(),
            **facts,
        )

    def _queue(self, runs: Sequence[Run], write: Callable[[], object] = lambda: None) -> None:
        """Queues new runs, all or none.

        Args:
            write: writes what has to be there beside them.
        """
        try:
            with self._runs.store.transaction():
                write()
                for run in runs:
                    run.save()
        except Exception:
            for run in reversed(runs):
                self._runs.forget(run)
            raise
        self._trainer.enqueue(*runs)

    def _check_at_rest(self, run_id: str) -> None:
        """
        Raises:
            WrongStateError: the run cannot be rewound.
        """
        run = self._find_trained(run_id, "rewound")
        if self._trainer.holds(run):
            raise run.state_error("rewound", "Pause or stop it first.")

    def _find_trained(self, run_id: str, what: str) -> Run:
        """
        Raises:
            WrongStateError: the run was brought in, and cannot be `what`.
        """
        run = self._runs.find(run_id)
        if run.snapshot.brought_in:
            raise WrongStateError(
                f"{run.snapshot.title} cannot be {what}: it came in a file, and how it was "
                "trained is not known."
            )
        return run


def _is_unevaluated(state: ResumeState | None) -> bool:
    """Whether an epoch was kept before its evaluation, as the first version did at a stop."""
    return state is not None and state.place.batch > 0


def _check_fork(before: TrainConfig, after: TrainConfig, epoch: int) -> None:
    """
    Raises:
        InvalidConfigError: the change cannot be made after that epoch.
    """
    if after.epochs <= epoch:
        raise InvalidConfigError(
            {"epochs": f"A fork after epoch {epoch} needs more than {epoch} epochs."}
        )
    fixed = [name for name in FIXED_IN_A_FORK if getattr(before, name) != getattr(after, name)]
    if epoch and fixed:
        raise InvalidConfigError(
            dict.fromkeys(fixed, "This cannot change on the way; start a new run for it.")
        )
