"""Routes about runs: start, follow, change, fork, delete."""

from typing import Annotated

from fastapi import FastAPI, Query, Response

from core.config import parse_config
from core.records.runs import RunSnapshot
from core.records.server import Health, Promises
from dashboard.api.schemas import (
    Datasets,
    Events,
    ForkRequest,
    LearningRateRequest,
    RepeatRequest,
    RewindRequest,
    RunCreate,
    RunGroup,
    RunList,
    RunUpdate,
)
from dashboard.service import TrainingService

NO_SETTINGS, USUAL_SEEDS = RunCreate(), RepeatRequest()


def register(api: FastAPI, service: TrainingService) -> None:
    """Adds the routes. None is `async`: each runs in a thread and leaves the event loop free."""

    @api.get("/health", tags=["server"], responses={503: {"model": Health}})
    def get_health(response: Response) -> Health:
        """Whether runs can be trained. Where not, the answer comes with 503, and `status` says why.

        `dataset` is the one that `auto` stands for, `free_bytes` the disk space for runs.
        """
        health = service.health()
        response.status_code = 200 if health.can_train else 503
        return health

    @api.get("/datasets", tags=["server"])
    def get_datasets() -> Datasets:
        """Which data sets there are, and where one is missing, what was searched and found."""
        return Datasets(
            auto=service.dataset_status(),
            mnist=service.dataset_status("mnist"),
            synthetic=service.dataset_status("synthetic"),
        )

    @api.post("/datasets/search", status_code=202, tags=["server"])
    def search_datasets() -> Datasets:
        """Looks again for a data set that was not found. Ask for `/datasets` to see the result."""
        service.prepare_dataset()
        return get_datasets()

    @api.get("/speed", tags=["server"])
    def get_speed() -> Promises:
        """How long each preset takes here, and how well it reads. Measured when first asked for."""
        return service.speed.promises()

    @api.get("/runs", tags=["runs"])
    def list_runs() -> RunList:
        """All runs, the newest first."""
        return RunList(runs=service.runs.all())

    @api.post("/runs", status_code=201, tags=["runs"])
    def start_run(body: RunCreate = NO_SETTINGS) -> RunSnapshot:
        """Starts a run. While another one trains it is `queued`, with its `queue_place`."""
        config = parse_config(body.model_extra or {})
        return service.runs.snapshot(service.runs.start(config, body.name))

    @api.get("/runs/{run_id}", tags=["runs"])
    def get_run(run_id: str) -> RunSnapshot:
        """A run as it is now."""
        return service.runs.snapshot(run_id)

    @api.patch("/runs/{run_id}", tags=["runs"])
    def update_run(run_id: str, body: RunUpdate) -> RunSnapshot:
        """Sets a run's name and note, or pins it."""
        return service.runs.update_metadata(run_id, body.name, body.note, body.pinned)

    @api.delete("/runs/{run_id}", status_code=204, tags=["runs"])
    def delete_run(run_id: str) -> None:
        """Deletes a run; until Digit Lab is started again it can be restored."""
        service.runs.delete(run_id)

    @api.post("/runs/{run_id}/restore", tags=["runs"])
    def restore_run(run_id: str) -> RunSnapshot:
        """Brings a deleted run back."""
        return service.runs.restore(run_id)

    @api.get("/runs/{run_id}/events", tags=["runs"])
    def get_events(
        run_id: str,
        after: Annotated[int, Query(description="The cursor of the answer before.")] = 0,
    ) -> Events:
        """The run's metrics since a cursor. Nothing is consumed; 0 gives them from the start."""
        events, cursor = service.runs.events_since(run_id, after)
        revision = service.runs.snapshot(run_id).revision
        return Events(events=events, cursor=cursor, revision=revision)

    @api.post("/runs/{run_id}/stop", tags=["training"])
    def stop_run(run_id: str) -> RunSnapshot:
        """Ends a run after its current batch and keeps its network; takes it out of the queue."""
        return service.runs.stop(run_id)

    @api.post("/runs/{run_id}/pause", tags=["training"])
    def pause_run(run_id: str) -> RunSnapshot:
        """Pauses a run after its current batch."""
        return service.runs.pause(run_id)

    @api.post("/runs/{run_id}/resume", tags=["training"])
    def resume_run(run_id: str) -> RunSnapshot:
        """Continues a run where it was left, bit for bit as if it had never been paused."""
        return service.runs.resume(run_id)

    @api.post("/runs/{run_id}/rewind", tags=["training"])
    def rewind_run(run_id: str, body: RewindRequest) -> RunSnapshot:
        """Goes back to the end of an epoch. Resuming the run drops what came after it."""
        return service.runs.rewind(run_id, body.epoch)

    @api.post("/runs/{run_id}/fork", status_code=201, tags=["training"])
    def fork_run(run_id: str, body: ForkRequest) -> RunSnapshot:
        """Starts a new run from the end of an epoch of this one, with other settings."""
        return service.runs.snapshot(service.runs.fork(run_id, body.epoch, body.changes()))

    @api.post("/runs/{run_id}/repeat", status_code=201, tags=["training"])
    def repeat_run(run_id: str, body: RepeatRequest = USUAL_SEEDS) -> RunGroup:
        """Trains the same settings with other seeds."""
        group = service.runs.repeat(run_id, body.seeds)
        return RunGroup(group=group, runs=[run for run in service.runs.all() if run.group == group])

    @api.post("/runs/{run_id}/learning-rate", tags=["training"])
    def set_learning_rate(run_id: str, body: LearningRateRequest) -> RunSnapshot:
        """Changes the learning rate of the run that trains."""
        service.runs.set_learning_rate(run_id, body.learning_rate)
        return service.runs.snapshot(run_id)
