"""The REST API: a FastAPI app of its own, which the dashboard mounts at `/api`."""

from fastapi import FastAPI

import core
from dashboard.api import activations, docs, drawings, errors, files, predictions, previews, runs
from dashboard.api.bodies import JsonRoute
from dashboard.api.schemas import PROBLEMS
from dashboard.live import endpoint
from dashboard.live.endpoint import Live
from dashboard.service import TrainingService


def create_api(service: TrainingService, live: Live) -> FastAPI:
    """The API with all its routes, their description and the handlers of errors."""
    api = FastAPI(
        title="Digit Lab",
        version=core.__version__,
        description=docs.DESCRIPTION,
        openapi_tags=docs.TAGS,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # `docs` has a description that names whole paths
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        responses=PROBLEMS,
    )
    api.router.route_class = JsonRoute
    errors.add_handlers(api)
    runs.register(api, service)
    files.register(api, service)
    predictions.register(api, service)
    previews.register(api, service)
    activations.register(api, service)
    drawings.register(api, service)
    endpoint.register(api, live)
    docs.register(api)
    return api
