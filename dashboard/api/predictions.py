"""Routes that read a drawing, with one network or with all of a run."""

from typing import Annotated

from fastapi import Depends, FastAPI

from core.records.drawings import ProbabilityHistory
from core.records.predictions import DrawingPrediction
from dashboard.api.bodies import JsonBody
from dashboard.api.schemas import HistoryRequest, PredictRequest
from dashboard.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
predict_body = JsonBody(PredictRequest, {"strokes": A_SEVEN})
history_body = JsonBody(HistoryRequest, {"strokes": A_SEVEN})


def register(api: FastAPI, service: TrainingService) -> None:
    @api.post("/predict", tags=["predictions"], openapi_extra=predict_body.openapi)
    def predict(body: Annotated[PredictRequest, Depends(predict_body)]) -> DrawingPrediction:
        """Reads strokes or pixels with a network, by default the newest."""
        return service.predictions.predict(body.drawing(), body.as_drawn, body.run, body.epoch)

    @api.post("/predict/course", tags=["predictions"], openapi_extra=history_body.openapi)
    def predict_history(
        body: Annotated[HistoryRequest, Depends(history_body)],
    ) -> ProbabilityHistory:
        """Reads a drawing with every network that a run has kept, from the untrained one on."""
        image = service.inspection.drawing(body.drawing(), body.as_drawn)
        return service.predictions.history(image, body.run)
