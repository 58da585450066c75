"""The routes about drawings that people keep: list, keep, delete, score, teach.

Each set has an owner, a random name that stands in for an account: whoever knows it may read and
change the set. The page's own is in its browser. They do not know how a network is taught.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query

from core.records.runs import RunSnapshot
from dashboard.api.bodies import JsonBody
from dashboard.api.predictions import A_SEVEN, drawn_in
from dashboard.api.schemas import (
    Kept,
    KeptDrawings,
    KeptId,
    KeptScores,
    LessonFound,
    NewKept,
    NewLesson,
)

if TYPE_CHECKING:
    from core.service.service import TrainingService

Owner = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="The set's name: 32 digits or letters a to f.")
]
new_kept = JsonBody(NewKept, {"strokes": A_SEVEN, "label": 7})
new_lesson = JsonBody(NewLesson, {"mixed": True}, optional=True)


def register(api: APIRouter, service: "TrainingService") -> None:
    @api.get("/handwriting/{owner}", tags=["handwriting"])
    def list_kept(
        owner: Owner,
        run: Annotated[str | None, Query(description="The run whose network reads.")] = None,
        epoch: Annotated[int | None, Query(description="The network after this epoch.")] = None,
    ) -> KeptDrawings:
        """All drawings that are kept, as a network reads them, by default the newest."""
        found = service.handwriting.shown(owner, run, epoch)
        drawings = [
            Kept(
                id=drawing.drawing_id,
                label=drawing.label,
                digit=None if found.predictions is None else int(found.predictions[place]),
                taught=bool(found.taught[place]),
                input=drawing.image.tolist(),
            )
            for place, drawing in enumerate(found.drawings)
        ]
        return KeptDrawings(drawings=drawings, count=len(drawings), right=found.right)

    @api.post(
        "/handwriting/{owner}",
        status_code=201,
        tags=["handwriting"],
        openapi_extra=new_kept.described,
    )
    def keep(owner: Owner, asked: Annotated[NewKept, Depends(new_kept)]) -> KeptId:
        """Keeps a drawing and the digit that was meant; answers its id."""
        image = service.insight.drawing(drawn_in(asked), asked.as_drawn)
        return KeptId(id=service.handwriting.keep(owner, asked.label, image).drawing_id)

    @api.delete("/handwriting/{owner}/{drawing_id}", status_code=204, tags=["handwriting"])
    def delete_kept(owner: Owner, drawing_id: str) -> None:
        """Deletes a drawing; until Digit Lab is started again it can be restored."""
        service.handwriting.delete(owner, drawing_id)

    @api.post("/handwriting/{owner}/{drawing_id}/restore", status_code=204, tags=["handwriting"])
    def restore_kept(owner: Owner, drawing_id: str) -> None:
        """Brings a deleted drawing back."""
        service.handwriting.restore(owner, drawing_id)

    @api.get("/handwriting/{owner}/scores/{run_id}", tags=["handwriting"])
    def scores(owner: Owner, run_id: str) -> KeptScores:
        """How many of the drawings each kept network of a run reads right."""
        found = service.handwriting.scores(owner, run_id)
        return KeptScores(fresh=list(found.fresh), taught=list(found.taught))

    @api.post(
        "/handwriting/{owner}/teach",
        status_code=201,
        tags=["handwriting"],
        openapi_extra=new_lesson.described,
    )
    def teach(owner: Owner, asked: Annotated[NewLesson, Depends(new_lesson)]) -> RunSnapshot:
        """Forks a run and trains the fork on the drawings."""
        child = service.teaching.teach(owner, asked.run, asked.epoch, asked.mixed)
        return service.snapshot(child)

    @api.get("/runs/{run_id}/lesson", tags=["handwriting"])
    def lesson(run_id: str) -> LessonFound:
        """What its lesson has changed in a run, on the test set and on drawings."""
        return LessonFound(lesson=service.teaching.report(run_id))
