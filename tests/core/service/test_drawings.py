"""One's own handwriting: what is kept, how it is read and scored, and what outlives the process."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from core.config import TrainConfig
from core.data.dataset import MEAN, STD, Dataset
from core.errors import (
    DamagedFileError,
    NoModelError,
    UnknownDrawingError,
    UnknownEpochError,
    UnknownRunError,
    WrongStateError,
)
from core.records.runs import RunState
from core.runs import finetuning_data
from core.runs.run import evenly_spaced
from core.service.drawings import MAX_DRAWINGS
from core.service.predictions import MAX_EPOCHS
from core.service.service import TrainingService
from core.training.state import Checkpoint
from tests.support import Finish, MakeService

MINE, THINE = "0" * 32, "1" * 32


def plain_torch(path: Path, images: np.ndarray) -> np.ndarray:
    """What the MLP in a safetensors file says of images (n, 28, 28) 0..255: no code of ours."""
    weights = load_file(path)
    pixels = (torch.as_tensor(images, dtype=torch.float32) / 255 - MEAN) / STD
    x = F.relu(F.linear(pixels.flatten(1), weights["fc1.weight"], weights["fc1.bias"]))
    x = F.relu(F.linear(x, weights["fc2.weight"], weights["fc2.bias"]))
    said: np.ndarray = F.linear(x, weights["fc3.weight"], weights["fc3.bias"]).softmax(1).numpy()
    return said


def folder(service: TrainingService, run_id: str) -> Path:
    return service._database.root / run_id


def drawings_of(data: Dataset, count: int, first: int = 0) -> list[tuple[int, np.ndarray]]:
    """Test images of the tiny data set, whose digits it takes no person to read."""
    images, labels = data.test_images.numpy(), data.test_labels.numpy()
    places = range(first, first + count)
    return [(int(labels[place]), images[place] / np.float32(255)) for place in places]


def keep(
    service: TrainingService, data: Dataset, count: int, owner: str = MINE, first: int = 0
) -> list[str]:
    kept = service.drawings.save
    return [
        kept(owner, label, image).drawing_id for label, image in drawings_of(data, count, first)
    ]


# Courses


def test_a_course_is_what_plain_torch_says_with_each_epochs_weights(
    trained_service: TrainingService, tiny_dataset: Dataset
) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None
    image = drawings_of(tiny_dataset, 1)[0][1]
    course = trained_service.predictions.history(image, run_id)
    assert course.epochs == (0.0, 1.0, 2.0)
    for epoch, said in zip((0, 1, 2), course.probabilities, strict=True):
        path = folder(trained_service, run_id) / f"{epoch:04d}.safetensors"
        assert said == pytest.approx(plain_torch(path, image[None] * 255)[0], abs=1e-5)
    assert course.digits == tuple(np.argmax(course.probabilities, 1))
    newest = trained_service.predictions.history(image)
    assert newest == course


def test_an_epoch_is_asked_about_a_drawing_once(
    trained_service: TrainingService, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = trained_service.runs.latest()
    assert run_id is not None
    image, other = (image for _, image in drawings_of(tiny_dataset, 2))
    first = trained_service.predictions.history(image, run_id)
    asked: list[int] = []
    reader = trained_service.predictions._predictor
    really = reader.probabilities

    def noted(checkpoint: Checkpoint, images: np.ndarray) -> np.ndarray:
        asked.append(checkpoint.epoch)
        return really(checkpoint, images)

    monkeypatch.setattr(reader, "probabilities", noted)
    again = trained_service.predictions.history(image, run_id)
    assert asked == []
    assert again == first
    trained_service.predictions.history(other, run_id)
    assert asked == [0, 1, 2]


def test_a_course_forgets_epochs_that_were_trained_anew(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    parent = service.runs.latest()
    assert parent is not None
    image = drawings_of(tiny_dataset, 1)[0][1]
    child = service.runs.fork(parent, 2, {"epochs": 3, "learning_rate": 1e-5})
    finish(service, child)
    service.runs.rewind(child, 1)
    before = service.predictions.history(image, child)
    service.runs.resume(child)  # epoch 2 is trained again, at the child's own rate
    finish(service, child)
    after = service.predictions.history(image, child)
    assert before.epochs == after.epochs == (0.0, 1.0, 2.0, 3.0)
    path = folder(service, child) / "0002.safetensors"
    wanted = plain_torch(path, image[None] * 255)[0]
    assert after.probabilities[2] == pytest.approx(wanted, abs=1e-5)
    assert before.probabilities[2] != pytest.approx(wanted, abs=1e-5)
    assert before.probabilities[1] == after.probabilities[1]


def test_without_a_network_there_is_no_course(service: TrainingService) -> None:
    with pytest.raises(NoModelError, match="Press Train"):
        service.predictions.history(np.ones((28, 28), np.float32))
    with pytest.raises(UnknownRunError):
        service.predictions.history(np.ones((28, 28), np.float32), "no-such-run")


def test_of_a_long_run_evenly_spaced_epochs_are_asked() -> None:
    assert evenly_spaced(range(7), MAX_EPOCHS) == tuple(range(7))
    chosen = evenly_spaced(range(0, 200, 2), 40)
    assert len(chosen) == 40
    assert (chosen[0], chosen[-1]) == (0, 198)
    assert {late - early for early, late in itertools.pairwise(chosen)} <= {4, 6}


# What is kept


def test_what_is_kept_is_what_the_network_got(
    trained_service: TrainingService, tiny_dataset: Dataset
) -> None:
    service = trained_service
    keep(service, tiny_dataset, 9)
    mine = service.drawings.predict(MINE)
    wanted = tiny_dataset.test_images[:9].numpy()
    assert [drawing.label for drawing in mine.drawings] == tiny_dataset.test_labels[:9].tolist()
    assert all((d.image == image).all() for d, image in zip(mine.drawings, wanted, strict=True))
    run_id = service.runs.latest()
    assert run_id is not None
    path = folder(service, run_id) / "0002.safetensors"
    read = plain_torch(path, wanted).argmax(1)
    assert mine.predictions is not None
    assert mine.predictions.tolist() == read.tolist()
    assert mine.right == (read == tiny_dataset.test_labels[:9].numpy()).sum()
    untrained = service.drawings.predict(MINE, run_id, 0)
    assert untrained.predictions is not None
    path = folder(service, run_id) / "0000.safetensors"
    assert untrained.predictions.tolist() == plain_torch(path, wanted).argmax(1).tolist()
    assert not mine.taught.any()


def test_each_owner_has_a_set_of_their_own(service: TrainingService, tiny_dataset: Dataset) -> None:
    (one,) = keep(service, tiny_dataset, 1)
    keep(service, tiny_dataset, 2, THINE)
    assert len(service.drawings.predict(MINE).drawings) == 1
    assert len(service.drawings.predict(THINE).drawings) == 2
    with pytest.raises(UnknownDrawingError):
        service.drawings.delete(THINE, one)
    assert service.drawings.predict(MINE).right is None  # there is no network yet


def test_a_deleted_drawing_comes_back_until_a_restart(
    make_service: MakeService, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    service = make_service(runs=tmp_path / "runs")
    first, second, third = keep(service, tiny_dataset, 3)
    service.drawings.delete(MINE, second)
    with pytest.raises(UnknownDrawingError):
        service.drawings.delete(MINE, second)
    service.drawings.restore(MINE, second)
    names = [drawing.drawing_id for drawing in service.drawings.predict(MINE).drawings]
    assert names == [first, second, third]
    service.drawings.delete(MINE, first)
    service.close()

    again = make_service(runs=tmp_path / "runs")
    names = [drawing.drawing_id for drawing in again.drawings.predict(MINE).drawings]
    assert names == [second, third]
    with pytest.raises(UnknownDrawingError):
        again.drawings.restore(MINE, first)


def test_all_drawings_of_an_owner_are_deleted_and_come_back_together(
    service: TrainingService, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(keep(service, tiny_dataset, 3))
    (other,) = keep(service, tiny_dataset, 1, THINE)
    assert service.drawings.delete_all(MINE) == names
    assert service.drawings.all(MINE) == ()
    assert service.drawings.delete_all(MINE) == ()
    assert [drawing.drawing_id for drawing in service.drawings.all(THINE)] == [other]

    with pytest.raises(UnknownDrawingError):
        service.drawings.restore(MINE, other)
    monkeypatch.setattr("core.service.drawings.MAX_DRAWINGS", 2)
    with pytest.raises(WrongStateError, match="the most"):
        service.drawings.restore(MINE, *names)
    assert service.drawings.all(MINE) == ()
    monkeypatch.undo()
    service.drawings.restore(MINE, *names)
    assert tuple(drawing.drawing_id for drawing in service.drawings.all(MINE)) == names

    service.drawings.delete_all(None)  # one person has all
    assert service.drawings.all(THINE) == ()


def test_what_cannot_be_kept_is_refused_with_a_sentence(
    service: TrainingService, tiny_dataset: Dataset
) -> None:
    image = drawings_of(tiny_dataset, 1)[0][1]
    service.drawings.save(MINE, 3, image)
    with pytest.raises(WrongStateError, match="as 3"):
        service.drawings.save(MINE, 5, image)
    dot = np.zeros((28, 28), np.float32)
    for number in range(1, MAX_DRAWINGS):
        dot[number // 28, number % 28] = 1
        service.drawings.save(MINE, 1, dot)
    with pytest.raises(WrongStateError, match="the most"):
        service.drawings.save(MINE, 1, image.T)


def test_a_deleted_drawing_comes_back_only_where_it_could_be_kept(
    service: TrainingService, tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.drawings.MAX_DRAWINGS", 3)
    first, second, third = keep(service, tiny_dataset, 3)
    service.drawings.delete(MINE, first)
    keep(service, tiny_dataset, 1)
    with pytest.raises(WrongStateError, match="the most"):
        service.drawings.restore(MINE, first)
    service.drawings.delete(MINE, second)
    with pytest.raises(WrongStateError, match="kept already"):
        service.drawings.restore(MINE, first)

    service.drawings.restore(MINE, second)

    kept = [drawing.drawing_id for drawing in service.drawings.all(MINE)]
    assert kept[:2] == [second, third]
    assert first not in kept


# Scores


def test_every_kept_epoch_is_scored(
    trained_service: TrainingService, tiny_dataset: Dataset
) -> None:
    service = trained_service
    run_id = service.runs.latest()
    assert run_id is not None
    keep(service, tiny_dataset, 9)
    found = service.drawings.scores(MINE, run_id)
    images, labels = tiny_dataset.test_images[:9].numpy(), tiny_dataset.test_labels[:9].numpy()
    for epoch, score in enumerate(found.fresh):
        path = folder(service, run_id) / f"{epoch:04d}.safetensors"
        right = (plain_torch(path, images).argmax(1) == labels).sum()
        assert (score.epoch, score.right, score.count) == (epoch, right, 9)
    assert len(found.fresh) == 3
    assert found.taught == ()


# Lessons


def test_enough_drawings_leave_a_third_to_test_with() -> None:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (13, 28, 28), dtype=np.uint8)
    labels = np.array([3, 7] * 6 + [3])
    assert not finetuning_data.make(images[:11], labels[:11], True).held_out.any()
    first = finetuning_data.make(images, labels, True)
    assert first.held_out.sum() == 4
    assert set(labels[first.held_out]) == {3, 7}
    # What was taught once is no test any more, in no later lesson.
    more = np.concatenate([images, random.integers(0, 256, (9, 28, 28), dtype=np.uint8)])
    second = finetuning_data.make(more, np.full(22, 5), False, first)
    assert not (second.held_out[:13] & ~first.held_out).any()
    assert second.held_out.any()
    assert finetuning_data.contains(second.seen, images[~first.held_out]).all()
    assert len(second.earlier) == 9


@pytest.mark.parametrize("mixed", [True, False])
def test_a_lesson_is_trained_on_drawings_and_tested_as_before(
    tiny_dataset: Dataset, mixed: bool
) -> None:
    images = tiny_dataset.test_images[:14].numpy()
    labels = tiny_dataset.test_labels[:14].numpy()
    lesson = finetuning_data.make(images, labels, mixed)
    config = TrainConfig(train_images=50, seed=4)
    settings, data = finetuning_data.training_data(lesson, config, tiny_dataset)
    taught = ~lesson.held_out
    drawn = finetuning_data.contains(images[taught], data.train_images.numpy())
    assert (
        finetuning_data.TARGET_SAMPLES
        <= drawn.sum()
        < finetuning_data.TARGET_SAMPLES + taught.sum()
    )
    assert not finetuning_data.contains(images[lesson.held_out], data.train_images.numpy()).any()
    others = data.train_images[torch.from_numpy(~drawn)].numpy()
    assert len(others) == (50 if mixed else 0)  # the run had learned from no more
    assert finetuning_data.contains(tiny_dataset.train_images[:50].numpy(), others).all()
    assert settings.train_images == 0
    assert data.test_images is tiny_dataset.test_images
    again = finetuning_data.training_data(lesson, config, tiny_dataset)[1]
    assert torch.equal(again.train_images, data.train_images)
    assert torch.equal(again.train_labels, data.train_labels)


def wrong_labels(service: TrainingService, data: Dataset, count: int) -> None:
    """Drawings that the network reads otherwise than they are meant, until it is taught."""
    for label, image in drawings_of(data, count):
        service.drawings.save(MINE, (label + 1) % 10, image)


def test_a_taught_fork_has_learned_its_drawings_and_says_what_it_forgot(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    parent = service.runs.latest()
    assert parent is not None
    wrong_labels(service, tiny_dataset, 5)
    before = service.drawings.predict(MINE, parent)
    child = service.finetuning.start(MINE, parent, mixed=False)
    run = finish(service, child)

    assert run.state is RunState.DONE
    assert (run.parent, run.parent_epoch, run.epochs) == (parent, 2, 2 + finetuning_data.EPOCHS)
    assert run.lesson is not None
    assert (run.lesson.taught, run.lesson.held_out, run.lesson.mixed) == (5, 0, False)
    assert run.dataset_title == "5 drawings"
    report = service.finetuning.report(child)
    assert report is not None
    assert (report.before, report.after, report.last) == (2, run.epochs, run.epochs)
    rows = {row.kind: row for row in report.rows}
    assert set(rows) == {"test", "taught"}
    assert rows["test"].before == service.runs.snapshot(parent).test_accuracy
    assert rows["test"].after == run.test_accuracy
    assert rows["taught"].count == 5
    assert before.right is not None
    assert rows["taught"].before == before.right / 5
    assert rows["taught"].after is not None
    assert rows["taught"].after > rows["taught"].before  # it was told otherwise five epochs long
    after = service.drawings.predict(MINE, child)
    assert after.taught.all()
    assert after.right == rows["taught"].after * 5
    assert service.finetuning.report(parent) is None
    scores = service.drawings.scores(MINE, child)
    assert scores.fresh == ()
    assert [score.epoch for score in scores.taught] == list(range(run.epochs + 1))


def test_what_is_held_out_is_scored_as_fresh(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    keep(service, tiny_dataset, 15)
    child = service.finetuning.start(MINE)
    run = finish(service, child)
    assert run.lesson is not None
    assert (run.lesson.taught, run.lesson.held_out) == (10, 5)
    assert run.dataset_title == "10 drawings and Synthetic digits"
    scores = service.drawings.scores(MINE, child)
    assert {score.count for score in scores.fresh} == {5}
    assert {score.count for score in scores.taught} == {10}
    report = service.finetuning.report(child)
    assert report is not None
    assert [row.kind for row in report.rows] == ["test", "held_out", "taught"]
    assert report.rows[1].after == scores.fresh[-1].right / 5


def test_a_lesson_outlives_its_drawings_a_pause_and_a_restart(
    make_service: MakeService,
    tiny_dataset: Dataset,
    tiny_config: TrainConfig,
    tmp_path: Path,
    finish: Finish,
) -> None:
    service = make_service(runs=tmp_path / "runs")
    parent = service.runs.start(tiny_config)
    finish(service, parent)
    names = keep(service, tiny_dataset, 6)
    straight = service.finetuning.start(MINE, parent)
    wanted = finish(service, straight)
    service.runs.start(tiny_config.model_copy(update={"epochs": 2000}))
    child = service.finetuning.start(MINE, parent)  # waits: that one does not end by itself
    for name in names:
        service.drawings.delete(MINE, name)
    service.close()

    again = make_service(runs=tmp_path / "runs")
    assert again.runs.snapshot(child).state is RunState.INTERRUPTED
    again.runs.resume(child)
    found = finish(again, child)
    assert found.lesson == wanted.lesson
    assert found.test_loss == wanted.test_loss  # the same drawings, the same order, the same bits
    first, second = again.finetuning.report(straight), again.finetuning.report(child)
    assert first is not None
    assert first == second


def test_a_fork_of_a_taught_run_is_taught_too(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    keep(service, tiny_dataset, 5)
    child = service.finetuning.start(MINE)
    finish(service, child)
    grandchild = service.runs.fork(child, 2, {"learning_rate": 1e-5})
    run = finish(service, grandchild)
    assert run.lesson == service.runs.snapshot(child).lesson
    assert run.dataset_title.startswith("5 drawings")
    report = service.finetuning.report(grandchild)
    assert report is not None
    assert report.before == 2


def test_a_taught_run_is_not_repeated_from_its_beginning_on_other_images(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    keep(service, tiny_dataset, 5)
    child = service.finetuning.start(MINE)
    finish(service, child)
    service.runs.rewind(child, 0)
    service.runs.resume(child)
    assert finish(service, child).parent_epoch == 0
    for run_id in (child, service.runs.fork(child, 0, {})):
        with pytest.raises(WrongStateError, match="It is a fork"):
            service.runs.repeat(run_id)


def test_what_cannot_be_taught_is_refused_with_a_sentence(
    service: TrainingService, tiny_dataset: Dataset, tiny_config: TrainConfig, finish: Finish
) -> None:
    with pytest.raises(WrongStateError, match="keep some drawings first"):
        service.finetuning.start(MINE)
    keep(service, tiny_dataset, 2)
    with pytest.raises(NoModelError):
        service.finetuning.start(MINE)
    run_id = service.runs.start(tiny_config)
    finish(service, run_id)
    with pytest.raises(WrongStateError, match="learned nothing yet"):
        service.finetuning.start(MINE, run_id, 0)
    with pytest.raises(UnknownEpochError):
        service.finetuning.start(MINE, run_id, 7)
    content = service.exports.weights(run_id, None, "pth").content
    guest = service.imports.import_weights(content, "guest.pth")
    with pytest.raises(WrongStateError, match=r"guest\.pth cannot be taught: it came in a file"):
        service.finetuning.start(MINE, guest)
    assert len(service.runs.all()) == 2


def test_a_damaged_lesson_is_said_and_trains_on_nothing_else(
    trained_service: TrainingService, tiny_dataset: Dataset, finish: Finish
) -> None:
    service = trained_service
    keep(service, tiny_dataset, 3)
    child = service.finetuning.start(MINE)
    finish(service, child)
    (folder(service, child) / "lesson.safetensors").write_bytes(b"no drawings")
    with pytest.raises(DamagedFileError, match="taught cannot be read"):
        service.finetuning.report(child)
    service.runs.rewind(child, 2)
    service.runs.resume(child)
    run = finish(service, child)
    assert run.state is RunState.FAILED
    assert "taught cannot be read" in (run.error or "")
