"""The preview of a run: its images as a picture, and its frames."""

import io

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from core.records.preview import PreviewFrame
from dashboard.api.previews import sprite
from tests.dashboard.conftest import LiveHarness, opened, refusal


def test_the_picture_has_the_images_in_rows_of_ten_with_ink_as_alpha() -> None:
    images = np.random.default_rng(0).integers(0, 256, (14, 28, 28), np.uint8)
    picture = np.asarray(Image.open(io.BytesIO(sprite(images))))
    assert picture.shape == (56, 280, 2)
    assert (picture[28:, 28 * 3 : 28 * 4, 1] == images[13]).all()
    assert not picture[28:, 28 * 4 :, 1].any()
    assert not picture[..., 0].any()


def test_the_frames_of_a_run_and_its_images_are_told(harness: LiveHarness) -> None:
    for client in opened(harness.service):
        run_id = harness.start()
        assert client.get(f"/api/runs/{run_id}/preview").json()["frames"] == []
        harness.report(PreviewFrame(1, 0.1, 0.5, "7", 0.25))
        told = client.get(f"/api/runs/{run_id}/preview").json()
        assert told["frames"] == [
            {"step": 1, "progress": 0.1, "seconds": 0.5, "digits": "7", "accuracy": 0.25}
        ]
        assert len(told["images"]) == len(told["labels"]) == 60
        assert told["labels"] == sorted(told["labels"])
        picture = client.get("/api/preview.png", params={"run": run_id})
        assert picture.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(picture.content)).size == (280, 168)


def test_an_unknown_run_has_no_preview(untrained: TestClient) -> None:
    assert "no run" in refusal(untrained.get("/api/runs/nothing/preview"), 404)
    assert "no run" in refusal(untrained.get("/api/preview.png?run=nothing"), 404)
