"""Routes about drawings that people keep: list, keep, delete, score, fine-tune on them.

Each request is about the drawings of its owner (`dashboard/server/owners.py`).
"""

from typing import Annotated

from fastapi import FastAPI, Query

from core.records.drawings import DrawingScores, FinetuneReport
from core.records.runs import RunSnapshot
from dashboard.api.schemas import (
    DrawingCreate,
    DrawingList,
    DrawingResponse,
    FinetuneRequest,
    KeptEpoch,
)
from dashboard.server.owners import owner
from dashboard.service import TrainingService

USUAL = FinetuneRequest()


def register(api: FastAPI, service: TrainingService) -> None:
    drawings = service.drawings

    @api.get("/handwriting", tags=["drawings"])
    def list_drawings(
        run: Annotated[str | None, Query(description="The run whose network reads.")] = None,
        epoch: KeptEpoch = None,
    ) -> DrawingList:
        """All drawings that are kept, as a network reads them, by default the newest."""
        found = drawings.predict(owner(), run, epoch)
        responses = [
            DrawingResponse(
                id=drawing.drawing_id,
                label=drawing.label,
                digit=None if found.predictions is None else int(found.predictions[index]),
                taught=bool(found.taught[index]),
                input=drawing.image.tolist(),
            )
            for index, drawing in enumerate(found.drawings)
        ]
        return DrawingList(drawings=responses, count=len(responses), right=found.right)

    @api.post("/handwriting", status_code=201, tags=["drawings"])
    def keep_drawing(body: DrawingCreate) -> dict[str, str]:
        """Keeps a drawing and the digit that was meant; answers its `id`."""
        image = service.inspection.drawing(body.drawing(), body.as_drawn)
        return {"id": drawings.save(owner(), body.label, image).drawing_id}

    @api.delete("/handwriting", tags=["drawings"])
    def delete_all_drawings() -> dict[str, tuple[str, ...]]:
        """Deletes all drawings; answers their ids under `deleted`, which can be restored."""
        return {"deleted": drawings.delete_all(owner())}

    @api.post("/handwriting/teach", status_code=201, tags=["drawings"])
    def finetune(body: FinetuneRequest = USUAL) -> RunSnapshot:
        """Forks a run and trains the fork on the drawings."""
        return service.runs.snapshot(
            service.finetuning.start(owner(), body.run, body.epoch, body.mixed)
        )

    @api.delete("/handwriting/{drawing_id}", status_code=204, tags=["drawings"])
    def delete_drawing(drawing_id: str) -> None:
        """Deletes a drawing; until Digit Lab is started again it can be restored."""
        drawings.delete(owner(), drawing_id)

    @api.post("/handwriting/{drawing_id}/restore", status_code=204, tags=["drawings"])
    def restore_drawing(drawing_id: str) -> None:
        """Brings a deleted drawing back."""
        drawings.restore(owner(), drawing_id)

    @api.get("/handwriting/scores/{run_id}", tags=["drawings"])
    def get_scores(run_id: str) -> DrawingScores:
        """How many of the drawings each kept network of a run reads right."""
        return drawings.scores(owner(), run_id)

    @api.get("/runs/{run_id}/lesson", tags=["drawings"])
    def get_finetuning(run_id: str) -> dict[str, FinetuneReport | None]:
        """What fine-tuning has changed so far in a run, on the test set and on drawings: shares
        read right before it and after, under `lesson`; null if it was not fine-tuned."""
        return {"lesson": service.finetuning.report(run_id)}
