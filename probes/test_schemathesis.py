"""Schemathesis sends thousands of requests that it makes from the description, right and wrong.

No answer is a 500, none differs from its description, and nothing is taken that the description
forbids.
"""

import itertools
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig
from core.errors import WrongStateError
from core.training.loop import Event
from tests.browser.app_server import AppServer

EXAMPLES, REQUESTS = 290, 10_000
"""The most requests to a route in each phase, and how many there are at least in all."""
EVENTS = 30
"""A run ends after so many: whatever settings are sent, all training together takes seconds."""

RUNS = 20
"""The newest that stay: the more there are, the longer take the lists of all."""

# A description cannot say what a good picture or a good file holds, nor how many images there are.
CONTENTS = "|".join(
    ("predict", "predict_history", "keep_drawing", "import_weights", "get_activations", "fork_run")
)
SETTINGS = """
[dictionaries.runs]
values = {runs}

[parameters]
"path.run_id" = {{ dictionary = "runs", probability = 0.7 }}
"query.run" = {{ dictionary = "runs", probability = 0.7 }}

[checks]
negative_data_rejection.expected-statuses = ["4xx"]

[[operations]]
include-operation-id-regex = "^({contents})$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
"""


class BriefServer(AppServer):
    """A server whose runs end after a few batches, and of which few are kept.

    Attributes:
        kept: runs that stay.
    """

    kept: Sequence[str] = ()

    def _fit(self, config: TrainConfig, *args: Any, **options: Any) -> Iterator[Event]:
        for run in self.service.runs.all()[RUNS:]:
            if run.run_id not in self.kept:
                with suppress(WrongStateError):  # it is locked
                    self.service.runs.delete(run.run_id)
        return itertools.islice(super()._fit(config, *args, **options), EVENTS)


@pytest.fixture
def server(data_dir: Path, tmp_path: Path) -> Iterator[BriefServer]:
    server = BriefServer(data_dir, tmp_path / "runs")
    yield server
    server.close()


def test_every_answer_is_as_described_and_nothing_forbidden_is_taken(
    server: BriefServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs = [server.train(name="An MLP"), server.train(model="speedrun_cnn", epochs=1)]
    server.kept = runs
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS.format(runs=runs, contents=CONTENTS).replace("'", '"'))
    tool = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert tool is not None, "make probe installs schemathesis"
    done = subprocess.run(
        [
            *(tool, "--config-file", str(settings), "run", f"{server.url}/api/openapi.json"),
            *("--seed", "1", "--max-examples", str(EXAMPLES), "--continue-on-failure"),
            # It takes the restoring of a run that is not deleted, a 404, for a run that is lost.
            *("--exclude-checks", "ensure_resource_availability"),
            *("--no-color", "--output-truncate", "true", "--report-dir", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        timeout=1800,
        cwd=tmp_path,
    )
    told = "\n".join(line[:300] for line in done.stdout.splitlines())
    assert done.returncode == 0, told
    sent = re.search(r"([\d,]+) generated", told)
    assert sent is not None, told
    print(f"{sent[1]} requests")
    assert int(sent[1].replace(",", "")) >= REQUESTS
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []
