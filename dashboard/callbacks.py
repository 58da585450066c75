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
from pydantic import ValidationError, validate_call

from dashboard.api.errors import BadRequest, sentences

log = logging.getLogger(__name__)


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
            is_known = _is_complete(body, self.callback_map[body["output"]])
        except (AttributeError, KeyError, RecursionError, TypeError):  # it has another form
            is_known = False
        if not is_known:
            raise BadRequest("The page has no such callback. Reload it.")
        return super()._initialize_context(body)

    def _prepare_callback(self, g: Any, body: Any) -> Any:
        try:
            return super()._prepare_callback(g, body)
        except RecursionError as error:
            raise BadRequest("The request's body is nested too deep.") from error


def _is_complete(body: Any, known: dict[str, Any]) -> bool:
    """Whether a body names all that a callback reads and writes, in its order."""
    output, outputs, inputs = body["output"], body.get("outputs"), _names(body["inputs"])
    if not output.startswith(".."):  # it is one, or none
        outputs = [] if outputs is None else [outputs]
    return (
        _names(outputs) == ([] if known["no_output"] else output.strip(".").split("..."))
        and inputs == _names(known["inputs"])
        and _names(body.get("state", [])) == _names(known["state"])
        and set(body.get("changedPropIds", [])) <= set(inputs)
    )


def _names(parts: Any) -> list[str]:
    """The names of properties of components, as `name.value`.

    Raises:
        TypeError: the parts are not in a list.
    """
    if not isinstance(parts, list):
        raise TypeError
    return [f"{stringify_id(part['id'])}.{part['property']}" for part in parts]


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
