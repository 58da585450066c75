"""Callbacks of the Experiments tab: those of each experiment."""

from typing import TYPE_CHECKING

from dash import Dash

from dashboard.tabs.experiments.cards import CARDS

if TYPE_CHECKING:
    from core.service.service import TrainingService


def register(app: Dash, service: "TrainingService") -> None:
    for card in CARDS:
        card.register(app, service)
