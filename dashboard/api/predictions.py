"""Routes that read a drawing, with one network or with all of a run."""

from fastapi import FastAPI

from core.records.drawings import ProbabilityHistory
from core.records.predictions import DrawingPrediction
from dashboard.api.schemas import HistoryRequest, PredictRequest
from dashboard.service import TrainingService


def register(api: FastAPI, service: TrainingService) -> None:
    @api.post("/predict", tags=["predictions"])
    def predict(body: PredictRequest) -> DrawingPrediction:
        """Reads strokes or pixels with a network, by default the newest."""
        return service.predictions.predict(body.drawing(), body.as_drawn, body.run, body.epoch)

    @api.post("/predict/course", tags=["predictions"])
    def predict_history(
        body: HistoryRequest,
    ) -> ProbabilityHistory:
        """Reads a drawing with every network that a run has kept, from the untrained one on."""
        image = service.inspection.drawing(body.drawing(), body.as_drawn)
        return service.predictions.history(image, body.run)
