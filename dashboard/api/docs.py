"""The API's description: as OpenAPI, and as a page that works without internet.

fastapi-offline brings the files of Swagger UI.
"""

import importlib.metadata

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from dashboard.server.html_page import html_page
from dashboard.urls import url

DESCRIPTION = """Runs and predictions of this server. Every error is a sentence under `error`.
Reading consumes nothing. Where Digit Lab needs a token, it is sent with every request:
`Authorization: Bearer TOKEN`."""
TAGS = [
    {"name": "runs", "description": "Start runs, list, follow, name and delete them."},
    {"name": "training", "description": "Pause, resume, rewind, fork and repeat a run."},
    {"name": "files", "description": "Download a run's files, import a network."},
    {"name": "predictions", "description": "Let a network read a drawing."},
    {"name": "drawings", "description": "Drawings that are kept: a test set, and fine-tuning."},
    {"name": "live", "description": "Follow runs as the page does; also as a WebSocket."},
    {"name": "server", "description": "The server itself."},
]
OFFLINE = importlib.metadata.distribution("fastapi-offline")
SWAGGER = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon.png")

# FastAPI's own page of Swagger UI has an inline script, which browsers would not run here.
_HEAD = """<link rel="stylesheet" href="{api}/docs/swagger-ui.css">
<link rel="icon" href="{api}/docs/favicon.png">"""
_BODY = """<div id="swagger-ui" data-url="{api}/openapi.json"></div>
<script src="{api}/docs/swagger-ui-bundle.js"></script>
<script src="{script}"></script>"""


def register(api: FastAPI) -> None:
    """Adds the page and the description, with the paths under which the API is mounted."""

    @api.get("/openapi.json", include_in_schema=False)
    def description() -> JSONResponse:
        schema = api.openapi()
        paths = {url(f"/api{path}"): route for path, route in schema["paths"].items()}
        return JSONResponse({**schema, "paths": paths})

    @api.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        body = _BODY.format(api=url("/api"), script=url("/assets/pages/api_docs.js"))
        return HTMLResponse(html_page("REST", _HEAD.format(api=url("/api")), body))

    @api.get("/docs/{name}", include_in_schema=False)
    def swagger_ui(name: str) -> FileResponse:
        if name not in SWAGGER:
            raise HTTPException(404)
        return FileResponse(str(OFFLINE.locate_file(f"fastapi_offline/static/{name}")))
