"""What the Embedding tab says while it computes."""

import pytest
from fastapi.testclient import TestClient

from core.service.service import TrainingService
from dashboard.tabs.embedding import layout
from tests.dashboard.conftest import Callbacks


@pytest.mark.parametrize(
    ("share", "method", "idle", "words"),
    [
        (None, "tsne", False, ""),  # it waits for its turn
        (0.0, "tsne", False, "t-SNE: 0\u202f%"),
        (0.25, "tsne", False, "t-SNE: 25\u202f%"),
        (0.25, "tsne", True, ""),
        (0.25, "pca", False, ""),  # somebody else's
    ],
)
def test_how_far_tsne_is_is_said_from_its_begin_on(
    trained: TestClient,
    done: TrainingService,
    monkeypatch: pytest.MonkeyPatch,
    share: float | None,
    method: str,
    idle: bool,
    words: str,
) -> None:
    if share is not None:
        monkeypatch.setattr(done.embeddings, "progress", share)
    page = Callbacks(trained, done)
    (progress,) = (one for one in page.on_server if layout.PROGRESS in one["output"])
    values = {f"{layout.CLOCK}.disabled": idle, layout.METHOD: method}
    answer = page.call(progress, values)
    assert answer.status_code == 200, answer.text
    assert answer.json()["response"][layout.PROGRESS]["children"] == words
