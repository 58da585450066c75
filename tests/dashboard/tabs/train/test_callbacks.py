"""What the Train tab answers to a click."""

import pytest
from fastapi.testclient import TestClient

from core.service import worker
from core.service.service import TrainingService
from dashboard.components import config_form
from dashboard.tabs.train import layout
from tests.dashboard.conftest import SHORT, Callbacks


def test_a_full_queue_is_explained_on_the_page(
    untrained: TestClient, untrained_service: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "MAX_QUEUED", 0)
    page = Callbacks(untrained, untrained_service)
    for button in (layout.TRAIN, layout.QUEUE):
        answer = page.press(button, {config_form.SETTINGS: SHORT})["response"][layout.ANSWER]
        assert answer["is_open"]
        assert answer["children"] == (
            "Training did not start. The queue is full: at most 0 runs can wait. Let some of them "
            "end first, or stop them."
        )
