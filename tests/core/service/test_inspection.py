"""Looking inside through the service's door: the right network, the right image, sentences else."""

import queue
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import models
from core.config import TrainConfig
from core.data.dataset import Dataset
from core.drawing.photos import preprocess_pixels
from core.drawing.strokes import preprocess_strokes
from core.errors import (
    EmptyDrawingError,
    NoConvolutionError,
    NotTrainedError,
    OutOfRangeError,
    UnknownEpochError,
)
from core.explain.activations import Network, to_pixels
from core.explain.attribution import attribute
from core.service.inspection import MAX_VIEWS
from core.service.service import TrainingService
from core.training.loop import Event
from core.training.state import Checkpoint
from tests.support import Finish, MakeService, WaitUntil

SEVEN = [[[70.0, 56.0], [210.0, 56.0], [126.0, 238.0]]]


@pytest.fixture
def run_id(service: TrainingService, tiny_config: TrainConfig, finish: Finish) -> str:
    """A small CNN that is done, after two epochs."""
    run_id = service.runs.start(tiny_config.model_copy(update={"model": "speedrun_cnn"}))
    finish(service, run_id)
    return run_id


def network(runs: Path, epoch: int) -> Network:
    """What the run left on disk, without Digit Lab's own way to it."""
    (path,) = runs.rglob(f"{epoch:04d}.safetensors")
    return Network("speedrun_cnn", load_file(path))


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_look_is_that_of_the_epochs_network_at_the_test_image(
    service: TrainingService, run_id: str, tiny_dataset: Dataset, tmp_path: Path, epoch: int
) -> None:
    shown = service.inspection.activations(7, run_id, epoch)

    image = tiny_dataset.test_images[7].numpy() / np.float32(255)
    expected = network(tmp_path, epoch).look(image)
    np.testing.assert_array_equal(shown.image, image)
    assert shown.label == int(tiny_dataset.test_labels[7])
    assert shown.progress == epoch
    for maps, other in zip(shown.view.maps, expected.maps, strict=True):
        assert maps.layer == other.layer
        np.testing.assert_allclose(maps.values, other.values, atol=1e-5)
    np.testing.assert_allclose(shown.view.probabilities, expected.probabilities, atol=1e-6)


def test_the_network_of_a_run_that_trains_has_the_newest_weights_and_asks_for_newer_ones(
    make_service: MakeService, finish: Finish, wait_until: WaitUntil
) -> None:
    steps = queue.Queue[Event | None]()

    def told(*_: Any) -> Iterator[Event]:
        while event := steps.get():
            yield event

    def publish(step: int) -> None:
        def is_there() -> bool:
            with suppress(NotTrainedError):
                return service.predictions.checkpoint(run_id).step == step
            return False

        weights = models.build("speedrun_cnn").state_dict()
        steps.put(Checkpoint("speedrun_cnn", 1, step, step / 100, weights, None))
        wait_until(is_there)

    service = make_service(fit=told)
    inspection = service.inspection
    run_id = service.runs.start(TrainConfig(model="speedrun_cnn"))
    with pytest.raises(NotTrainedError):
        inspection.activations(7, run_id, newest=True)
    publish(1)
    first = inspection.activations(7, run_id, newest=True)
    assert first.progress == 0.01
    assert inspection.activations(7, run_id, newest=True).view is first.view
    publish(2)
    assert inspection.activations(7, run_id, newest=True).progress == 0.02
    assert service.predictions._runs.find(run_id).control.should_publish()
    steps.put(None)
    finish(service)


def test_the_network_is_shown_with_its_layers_and_their_weights(
    service: TrainingService, run_id: str, tiny_dataset: Dataset
) -> None:
    shown = service.inspection.activations(7, run_id, newest=True)
    assert (shown.progress, shown.model) == (2, "speedrun_cnn")
    assert shown.view is service.inspection.activations(7, run_id).view
    assert sum(maps.layer.parameters for maps in shown.view.maps) == 215_194

    untrained = service.inspection.activations(7, run_id, 0, newest=True)
    assert untrained.progress == 0
    service.runs.rewind(run_id, 1)
    assert service.inspection.activations(7, run_id, newest=True).progress == 1, "at once"
    with pytest.raises(OutOfRangeError):
        service.inspection.activations(len(tiny_dataset.test_labels), run_id, newest=True)


def test_batch_normalization_counts_with_its_convolution() -> None:
    model = models.build("accurate_cnn")
    network = Network("accurate_cnn", model.state_dict())
    assert sum(layer.parameters for layer in network.layers) == sum(
        p.numel() for p in model.parameters()
    )


def test_by_default_it_is_the_newest_network(service: TrainingService, run_id: str) -> None:
    newest = service.inspection.activations(3)
    last = service.inspection.activations(3, run_id, 2)
    assert newest.progress == 2
    np.testing.assert_allclose(newest.view.probabilities, last.view.probabilities, atol=1e-6)


def test_a_drawing_is_looked_at_as_the_draw_tab_reads_it(
    service: TrainingService, run_id: str
) -> None:
    image = service.inspection.drawing({"strokes": SEVEN})
    shown = service.inspection.activations(image, run_id)

    np.testing.assert_array_equal(image, preprocess_strokes(SEVEN).image)
    reading = service.predictions.predict({"strokes": SEVEN}, run_id=run_id)
    np.testing.assert_allclose(shown.view.probabilities, reading.probabilities, atol=1e-5)
    assert shown.label is None
    assert not np.array_equal(image, service.inspection.drawing({"strokes": SEVEN}, as_drawn=True))


def test_a_drawing_may_be_a_picture(service: TrainingService) -> None:
    pixels = np.zeros((40, 40), int)
    pixels[8:32, 18:22] = 255
    image = service.inspection.drawing({"pixels": pixels.tolist()})
    np.testing.assert_array_equal(image, preprocess_pixels(pixels).image)


def test_filters_steps_and_attributions_are_those_of_the_epochs_network(
    service: TrainingService, run_id: str, tmp_path: Path
) -> None:
    inspection, plain = service.inspection, network(tmp_path, 1)
    image = inspection.activations(5, run_id, 1).image
    where = (run_id, 1)

    np.testing.assert_allclose(
        inspection.filters(None, *where).weights, plain.filters("conv1").weights
    )
    assert inspection.filters("conv2", *where).layer.name == "conv2"
    step = inspection.pixel_step(image, "conv2", 3, 1, 2, *where)
    values = plain.look(image).maps[2].values
    assert max(step.before, 0) == pytest.approx(float(values[3, 1, 2]), abs=1e-4)
    found = inspection.attribute(image, "occlusion", 4, *where)
    expected = attribute(plain, image, "occlusion", 4)
    assert found.digit == 4
    np.testing.assert_allclose(found.values, expected.values, atol=1e-4)
    finer = inspection.attribute(image, "grad_cam", 4, *where, layer="conv1")
    expected = attribute(plain, image, "grad_cam", 4, "conv1")
    np.testing.assert_allclose(finer.values, expected.values, atol=1e-4)
    by_default = inspection.attribute(image, "saliency", None, *where)
    model = models.load("speedrun_cnn", load_file(next(tmp_path.rglob("0001.safetensors"))))
    assert by_default.digit == int(model(to_pixels(image)).argmax())


def test_what_is_not_there_is_refused_in_a_sentence(
    service: TrainingService, run_id: str, tiny_dataset: Dataset
) -> None:
    inspection = service.inspection
    with pytest.raises(OutOfRangeError, match="numbers 0 to 119"):
        inspection.activations(len(tiny_dataset.test_labels), run_id)
    with pytest.raises(OutOfRangeError, match="no test image -1"):
        inspection.activations(-1, run_id)
    with pytest.raises(UnknownEpochError):
        inspection.activations(0, run_id, 9)
    with pytest.raises(OutOfRangeError):
        inspection.filters("conv9", run_id)
    with pytest.raises(EmptyDrawingError):
        inspection.drawing({})


def test_before_the_first_network_it_shows_an_untrained_one(service: TrainingService) -> None:
    random = torch.get_rng_state()
    shown = service.inspection.activations(0)
    assert (shown.progress, shown.doubt) == (0.0, "undecided")
    assert shown.view.maps[1].values.std() > 0
    assert torch.equal(torch.get_rng_state(), random), "a run may draw its own weights meanwhile"


def test_grad_cam_of_a_network_without_convolutions_is_refused(
    trained_service: TrainingService,
) -> None:
    image = trained_service.inspection.activations(0).image
    with pytest.raises(NoConvolutionError):
        trained_service.inspection.attribute(image, "grad_cam")


def test_more_networks_and_images_than_are_kept_are_opened_anew(
    service: TrainingService, run_id: str
) -> None:
    places = range(MAX_VIEWS + 2)
    first = [service.inspection.activations(place, run_id, 1).view for place in places]
    again = [service.inspection.activations(place, run_id, 1).view for place in places]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert service.inspection.activations(places[-1], run_id, 1).view is again[-1]
