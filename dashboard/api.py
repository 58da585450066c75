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
    BadDrawing,
    DigitLabError,
    EmptyDrawing,
    InvalidConfig,
    NoModel,
    Reading,
    UnknownEpoch,
    UnknownRun,
    WrongState,
)

if TYPE_CHECKING:
    from core.service import TrainingService

STATUS_CODES: dict[type[DigitLabError], int] = {
    UnknownRun: 404,
    UnknownEpoch: 404,
    WrongState: 409,
    NoModel: 409,
    InvalidConfig: 422,
    BadDrawing: 422,
    EmptyDrawing: 422,
}
MAX_BODY = 4 << 20
MAX_CURSOR_DIGITS = 18
MAX_TEXT = 1000
MAX_WHOLE = 10**9
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

    @api.get("/runs")
    async def list_runs() -> dict[str, Any]:
        return {"runs": [run.to_json() for run in await asyncio.to_thread(service.runs)]}

    @api.post("/runs", status_code=201)
    async def create_run(request: Request) -> dict[str, Any]:
        settings = await _json_object(request, empty={})
        name = _text(settings.pop("name", ""), "name")
        run_id = await asyncio.to_thread(service.start, parse_config(settings), name)
        return service.snapshot(run_id).to_json()

    @api.get("/runs/{run_id}")
    async def get_run(run_id: str) -> dict[str, Any]:
        return service.snapshot(run_id).to_json()

    @api.patch("/runs/{run_id}")
    async def describe_run(run_id: str, request: Request) -> dict[str, Any]:
        body = await _json_object(request)
        unknown = set(body) - {"name", "note", "pinned"}
        if unknown:
            raise BadRequest("One can set `name`, `note` and `pinned` of a run, nothing else.")
        texts = {key: _text(body[key], key) for key in ("name", "note") if key in body}
        pinned = body.get("pinned")
        if not (pinned is None or isinstance(pinned, bool)):
            raise BadRequest("`pinned` must be true or false.")
        found = await asyncio.to_thread(service.describe, run_id, **texts, pinned=pinned)
        return found.to_json()

    @api.delete("/runs/{run_id}", status_code=204)
    async def delete_run(run_id: str) -> None:
        await asyncio.to_thread(service.delete, run_id)

    @api.post("/runs/{run_id}/restore")
    async def restore_run(run_id: str) -> dict[str, Any]:
        return (await asyncio.to_thread(service.restore, run_id)).to_json()

    @api.get("/runs/{run_id}/events")
    async def get_events(run_id: str, request: Request) -> dict[str, Any]:
        after = _cursor(request)
        events, cursor = await asyncio.to_thread(service.events_since, run_id, after)
        revision = service.snapshot(run_id).revision
        return {
            "events": [asdict(event) for event in events],
            "cursor": cursor,
            "revision": revision,
        }

    @api.get("/runs/{run_id}/metrics.csv")
    async def get_metrics_csv(run_id: str) -> Response:
        events, _ = await asyncio.to_thread(service.events_since, run_id, 0)
        text = to_csv([asdict(event) for event in events])
        return _download(text.encode(), f"{run_id}.csv", "text/csv; charset=utf-8")

    @api.post("/runs/{run_id}/stop")
    async def stop_run(run_id: str) -> dict[str, Any]:
        return (await asyncio.to_thread(service.stop, run_id)).to_json()

    @api.post("/runs/{run_id}/pause")
    async def pause_run(run_id: str) -> dict[str, Any]:
        return (await asyncio.to_thread(service.pause, run_id)).to_json()

    @api.post("/runs/{run_id}/resume")
    async def resume_run(run_id: str) -> dict[str, Any]:
        return (await asyncio.to_thread(service.resume, run_id)).to_json()

    @api.post("/runs/{run_id}/rewind")
    async def rewind_run(run_id: str, request: Request) -> dict[str, Any]:
        epoch = _whole((await _json_object(request)).get("epoch"), "epoch")
        return (await asyncio.to_thread(service.rewind, run_id, epoch)).to_json()

    @api.post("/runs/{run_id}/fork", status_code=201)
    async def fork_run(run_id: str, request: Request) -> dict[str, Any]:
        settings = await _json_object(request)
        epoch = _whole(settings.pop("epoch", None), "epoch")
        child = await asyncio.to_thread(service.fork, run_id, epoch, settings)
        return service.snapshot(child).to_json()

    @api.post("/runs/{run_id}/repeat", status_code=201)
    async def repeat_run(run_id: str, request: Request) -> dict[str, Any]:
        seeds = _whole((await _json_object(request, empty={})).get("seeds", 5), "seeds")
        group = await asyncio.to_thread(service.repeat, run_id, seeds)
        members = [run for run in service.runs() if run.group == group]
        return {"group": group, "runs": [run.to_json() for run in members]}

    @api.post("/runs/{run_id}/learning-rate")
    async def set_learning_rate(run_id: str, request: Request) -> dict[str, Any]:
        rate = (await _json_object(request)).get("learning_rate")
        await asyncio.to_thread(service.set_learning_rate, run_id, rate)
        return service.snapshot(run_id).to_json()

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
        read = service.explorer.read_strokes if "strokes" in body else service.explorer.read_pixels
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


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise BadRequest(f"`{name}` must be a text of at most {MAX_TEXT} characters.")
    return value.strip()


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_WHOLE:
        raise BadRequest(f"`{name}` must be a whole number, 0 or more.")
    return value


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
