"""Routes that read a drawing, with one network or with all of a run."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI

from core.records.drawings import ProbabilityHistory
from core.records.predictions import DrawingPrediction
from dashboard.api.bodies import JsonBody
from dashboard.api.schemas import HistoryRequest, PredictRequest, problems

if TYPE_CHECKING:
    from core.service.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
predict_body = JsonBody(PredictRequest, {"strokes": A_SEVEN})
history_body = JsonBody(HistoryRequest, {"strokes": A_SEVEN})


def register(api: FastAPI, service: "TrainingService") -> None:
    @api.post(
        "/predict",
        tags=["predictions"],
        openapi_extra=predict_body.openapi,
        responses=problems(400, 404, 409, 422),
    )
    def predict(body: Annotated[PredictRequest, Depends(predict_body)]) -> DrawingPrediction:
        """Reads strokes or pixels with a network, by default the newest."""
        return service.predictions.predict(body.drawing(), body.as_drawn, body.run, body.epoch)

    @api.post(
        "/predict/course",
        tags=["predictions"],
        openapi_extra=history_body.openapi,
        responses=problems(400, 404, 409, 422),
    )
    def predict_history(
        body: Annotated[HistoryRequest, Depends(history_body)],
    ) -> ProbabilityHistory:
        """Reads a drawing with every network that a run has kept, from the untrained one on."""
        image = service.inspection.drawing(body.drawing(), body.as_drawn)
        return service.prediction_history.of_image(image, body.run)
