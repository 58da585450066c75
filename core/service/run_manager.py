"""Starting, changing and deleting runs."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.config import FIXED_IN_A_FORK, MAX_SEEDS, TrainConfig, parse_config, preset_of
from core.data.catalog import DataCatalog
from core.device import choose_runtime
from core.errors import InvalidConfigError, WrongStateError
from core.names import plain_text
from core.records.metrics import Metrics
from core.records.preview import PreviewFrame
from core.records.runs import FinetuneInfo, RunSnapshot, RunState
from core.runs import finetuning_data
from core.runs.finetuning_data import FinetuneData
from core.runs.registry import Runs
from core.runs.run import Run
from core.service.notifier import ChangeNotifier
from core.service.worker import TrainingWorker
from core.training.control import TrainingControl
from core.training.state import ResumeState

log = logging.getLogger(__name__)


class RunManager:
    """All runs. Safe to use from several threads.

    Every method that changes something raises StorageError if the change cannot be written, and
    then changes nothing. Methods with a `run_id` raise UnknownRunError if there is no such run.
    Those that train raise WrongStateError if the queue is full or Digit Lab is shutting down, and
    if an imported run would have to be trained.
    """

    def __init__(
        self, runs: Runs, worker: TrainingWorker, catalog: DataCatalog, notifier: ChangeNotifier
    ) -> None:
        self._runs, self._worker = runs, worker
        self._catalog, self._notifier = catalog, notifier
        self._lock = runs.lock

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Holds the lock, and notifies afterwards."""
        with self._lock:
            yield
        self._notifier.notify()

    # Reading

    def all(self) -> list[RunSnapshot]:
        """Every run that is not deleted, the newest first."""
        with self._lock:
            return [self._snapshot(run) for run in reversed(list(self._runs))]

    def snapshot(self, run_id: str | None = None) -> RunSnapshot:
        """A run, by default the latest."""
        with self._lock:
            run = self._runs.find(run_id)
            if run is self._worker.active and run.data is None:
                status = self._catalog.status(run.config.dataset)
                loading = f"Loading {status.title}"
                if status.progress is not None:
                    loading = f"{status.message}: {status.progress:.0%}"
                return replace(run.snapshot, message=loading)
            return self._snapshot(run)

    def latest(self) -> str | None:
        """The id of the run that trains, or else of the newest."""
        run = self._runs.latest()
        return None if run is None else run.run_id

    def events_since(self, run_id: str, cursor: int) -> tuple[list[Metrics], int]:
        """The run's metrics from index `cursor` on, and the cursor for the next call.

        When the snapshot's `revision` has grown, earlier events were discarded: start at 0 again.
        A cursor beyond the end gives nothing and comes back as the end.
        """
        _, events = self._runs.events(run_id)
        return events[max(cursor, 0) :], len(events)

    # Preview

    def watch(self, run_id: str | None = None) -> None:
        """Asks for preview frames of a run while it trains, during the next seconds.

        By default of the run that trains, or of the next one.
        """
        if run_id is None:
            self._worker.watch()
        else:
            self._runs.find(run_id).control.watch()

    def previews(self, run_id: str) -> list[PreviewFrame]:
        """The preview frames of a run, up to where it is."""
        run = self._runs.find(run_id)
        stored = run.previews.read()  # without the lock: it reads from disk
        with self._lock:
            if run is self._worker.active:
                return list(run.previews.frames)
            place = run.snapshot.place_epoch
        return [frame for frame in stored if place is None or frame.progress <= place]

    def newest_preview(self, run_id: str) -> PreviewFrame | None:
        """The newest frame of a run since Digit Lab was started or the run was rewound."""
        return self._runs.find(run_id).previews.newest

    # Training

    def start(self, config: TrainConfig, name: str = "") -> str:
        """Starts or queues a run and returns its id."""
        with self._changing():
            run = self._new(config, name=plain_text(name))
            self._enqueue([run])
        return run.run_id

    def start_pair(self, config: TrainConfig) -> str:
        """Starts a run, and an MLP with the same settings; returns the name of the pair."""
        pair = secrets.token_hex(4)
        mlp = config.model_copy(update={"model": "mlp"})
        with self._changing():
            self._enqueue([self._new(config, pair=pair), self._new(mlp, pair=pair)])
        return pair

    def repeat(self, run_id: str, seeds: int = 5) -> str:
        """Trains the same settings with other seeds; returns the group of all `seeds` runs.

        Args:
            seeds: at most `MAX_SEEDS`.

        Raises:
            WrongStateError: the run did not start from its seed.
        """
        with self._changing():
            run = self._runs.find_trained(run_id, "repeated")
            if run.snapshot.parent_epoch or run.snapshot.lesson:
                raise run.state_error("repeated", "It is a fork; repeat a run from the beginning.")
            group = run.snapshot.group or run_id
            config, name = run.config, run.snapshot.name
            used = {other.config.seed for other in self._runs if other.snapshot.group == group}
            others = [(config.seed + step) % 2**31 for step in range(1, 2 * MAX_SEEDS)]
            free = [seed for seed in others if seed not in used]
            repetitions = [
                self._new(config.model_copy(update={"seed": seed}), name=name, group=group)
                for seed in free[: max(0, seeds - len(used | {config.seed}))]
            ]
            grouped = replace(run.snapshot, group=group)
            self._enqueue(repetitions, lambda: self._runs.database.save(grouped))
            run.update(group=group)
        return group

    def stop(self, run_id: str | None = None) -> RunSnapshot:
        """Ends a run after its current batch and keeps its model; removes it from the queue.

        A run that has ended stays as it is. By default it is the latest run.
        """
        with self._changing():
            run = self._runs.find(run_id)
            ended = self._worker.end(run, RunState.STOPPED)
            if not ended and run.snapshot.state is RunState.PAUSED:
                run.save(state=RunState.STOPPED)
        return run.snapshot

    def pause(self, run_id: str) -> RunSnapshot:
        """Pauses a run after its current batch.

        Raises:
            WrongStateError: it neither trains nor waits.
        """
        with self._changing():
            run = self._runs.find(run_id)
            is_stopping = run.snapshot.state is RunState.STOPPING
            if is_stopping or not self._worker.end(run, RunState.PAUSED):
                raise run.state_error("paused", "Only a run that trains or waits can be.")
        return run.snapshot

    def resume(self, run_id: str) -> RunSnapshot:
        """Continues a run from where it is, when its turn comes.

        Raises:
            WrongStateError: it trains, waits or is done.
        """
        with self._changing():
            run = self._runs.find_trained(run_id, "resumed")
            if self._worker.has(run) or run.snapshot.state is RunState.DONE:
                raise run.state_error("resumed", "Rewind or fork it to train differently.")
            self._worker.check_room(1)
            run.save(state=RunState.QUEUED, error=None, message="")
            self._worker.enqueue(run)
        return run.snapshot

    def set_learning_rate(self, run_id: str, learning_rate: Any) -> None:
        """Changes the learning rate (the peak of a cycle) of a run that trains.

        Raises:
            InvalidConfigError: it is not a valid learning rate.
            WrongStateError: the run does not train.
        """
        with self._lock:
            run = self._runs.find(run_id)
            config = parse_config({**run.config.model_dump(), "learning_rate": learning_rate})
            if run is not self._worker.active or run.snapshot.state is not RunState.RUNNING:
                raise run.state_error(
                    "given another learning rate", "Only a run that trains can be."
                )
            run.control.set_learning_rate(config.learning_rate)

    # Rewinding and forking

    def rewind(self, run_id: str, epoch: int) -> RunSnapshot:
        """Rewinds a run to the end of an epoch; 0 is the untrained network.

        Later epochs are discarded only when the run is resumed: until then it can be rewound to a
        later epoch.

        Raises:
            UnknownEpochError, DamagedFileError: there is no such checkpoint.
            WrongStateError: the run trains or waits.
        """
        self._runs.find_trained(run_id, "rewound")
        with self._runs.at_checkpoint(run_id, epoch) as (run, state, stored, count):
            if self._worker.has(run):
                raise run.state_error("rewound", "Pause or stop it first.")
            is_done = epoch >= run.config.epochs and not _is_unevaluated(state)
            run.rewind_to(stored, count, epoch, state=RunState.DONE if is_done else RunState.PAUSED)
            run.latest = run.evaluated = None
            run.control = TrainingControl()  # forgets a rate that no batch has used
        self._notifier.notify()
        return run.snapshot

    def fork(
        self,
        run_id: str,
        epoch: int,
        changes: Mapping[str, Any],
        name: str = "",
        drawings: tuple[FinetuneInfo, FinetuneData] | None = None,
    ) -> str:
        """Starts a new run from the end of an epoch of another one and returns its id.

        Its settings are those that held there, including a learning rate that was set during the
        run, with `changes`. It trains on `drawings`, by default on its parent's if there are any.

        Raises:
            UnknownEpochError, DamagedFileError: there is no such checkpoint.
            InvalidConfigError: a setting is wrong, or cannot change in a fork.
            WrongStateError: the epoch has not been evaluated.
        """
        parent = self._runs.find_trained(run_id, "forked")
        if drawings is None and parent.snapshot.lesson is not None:
            data = finetuning_data.load(parent.snapshot, parent.files.folder)
            drawings = (parent.snapshot.lesson, data) if data is not None else None
        with self._runs.at_checkpoint(run_id, epoch or None) as (parent, state, stored, count):
            if _is_unevaluated(state):
                raise WrongStateError(
                    f"Epoch {epoch} of {parent.snapshot.title} was stopped before it was "
                    "evaluated. Rewind the run to it and resume it, or fork from another epoch."
                )
            settings = parent.config.model_dump()
            if state is not None and state.position.learning_rate is not None:
                settings["learning_rate"] = state.position.learning_rate
            config = parse_config({**settings, **changes})
            if epoch:  # `auto` may stand for another data set than the parent's
                dataset = self._catalog.status(config.dataset).name
                config = config.model_copy(update={"dataset": dataset})
            _check_fork(parent.config, config, epoch)
            run = self._new(
                config,
                name=name,
                parent=run_id,
                parent_epoch=epoch,
                lesson=drawings and drawings[0],
            )

            def write_files() -> None:
                if drawings is not None:
                    finetuning_data.save(drawings[1], run.files.folder)
                if epoch:
                    run.inherit(stored[:count], parent.files, epoch)

            self._enqueue([run], write_files)
        self._notifier.notify()
        return run.run_id

    # Managing

    def update_metadata(
        self,
        run_id: str,
        name: str | None = None,
        note: str | None = None,
        pinned: bool | None = None,
    ) -> RunSnapshot:
        """Sets a run's name, note or pin; None leaves it as it is."""
        fields = {"name": name and plain_text(name), "note": note and plain_text(note)}
        given = {**fields, "pinned": pinned}
        with self._changing():
            run = self._runs.find(run_id)
            run.save(**{key: value for key, value in given.items() if value is not None})
        return run.snapshot

    def delete(self, run_id: str) -> None:
        """Deletes a run; `restore` works until the next start.

        Raises:
            WrongStateError: it trains or is pinned.
        """
        with self._changing():
            run = self._runs.find(run_id)
            if run is self._worker.active:
                raise run.state_error("deleted", "Stop it first.")
            if run.snapshot.pinned:
                raise WrongStateError(
                    f"{run.snapshot.title} cannot be deleted: it is locked. Unlock it in the "
                    "table of runs first."
                )
            self._runs.delete(run)
            self._worker.drop(run)
        log.info("Run %s was deleted.", run_id)

    def restore(self, run_id: str) -> RunSnapshot:
        """Restores a deleted run."""
        with self._changing():
            return self._runs.restore(run_id).snapshot

    def _snapshot(self, run: Run) -> RunSnapshot:
        queue = self._worker.queue
        if run not in queue:
            return run.snapshot
        return replace(run.snapshot, queue_place=queue.index(run) + 1)

    def _new(self, config: TrainConfig, **fields: Any) -> Run:
        status = self._catalog.status(config.dataset)
        return self._runs.new(
            config,
            preset=preset_of(config),
            dataset=status.name,
            dataset_title=status.title,
            **choose_runtime(config.precision).to_dict(),
            **fields,
        )

    def _enqueue(
        self, runs: Sequence[Run], write_files: Callable[[], object] = lambda: None
    ) -> None:
        """Saves and enqueues new runs, all or none."""
        try:
            self._worker.check_room(len(runs))
            with self._runs.database.transaction():
                write_files()
                for run in runs:
                    run.save()
        except Exception:
            for run in reversed(runs):
                self._runs.discard(run)
            raise
        self._worker.enqueue(*runs)


def _is_unevaluated(state: ResumeState | None) -> bool:
    """Whether an epoch was saved before its evaluation, as the first version did at a stop."""
    return state is not None and state.position.batch > 0


def _check_fork(before: TrainConfig, after: TrainConfig, epoch: int) -> None:
    """Raises InvalidConfigError if the change cannot be made after that epoch."""
    if after.epochs <= epoch:
        raise InvalidConfigError(
            {"epochs": f"A fork after epoch {epoch} needs more than {epoch} epochs."}
        )
    changed = [name for name in FIXED_IN_A_FORK if getattr(before, name) != getattr(after, name)]
    if epoch and changed:
        raise InvalidConfigError(
            dict.fromkeys(changed, "This cannot change on the way; start a new run for it.")
        )
