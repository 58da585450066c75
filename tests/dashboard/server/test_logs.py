"""The log has one line per event, whatever people write."""

import logging

import pytest
from fastapi.testclient import TestClient

from core.config import TrainConfig
from core.service.service import TrainingService
from dashboard.server.logs import OneLine
from tests.support import Finish


def line(message: str) -> str:
    record = logging.LogRecord("name", logging.INFO, "file", 1, message, None, None)
    return OneLine("%(levelname)s: %(message)s").format(record)


def test_control_characters_cannot_begin_a_line() -> None:
    assert line("Größe: 28 × 28") == "INFO: Größe: 28 × 28"
    assert line("one\nERROR: two\r\x1b[31m\u2028") == (r"INFO: one\nERROR: two\r\x1b[31m\u2028")


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("wrong")
    except ValueError as error:
        record = logging.LogRecord(
            "name", logging.ERROR, "file", 1, "failed\n", None, (ValueError, error, None)
        )
    assert OneLine("%(message)s").format(record).splitlines() == [r"failed\n", "ValueError: wrong"]


def test_each_event_of_a_run_is_one_line(
    service: TrainingService,
    tiny_config: TrainConfig,
    finish: Finish,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    run_id = service.runs.start(tiny_config, "a name\nof two lines")
    finish(service, run_id)
    service.runs.delete(run_id)
    broken = service.runs.start(tiny_config.model_copy(update={"learning_rate": 1e9}))
    state = finish(service, broken)
    messages = [record.getMessage() for record in caplog.records]
    found = next(message for message in messages if "to train on" in message)
    assert messages.index(found) < messages.index(f"Run {run_id} has ended: done")
    expected = [f"Run {run_id} has started.", f"Run {run_id} was deleted."]
    expected.append(f"Run {broken} has ended: {state.error or state.state.value}")
    assert [message for message in expected if message not in messages] == []


def test_refused_requests_are_one_line_each(
    untrained: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    untrained.get("/", headers={"host": "evil.example"})
    untrained.post("/api/predict", content=bytes(5 << 20))
    untrained.get("/api/runs/none")
    messages = [record.getMessage() for record in caplog.records if "refused" in record.msg]
    assert [message.partition(":")[0] for message in messages] == [
        f"A request was refused with {code}" for code in (403, 413, 404)
    ]
