"""What a network makes of one test image, as JSON with pictures."""

import base64
import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from core.service.service import TrainingService
from dashboard.components.mosaic import mosaic
from tests.dashboard.conftest import refusal


def test_the_layers_of_the_newest_network_are_told(
    trained: TestClient, done: TrainingService, run_id: str
) -> None:
    told = trained.get(f"/api/runs/{run_id}/activations", params={"image": 7}).json()
    view = done.inspection.activations(7, run_id).view
    assert (told["image"], told["model"], told["progress"]) == (7, "mlp", 2)
    assert told["probabilities"] == pytest.approx(view.probabilities.tolist())
    assert [layer["name"] for layer in told["layers"]] == ["input", "fc1", "fc2", "fc3"]
    first, hidden = told["layers"][:2]
    assert (first["shape"], hidden["shape"]) == ([1, 28, 28], [200])
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
