"""What the Embedding tab says while it computes, and its picture of all digits."""

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from core.service.service import TrainingService
from dashboard.tabs.embedding import layout
from dashboard.tabs.embedding.callbacks import ACROSS
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


def test_all_digits_are_one_picture_whose_ink_is_opaque(
    trained: TestClient, done: TrainingService, run_id: str
) -> None:
    page = Callbacks(trained, done)
    (show_images,) = (one for one in page.on_server if layout.IMAGES in one["output"])
    answer = page.call(show_images, {layout.RUN: {"run": run_id}})
    assert answer.status_code == 200, answer.text
    address = answer.json()["response"][layout.IMAGES]["data"]
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    grey, opacity = np.moveaxis(np.asarray(picture), -1, 0)
    assert not grey.any()
    images = done.embeddings.images(run_id)
    for place in (0, ACROSS - 1, ACROSS, len(images) - 1):
        row, column = divmod(place, ACROSS)
        tile = opacity[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        np.testing.assert_array_equal(tile, images[place])
