"""Reads the bodies of requests."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from dashboard.api.errors import BadRequest, sentences


async def read_body(request: Request) -> bytes:
    """A dependency that gives the body. `dashboard.middleware.BodyLimit` bounds its length."""
    return await request.body()


Model = TypeVar("Model", bound=BaseModel)


class JsonBody(Generic[Model]):
    """A dependency that parses the body as JSON and gives it as a pydantic model.

    FastAPI's own wants a content type that `curl -d` does not send, and parses on the event loop.

    Attributes:
        openapi: the `openapi_extra` of a route that depends on it.
    """

    def __init__(self, model: type[Model], example: dict[str, Any], optional: bool = False) -> None:
        """
        Args:
            example: a body that the description proposes.
            optional: no body is as good as an empty object.
        """
        self._model, self._optional = model, optional
        content = {"schema": model.model_json_schema(), "example": example}
        body = {"required": not optional, "content": {"application/json": content}}
        self.openapi = {"requestBody": body}

    def __call__(self, body: Annotated[bytes, Depends(read_body)]) -> Model:
        """Not `async`: FastAPI calls it in a thread."""
        try:
            value = {} if self._optional and not body else from_json(body)
        except ValueError as error:
            raise BadRequest("The request's body is not JSON, or nested too deep.") from error
        if not isinstance(value, dict):
            raise BadRequest("The request's body must be a JSON object.")
        try:
            return self._model.model_validate(value)
        except ValidationError as error:
            raise BadRequest(sentences(error.errors())) from error
