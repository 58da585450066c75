"""The REST routes: the same runs and readings as the page's, as JSON and as files.

It puts the routes together, and does not know what any of them does.
"""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from dashboard.api import docs, drawings, files, predictions, runs
from dashboard.api.bodies import Route
from dashboard.api.schemas import Problem
from dashboard.live import endpoint
from dashboard.live.endpoint import Live

if TYPE_CHECKING:
    from core.service.service import TrainingService

METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def router(service: "TrainingService", live: Live) -> APIRouter:
    """All routes, under `/api`."""
    api = APIRouter(
        prefix="/api",
        route_class=Route,
        responses={
            "4XX": {"model": Problem, "description": "What is wrong with the request"},
            "5XX": {"model": Problem, "description": "What is wrong here"},
        },
    )
    runs.register(api, service)
    files.register(api, service)
    predictions.register(api, service)
    drawings.register(api, service)
    endpoint.register(api, live)
    docs.register(api)

    async def unknown(request: Request) -> JSONResponse:
        sentence = f"There is nothing to {request.method} at {request.url.path}."
        return JSONResponse({"error": sentence}, status_code=404)

    # Last, for what nothing above answers; else it would be the page, which Dash gives to all.
    for path in ("", "/{path:path}"):
        api.add_api_route(path, unknown, methods=METHODS, include_in_schema=False)

    return api
