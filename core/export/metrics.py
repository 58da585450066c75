"""A run's metrics as CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from core.records.exports import Provenance
from core.records.metrics import Metrics


def to_csv(metrics: Sequence[Metrics]) -> str:
    """One line per event; columns that an event does not have are empty."""
    rows = [asdict(event) for event in metrics]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def to_json(metrics: Sequence[Metrics], provenance: Provenance) -> str:
    """An object with the fields of `Provenance` and `metrics`, a list with one object per event."""
    record = {**asdict(provenance), "metrics": [asdict(event) for event in metrics]}
    return json.dumps(record, indent=1) + "\n"
