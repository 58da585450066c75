"""Errors as answers: a status code, and a sentence under `error`."""

import logging
import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from core import errors

log = logging.getLogger(__name__)


class BadRequest(errors.DigitLabError):
    """The request itself has the wrong form: 400, as all that `STATUS_CODES` does not name."""


STATUS_CODES: dict[type[errors.DigitLabError], int] = {
    errors.UnknownRunError: 404,
    errors.UnknownEpochError: 404,
    errors.UnknownDrawingError: 404,
    errors.WrongStateError: 409,
    errors.NoModelError: 409,
    errors.NotTrainedError: 409,
    errors.OutOfRangeError: 422,
    errors.InvalidConfigError: 422,
    errors.InvalidDrawingError: 422,
    errors.EmptyDrawingError: 422,
    errors.InvalidWeightsError: 422,
    # The request is fine; the disk is not.
    errors.DamagedFileError: 500,
    errors.DatasetUnavailableError: 503,
    errors.StorageError: 507,
}


def add_handlers(app: FastAPI) -> None:
    """Lets an app answer every error with a sentence."""

    @app.exception_handler(errors.DigitLabError)
    async def refuse(_: Request, error: errors.DigitLabError) -> JSONResponse:
        body: dict[str, Any] = {"error": str(error)}
        if isinstance(error, errors.InvalidConfigError):
            body |= {"field": next(iter(error.fields)), "fields": error.fields}
        code = STATUS_CODES.get(type(error), 400)
        log.info("A request was refused with %d: %s", code, error)
        return JSONResponse(body, code)

    @app.exception_handler(RequestValidationError)
    async def refuse_parameters(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"error": sentences(error.errors())}, 400)

    @app.exception_handler(HTTPException)
    async def refuse_path(request: Request, error: HTTPException) -> JSONResponse:
        """Answers 404 and 405; `Allow` names the methods of all routes with the same path. The
        sentences of other errors are their own."""
        sentence = f"There is nothing to {request.method} at {request.url.path}."
        headers = {}
        if error.status_code == 405:
            routes = [route for route in app.routes if isinstance(route, Route)]
            found = next(one for one in routes if one.matches(request.scope)[0] is not Match.NONE)
            same = [route.methods or () for route in routes if route.path == found.path]
            headers["Allow"] = ", ".join(sorted(set().union(*same)))
            sentence += f" It takes {headers['Allow']}."
        elif error.status_code != 404:
            sentence = error.detail
        return JSONResponse({"error": sentence}, error.status_code, headers)

    @app.exception_handler(Exception)
    async def fail(_: Request, error: Exception) -> JSONResponse:
        """Answers 500. Starlette then raises the error again, and uvicorn logs its traceback."""
        sentence = "Something went wrong here. The window where Digit Lab was started says what."
        return JSONResponse({"error": sentence}, 500)


def sentences(problems: Sequence[Any]) -> str:
    """What pydantic found, each in a sentence that begins with the name of the field."""
    return " ".join(_sentence(problem) for problem in problems)


def _sentence(problem: Any) -> str:
    name = f"`{problem['loc'][-1]}`" if problem["loc"] else "The request"
    if problem["loc"] == ("body",):
        return "The request's body must be a JSON object."
    if problem["type"] == "missing":
        return f"{name} is missing."
    if problem["type"] == "extra_forbidden":
        return f"{name} cannot be set here."
    # "Input should be a valid integer", "String should have at most 1000 characters"
    return f"{name} {re.sub(r'^[A-Z][a-z]* should', 'should', problem['msg'])}."
