"""The callback of the Runs tab: the comparison of the selected runs.

`assets/tabs/runs.js` fills the table, has what the buttons do, and uploads files with weights.
"""

import asyncio
from typing import Any

from dash import Dash, Input, Output

from core.errors import UnknownRunError
from dashboard import ids
from dashboard.components.epoch_curves import EvaluatedRun, load_evaluations
from dashboard.components.runs_table import Row
from dashboard.service import TrainingService
from dashboard.tabs.runs import figures, layout
from dashboard.tabs.runs.differences import differences

MAX_COMPARED = 40


def register(app: Dash, service: TrainingService) -> None:
    def load(rows: list[Row]) -> list[EvaluatedRun]:
        found = []
        for row in rows[:MAX_COMPARED]:
            try:
                found.append(load_evaluations(service, service.runs.snapshot(row["run_id"])))
            except UnknownRunError:
                continue
        return found

    @app.callback(
        Output(layout.CURVES, "figure"),
        Output(layout.DIFFERENCES, "children"),
        Input(ids.RUNS_GRID, "selectedRows"),
        Input(layout.METRIC, "value"),
        Input(layout.CHANGED, "data"),
    )
    async def compare(rows: list[Row] | None, metric: str | None, _: object) -> tuple[Any, Any]:
        runs = await asyncio.to_thread(load, rows or [])
        figure = figures.comparison(runs, "loss" if metric == "loss" else "accuracy")
        return figure, differences([one.run for one in runs])
