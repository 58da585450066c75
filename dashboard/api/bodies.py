"""How requests are read and answered: JSON bodies, files, and errors that are sentences.

It decides which status code an error gets, and does not know what is asked for.
"""

import json
import re
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from core.errors import (
    BadDrawing,
    BadWeights,
    DamagedFile,
    DigitLabError,
    DrawingRefused,
    EmptyDrawing,
    ExportUnavailable,
    FolderUnusable,
    InvalidConfig,
    NoModel,
    NotTrained,
    UnknownDrawing,
    UnknownEpoch,
    UnknownRun,
    WrongState,
)
from core.records.runs import File


class BadRequest(DigitLabError):
    """The request itself has the wrong form."""


STATUS_CODES: dict[type[DigitLabError], int] = {
    BadRequest: 400,
    UnknownRun: 404,
    UnknownEpoch: 404,
    UnknownDrawing: 404,
    WrongState: 409,
    NoModel: 409,
    NotTrained: 409,
    DrawingRefused: 409,
    InvalidConfig: 422,
    BadDrawing: 422,
    EmptyDrawing: 422,
    BadWeights: 422,
    # The request is fine; the disk, or what is installed, is not.
    DamagedFile: 500,
    ExportUnavailable: 501,
    FolderUnusable: 507,
}


class Route(APIRoute):
    """A route whose errors for people become answers."""

    def get_route_handler(self) -> Any:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except DigitLabError as error:
                return _refusal(error)
            except RequestValidationError as error:  # of the address: the body is `JsonBody`'s
                return _refusal(BadRequest(_sentences(error.errors())))

        return answer


async def read_body(request: Request) -> bytes:
    """A dependency that gives the body. `dashboard.middleware.BodyLimit` bounds its length."""
    return await request.body()


Form = TypeVar("Form", bound=BaseModel)


class JsonBody(Generic[Form]):
    """A dependency that gives the request's body, read as a pydantic model.

    Whatever kind of content the request claims to be, so that `curl -d` needs no header.
    """

    def __init__(self, form: type[Form], example: dict[str, Any], optional: bool = False) -> None:
        """
        Args:
            example: a body that the description proposes.
            optional: no body is as good as an empty object.
        """
        self._form, self._example, self._optional = form, example, optional

    @property
    def described(self) -> dict[str, Any]:
        """The `openapi_extra` of a route that takes it."""
        content = {"schema": self._form.model_json_schema(), "example": self._example}
        required = not self._optional
        return {"requestBody": {"required": required, "content": {"application/json": content}}}

    def __call__(self, body: Annotated[bytes, Depends(read_body)]) -> Form:
        """Not `async`: FastAPI calls it in a thread, so no body holds up the event loop."""
        try:
            value = {} if self._optional and not body else json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The request's body is not JSON.") from error
        if not isinstance(value, dict):
            raise BadRequest("The request's body must be a JSON object.")
        try:
            return self._form.model_validate(value)
        except ValidationError as error:
            raise BadRequest(_sentences(error.errors())) from error


def download(file: File) -> Response:
    """An answer that a browser saves under the file's name."""
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)


def _refusal(error: DigitLabError) -> JSONResponse:
    body: dict[str, Any] = {"error": str(error)}
    if isinstance(error, InvalidConfig):
        body |= {"field": next(iter(error.fields)), "fields": error.fields}
    return JSONResponse(body, status_code=STATUS_CODES.get(type(error), 400))


def _sentences(problems: Any) -> str:
    """What pydantic found, each in a sentence that begins with the name of the field."""
    return " ".join(_sentence(problem) for problem in problems)


def _sentence(problem: Any) -> str:
    name = f"`{problem['loc'][-1]}`" if problem["loc"] else "The request"
    if problem["type"] == "missing":
        return f"{name} is missing."
    if problem["type"] == "extra_forbidden":
        return f"{name} cannot be set here."
    # "Input should be a valid integer", "String should have at most 1000 characters"
    return f"{name} {re.sub(r'^[A-Z][a-z]* should', 'should', problem['msg'])}."
