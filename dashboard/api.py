"""The REST routes: the same runs and readings as the page's, as JSON.

Every error is an object with a sentence under `error`; this module decides which status code it
gets and knows nothing else of how a run works.
"""

import asyncio
import csv
import io
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from core.config import parse_config
from core.events import (
    AlreadyRunning,
    BadDrawing,
    DigitLabError,
    EmptyDrawing,
    InvalidConfig,
    NoModel,
    Reading,
    UnknownRun,
)

if TYPE_CHECKING:
    from core.service import TrainingService

STATUS_CODES: dict[type[DigitLabError], int] = {
    UnknownRun: 404,
    AlreadyRunning: 409,
    NoModel: 409,
    InvalidConfig: 422,
    BadDrawing: 422,
    EmptyDrawing: 422,
}
MAX_BODY = 4 << 20
MAX_CURSOR_DIGITS = 18
CURSOR = re.compile("-?[0-9]+")
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


class BadRequest(DigitLabError):
    """The request itself has the wrong form."""


class _Route(APIRoute):
    """A route whose errors for people become answers."""

    def get_route_handler(self) -> Any:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except DigitLabError as error:
                body: dict[str, Any] = {"error": str(error)}
                if isinstance(error, InvalidConfig):
                    body |= {"field": next(iter(error.fields)), "fields": error.fields}
                return JSONResponse(body, status_code=STATUS_CODES.get(type(error), 400))

        return answer


def router(service: "TrainingService") -> APIRouter:
    """All routes, under `/api`."""
    api = APIRouter(prefix="/api", route_class=_Route)

    @api.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @api.post("/runs", status_code=201)
    async def create_run(request: Request) -> dict[str, str]:
        config = parse_config(await _json_object(request, empty={}))
        return {"run_id": await asyncio.to_thread(service.start, config)}

    @api.get("/runs/{run_id}")
    async def get_run(run_id: str) -> dict[str, Any]:
        return service.snapshot(run_id).to_json()

    @api.get("/runs/{run_id}/events")
    async def get_events(run_id: str, request: Request) -> dict[str, Any]:
        events, cursor = service.events_since(run_id, _cursor(request))
        return {"events": [asdict(event) for event in events], "cursor": cursor}

    @api.get("/runs/{run_id}/metrics.csv")
    async def get_metrics(run_id: str) -> Response:
        events, _ = service.events_since(run_id, 0)
        return Response(
            to_csv([asdict(event) for event in events]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{run_id}.csv"'},
        )

    @api.post("/runs/{run_id}/stop")
    async def stop_run(run_id: str) -> dict[str, Any]:
        return service.stop(run_id).to_json()

    @api.post("/predict")
    async def predict(request: Request) -> dict[str, Any]:
        body = await _json_object(request)
        if ("strokes" in body) == ("pixels" in body):
            raise BadRequest(
                'Send {"strokes": [[[x, y], ...], ...]} or {"pixels": 28 x 28 numbers}.'
            )
        as_drawn = body.get("as_drawn", False)
        if not isinstance(as_drawn, bool):
            raise BadDrawing(
                "`as_drawn` is true, for the canvas merely squeezed, or false, for a picture like "
                "MNIST's."
            )
        read = service.read_strokes if "strokes" in body else service.read_pixels
        drawing = body.get("strokes", body.get("pixels"))
        return _reading(await asyncio.to_thread(read, drawing, as_drawn))

    async def unknown(request: Request) -> JSONResponse:
        sentence = f"There is nothing to {request.method} at {request.url.path}."
        return JSONResponse({"error": sentence}, status_code=404)

    # Last, for what nothing above answers; else it would be the page, which Dash gives to all.
    for path in ("", "/{path:path}"):
        api.add_api_route(path, unknown, methods=METHODS, include_in_schema=False)

    return api


def to_csv(rows: list[dict[str, Any]]) -> str:
    """One line an event; a column that an event does not have stays empty."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "digit": reading.prediction.digit,
        "probabilities": reading.prediction.probabilities,
        "sure": reading.doubt is None,
        "doubt": reading.doubt,
        "input": (reading.image * 255).round().astype(int).tolist(),
        "box": dict(zip(("left", "top", "right", "bottom"), reading.box, strict=True)),
        "centre": reading.centre,
    }


async def _json_object(request: Request, empty: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body as a JSON object; `empty`, if given, where there is no body."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > MAX_BODY:
            raise BadRequest(f"That is too much: a request has at most {MAX_BODY >> 20} MiB.")
    if not body and empty is not None:
        return empty
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request's body is not JSON.") from error
    if not isinstance(value, dict):
        raise BadRequest("The request's body must be a JSON object.")
    return value


def _cursor(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (len(text) <= MAX_CURSOR_DIGITS and CURSOR.fullmatch(text)):
        raise BadRequest("`after` must be a cursor: a whole number.")
    return int(text)
