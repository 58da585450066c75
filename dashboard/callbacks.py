"""Callbacks that take only what the page sends: anything else is answered with 400 and a sentence.

The annotations of a callback say which values it takes. A store with several values is a
`TypedDict`, whose other fields are dropped.
"""

import logging
from collections.abc import Callable
from typing import Any

from dash import Dash
from dash._utils import stringify_id
from dash.exceptions import DependencyException
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError, validate_call

from dashboard.api.errors import BadRequest, sentences

log = logging.getLogger(__name__)


class _Part(BaseModel):
    """A property of a component, and its value where the server reads it."""

    id: str | dict[str, str]
    property: str
    value: Any = None


class _Call(BaseModel):
    """The body of a request that calls a callback."""

    output: str
    outputs: list[_Part] | _Part | None = None
    inputs: list[_Part]
    state: list[_Part] = []
    changedPropIds: list[str] = []


class Page(Dash):
    """A Dash application whose callbacks are checked."""

    def callback(self, *args: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
        """As Dash's, for a function with annotations."""
        register = super().callback(*args, **options)
        return lambda function: register(validate_call(function))

    def _initialize_context(self, body: Any) -> Any:
        """Dash calls it first with the body of a request, which it trusts.

        Raises:
            BadRequest: the page has no such callback.
        """
        try:
            call = _Call.model_validate(body)
        except ValidationError as error:
            raise BadRequest(sentences(error.errors())) from error
        known = self.callback_map.get(call.output)
        if known is None or not _is_complete(call, known):
            raise BadRequest("The page has no such callback. Reload it.")
        return super()._initialize_context(body)

    def _prepare_callback(self, g: Any, body: Any) -> Any:
        try:
            return super()._prepare_callback(g, body)
        except RecursionError as error:
            raise BadRequest("The request's body is nested too deep.") from error


def _is_complete(call: _Call, known: dict[str, Any]) -> bool:
    """Whether a call names all that a callback reads and writes, in its order."""
    read, named = list(map(_name, call.inputs)), list(map(_name, call.state))
    outputs = call.outputs if isinstance(call.outputs, list) else [call.outputs]
    written = [_name(part) for part in outputs if part is not None]
    is_list = call.output.startswith("..")
    wanted = call.output[2:-2].split("...") if is_list else [call.output]
    return (
        read == [f"{part['id']}.{part['property']}" for part in known["inputs"]]
        and named == [f"{part['id']}.{part['property']}" for part in known["state"]]
        and set(call.changedPropIds) <= set(read)
        and isinstance(call.outputs, list) == is_list
        and written == ([] if known["no_output"] else wanted)
    )


def _name(part: _Part) -> str:
    return f"{stringify_id(part.id)}.{part.property}"


def refuse_or_log(error: Exception) -> None:
    """What Dash does when a callback fails: the page keeps what it shows.

    Raises:
        BadRequest: the callback got a value that it does not take.
    """
    if isinstance(error, ValidationError):
        raise BadRequest(f"The page sends no such value: {sentences(error.errors())}") from error
    if isinstance(error, RecursionError):
        raise BadRequest("A value is nested too deep.") from error
    log.error("A callback failed", exc_info=error)


def add_handlers(server: FastAPI) -> None:
    """Lets a server answer for a file that no package of the page has."""

    @server.exception_handler(DependencyException)
    async def refuse_file(request: Request, _: DependencyException) -> JSONResponse:
        return JSONResponse({"error": f"There is no file {request.url.path}."}, 404)
