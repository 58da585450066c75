"""What lessons change: `python -m benchmarks.teaching --pens FILE --data-dir D`.

Trains a preset on MNIST and teaches it some drawings of one writer, mixed with images that it knew
and not, as "Teach it" does. Printed is what it reads right of the writer's other drawings and of
the test images of MNIST, before and after each epoch of the lesson. In the file of pens the writers
follow each other, `--each` drawings from every one. Nothing is judged here.
"""

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import drawing
from core.config import PRESETS, TrainConfig, parse_config
from core.data.catalog import DataCatalog
from core.data.dataset import Dataset
from core.device import configure_malloc
from core.records.metrics import EpochMetrics
from core.runs import finetuning_data
from core.runs.finetuning_data import SETTINGS
from core.training.loop import fit
from core.training.state import Checkpoint


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.teaching", description="What lessons change."
    )
    parser.add_argument("--pens", type=Path, required=True, help="drawings, one JSON object a line")
    parser.add_argument("--canvas", type=float, default=500.0, help="side of their field")
    parser.add_argument("--each", type=int, default=250, help="drawings of a writer in the file")
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST/raw")
    parser.add_argument("--preset", choices=list(PRESETS), default="fast")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--writers", type=int, nargs="+", help="by number; else the worst read")
    parser.add_argument("--taught", type=int, nargs="+", default=[20], help="how many are taught")
    parser.add_argument("--only", type=int, help="a digit: teach drawings of no other")
    parser.add_argument("--rates", type=float, nargs="+", default=[SETTINGS["learning_rate"]])
    parser.add_argument(
        "--lesson", type=int, default=finetuning_data.EPOCHS, help="epochs of a lesson"
    )
    options = parser.parse_args(arguments)
    configure_malloc()
    pens = drawing.load_drawings(options.pens, options.canvas)
    pictures = (drawing.pictures_of(pens) * 255).round().astype(np.uint8)
    data = DataCatalog(options.data_dir, Path("data")).load("mnist")
    for seed in options.seeds:
        config = parse_config({"preset": options.preset, "dataset": "mnist", "seed": seed})
        network = [event for event in fit(config, data) if isinstance(event, Checkpoint)][-1]
        right = drawing.read_pictures(network, pictures / np.float32(255)) == pens.labels
        starts = range(0, len(right), options.each)
        worst = int(np.argmin([right[start:][: options.each].mean() for start in starts]))
        print(f"seed {seed}: all writers {right.mean():.1%}, the worst is {worst}", flush=True)
        ways = itertools.product(
            options.writers or [worst], options.taught, options.rates, (True, False)
        )
        for writer, count, rate, mixed in ways:
            theirs = slice(writer * options.each, (writer + 1) * options.each)
            lesson = lesson_of(pictures[theirs], pens.labels[theirs], count, options.only, mixed)
            changes = {"learning_rate": rate, "epochs": config.epochs + options.lesson}
            course = teach(data, network, lesson, config.model_copy(update=SETTINGS | changes))
            how = "mixed" if mixed else "alone"
            print(f"  writer {writer}, {count} {how}, {rate:g}: {course}", flush=True)


def lesson_of(
    pictures: np.ndarray, labels: np.ndarray, count: int, only: int | None, mixed: bool
) -> finetuning_data.FinetuneData:
    """The first so many, or those of one digit, are taught, all others held out."""
    wanted = np.ones(len(labels), bool) if only is None else labels == only
    held_out = ~wanted
    held_out[np.flatnonzero(wanted)[count:]] = True
    return finetuning_data.FinetuneData(pictures, labels, held_out, pictures[:0], mixed)


def teach(
    data: Dataset, network: Checkpoint, lesson: finetuning_data.FinetuneData, config: TrainConfig
) -> str:
    """Shares of the held-out drawings and of the test images, before and after each epoch."""
    config, material = finetuning_data.data_for(lesson, config, data)
    assert network.test_probabilities is not None, "it was evaluated"
    tested = float((network.test_probabilities.argmax(1) == data.test_labels.numpy()).mean())
    images = lesson.images[lesson.held_out] / np.float32(255)

    def shares(checkpoint: Checkpoint) -> str:
        right = drawing.read_pictures(checkpoint, images) == lesson.labels[lesson.held_out]
        return f"{right.mean():.1%}, {tested:.2%}"

    course = [shares(network)]
    for event in fit(config, material, resume=network.resume):
        if isinstance(event, EpochMetrics):
            tested = event.test_accuracy
        elif isinstance(event, Checkpoint) and event.resume is not None:
            course.append(shares(event))
    return " > ".join(course)


if __name__ == "__main__":
    main()
