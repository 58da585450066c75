"""Callbacks of the Experiments tab: those of each experiment."""

from dash import Dash

from dashboard.service import TrainingService
from dashboard.tabs.experiments.cards import CARDS


def register(app: Dash, service: TrainingService) -> None:
    for card in CARDS:
        card.register(app, service)
