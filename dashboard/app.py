"""Creates the application: the server, the page's shell and tabs, and their callbacks.

Importing it must not import torch.
"""

import functools
import importlib.util
import logging
import mimetypes
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dash_bootstrap_components as dbc
from dash import ClientsideFunction, Dash, Input, Output, dcc, html
from dash.backends._fastapi import FastAPIDashServer
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route

from dashboard import guide_page, ids, middleware, urls
from dashboard.api.app import create_api
from dashboard.components import runs_table, status_bar
from dashboard.components.persistence import KEEP
from dashboard.live.endpoint import Live
from dashboard.live.protocol import PROTOCOL
from dashboard.tabs.compare import callbacks as compare
from dashboard.tabs.curves import callbacks as curves
from dashboard.tabs.draw import callbacks as draw
from dashboard.tabs.embedding import callbacks as embedding
from dashboard.tabs.gallery import callbacks as gallery
from dashboard.tabs.inside import callbacks as inside
from dashboard.tabs.inside import layout as inside_layout
from dashboard.tabs.mistakes import callbacks as mistakes
from dashboard.tabs.runs import callbacks as runs
from dashboard.tabs.train import callbacks as train
from dashboard.urls import url

if TYPE_CHECKING:
    from core.service.service import TrainingService

log = logging.getLogger(__name__)

ASSETS = Path(__file__).resolve().parent.parent / "assets"
BOOTSTRAP = "/vendor/bootstrap/bootstrap.min.css"
# Windows may call scripts text/plain, and browsers do not run those of an answer with "nosniff".
mimetypes.add_type("text/javascript", ".js")


def create_app(service: "TrainingService", host: str = "127.0.0.1", path_prefix: str = "/") -> Dash:
    """The whole application. `app.server` is what an ASGI server serves.

    Args:
        host: the address that is served, whose name browsers may use.
        path_prefix: the path of the page, as `/digits/`.
    """
    urls.set_prefix(path_prefix)

    live = Live(service, runs_table.row, functools.partial(status_bar.describe, service))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with live.running():
            yield
        service.close()  # a training thread that outlives the interpreter would abort the process

    server = FastAPI(
        title="Digit Lab", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    rest_api = create_api(service, live)
    server.mount(url("/api"), rest_api)
    # A mount does not match its own path without a slash.
    server.router.routes.append(Route(url("/api"), rest_api))
    server.mount(url("/vendor/bootstrap"), StaticFiles(directory=_bootstrap_css()))
    guide_page.register(server, BOOTSTRAP)
    # Else Dash 4.4.1 opens a WebSocket of its own on every page, though no callback uses one.
    FastAPIDashServer.websocket_capability = False
    app = Dash(
        __name__,
        server=server,
        title="Digit Lab",
        update_title="",
        assets_folder=str(ASSETS),
        assets_path_ignore=["^pages$"],  # what other pages load
        url_base_pathname=url("/"),
        external_stylesheets=[url(BOOTSTRAP)],
        on_error=_log_error,
    )
    app.layout = layout(service.problems)
    navigation(app)
    train.register(app, service)
    gallery.register(app, service)
    mistakes.register(app, service)
    draw.register(app, service)
    inside.register(app, service)
    embedding.register(app, service)
    compare.register(app, service)
    curves.register(app)
    runs.register(app, service)
    server.add_middleware(middleware.BodyLimit, limits={url("/api/import"): service.MOST_BYTES_IN})
    server.add_middleware(middleware.Guard, host=host)
    server.add_middleware(middleware.SecurityHeaders, inline_scripts=app.csp_hashes())
    return app


def layout(problems: Sequence[str] = ()) -> html.Div:
    """The page. The scripts in `assets/live/` fill it.

    Args:
        problems: what the tab Runs says was found damaged at the start.
    """
    tabs = _tabs(problems)
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
                        id=ids.THEME,
                        className="btn btn-outline-secondary btn-sm",
                        title="Light or dark",
                        **{"aria-label": "Light or dark"},
                    ),
                ],
                className="shell-head",
            ),
            html.Div([status_bar.layout(), _epoch_slider()], className="shell-top"),
            tabs,
            dcc.Location(id=ids.PAGE_ADDRESS, refresh=False),
        ],
        className="shell",
        **{
            "data-protocol": str(PROTOCOL),
            "data-tabs": " ".join(tab.tab_id for tab in tabs.children),
        },
    )


def navigation(app: Dash) -> None:
    """Keeps the open tab and the chosen run in the page's address."""
    app.clientside_callback(
        ClientsideFunction("page", "navigate"),
        Output(ids.TABS, "active_tab", allow_duplicate=True),
        Output(ids.RUN_PICK, "value", allow_duplicate=True),
        Input(ids.PAGE_ADDRESS, "search"),
        Input(ids.TABS, "active_tab"),
        Input(ids.RUN_PICK, "value"),
        prevent_initial_call="initial_duplicate",
    )


def _epoch_slider() -> html.Div:
    """The element that `assets/live/epoch_slider.js` fills.

    It takes its space from the start, so that nothing moves when the slider appears.
    """
    return html.Div(id="epoch-bar", className="epoch-bar", style={"visibility": "hidden"})


def _tabs(problems: Sequence[str]) -> dbc.Tabs:
    return dbc.Tabs(
        [
            dbc.Tab(train.layout(), label="Train", tab_id=ids.TAB_TRAIN),
            dbc.Tab(curves.layout(), label="Curves", tab_id=ids.TAB_CURVES),
            dbc.Tab(gallery.layout(), label="Gallery", tab_id=ids.TAB_GALLERY),
            dbc.Tab(mistakes.layout(), label="Mistakes", tab_id=ids.TAB_MISTAKES),
            dbc.Tab(draw.layout(), label="Draw", tab_id=ids.TAB_DRAW),
            dbc.Tab(inside_layout.layout(), label="Inside", tab_id=ids.TAB_INSIDE),
            dbc.Tab(embedding.layout(), label="Embedding", tab_id=ids.TAB_EMBEDDING),
            dbc.Tab(compare.layout(), label="CNN vs MLP", tab_id=ids.TAB_COMPARE),
            dbc.Tab(runs.layout(problems), label="Runs", tab_id=ids.TAB_RUNS),
        ],
        id=ids.TABS,
        active_tab=ids.TAB_TRAIN,
        **KEEP,
    )


def _log_error(error: Exception) -> None:
    """Logs an error of a callback, which Dash would not; the page keeps what it shows."""
    log.error("A callback failed", exc_info=error)


def _bootstrap_css() -> Path:
    """Bootstrap's style sheets as the package Bootstrap-Flask carries them."""
    spec = importlib.util.find_spec("flask_bootstrap")
    assert spec is not None, "Bootstrap-Flask is in requirements.txt"
    assert spec.origin is not None, "Bootstrap-Flask is a package with files"
    return Path(spec.origin).parent / "static" / "bootstrap5" / "css"
