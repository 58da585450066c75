"""The preview of a run: its images as a picture, and its frames."""

import io

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from core.records.preview import PreviewFrame
from core.service.service import TrainingService
from dashboard.api.previews import sprite
from tests.dashboard.conftest import LiveHarness, opened, refusal


def test_the_picture_has_a_column_for_each_digit_with_ink_as_alpha() -> None:
    images = np.random.default_rng(0).integers(1, 256, (4, 28, 28), np.uint8)
    picture = np.asarray(Image.open(io.BytesIO(sprite(images, np.array([0, 3, 9, 3])))))
    assert picture.shape == (56, 280, 2)
    assert (picture[:28, :28, 1] == images[0]).all()
    assert (picture[28:, 28 * 3 : 28 * 4, 1] == images[3]).all()
    assert np.count_nonzero(picture) == images.size, "elsewhere it is empty"


def test_the_frames_of_a_run_and_its_images_are_told(harness: LiveHarness) -> None:
    for client in opened(harness.service):
        run_id = harness.start()
        told = client.get(f"/api/runs/{run_id}/preview").json()
        assert (told["frames"], told["current"]) == (0, None)
        assert told["labels"] == [*range(10)] * 6
        assert len(told["images"]) == 60
        assert told["test_images"] > max(told["images"])
        assert client.get("/api/preview").json() == told
        harness.report(PreviewFrame(1, 0.1, 0.5, "7", 0.25))
        assert client.get(f"/api/runs/{run_id}/preview").json() == told | {"frames": 1}
        (frame,) = client.get(f"/api/runs/{run_id}/preview/frames").json()["frames"]
        expected = {"step": 1, "progress": 0.1, "seconds": 0.5, "digits": "7", "accuracy": 0.25}
        assert frame == expected | {"exact": False}
        picture = client.get("/api/preview.png", params={"run": run_id})
        assert picture.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(picture.content)).size == (280, 168)


def test_a_run_that_is_done_tells_what_its_networks_read(trained: TestClient, run_id: str) -> None:
    path = f"/api/runs/{run_id}/preview"
    current = trained.get(path).json()["current"]
    assert (current["progress"], current["exact"], len(current["digits"])) == (2, True, 60)
    assert trained.get(path, params={"epoch": 1}).json()["current"]["progress"] == 1
    assert trained.get(path, params={"epoch": 0}).json()["current"] is None
    assert "not kept" in refusal(trained.get(path, params={"epoch": 7}), 404)


def test_other_digits_can_be_asked_for(
    trained: TestClient, done: TrainingService, run_id: str
) -> None:
    first, other = (
        trained.get(f"/api/runs/{run_id}/preview?sample={sample}").json() for sample in (0, 1)
    )
    assert first == trained.get(f"/api/runs/{run_id}/preview").json()
    assert not set(first["images"]) & set(other["images"])
    assert other["labels"] == first["labels"]
    read = done.predictions.test_images(other["images"], run_id).probabilities.argmax(1)
    assert other["current"]["digits"] == "".join(map(str, read))
    pictures = [
        trained.get(f"/api/preview.png?run={run_id}&sample={sample}").content for sample in (0, 1)
    ]
    assert pictures[0] != pictures[1]
    assert "sample" in refusal(trained.get(f"/api/runs/{run_id}/preview?sample=-1"), 400)


def test_an_unknown_run_has_no_preview(untrained: TestClient) -> None:
    assert "no run" in refusal(untrained.get("/api/runs/nothing/preview"), 404)
    assert "no run" in refusal(untrained.get("/api/runs/nothing/preview/frames"), 404)
    assert "no run" in refusal(untrained.get("/api/preview.png?run=nothing"), 404)
