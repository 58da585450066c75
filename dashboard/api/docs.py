"""The routes' description: as OpenAPI, and as a page that needs no internet.

It reads the description off the routes and does not know any of them.
"""

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

ABOUT = """Runs and readings of this server. Whatever goes wrong is answered with a sentence under
`error`. Nothing is consumed by reading it, and nobody has to log in."""
PARTS = [
    {"name": "runs", "description": "Start runs, list, follow, name and delete them."},
    {"name": "course", "description": "Pause, resume, rewind, fork and repeat a run."},
    {"name": "files", "description": "Take a run away, bring a network in."},
    {"name": "readings", "description": "Let a network read a drawing."},
    {"name": "handwriting", "description": "Drawings that are kept: a test set, and lessons."},
    {"name": "live", "description": "Follow runs as the page does; also as a WebSocket."},
    {"name": "server", "description": "The server itself."},
]
SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"

# As FastAPI's own page of Swagger UI, but without an inline script, which browsers would not run.
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Digit Lab: REST</title>
<link rel="stylesheet" href="/api/docs/{STYLE}">
<link rel="icon" href="/api/docs/{ICON}">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/{SCRIPT}"></script>
<script src="/assets/api_docs.js"></script>
</body>
</html>
"""


def register(api: APIRouter) -> None:
    """Adds the description of all routes that `api` has when somebody first asks for it."""

    @cache
    def described() -> dict[str, Any]:
        return get_openapi(
            title="Digit Lab", version="1", description=ABOUT, routes=api.routes, tags=PARTS
        )

    @api.get("/openapi.json", include_in_schema=False)
    def description() -> JSONResponse:
        return JSONResponse(described())

    @api.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    for name in (SCRIPT, STYLE, ICON):
        api.add_api_route(f"/docs/{name}", _file(name), include_in_schema=False)


def _file(name: str) -> Callable[[], FileResponse]:
    def file() -> FileResponse:
        return FileResponse(_swagger_ui() / name)

    return file


def _swagger_ui() -> Path:
    """Swagger UI as the package fastapi-offline carries it."""
    spec = importlib.util.find_spec("fastapi_offline")
    assert spec is not None, "fastapi-offline is in requirements.txt"
    assert spec.origin is not None, "fastapi-offline is a package with files"
    return Path(spec.origin).parent / "static"
