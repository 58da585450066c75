"""The routes about runs: start, follow, change, fork, delete.

They parse, ask the service and answer. They do not know how a run works.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query

from core.config import parse_config
from core.records.runs import RunSnapshot
from dashboard.api.bodies import JsonBody
from dashboard.api.schemas import (
    Description,
    Events,
    Health,
    NewFork,
    NewRate,
    NewRun,
    Place,
    Repetition,
    RunGroup,
    RunList,
)

if TYPE_CHECKING:
    from core.service.service import TrainingService

new_run = JsonBody(NewRun, {"preset": "speedrun", "seed": 3}, optional=True)
description = JsonBody(Description, {"name": "First try", "note": "With a low learning rate."})
place = JsonBody(Place, {"epoch": 1})
new_fork = JsonBody(NewFork, {"epoch": 1, "epochs": 3, "learning_rate": 0.0001})
repetition = JsonBody(Repetition, {"seeds": 5}, optional=True)
new_rate = JsonBody(NewRate, {"learning_rate": 0.0001})


def register(api: APIRouter, service: "TrainingService") -> None:
    """Adds the routes. None is `async`: each runs in a thread and leaves the page's loop free."""

    @api.get("/health", tags=["server"])
    def health() -> Health:
        """Is it there?"""
        return Health(status="ok")

    @api.get("/runs", tags=["runs"])
    def list_runs() -> RunList:
        """All runs, the newest first."""
        return RunList(runs=service.runs())

    @api.post("/runs", status_code=201, tags=["runs"], openapi_extra=new_run.described)
    def start_run(asked: Annotated[NewRun, Depends(new_run)]) -> RunSnapshot:
        """Starts a run. While another one trains it is `queued`, with its `queue_place`."""
        config = parse_config(asked.model_extra or {})
        return service.snapshot(service.start(config, asked.name))

    @api.get("/runs/{run_id}", tags=["runs"])
    def get_run(run_id: str) -> RunSnapshot:
        """A run as it stands."""
        return service.snapshot(run_id)

    @api.patch("/runs/{run_id}", tags=["runs"], openapi_extra=description.described)
    def describe_run(
        run_id: str, asked: Annotated[Description, Depends(description)]
    ) -> RunSnapshot:
        """Sets a run's name and note, or pins it."""
        return service.describe(run_id, asked.name, asked.note, asked.pinned)

    @api.delete("/runs/{run_id}", status_code=204, tags=["runs"])
    def delete_run(run_id: str) -> None:
        """Deletes a run; until Digit Lab is started again it can be restored."""
        service.delete(run_id)

    @api.post("/runs/{run_id}/restore", tags=["runs"])
    def restore_run(run_id: str) -> RunSnapshot:
        """Brings a deleted run back."""
        return service.restore(run_id)

    @api.get("/runs/{run_id}/events", tags=["runs"])
    def get_events(
        run_id: str,
        after: Annotated[int, Query(description="The cursor of the answer before.")] = 0,
    ) -> Events:
        """The run's metrics since a cursor. Nothing is consumed; 0 gives them from the start."""
        events, cursor = service.events_since(run_id, after)
        revision = service.snapshot(run_id).revision
        return Events(events=events, cursor=cursor, revision=revision)

    @api.post("/runs/{run_id}/stop", tags=["course"])
    def stop_run(run_id: str) -> RunSnapshot:
        """Ends a run after its current batch and keeps its network; takes it out of the queue."""
        return service.stop(run_id)

    @api.post("/runs/{run_id}/pause", tags=["course"])
    def pause_run(run_id: str) -> RunSnapshot:
        """Puts a run down after its current batch."""
        return service.pause(run_id)

    @api.post("/runs/{run_id}/resume", tags=["course"])
    def resume_run(run_id: str) -> RunSnapshot:
        """Goes on from where a run stands, bit for bit as if it had never been put down."""
        return service.resume(run_id)

    @api.post("/runs/{run_id}/rewind", tags=["course"], openapi_extra=place.described)
    def rewind_run(run_id: str, asked: Annotated[Place, Depends(place)]) -> RunSnapshot:
        """Goes back to the end of an epoch. What came after is dropped when the run is resumed."""
        return service.rewind(run_id, asked.epoch)

    @api.post(
        "/runs/{run_id}/fork", status_code=201, tags=["course"], openapi_extra=new_fork.described
    )
    def fork_run(run_id: str, asked: Annotated[NewFork, Depends(new_fork)]) -> RunSnapshot:
        """A new run that shares this one's course until an epoch and then goes its own way."""
        return service.snapshot(service.fork(run_id, asked.epoch, asked.model_extra or {}))

    @api.post(
        "/runs/{run_id}/repeat",
        status_code=201,
        tags=["course"],
        openapi_extra=repetition.described,
    )
    def repeat_run(run_id: str, asked: Annotated[Repetition, Depends(repetition)]) -> RunGroup:
        """Trains the same settings with other seeds."""
        group = service.repeat(run_id, asked.seeds)
        return RunGroup(group=group, runs=[run for run in service.runs() if run.group == group])

    @api.post("/runs/{run_id}/learning-rate", tags=["course"], openapi_extra=new_rate.described)
    def set_learning_rate(run_id: str, asked: Annotated[NewRate, Depends(new_rate)]) -> RunSnapshot:
        """Changes the learning rate of the run that trains."""
        service.set_learning_rate(run_id, asked.learning_rate)
        return service.snapshot(run_id)
