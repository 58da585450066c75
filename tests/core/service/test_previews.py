"""The preview of a run: kept with it, continued with it, cut off with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import TrainConfig, parse_config
from core.data.dataset import Dataset
from core.errors import UnknownRunError
from core.records.preview import PreviewFrame
from core.runs import previews
from core.runs.previews import PreviewFrames
from core.service import worker
from core.service.service import TrainingService
from core.training import control
from core.training.loop import Event, fit
from core.training.preview import FIRST_STEPS, preview_images
from tests.support import SECONDS, Finish, MakeService

CONFIG = parse_config({"epochs": 3, "batch_size": 30, "model": "mlp", "precision": "fp32"})


def with_previews(config: TrainConfig, *rest: Any) -> Iterator[Event]:
    """`fit`, with a frame after each event."""
    for event in fit(config, *rest):
        yield event
        if not isinstance(event, PreviewFrame):
            yield PreviewFrame(event.step, event.progress, 0.0, "7", None)


@pytest.fixture
def watched(
    make_service: MakeService, finish: Finish, tmp_path: Path
) -> tuple[TrainingService, str]:
    """A service with a run that is done and has frames, kept in `tmp_path`."""
    service = make_service(fit=with_previews, runs=tmp_path)
    run_id = service.runs.start(CONFIG)
    finish(service)
    return service, run_id


def test_frames_are_there_after_a_restart(
    watched: tuple[TrainingService, str], make_service: MakeService, tmp_path: Path
) -> None:
    service, run_id = watched
    frames = service.runs.previews(run_id)
    assert frames[-1] == PreviewFrame(30, 3.0, 0.0, "7", None)
    service.close()
    assert make_service(runs=tmp_path).runs.previews(run_id) == frames


def test_a_rewound_run_shows_the_frames_up_to_its_epoch_and_goes_on_from_there(
    watched: tuple[TrainingService, str], finish: Finish
) -> None:
    service, run_id = watched
    all_frames = service.runs.previews(run_id)
    service.runs.rewind(run_id, 1)
    first = service.runs.previews(run_id)
    assert first == [frame for frame in all_frames if frame.progress <= 1]
    assert service.runs.newest_preview(run_id) is None
    service.runs.resume(run_id)
    finish(service)
    assert service.runs.previews(run_id) == all_frames


def test_frames_go_and_come_back_with_their_run_and_a_fork_has_its_own(
    watched: tuple[TrainingService, str], make_service: MakeService, finish: Finish, tmp_path: Path
) -> None:
    service, run_id = watched
    frames = service.runs.previews(run_id)
    fork = service.runs.fork(run_id, 2, {})
    finish(service, fork)
    assert service.runs.previews(fork) == [frame for frame in frames if frame.progress > 2]

    service.runs.delete(run_id)
    with pytest.raises(UnknownRunError):
        service.runs.previews(run_id)
    service.runs.restore(run_id)
    assert service.runs.previews(run_id) == frames
    service.runs.delete(run_id)
    service.close()
    make_service(runs=tmp_path)
    assert len(list(tmp_path.rglob("preview.json"))) == 1, "the fork's"


def test_a_run_that_starts_while_somebody_watches_what_trains_has_its_first_frame(
    make_service: MakeService, finish: Finish, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (control, worker):  # a busy machine may take longer for the run
        monkeypatch.setattr(module, "WATCH_SECONDS", SECONDS)
    service = make_service()
    alone = service.runs.start(CONFIG)
    finish(service, alone)
    service.runs.watch(alone)  # in vain: it has ended
    other = service.runs.start(CONFIG)
    finish(service, other)
    assert service.runs.previews(alone) == service.runs.previews(other) == []

    service.runs.watch()
    watched = service.runs.start(CONFIG)
    finish(service, watched)
    frames = service.runs.previews(watched)
    assert frames[0].step == FIRST_STEPS[0]
    assert frames[-1] == service.runs.newest_preview(watched)
    assert (frames[-1].step, frames[-1].exact) == (30, True)


def test_what_networks_read_is_known_for_runs_that_nobody_watched(
    make_service: MakeService, finish: Finish, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    service = make_service(runs=tmp_path)
    run_id = service.runs.start(CONFIG)
    snapshot = finish(service)
    newest = service.predictions.preview(run_id)
    assert newest is not None
    gallery = service.predictions.test_images(
        preview_images(tiny_dataset.test_labels.numpy()).tolist(), run_id
    )
    assert newest.digits == "".join(map(str, gallery.probabilities.argmax(1)))
    assert newest.accuracy == pytest.approx(snapshot.test_accuracy)
    assert (newest.step, newest.progress, newest.exact) == (30, 3, True)
    assert service.predictions.preview(run_id, 0) is None, "it is untrained"
    first = service.predictions.preview(run_id, 1)
    assert first is not None
    assert first.step == 10

    weights = service.exports.weights(run_id, None, "safetensors").content
    imported = service.imports.import_weights(weights)
    seen = service.predictions.preview(imported)
    assert seen is not None
    assert seen.digits == newest.digits


def test_a_run_that_nobody_watched_has_no_frames_and_no_file(
    make_service: MakeService, finish: Finish, tmp_path: Path
) -> None:
    service = make_service(runs=tmp_path)
    run_id = service.runs.start(CONFIG)
    finish(service)
    assert service.runs.previews(run_id) == []
    assert not list(tmp_path.rglob("preview.json"))


def test_a_long_run_keeps_frames_of_all_of_it(tmp_path: Path) -> None:
    kept = PreviewFrames(tmp_path)
    for step in range(5 * previews.MAX_FRAMES):
        kept.append(PreviewFrame(step, step / 100, 0.0, "7", None))
    steps = [frame.step for frame in kept.frames]
    assert len(steps) <= previews.MAX_FRAMES
    assert steps[0] == 0
    assert steps[-1] == 5 * previews.MAX_FRAMES - 1
    assert steps == sorted(set(steps))


def test_a_damaged_file_holds_no_frames(tmp_path: Path) -> None:
    for text in ("", "{", "[1]", '[{"step": 1}]', "null"):
        (tmp_path / "preview.json").write_text(text)
        assert PreviewFrames(tmp_path).read() == []


def test_the_images_of_a_preview_are_those_of_the_data_set_of_the_run(
    make_service: MakeService, finish: Finish, tiny_dataset: Any
) -> None:
    service = make_service()
    expected = preview_images(tiny_dataset.test_labels.numpy())
    assert (service.predictions.preview_images().indices == expected).all()
    run_id = service.runs.start(CONFIG)
    finish(service)
    images = service.predictions.preview_images(run_id)
    assert (images.images == tiny_dataset.test_images.numpy()[expected]).all()
