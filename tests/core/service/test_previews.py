"""The preview of a run: kept with it, continued with it, cut off with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.config import TrainConfig, parse_config
from core.records.preview import PreviewFrame
from core.runs import previews
from core.runs.previews import PreviewFrames
from core.training.loop import Event, fit
from core.training.preview import preview_images
from tests.conftest import Finish, MakeService

CONFIG = parse_config({"epochs": 3, "batch_size": 30, "model": "mlp", "precision": "fp32"})


def with_previews(config: TrainConfig, *rest: Any) -> Iterator[Event]:
    """`fit`, with a frame after each event."""
    for event in fit(config, *rest):
        yield event
        if not isinstance(event, PreviewFrame):
            yield PreviewFrame(0, getattr(event, "progress", 0.0), 0.0, "7", None)


def test_frames_are_there_after_a_restart(
    make_service: MakeService, finish: Finish, tmp_path: Path
) -> None:
    service = make_service(fit=with_previews, runs=tmp_path)
    run_id = service.runs.start(CONFIG)
    finish(service)
    frames = service.runs.previews(run_id)
    assert frames[-1] == PreviewFrame(0, 3.0, 0.0, "7", None)
    service.close()
    assert make_service(runs=tmp_path).runs.previews(run_id) == frames


def test_a_rewound_run_shows_the_frames_up_to_its_epoch_and_goes_on_from_there(
    make_service: MakeService, finish: Finish, tmp_path: Path
) -> None:
    service = make_service(fit=with_previews, runs=tmp_path)
    run_id = service.runs.start(CONFIG)
    finish(service)
    all_frames = service.runs.previews(run_id)
    service.runs.rewind(run_id, 1)
    first = service.runs.previews(run_id)
    assert first == [frame for frame in all_frames if frame.progress <= 1]
    service.runs.resume(run_id)
    finish(service)
    assert service.runs.previews(run_id) == all_frames


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
