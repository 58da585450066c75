"""Routes that read a drawing, with one network or with all of a run."""

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI

from dashboard.api.bodies import JsonBody
from dashboard.api.schemas import (
    Box,
    HistoryRequest,
    PredictionHistory,
    PredictionResponse,
    PredictRequest,
)

if TYPE_CHECKING:
    from core.service.service import TrainingService

A_SEVEN = [[[60, 60], [200, 60], [120, 240]], [[90, 150], [180, 150]]]
predict_body = JsonBody(PredictRequest, {"strokes": A_SEVEN})
history_body = JsonBody(HistoryRequest, {"strokes": A_SEVEN})


def register(api: FastAPI, service: "TrainingService") -> None:
    @api.post("/predict", tags=["predictions"], openapi_extra=predict_body.openapi)
    def predict(body: Annotated[PredictRequest, Depends(predict_body)]) -> PredictionResponse:
        """Reads strokes or pixels with a network, by default the newest."""
        ((kind, points),) = body.drawing().items()
        predictions = service.predictions
        read = predictions.predict_strokes if kind == "strokes" else predictions.predict_pixels
        reading = read(points, body.as_drawn, body.run, body.epoch)
        left, top, right, bottom = reading.box
        return PredictionResponse(
            digit=reading.prediction.digit,
            probabilities=list(reading.prediction.probabilities),
            sure=reading.doubt is None,
            doubt=reading.doubt,
            input=(reading.image * 255).round().astype(int).tolist(),
            box=Box(left=left, top=top, right=right, bottom=bottom),
            centre=reading.centre,
            progress=reading.progress,
        )

    @api.post("/predict/course", tags=["predictions"], openapi_extra=history_body.openapi)
    def predict_history(
        body: Annotated[HistoryRequest, Depends(history_body)],
    ) -> PredictionHistory:
        """Reads a drawing with every network that a run has kept, from the untrained one on."""
        image = service.inspection.drawing(body.drawing(), body.as_drawn)
        found = service.prediction_history.of_image(image, body.run)
        return PredictionHistory(
            epochs=list(found.epochs),
            digits=list(found.digits),
            probabilities=found.probabilities.tolist(),
        )
