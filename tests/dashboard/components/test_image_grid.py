"""What the page gets of test images: pixels, readings, the chosen one, and samples before a run."""

import base64

import numpy as np
import pytest

from core.errors import DatasetUnavailableError, NoModelError
from core.records.predictions import Gallery, TestImages
from core.service.service import TrainingService
from dashboard.components import image_grid

IMAGES = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
READ = Gallery(np.array([4, 9]), IMAGES, np.array([1, 2]), np.eye(10)[[1, 7]], 1.0)


def test_images_are_bytes_in_their_order_with_what_was_read() -> None:
    answer = image_grid.encode(READ)
    assert base64.b64decode(answer["pixels"]) == IMAGES.tobytes()
    assert (answer["indices"], answer["labels"]) == ([4, 9], [1, 2])
    assert answer["predictions"] == [1, 7]
    assert answer["probabilities"][1][7] == 1
    unread = image_grid.encode(TestImages(READ.indices, READ.images, READ.labels))
    assert set(unread) == {"indices", "labels", "pixels"}


def test_a_chosen_image_that_left_the_grid_is_read_anew(done: TrainingService) -> None:
    run = done.runs.latest()
    request = {"version": f"{run}/0/e1", "image": 17, "image_run": run}
    found = image_grid.chosen_image(done, request, READ)
    assert found is not None
    assert found["indices"] == [17]
    for change in ({"image": 4}, {"image": None}, {"image_run": "another"}, {"image": 10**6}):
        assert image_grid.chosen_image(done, request | change, READ) is None


def test_before_the_first_run_there_are_digits_that_nobody_has_read(done: TrainingService) -> None:
    answer = image_grid.samples(done, {"seed": 1}, 7, NoModelError("None."))
    assert len(answer["images"]["indices"]) == 7
    assert "predictions" not in answer["images"]
    assert answer["untrained"] == {"sentence": image_grid.NOTHING_LEARNED, "train": True}


def test_without_a_data_set_its_sentence_is_shown(
    done: TrainingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatasetUnavailableError("No digits are here.")

    monkeypatch.setattr(done.predictions, "samples", fail)
    answer = image_grid.samples(done, {}, 7, NoModelError("None."))
    assert answer == {"empty": {"sentence": "No digits are here.", "showAll": False}}
