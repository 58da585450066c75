"""What a network makes of one test image, as JSON with pictures."""

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from core.service.service import TrainingService
from dashboard.api.activations import columns_of, mosaic
from tests.dashboard.conftest import refusal


@pytest.mark.parametrize(
    ("count", "columns"), [(1, 1), (10, 5), (24, 8), (32, 8), (64, 16), (256, 32), (7, 7)]
)
def test_maps_stand_in_full_rows(count: int, columns: int) -> None:
    assert columns_of(count) == columns


def test_a_mosaic_is_light_on_black_with_lines_between_maps() -> None:
    maps = np.zeros((4, 2, 3), np.float32)
    maps[2] = [[1, 2, 4], [0, 0, 0]]
    picture = mosaic(maps)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 15)
    assert picture[0].tolist() == [0] * 8 + [64, 128, 255] + [0] * 4
    assert not picture[1].any()

    logits = np.array([-1.0, 0.0, 1.0, 3.0], np.float32).reshape(4, 1, 1)
    assert mosaic(logits).tolist() == [[0, 64, 128, 255]]
    assert not mosaic(np.zeros((2, 2, 2), np.float32)).any()


def test_the_layers_of_the_newest_network_are_told(
    trained: TestClient, done: TrainingService, run_id: str
) -> None:
    told = trained.get(f"/api/runs/{run_id}/activations", params={"image": 7}).json()
    view = done.inspection.activations(7, run_id).view
    assert (told["image"], told["model"], told["version"]) == (7, "mlp", f"{run_id}/0/2")
    assert told["probabilities"] == pytest.approx(view.probabilities.tolist())
    assert told["parameters"] == sum(layer["parameters"] for layer in told["layers"]) == 1_626_162
    assert [layer["name"] for layer in told["layers"]] == ["input", "fc1", "fc2", "fc3"]
    first, hidden = told["layers"][:2]
    assert (first["shape"], hidden["shape"], hidden["size"]) == ([1, 28, 28], [1000], "1000")
    for layer, maps in zip(told["layers"], view.maps, strict=True):
        kind, content = layer["picture"].split(",")
        assert kind == "data:image/png;base64"
        picture = Image.open(io.BytesIO(base64.b64decode(content)))
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), mosaic(maps.values))

    by_default = trained.get(f"/api/runs/{run_id}/activations").json()
    assert by_default["image"] == trained.get("/api/preview").json()["images"][0]
    untrained = trained.get(f"/api/runs/{run_id}/activations?epoch=0").json()
    assert untrained["progress"] == 0


def test_what_is_not_there_is_refused(trained: TestClient, run_id: str) -> None:
    assert "no run" in refusal(trained.get("/api/runs/nothing/activations"), 404)
    assert "0 to 119" in refusal(trained.get(f"/api/runs/{run_id}/activations?image=120"), 422)
    assert "not kept" in refusal(trained.get(f"/api/runs/{run_id}/activations?epoch=9"), 404)
