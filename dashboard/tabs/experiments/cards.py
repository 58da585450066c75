"""The experiments: a card and a folder for each. A new one is an entry of `CARDS`."""

from collections.abc import Callable
from dataclasses import dataclass

from dash import Dash, html

from dashboard.service import TrainingService
from dashboard.tabs.experiments.cnn_vs_mlp import (
    callbacks as cnn_vs_mlp,
    layout as cnn_vs_mlp_layout,
)


@dataclass(frozen=True)
class Card:
    """An experiment. `glyph`: its picture, a class of `assets/css/experiments.css`."""

    title: str
    question: str
    glyph: str
    layout: Callable[[TrainingService], html.Section]
    register: Callable[[Dash, TrainingService], None]


CARDS = (
    Card(
        "CNN vs MLP",
        "Does it help to look through small windows?",
        "glyph-cnn-vs-mlp",
        cnn_vs_mlp_layout.layout,
        cnn_vs_mlp.register,
    ),
)
