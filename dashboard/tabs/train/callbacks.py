"""Callbacks of the Train tab. `assets/tabs/train.js` has what its buttons do."""

from dash import Dash

from dashboard.components import config_form, lazy
from dashboard.service import TrainingService
from dashboard.tabs.train import layout, network


def register(app: Dash, service: TrainingService) -> None:
    config_form.register(app)
    lazy.register(app, lazy.body(layout.RUN_SETTINGS), layout.run_settings)
    network.register(app, service)
