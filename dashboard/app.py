"""The Dash application: server, page and tabs. It never imports torch."""

import functools
import importlib.metadata
import importlib.util
import logging
import mimetypes
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dash_ag_grid as dag
import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, dash_table, dcc, html
from dash.backends._fastapi import FastAPIDashServer
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route
from starlette_compress import CompressMiddleware, add_compress_type

from dashboard import guide_page, hosts, ids, middleware, owners, urls
from dashboard.api import errors
from dashboard.api.app import create_api
from dashboard.components import runs_table, status_bar
from dashboard.components.controls import PERSIST
from dashboard.hosts import Host
from dashboard.live.endpoint import Live
from dashboard.live.protocol import PROTOCOL
from dashboard.static import PackedFiles
from dashboard.tabs.compare import callbacks as compare, layout as compare_layout
from dashboard.tabs.curves import callbacks as curves, layout as curves_layout
from dashboard.tabs.draw import callbacks as draw, layout as draw_layout
from dashboard.tabs.embedding import callbacks as embedding, layout as embedding_layout
from dashboard.tabs.gallery import callbacks as gallery, layout as gallery_layout
from dashboard.tabs.inside import callbacks as inside, layout as inside_layout
from dashboard.tabs.mistakes import callbacks as mistakes, layout as mistakes_layout
from dashboard.tabs.runs import callbacks as runs, layout as runs_layout
from dashboard.tabs.train import callbacks as train, layout as train_layout
from dashboard.urls import url

if TYPE_CHECKING:
    from core.service.service import TrainingService

log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parent.parent / "assets"
# Its version is the fingerprint: the file is another one when the package is.
BOOTSTRAP = f"/vendor/bootstrap/bootstrap.min.css?m={importlib.metadata.version('Bootstrap-Flask')}"
STATIC = ("/assets/", "/vendor/", "/api/docs/", "/_dash-component-suites/")
add_compress_type("text/csv")
# Windows may serve scripts as text/plain, which browsers do not run because of "nosniff".
mimetypes.add_type("text/javascript", ".js")

PAGE_ADDRESS = "page-address"
THEME = "theme"


@dataclass(frozen=True)
class Tab:
    """A tab of the page."""

    id: str
    label: str
    layout: Callable[[], html.Div]
    register: Callable[[Dash, "TrainingService"], None]


TABS = (
    Tab(ids.TAB_TRAIN, "Train", train_layout.layout, train.register),
    Tab(ids.TAB_CURVES, "Curves", curves_layout.layout, curves.register),
    Tab(ids.TAB_GALLERY, "Gallery", gallery_layout.layout, gallery.register),
    Tab(ids.TAB_MISTAKES, "Mistakes", mistakes_layout.layout, mistakes.register),
    Tab(ids.TAB_DRAW, "Draw", draw_layout.layout, draw.register),
    Tab(ids.TAB_INSIDE, "Inside", inside_layout.layout, inside.register),
    Tab(ids.TAB_EMBEDDING, "Embedding", embedding_layout.layout, embedding.register),
    Tab(ids.TAB_COMPARE, "CNN vs MLP", compare_layout.layout, compare.register),
    Tab(ids.TAB_RUNS, "Runs", runs_layout.layout, runs.register),
)


def create_app(
    service: "TrainingService",
    host: str = "127.0.0.1",
    allowed_hosts: Sequence[Host] = (),
    url_prefix: str = "/",
) -> Dash:
    """The whole application. `app.server` is what an ASGI server serves.

    Args:
        host: the address that is served, whose name browsers may use.
        allowed_hosts: further names of the server, such as a proxy's.
        url_prefix: the path of the page, as `/lab/`.
    """
    urls.set_prefix(url_prefix)

    live = Live(service, runs_table.row, functools.partial(status_bar.describe, service))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield
        service.close()  # a training thread that outlives the interpreter would abort the process

    server = FastAPI(
        title="Digit Lab", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    errors.add_handlers(server)
    rest_api = create_api(service, live)
    server.mount(url("/api"), rest_api)
    # A mount does not match its own path without a slash.
    server.router.routes.append(Route(url("/api"), rest_api))
    server.mount(url("/vendor/bootstrap"), StaticFiles(directory=_bootstrap_css()))
    guide_page.register(server, BOOTSTRAP)
    # Otherwise Dash 4.4.1 opens a WebSocket of its own on every page, though no callback uses one.
    FastAPIDashServer.websocket_capability = False
    # Every page would load the scripts of Dash's own table, which none has, and those of the table
    # of runs, which assets/components/lazy_grid.js loads where it comes into sight.
    dash_table._js_dist.clear()
    dag._js_dist[0]["dynamic"] = True
    app = Dash(
        __name__,
        server=server,
        title="Digit Lab",
        update_title="",
        assets_folder=str(ASSETS),
        assets_path_ignore=["^pages$"],  # what other pages load
        url_base_pathname=url("/"),
        external_stylesheets=[url(BOOTSTRAP)],
        prevent_initial_callbacks=True,
        on_error=_log_error,
    )
    app.layout = layout()
    _register_navigation(app)
    for tab in TABS:
        tab.register(app, service)
    server.add_middleware(CompressMiddleware)
    server.add_middleware(PackedFiles, folders=[url(folder) for folder in STATIC])
    server.add_middleware(
        middleware.BodyLimit, limits={url("/api/import"): service.imports.MAX_BYTES}
    )
    one_person = hosts.is_loopback(host) and not allowed_hosts
    server.add_middleware(owners.Owners, path=url("/"), one_person=one_person)
    server.add_middleware(middleware.Head)
    server.add_middleware(middleware.UrlPrefix, prefix=url("/"))
    server.add_middleware(middleware.Guard, host=host, allowed=allowed_hosts)
    server.add_middleware(middleware.SecurityHeaders, inline_scripts=app.csp_hashes())
    return app


def layout() -> html.Div:
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
            html.Header(
                [
                    html.H1("Digit Lab"),
                    html.P("Watch a neural network learn to read"),
                    html.Button(
                        "◐",
                        id=THEME,
                        className="btn btn-outline-secondary btn-sm",
                        title="Light or dark",
                        **{"aria-label": "Light or dark"},
                    ),
                ],
                className="shell-head",
            ),
            html.Div([status_bar.layout(), _epoch_slider()], className="shell-top"),
            dbc.Tabs(
                [dbc.Tab(tab.layout(), label=tab.label, tab_id=tab.id) for tab in TABS],
                id=ids.TABS,
                active_tab=TABS[0].id,
                **PERSIST,
            ),
            dcc.Store(id=PAGE_ADDRESS),
        ],
        className="shell",
        **{"data-protocol": str(PROTOCOL), "data-tabs": " ".join(tab.id for tab in TABS)},
    )


def _register_navigation(app: Dash) -> None:
    """The page's address names the open tab and the chosen run."""
    app.clientside_callback(
        ClientsideFunction("page", "navigate"),
        Output(ids.TABS, "active_tab", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Input(PAGE_ADDRESS, "data"),
        Input(ids.TABS, "active_tab"),
        Input(ids.RUN_PICK, "value"),
        prevent_initial_call="initial_duplicate",
    )


def _epoch_slider() -> html.Div:
    """Reserves the space of the slider that `assets/live/epoch_slider.js` adds."""
    return html.Div(id="epoch-bar", className="epoch-bar", style={"visibility": "hidden"})


def _log_error(error: Exception) -> None:
    """Without a handler Dash answers 500 without a log; with it the page keeps what it shows."""
    log.error("A callback failed", exc_info=error)


def _bootstrap_css() -> Path:
    """Bootstrap's style sheets, from the package Bootstrap-Flask."""
    spec = importlib.util.find_spec("flask_bootstrap")
    assert spec is not None, "Bootstrap-Flask is in requirements.txt"
    assert spec.origin is not None, "Bootstrap-Flask is a package with files"
    return Path(spec.origin).parent / "static" / "bootstrap5" / "css"
