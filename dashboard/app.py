"""The Dash application: server, page and tabs. It never imports torch."""

import importlib.metadata
import mimetypes
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import dash_ag_grid as dag
from dash import dash_table, html
from dash.backends._fastapi import FastAPIDashServer
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route
from starlette_compress import CompressMiddleware, add_compress_type

from dashboard import callbacks, guide_page, navigation, urls
from dashboard.api import errors
from dashboard.api.app import create_api
from dashboard.callbacks import Page
from dashboard.components import header, runs_table
from dashboard.live.endpoint import Live
from dashboard.live.protocol import PROTOCOL
from dashboard.live.updates import Describe
from dashboard.server import auth, hosts, middleware, owners
from dashboard.server.auth import Credentials
from dashboard.server.bundle import Bundle
from dashboard.server.hosts import Host
from dashboard.server.static import PackedFiles
from dashboard.service import TrainingService
from dashboard.tabs.train import text as train_text
from dashboard.urls import url

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FLASK = importlib.metadata.distribution("Bootstrap-Flask")
# Its version is the fingerprint: the file is another one when the package is.
BOOTSTRAP = f"/vendor/bootstrap/bootstrap.min.css?m={FLASK.version}"
STATIC = ("/assets/", "/vendor/", "/api/docs/", "/_dash-component-suites/")
add_compress_type("text/csv")
# Windows may serve scripts as text/plain, which browsers do not run because of "nosniff".
mimetypes.add_type("text/javascript", ".js")

PAGE = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="MARK">
{%css%}
</head>
<body>
{%app_entry%}
{%config%}
{%scripts%}
{%renderer%}
</body>
</html>
"""


def create_app(
    service: TrainingService,
    host: str = "127.0.0.1",
    allowed_hosts: Sequence[Host] = (),
    url_prefix: str = "/",
    credentials: Credentials | None = None,
) -> Page:
    """The whole application. `app.server` is what an ASGI server serves.

    Args:
        host: the address that is served, whose name browsers may use.
        allowed_hosts: further names of the server, such as a proxy's.
        url_prefix: the path of the page, as `/lab/`.
        credentials: what lets somebody in; without them, everybody is.
    """
    urls.set_prefix(url_prefix)

    live = Live(service, runs_table.row, describe(service))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield
        service.close()  # a training thread that outlives the interpreter would abort the process

    server = FastAPI(
        title="Digit Lab", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    errors.add_handlers(server)
    callbacks.add_handlers(server)
    rest_api = create_api(service, live)
    server.mount(url("/api"), rest_api)
    # A mount does not match its own path without a slash.
    server.router.routes.append(Route(url("/api"), rest_api))
    bootstrap = FLASK.locate_file("flask_bootstrap/static/bootstrap5/css")
    server.mount(url("/vendor/bootstrap"), StaticFiles(directory=str(bootstrap)))
    guide_page.register(server, BOOTSTRAP)
    scripts, styles = Bundle(ASSETS, "/assets/all.js"), Bundle(ASSETS, "/assets/css/all.css")
    server.router.routes += [scripts.route(), styles.route()]
    # Otherwise Dash 4.4.1 opens a WebSocket of its own on every page, though no callback uses one.
    FastAPIDashServer.websocket_capability = False
    # Every page would load the scripts of Dash's own table, which none has, and those of the table
    # of runs, which assets/components/lazy_grid.js loads where it comes into sight.
    dash_table._js_dist.clear()
    dag._js_dist[0]["dynamic"] = True
    app = Page(
        __name__,
        server=server,
        title="Digit Lab",
        update_title="",
        assets_folder=str(ASSETS),
        include_assets_files=False,  # they are in the bundles
        url_base_pathname=url("/"),
        external_scripts=[scripts.url],
        external_stylesheets=[url(BOOTSTRAP), styles.url],
        prevent_initial_callbacks=True,
        suppress_callback_exceptions=True,  # a tab's components are there once it was opened
        index_string=PAGE.replace("MARK", url("/assets/icons/mark.svg")),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        on_error=callbacks.refuse_or_log,
    )
    app.layout = layout(service)
    navigation.register(app, service)
    server.add_middleware(CompressMiddleware)
    server.add_middleware(PackedFiles, folders=[url(folder) for folder in STATIC])
    server.add_middleware(
        middleware.BodyLimit, limits={url("/api/import"): service.imports.MAX_BYTES}
    )
    one_person = hosts.is_loopback(host) and not allowed_hosts
    server.add_middleware(owners.Owners, one_person=one_person)
    if credentials is not None:
        server.add_middleware(auth.Auth, credentials=credentials, health=service.health)
    server.add_middleware(middleware.Rewrite)
    server.add_middleware(middleware.Guard, host=host, allowed=allowed_hosts)
    # Starlette answers a failure outside of the middleware that is added: that needs headers, too.
    build = server.build_middleware_stack
    server.build_middleware_stack = lambda: middleware.SecurityHeaders(  # type: ignore[method-assign]
        build(), app.csp_hashes(), is_local=one_person
    )
    return app


def layout(service: TrainingService) -> html.Div:
    """The page. The scripts in `assets/live/` fill it."""
    return html.Div(
        [
            html.Div(
                [
                    html.P(
                        [html.Span(id="notice-text", role="alert"), html.Span(id="notice-age")],
                        className="mb-0",
                    ),
                    html.Button("Reload", id="notice-reload", className="btn btn-sm btn-light"),
                ],
                id="notice",
                hidden=True,
            ),
            html.A("Skip to the view", href="#main", className="skip-link btn"),
            header.layout(navigation.strip()),
            navigation.panels(service),
            html.Div(id="pixel-value", role="status"),
        ],
        className="shell",
        **{"data-protocol": str(PROTOCOL)},
    )


def describe(service: TrainingService) -> Describe:
    """The texts that the live layer sends about a run: for the header, and for the Train tab."""
    return lambda run: header.describe(service, run) | train_text.describe(service, run)
