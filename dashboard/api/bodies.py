"""How bodies in JSON are read. `dashboard.server.middleware.BodyLimit` bounds their length."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.datastructures import MutableHeaders


class JsonRoute(APIRoute):
    """A route whose body, if it has one, is a JSON object whatever its content type: `curl -d`
    calls it a form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            MutableHeaders(scope=request.scope)["content-type"] = "application/json"
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle if self.body_field is None else handle_json


class _JsonRequest(Request):
    async def json(self) -> dict[str, Any]:
        """Parses the body in a thread: FastAPI's own way is on the event loop."""
        return await run_in_threadpool(parse, await self.body())


def parse(body: bytes) -> dict[str, Any]:
    """
    Raises:
        HTTPException: it is not a JSON object.
    """
    try:
        value = from_json(body)
    except ValueError as error:
        raise HTTPException(400, "The request's body is not JSON, or nested too deep.") from error
    if not isinstance(value, dict):
        raise HTTPException(400, "The request's body must be a JSON object.")
    return value
