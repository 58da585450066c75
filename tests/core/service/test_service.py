"""The service through its public door: runs from start to end, what is told of them meanwhile, and
what can be asked of a network while it learns and afterwards."""

import io
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import astuple, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.config import TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import Runtime
from core.errors import (
    CancelledError,
    DatasetUnavailableError,
    EmptyDrawingError,
    NoModelError,
    NotTrainedError,
    UnknownEpochError,
    UnknownRunError,
    WrongStateError,
)
from core.records.datasets import DatasetStatus
from core.records.metrics import BatchMetrics, EpochMetrics, Metrics
from core.records.runs import RunSnapshot, RunState
from core.service.service import TrainingService
from core.training.control import TrainingControl
from core.training.loop import Event, fit
from core.training.progress import TrainingDivergedError
from core.training.state import Checkpoint
from tests.support import SECONDS, Finish, MakeService, WaitUntil, scripted_control

STEPS = 10  # of an epoch of `tiny_config`
ENDLESS = parse_config({"epochs": 2000, "batch_size": 30, "model": "mlp", "precision": "fp32"})
SEVEN = [[[60, 60], [200, 60], [120, 230]]]


class Gate:
    """A `fit` that trains really, but waits after so many events until it is let through."""

    def __init__(self, after: int = 1) -> None:
        self._after = after
        self._open = threading.Event()
        self.reached = threading.Event()

    def open(self) -> None:
        self._open.set()

    def fit(
        self,
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *options: Any,
    ) -> Iterator[Event]:
        events = fit(config, data, runtime, control, *options)
        yield from islice(events, self._after)
        self.reached.set()
        while not (self._open.is_set() or control.should_stop()):
            self._open.wait(0.01)
        yield from events


class SlowCatalog(DataCatalog):
    """Has nothing until it is let through, and then what its folder holds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(None, folder, prefer="synthetic")
        self.waiting = threading.Event()
        self.let_through = threading.Event()

    def load(self, name: str, cancelled: Callable[[], bool] = lambda: False) -> Dataset:
        self.waiting.set()
        while not self.let_through.wait(0.01):
            if cancelled():
                raise CancelledError
        return super().load(name, cancelled)

    def status(self, name: str = "auto") -> DatasetStatus:
        if self.let_through.is_set():
            return super().status(name)
        return DatasetStatus("synthetic", "Synthetic digits", "preparing", "Making digits", 0.4)


class MissingCatalog(DataCatalog):
    """Cannot have any data set, until its failures are forgotten."""

    missing = True

    def load(self, name: str, cancelled: Callable[[], bool] = lambda: False) -> Dataset:
        if self.missing:
            raise DatasetUnavailableError("The digits are on holiday.")
        return super().load(name, cancelled)

    def forget_failures(self) -> None:
        self.missing = False


def watched(service: TrainingService) -> list[RunSnapshot]:
    """A list that grows with a snapshot at each notification from the thread that trains."""
    seen: list[RunSnapshot] = []
    watcher = threading.current_thread()

    def listen() -> None:
        if threading.current_thread() is not watcher:  # two threads would mix up the order
            seen.append(service.runs.snapshot())

    service.subscribe(listen)
    return seen


def saved(service: TrainingService, snapshot: RunSnapshot) -> dict[str, torch.Tensor]:
    file = service.exports.weights(snapshot.run_id, None, "pth")
    weights: dict[str, torch.Tensor] = torch.load(io.BytesIO(file.content), weights_only=True)
    return weights


# A run from start to end


def test_a_run_goes_from_start_to_done_and_keeps_its_weights(
    service: TrainingService, tiny_config: TrainConfig, tiny_dataset: Dataset, finish: Finish
) -> None:
    run_id = service.runs.start(tiny_config)
    found = finish(service, run_id)

    assert found.state is RunState.DONE
    assert found.error is None
    assert (found.epoch, found.progress, found.epochs) == (2, 2, 2)
    assert str(service._database.root) not in json.dumps(found.to_json())  # nobody's business
    *_, last = fit(tiny_config, tiny_dataset)
    assert isinstance(last, Checkpoint)
    weights = saved(service, found)
    assert weights.keys() == last.state_dict.keys()
    assert all(torch.equal(weights[key], last.state_dict[key]) for key in weights)


def test_starting_returns_at_once_with_a_run_that_can_be_asked_about(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig
) -> None:
    service = make_service(SlowCatalog(synthetic_folder))
    assert service.runs.latest() is None

    run_id = service.runs.start(tiny_config)

    assert service.runs.latest() == run_id
    found = service.runs.snapshot(run_id)
    assert found == service.runs.snapshot()
    assert found.state is RunState.RUNNING
    assert found.config == tiny_config.model_dump()
    assert found.message == "Making digits: 40%"
    assert (found.epoch, found.progress, found.train_loss, found.test_loss) == (0, 0, None, None)


def test_a_data_set_without_progress_is_told_by_its_name(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig
) -> None:
    class Silent(SlowCatalog):
        def status(self, name: str = "auto") -> DatasetStatus:
            return DatasetStatus("mnist", "MNIST", "unknown")

    service = make_service(Silent(synthetic_folder))
    service.runs.start(tiny_config)

    assert service.runs.snapshot().message == "Loading MNIST"


def test_a_snapshot_follows_the_run(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> None:
    seen = watched(service)
    run_id = service.runs.start(tiny_config)
    last = finish(service)
    events, _ = service.runs.events_since(run_id, 0)

    assert {snapshot.state for snapshot in seen} <= {RunState.RUNNING, RunState.DONE}
    progress = [snapshot.progress for snapshot in seen]
    assert progress == sorted(progress)
    assert set(progress) == {0.0, *(event.progress for event in events)}
    for snapshot in seen:
        assert json.dumps(snapshot.to_json(), allow_nan=False)
        if snapshot.progress:
            assert snapshot.seconds_left is not None
            assert snapshot.seconds_left >= 0
            assert snapshot.images_per_second is not None
            assert snapshot.images_per_second > 0
    metrics = events[-1]
    assert isinstance(metrics, EpochMetrics)
    assert (last.train_loss, last.train_accuracy) == (metrics.train_loss, metrics.train_accuracy)
    assert (last.test_loss, last.test_accuracy) == (metrics.test_loss, metrics.test_accuracy)
    assert (last.seconds, last.seconds_left) == (metrics.seconds, 0)
    assert (last.dataset, last.dataset_title) == ("synthetic", "Synthetic digits")


def test_training_metrics_are_told_before_the_first_evaluation(
    make_service: MakeService, tiny_config: TrainConfig
) -> None:
    gate = Gate(after=1 + 3)  # the untrained model, three batches
    service = make_service(fit=gate.fit)
    run_id = service.runs.start(tiny_config)
    assert gate.reached.wait(SECONDS)

    found = service.runs.snapshot()
    events, _ = service.runs.events_since(run_id, 0)
    last = events[-1]
    assert isinstance(last, BatchMetrics)
    assert found.progress == pytest.approx(0.3)
    assert (found.train_loss, found.train_accuracy) == (last.loss, last.accuracy)
    assert (found.test_loss, found.test_accuracy) == (None, None)
    assert found.seconds_left == pytest.approx(found.seconds / 0.3 * 1.7)


def test_two_runs_in_a_row_are_both_remembered(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> None:
    first = service.runs.start(tiny_config)
    finish(service)
    second = service.runs.start(tiny_config.model_copy(update={"seed": 1}))
    finish(service)

    assert first != second
    assert service.runs.latest() == second
    assert service.runs.snapshot(first).config["seed"] == 0
    assert service.runs.snapshot(second).config["seed"] == 1
    weights = [saved(service, service.runs.snapshot(run_id)) for run_id in (first, second)]
    assert not all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert service.runs.events_since(first, 0) != service.runs.events_since(second, 0)


def test_a_second_run_waits_its_turn(
    make_service: MakeService, tiny_config: TrainConfig, finish: Finish
) -> None:
    gate = Gate()
    service = make_service(fit=gate.fit)
    first = service.runs.start(tiny_config)
    second = service.runs.start(tiny_config)
    third = service.runs.start(tiny_config)

    assert service.runs.snapshot(first).state is RunState.RUNNING
    assert [service.runs.snapshot(run_id).queue_place for run_id in (first, second, third)] == [
        None,
        1,
        2,
    ]
    assert service.runs.snapshot(second).state is RunState.QUEUED
    assert service.runs.latest() == first  # what there is to look at
    gate.open()
    finished = [finish(service, run_id) for run_id in (first, second, third)]
    assert [run.state for run in finished] == [RunState.DONE] * 3
    assert service.runs.latest() == third


def test_a_run_without_a_network_says_why(
    make_service: MakeService, tiny_config: TrainConfig
) -> None:
    service = make_service(fit=Gate(after=0).fit)
    look = service.predictions
    begun, waiting = service.runs.start(tiny_config), service.runs.start(tiny_config)
    with pytest.raises(NotTrainedError, match=r"^Run 1 is only beginning and has learned"):
        look.gallery(1, 0, run_id=begun)
    with pytest.raises(NotTrainedError, match=r"^Run 2 waits for its turn and has learned"):
        look.predict({"strokes": SEVEN}, run_id=waiting)
    service.runs.pause(waiting)
    with pytest.raises(NotTrainedError, match=r"^Run 2 was paused and"):
        look.test_set_report(waiting)
    service.runs.stop(waiting)
    with pytest.raises(NotTrainedError, match=r"^Run 2 ended and .* Choose another run"):
        look.checkpoint(waiting)
    with pytest.raises(NoModelError):
        look.gallery(1, 0)


def test_an_epoch_is_that_of_the_newest_run_that_has_a_network(
    trained_service: TrainingService, tiny_config: TrainConfig, wait_until: WaitUntil
) -> None:
    service = trained_service
    trains = service.runs.start(tiny_config.model_copy(update={"epochs": 2000, "seed": 1}))
    waits = service.runs.start(tiny_config)
    wait_until(lambda: service.runs.snapshot(trains).kept)
    look = service.predictions
    named = look.predict({"strokes": SEVEN}, run_id=trains, epoch=0)
    assert look.predict({"strokes": SEVEN}, epoch=0).probabilities == named.probabilities
    with pytest.raises(UnknownEpochError, match="There are: none"):
        look.predict({"strokes": SEVEN}, run_id=waits, epoch=0)


def test_of_many_who_start_at_once_one_trains_and_the_others_wait(
    make_service: MakeService, tiny_config: TrainConfig
) -> None:
    service = make_service(fit=Gate().fit)
    together = threading.Barrier(8)
    started: list[str] = []

    def start() -> None:
        together.wait(SECONDS)
        started.append(service.runs.start(tiny_config))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    places = [service.runs.snapshot(run_id).queue_place for run_id in started]
    assert sorted(place or 0 for place in places) == list(range(8))


# The event log


def test_events_can_be_read_piece_by_piece_and_nothing_is_consumed(
    trained_service: TrainingService,
) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None
    everything, end = trained_service.runs.events_since(run_id, 0)

    pieces: list[Metrics] = []
    for cursor in range(end):
        events, after = trained_service.runs.events_since(run_id, cursor)
        assert after == end
        pieces.append(events[0])

    assert end == len(everything) == 2 * (STEPS + 1)
    assert pieces == everything
    assert trained_service.runs.events_since(run_id, 0) == (everything, end)


def test_events_are_those_of_the_training(
    trained_service: TrainingService, tiny_config: TrainConfig, tiny_dataset: Dataset
) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None

    def timeless(events: list[Any]) -> list[Any]:
        metrics = [event for event in events if not isinstance(event, Checkpoint)]
        return [replace(event, seconds=0.0, images_per_second=0.0) for event in metrics]

    events, _ = trained_service.runs.events_since(run_id, 0)
    assert timeless(list(events)) == timeless(list(fit(tiny_config, tiny_dataset)))


def test_a_cursor_may_lie_before_the_beginning_and_past_the_end(
    trained_service: TrainingService,
) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None

    for cursor in (22, 23, 10**12):
        assert trained_service.runs.events_since(run_id, cursor) == ([], 22)
    everything = trained_service.runs.events_since(run_id, 0)
    for cursor in (-1, -(10**12)):
        assert trained_service.runs.events_since(run_id, cursor) == everything


def test_a_cursor_goes_on_where_it_stopped_while_the_run_goes_on(
    make_service: MakeService, tiny_config: TrainConfig, finish: Finish
) -> None:
    gate = Gate(after=1 + 4)
    service = make_service(fit=gate.fit)
    run_id = service.runs.start(tiny_config)
    assert gate.reached.wait(SECONDS)

    first, cursor = service.runs.events_since(run_id, 0)
    gate.open()
    finish(service)
    rest, _ = service.runs.events_since(run_id, cursor)

    assert len(first) == cursor == 4
    assert [event.step for event in [*first, *rest] if isinstance(event, BatchMetrics)] == list(
        range(1, 2 * STEPS + 1)
    )


def test_what_was_read_cannot_be_used_to_change_the_log(trained_service: TrainingService) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None

    trained_service.runs.events_since(run_id, 0)[0].clear()

    assert len(trained_service.runs.events_since(run_id, 0)[0]) == 22


def test_an_unknown_run_is_told_as_such(trained_service: TrainingService) -> None:
    for ask in (
        lambda: trained_service.runs.snapshot("nobody"),
        lambda: trained_service.runs.stop("nobody"),
        lambda: trained_service.runs.events_since("nobody", 0),
    ):
        with pytest.raises(UnknownRunError, match="nobody"):
            ask()


def test_before_the_first_run_there_is_none_to_ask_about(service: TrainingService) -> None:
    with pytest.raises(UnknownRunError, match="Nothing has been trained yet"):
        service.runs.snapshot()
    with pytest.raises(UnknownRunError):
        service.runs.stop()


# Stopping


def test_stopping_keeps_the_model_as_it_is(
    make_service: MakeService, tiny_dataset: Dataset, finish: Finish
) -> None:
    gate = Gate(after=1 + 3)  # the untrained model, three batches
    service = make_service(fit=gate.fit)
    run_id = service.runs.start(ENDLESS)
    assert gate.reached.wait(SECONDS)

    asked = service.runs.stop(run_id)
    found = finish(service)

    assert asked.run_id == run_id
    assert asked.state in (RunState.STOPPING, RunState.STOPPED)
    assert found.state is RunState.STOPPED
    assert found.progress == pytest.approx(0.3)
    assert found.error is None
    after_three = next(
        event
        for event in fit(
            ENDLESS, tiny_dataset, control=scripted_control(should_publish=lambda: True)
        )
        if isinstance(event, Checkpoint) and event.step == 3
    )
    weights = saved(service, found)
    assert all(torch.equal(weights[key], after_three.state_dict[key]) for key in weights)
    assert service.predictions.predict({"strokes": SEVEN}).digit in range(10)


def test_a_run_is_stopping_until_its_thread_has_ended(
    make_service: MakeService, tiny_config: TrainConfig, finish: Finish
) -> None:
    go_on, reached = threading.Event(), threading.Event()

    def deaf(*args: Any, **options: Any) -> Iterator[Event]:
        events = fit(*args, **options)
        yield next(events)
        reached.set()
        assert go_on.wait(SECONDS)
        yield from events

    service = make_service(fit=deaf)
    service.runs.start(tiny_config)
    assert reached.wait(SECONDS)

    assert service.runs.stop().state is RunState.STOPPING
    with pytest.raises(WrongStateError):
        service.runs.resume(service.runs.latest() or "")
    go_on.set()

    assert finish(service).state is RunState.STOPPED


def test_stopping_while_the_data_is_loading_ends_the_run_without_a_model(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig, finish: Finish
) -> None:
    catalog = SlowCatalog(synthetic_folder)
    service = make_service(catalog)
    run_id = service.runs.start(tiny_config)
    assert catalog.waiting.wait(SECONDS)

    service.runs.stop()

    found = finish(service)
    assert found.state is RunState.STOPPED
    assert found.error is None
    assert service.runs.events_since(run_id, 0) == ([], 0)
    catalog.let_through.set()
    service.runs.start(tiny_config)
    assert finish(service).state is RunState.DONE


def test_a_run_that_has_ended_cannot_be_stopped(trained_service: TrainingService) -> None:
    before = trained_service.runs.snapshot()

    assert trained_service.runs.stop() == before
    assert trained_service.runs.snapshot() == before


# Failing


def test_an_unexpected_error_fails_the_run_in_a_sentence_and_not_the_service(
    make_service: MakeService,
    tiny_config: TrainConfig,
    finish: Finish,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fails = iter([True, False])

    def sometimes(*args: Any, **options: Any) -> Iterator[Event]:
        events = fit(*args, **options)
        yield next(events)
        if next(fails):
            raise ValueError("the cat sat on the keyboard")
        yield from events

    service = make_service(fit=sometimes)

    service.runs.start(tiny_config)
    failed = finish(service)
    assert failed.state is RunState.FAILED
    assert failed.error is not None
    assert "the cat sat on the keyboard" in failed.error
    assert failed.error.endswith(".")
    assert "Traceback" not in failed.error
    assert "Traceback" in caplog.text

    service.runs.start(tiny_config)
    assert finish(service).state is RunState.DONE


def test_an_error_for_people_is_told_in_its_own_words(
    make_service: MakeService, tiny_config: TrainConfig, finish: Finish
) -> None:
    def diverging(*args: Any, **options: Any) -> Iterator[Event]:
        yield next(fit(*args, **options))
        raise TrainingDivergedError("The loss became nan.")

    service = make_service(fit=diverging)
    service.runs.start(tiny_config)

    found = finish(service)
    assert (found.state, found.error) == (RunState.FAILED, "The loss became nan.")


def test_a_data_set_that_cannot_be_had_fails_the_run_in_its_own_words(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig, finish: Finish
) -> None:
    service = make_service(MissingCatalog(None, synthetic_folder, prefer="synthetic"))
    service.runs.start(tiny_config)

    found = finish(service)
    assert (found.state, found.error) == (RunState.FAILED, "The digits are on holiday.")
    with pytest.raises(NoModelError):
        service.predictions.gallery(5, 0)


@pytest.mark.parametrize("obstacle", ["the folder is a file", "the file cannot be opened"])
def test_weights_that_cannot_be_saved_do_not_fail_a_run_that_trained(
    make_service: MakeService,
    tiny_config: TrainConfig,
    tmp_path: Path,
    finish: Finish,
    obstacle: str,
) -> None:
    gate = Gate()
    service = make_service(fit=gate.fit, runs=tmp_path / "kept")
    run_id = service.runs.start(tiny_config)
    assert gate.reached.wait(SECONDS)
    if obstacle == "the folder is a file":
        shutil.rmtree(tmp_path / "kept" / run_id)
        (tmp_path / "kept" / run_id).write_text("not a folder")
    else:
        (tmp_path / "kept" / run_id / "0001.safetensors.part").mkdir(parents=True)
    gate.open()

    found = finish(service)

    assert found.state is RunState.DONE
    assert found.error is None
    assert "could not be written" in found.message
    assert service.predictions.gallery(5, 0).images.shape == (5, 28, 28)


# What a network has learned


def test_before_the_first_network_there_is_none_to_ask(service: TrainingService) -> None:
    assert service.predictions.weights_version() is None
    stripe = np.zeros((28, 28))
    stripe[4:24, 13:15] = 255
    for ask in (
        lambda: service.predictions.predict({"strokes": SEVEN}),
        lambda: service.predictions.predict({"pixels": stripe}),
        lambda: service.predictions.gallery(5, 0),
    ):
        with pytest.raises(NoModelError, match="Press Train first"):
            ask()


def test_drawings_and_pictures_are_read_after_a_run(
    trained_service: TrainingService, tiny_dataset: Dataset
) -> None:
    drawing = trained_service.predictions.predict({"strokes": SEVEN})
    image = tiny_dataset.test_images[0].numpy()
    picture = trained_service.predictions.predict({"pixels": image})

    for reading in (drawing, picture):
        pixels = np.array(reading.input)
        assert pixels.shape == (28, 28)
        assert 0 <= pixels.min() <= 127 < pixels.max() <= 255
        assert len(reading.probabilities) == 10
        assert sum(reading.probabilities) == pytest.approx(1, abs=1e-5)
    assert drawing.probabilities != picture.probabilities


def test_the_way_from_a_drawing_to_what_the_network_saw_is_told(
    trained_service: TrainingService,
) -> None:
    drawing = trained_service.predictions.predict({"strokes": SEVEN})
    points = [point for stroke in SEVEN for point in stroke]
    for axis in (0, 1):
        places = [point[axis] for point in points]
        first, last = astuple(drawing.box)[axis::2]
        assert (first, last) == (min(places), max(places))
        assert first < drawing.centre[axis] < last


def test_as_drawn_the_network_gets_another_picture(trained_service: TrainingService) -> None:
    small = [[(x / 5, y / 5) for x, y in stroke] for stroke in SEVEN]
    page = np.zeros((100, 100))
    page[10:30, 10:15] = 255
    for drawn in ({"strokes": small}, {"pixels": page}):
        as_mnist = trained_service.predictions.predict(drawn)
        as_drawn = trained_service.predictions.predict(drawn, as_drawn=True)
        assert np.array(as_mnist.input)[10:18, 10:18].max() > 127
        assert np.array(as_drawn.input)[10:, 10:].max() == 0
        assert as_mnist.probabilities != as_drawn.probabilities
        assert as_mnist.box == as_drawn.box


def test_beside_the_canvas_nothing_is_drawn(trained_service: TrainingService) -> None:
    beside = [[(x + 1000, y) for x, y in stroke] for stroke in SEVEN]
    assert np.any(trained_service.predictions.predict({"strokes": beside}).input)
    with pytest.raises(EmptyDrawingError, match="on the canvas"):
        trained_service.predictions.predict({"strokes": beside}, as_drawn=True)


def test_doubt_is_said(
    make_service: MakeService,
    tiny_config: TrainConfig,
    tiny_dataset: Dataset,
    tmp_path: Path,
    finish: Finish,
) -> None:
    image = tiny_dataset.train_images[0].numpy()
    digit = int(tiny_dataset.train_labels[0])

    def sure_of(chance: float) -> Callable[..., Iterator[Event]]:
        """Stands for `fit`: a network that takes everything for this digit."""

        def trained(config: TrainConfig, *_: Any, **__: Any) -> Iterator[Event]:
            untrained = next(fit(config, tiny_dataset))
            assert isinstance(untrained, Checkpoint)
            weights = {key: value * 0 for key, value in untrained.state_dict.items()}
            weights["fc3.bias"][digit] = np.log(9 * chance / (1 - chance))
            yield replace(untrained, progress=float(config.epochs), state_dict=weights)

        return trained

    for chance, of_image, of_drawing in (
        (0.99, None, "unfamiliar"),
        (0.5, "undecided", "undecided"),
    ):
        service = make_service(fit=sure_of(chance), runs=tmp_path / f"{chance}")
        service.runs.start(tiny_config)
        finish(service)
        for drawing, doubt in (
            (service.predictions.predict({"pixels": image}, as_drawn=True), of_image),
            (service.predictions.predict({"strokes": SEVEN}), of_drawing),
        ):
            assert drawing.digit == digit
            assert max(drawing.probabilities) == pytest.approx(chance)
            assert drawing.doubt == doubt


def test_a_gallery_shows_the_last_evaluation(
    trained_service: TrainingService, tiny_dataset: Dataset
) -> None:
    found = trained_service.predictions.gallery(12, 3)

    assert found.progress == 2
    np.testing.assert_array_equal(found.images, tiny_dataset.test_images.numpy()[found.indices])
    test_accuracy = trained_service.runs.snapshot().test_accuracy
    everything = trained_service.predictions.gallery(120, 3)
    assert (everything.predictions == everything.labels).mean() == pytest.approx(test_accuracy)
    mistakes = trained_service.predictions.gallery(120, 3, only_wrong=True)
    assert (mistakes.predictions != mistakes.labels).all()
    assert test_accuracy == pytest.approx(1 - len(mistakes.labels) / 120)


def test_the_version_of_the_weights_changes_with_each_evaluation(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> None:
    versions: list[str | None] = []
    service.subscribe(lambda: versions.append(service.predictions.weights_version()))
    run_id = service.runs.start(tiny_config)
    finish(service)
    service.runs.start(tiny_config)
    finish(service)

    different = list(dict.fromkeys(version for version in versions if version is not None))
    assert len(different) == 2 * 3  # untrained and after each of two epochs
    assert len([version for version in different if run_id in version]) == 3
    assert service.predictions.weights_version() == different[-1]


def test_a_gallery_before_the_first_evaluation_is_of_the_untrained_network(
    make_service: MakeService, tiny_config: TrainConfig, tiny_dataset: Dataset
) -> None:
    gate = Gate()
    service = make_service(fit=gate.fit)
    service.runs.start(tiny_config)
    assert gate.reached.wait(SECONDS)

    found = service.predictions.gallery(120, 0)

    assert found.progress == 0
    assert (found.predictions == found.labels).mean() < 0.5
    assert service.predictions.predict({"strokes": SEVEN}).digit in range(10)


def test_a_new_run_that_is_loading_leaves_the_last_network_to_read_with(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig, finish: Finish
) -> None:
    catalog = SlowCatalog(synthetic_folder)
    catalog.let_through.set()
    service = make_service(catalog)
    service.runs.start(tiny_config)
    finish(service)
    before, version = (
        service.predictions.predict({"strokes": SEVEN}),
        service.predictions.weights_version(),
    )

    catalog.let_through.clear()
    service.runs.start(tiny_config)

    assert service.predictions.predict({"strokes": SEVEN}).probabilities == before.probabilities
    assert service.predictions.weights_version() == version
    assert service.predictions.gallery(5, 0).progress == 2


def test_weights_are_published_during_an_epoch_once_somebody_reads(
    make_service: MakeService, tiny_dataset: Dataset, wait_until: WaitUntil
) -> None:
    asked, published = 0, 0

    def never_evaluating(
        config: TrainConfig,
        data: Dataset,
        runtime: Runtime,
        control: TrainingControl,
        *_: Any,
    ) -> Iterator[Event]:
        nonlocal asked, published
        untrained = next(fit(ENDLESS, tiny_dataset))
        assert isinstance(untrained, Checkpoint)
        yield untrained
        while not control.should_stop():
            asked += 1
            if control.should_publish():
                published += 1
                louder = {key: value * 2 for key, value in untrained.state_dict.items()}
                yield replace(untrained, step=asked, state_dict=louder)

    service = make_service(fit=never_evaluating)
    service.runs.start(ENDLESS)
    wait_until(lambda: asked > 1000)
    assert published == 0, "nobody has read anything"

    first = service.predictions.predict({"strokes": SEVEN}).probabilities

    wait_until(lambda: service.predictions.predict({"strokes": SEVEN}).probabilities != first)
    assert published >= 1
    assert service.predictions.gallery(5, 0).progress == 0


def test_a_gallery_stays_at_the_last_evaluation_while_readings_follow_the_latest_weights(
    make_service: MakeService, tiny_config: TrainConfig, finish: Finish
) -> None:
    def publishing_once_more(*args: Any, **options: Any) -> Iterator[Event]:
        *events, last = fit(*args, **options)
        assert isinstance(last, Checkpoint)
        yield from [*events, last]
        silent = {key: value * 0 for key, value in last.state_dict.items()}
        yield replace(last, step=99, state_dict=silent, test_probabilities=None, resume=None)

    service = make_service(fit=publishing_once_more)
    service.runs.start(tiny_config)
    finish(service)

    found = service.predictions.gallery(120, 0)
    assert (found.predictions == found.labels).mean() > 0.9
    version = service.predictions.weights_version()
    assert version is not None
    assert version.endswith("/2")
    assert service.predictions.predict({"strokes": SEVEN}).probabilities == pytest.approx(
        [0.1] * 10
    )


# Listeners


def test_a_listener_hears_of_every_event_until_it_leaves(
    service: TrainingService, tiny_config: TrainConfig, finish: Finish
) -> None:
    cursors: list[int] = []
    gone: list[int] = []

    def listen() -> None:
        run_id = service.runs.latest()
        assert run_id is not None
        cursors.append(service.runs.events_since(run_id, 0)[1])

    service.subscribe(listen)
    unsubscribe = service.subscribe(lambda: gone.append(1))
    unsubscribe()
    unsubscribe()  # once more does no harm
    service.runs.start(tiny_config)
    finish(service)

    assert set(range(23)) == set(cursors)
    assert gone == []


def test_the_last_notification_comes_after_the_end(
    service: TrainingService, tiny_config: TrainConfig, wait_until: WaitUntil
) -> None:
    seen = watched(service)

    service.runs.start(tiny_config)

    wait_until(lambda: seen and seen[-1].state is RunState.DONE)


def test_a_listener_hears_of_data_sets(
    service: TrainingService, catalog: DataCatalog, wait_until: WaitUntil
) -> None:
    states: list[str] = []
    service.subscribe(lambda: states.append(service.dataset_status().state))

    service.prepare_dataset()

    wait_until(lambda: states and states[-1] == "ready")
    assert states[0] == "preparing"
    assert service.dataset_status() == catalog.status("auto")


# Data sets, models, the machine


def test_preparing_a_data_set_looks_again_after_a_failure(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig, finish: Finish
) -> None:
    service = make_service(MissingCatalog(None, synthetic_folder, prefer="synthetic"))
    service.runs.start(tiny_config)
    assert finish(service).state is RunState.FAILED

    service.prepare_dataset()
    service.runs.start(tiny_config)

    assert finish(service).state is RunState.DONE


def test_a_data_set_that_cannot_be_prepared_harms_nobody(
    make_service: MakeService, synthetic_folder: Path
) -> None:
    tried = threading.Event()

    class Never(DataCatalog):
        def load(self, name: str, cancelled: Callable[[], bool] = lambda: False) -> Dataset:
            tried.set()
            raise DatasetUnavailableError("No.")

    service = make_service(Never(None, synthetic_folder))

    for _ in range(2):
        tried.clear()
        service.prepare_dataset()
        assert tried.wait(SECONDS)


def test_the_device_can_be_asked_for_the_page(service: TrainingService) -> None:
    assert service.device_title("fp32").endswith(", fp32")


# The end


def test_closing_stops_training_keeps_the_model_and_joins_the_thread(
    make_service: MakeService,
) -> None:
    before = set(threading.enumerate())
    gate = Gate(after=5)
    service = make_service(fit=gate.fit)
    service.runs.start(ENDLESS)
    assert gate.reached.wait(SECONDS)
    gate.open()

    service.close(timeout=60)

    assert set(threading.enumerate()) <= before
    assert service.runs.snapshot().state is RunState.INTERRUPTED
    assert saved(service, service.runs.snapshot())


def test_closing_while_the_data_is_loading_joins_the_thread(
    make_service: MakeService, synthetic_folder: Path, tiny_config: TrainConfig
) -> None:
    before = set(threading.enumerate())
    catalog = SlowCatalog(synthetic_folder)
    service = make_service(catalog)
    service.runs.start(tiny_config)
    assert catalog.waiting.wait(SECONDS)

    service.close(timeout=60)

    assert set(threading.enumerate()) <= before
    assert service.runs.snapshot().state is RunState.INTERRUPTED


def test_closing_ends_the_wait_for_a_data_set(
    make_service: MakeService, synthetic_folder: Path, wait_until: WaitUntil
) -> None:
    before = set(threading.enumerate())
    catalog = SlowCatalog(synthetic_folder)
    service = make_service(catalog)
    service.prepare_dataset()
    assert catalog.waiting.wait(SECONDS)

    service.close()

    wait_until(lambda: set(threading.enumerate()) <= before)


def test_closing_twice_or_with_nothing_to_close_does_no_harm(
    trained_service: TrainingService, make_service: MakeService
) -> None:
    before = trained_service.runs.snapshot()
    trained_service.close()
    trained_service.close()
    make_service().close()

    assert trained_service.runs.snapshot() == before
